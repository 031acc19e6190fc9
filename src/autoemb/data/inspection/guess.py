"""From the beginning of a file: its kind, delimiter and encoding, and which column is which."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from autoemb.artifact.parquet import one_line
from autoemb.data.datasets.csv import Columns
from autoemb.data.inspection.column_names import by_name, by_place, spare
from autoemb.data.inspection.dialect import SAMPLE, Encoding, delimiter_of, encoding_of, fields_of, head_of
from autoemb.data.inspection.times import Unit, likeliest, readable, shown
from autoemb.data.readers.archive import Source
from autoemb.data.readers.layout import Column
from autoemb.data.readers.parquet import KINDS, TEXTS, is_parquet
from autoemb.errors import InputError

FIRST = 1000
"""Rows of Parquet from which columns are told apart whose names say nothing."""


class Stated(NamedTuple):
    """What a person states of the file."""

    columns: Mapping[Column, str] = {}
    """Their names or numbers, as typed; that of the timestamp may be ``none``."""
    delimiter: str | None = None
    encoding: Encoding | None = None


@dataclass(frozen=True)
class Guess:
    """What the file looks like."""

    kind: Literal["text", "Parquet"]
    names: tuple[str, ...]
    """The names of all columns of the file; none of a text file whose first line holds no names."""
    columns: Columns
    """Which of them hold the users, items, ratings and times."""
    timestamp_unit: Unit
    delimiter: str = ","
    encoding: Encoding = "utf-8"
    problems: tuple[str, ...] = ()
    """Which columns are guessed by their values, and which could be what another is taken for, each with why."""
    times_by_value: bool = False
    """Whether the column of the times was found by its values, not by its name."""

    def without_times(self, why: str) -> "Guess":
        """The same, of a column of times that was found by its values and whose further values are none."""
        columns = self.columns.model_copy(update={"timestamp": None})
        problem = f"column {self.columns.timestamp!r} begins as times do, but {why}: {_LEFT_OUT}"
        return replace(self, columns=columns, problems=(problem, *self.problems[1:]), times_by_value=False)


class _Times(NamedTuple):
    """The columns with that of the times, where there is one, and what it took to find it."""

    columns: Mapping[Column, str | int]
    unit: Unit
    problems: tuple[str, ...]
    by_value: bool


def guess(path: Path, stated: Stated) -> Guess:
    """What the beginning of the file looks like, where a person does not state it.

    Raises:
        InputError: the file is of another kind, or it is not clear which column is which; the message lists the
            columns, and the options by which a person can state it.
    """
    return _of_parquet(path, stated) if is_parquet(path) else _of_text(Source(path, packed=True), stated)


def _of_parquet(path: Path, stated: Stated) -> Guess:
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            columns = by_name(str(path), schema.names, stated.columns)
            kinds = {name: _value_type(schema.field(n).type) for n, name in enumerate(schema.names)}
            values = _first_values(file, [name for name, kind in kinds.items() if _may_be_times(kind)], FIRST)
            items = _first_values(file, [str(columns["item"])], FIRST).get(str(columns["item"]), [])
            name = str(columns.get("timestamp"))
            if name in values:  # of one that has a name of times, empty values are the reader's to refuse
                values |= {name: [value for value in _first_values(file, [name], SAMPLE)[name] if value is not None]}
            strange: dict[str | int, str] = {name: f"is of type {kind}" for name, kind in kinds.items()}
            found = _times(schema.names, columns, stated, values, items, strange)
    except (OSError, ValueError, pa.ArrowException) as error:  # ValueError: names that are no UTF-8
        raise InputError(f"{path}: damaged, or not a Parquet file ({one_line(error)})") from error
    return Guess(
        "Parquet",
        tuple(schema.names),
        Columns.model_validate(found.columns),
        found.unit,
        problems=found.problems,
        times_by_value=found.by_value,
    )


def _first_values(file: Any, names: Sequence[str], rows: int) -> dict[str | int, Sequence[Any]]:
    """The first values of each of the columns; those of a type for times in seconds UTC."""
    once = [name for name in names if file.schema_arrow.names.count(name) == 1]
    batch = next(file.iter_batches(rows, columns=once), None) if once else None
    return {} if batch is None else {name: _in_seconds(batch[name]).to_pylist() for name in once}


def _in_seconds(column: Any) -> Any:
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        zone = column.type.tz if pa.types.is_timestamp(column.type) else None
        return column.cast(pa.timestamp("s", zone), safe=False).cast(pa.int64())
    return column


def _value_type(kind: Any) -> Any:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _may_be_times(kind: Any) -> bool:
    # numbers with a fraction are not read as times, but it is told where they look like some
    return any(test(kind) for test in (*KINDS["timestamp"], *TEXTS, pa.types.is_floating))


def _of_text(source: Source, stated: Stated) -> Guess:
    if stated.delimiter is not None and (len(stated.delimiter) != 1 or stated.delimiter in '"\r\n'):
        raise InputError(f"--delimiter {stated.delimiter!r}: expected one character, and no quote or end of a line")
    head = head_of(source)
    encoding = stated.encoding or encoding_of(head)
    try:
        lines = [line for line in re.split(r"\r?\n", head.decode(encoding)) if line]
    except UnicodeDecodeError as error:
        raise InputError(f"{source}: {head[error.start :][:40]!r}; expected text in {encoding.upper()}") from error
    delimiter = stated.delimiter or delimiter_of(source, lines)
    rows = [fields_of(line, delimiter) for line in lines]
    first = rows[0]
    stated_names = [name for name in stated.columns.values() if not name.isdecimal()]
    named = any(name in first for name in stated_names) or not any(map(_is_number, first))
    columns = (by_name if named else by_place)(str(source), first, stated.columns)
    places: Sequence[str | int] = first if named else range(1, len(first) + 1)
    values = {name: [row[n] for row in rows[named:] if n < len(row)] for n, name in enumerate(places)}
    strange = {
        name: f"holds {shown(next((text for text in texts if readable([text]) is None), ''))}"
        for name, texts in values.items()
    }
    names = tuple(first) if named else ()
    found = _times(names, columns, stated, values, values[columns["item"]], strange)
    return Guess(
        "text",
        names,
        Columns.model_validate(found.columns),
        found.unit,
        delimiter,
        encoding,
        found.problems,
        found.by_value,
    )


def _times(
    names: Sequence[str],
    columns: Mapping[Column, str | int],
    stated: Stated,
    values: Mapping[str | int, Sequence[Any]],
    items: Sequence[object],
    strange: Mapping[str | int, str],
) -> _Times:
    """Look for the column of the times: by what a person states, else by its name, else by the values of all others.

    Args:
        names: those of all columns of the file.
        columns: those that are known.
        stated: what a person states; of times that are stated nothing else is looked for.
        values: the first of each column that may hold times.
        items: those of the same rows.
        strange: by column, why it is read as no times, if it is not.
    """
    found, problems = dict(columns), list[str]()
    unit: Unit = "s"
    name = found.get("timestamp")
    if name is not None and (values.get(name) or name not in values):
        read = readable(values.get(name, ()))
        if read is None and "timestamp" not in stated.columns:
            problems.append(_left_out(found.pop("timestamp"), strange[name]))
        unit = read or unit
    if "timestamp" in stated.columns:
        return _Times(found, unit, (*problems, *spare(names, found, stated.columns)), by_value=False)
    taken = {*found.values(), name}
    others = likeliest({name: texts for name, texts in values.items() if name not in taken}, items)
    by_value = "timestamp" not in found and any(judged.unit for judged in others.values())
    if by_value:
        found["timestamp"] = next(iter(others))
        unit = others.pop(found["timestamp"]).unit or unit
        problems.insert(
            0,
            f"column {found['timestamp']!r} is taken for the times by its values, not by its name: if it holds none,"
            " say --timestamp none, or name another column",
        )
    for other, judged in others.items():
        if judged.why:
            problems.append(f"column {other!r} looks like times, but {judged.why}: it is not used")
        else:
            problems.append(
                f"column {other!r} looks like times, too, but {found['timestamp']!r} is taken: say --timestamp {other}"
                " if it holds those of the ratings"
            )
    more = spare([name for name in names if name not in others], found, stated.columns)
    return _Times(found, unit, (*problems, *more), by_value)


_LEFT_OUT = "it is left out, and without times the order is the file's"


def _left_out(column: str | int, why: str) -> str:
    return (
        f"column {column!r} {why}; a time must be a whole number, text by ISO 8601 such as 2024-03-01 12:30, or a"
        f" timestamp of Parquet, so {_LEFT_OUT}"
    )


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
