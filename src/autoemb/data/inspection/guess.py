"""From the beginning of a file: its kind, delimiter and encoding, and which column is which."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from autoemb.artifact.parquet import one_line
from autoemb.data.datasets.csv import LATEST, Columns
from autoemb.data.inspection.column_names import by_name, by_place
from autoemb.data.inspection.dialect import SAMPLE, Encoding, delimiter_of, encoding_of, fields_of, head_of
from autoemb.data.readers.archive import Source
from autoemb.data.readers.iso import seconds_of_iso
from autoemb.data.readers.layout import Column
from autoemb.data.readers.parquet import KINDS, UNITS, is_parquet
from autoemb.errors import InputError

YEARS = (788_918_400, 2_082_758_400)
"""Seconds UTC of 1995-01-01 and 2036-01-01: whole numbers in between, whatever their unit, look like times."""

Unit = Literal["s", "ms", "us", "ns", "iso"]


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
    problem: str = ""
    """Why the column of the times is left out, if it cannot be read; or that it was found by its values."""


def guess(path: Path, stated: Stated) -> Guess:
    """What the beginning of the file looks like, where a person does not state it.

    Raises:
        InputError: the file is of another kind, or it is not clear which column is which; the message lists the
            columns, and the options by which a person can state it.
    """
    return _of_parquet(path, stated) if is_parquet(path) else _of_text(Source(path, packed=True), stated)


def unit_of(times: Sequence[int]) -> Unit:
    """The largest unit in which all of the times lie before the year 2100."""
    latest = max(times, default=0)
    units: tuple[Unit, ...] = get_args(Unit)[:-1]
    return next((unit for unit in units if latest // UNITS[unit] <= LATEST), units[-1])


def _of_parquet(path: Path, stated: Stated) -> Guess:
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            columns = by_name(str(path), schema.names, stated.columns)
            problem = ""
            if "timestamp" not in {*columns, *stated.columns}:
                others = [name for name in schema.names if name not in _taken(columns)]
                others = [name for name in others if _may_be_times(schema.field(name).type)]
                rows = next(file.iter_batches(1000, columns=others), None) if others else None
                name = _times_among({} if rows is None else rows.to_pydict())
                if name is not None:
                    columns["timestamp"], problem = name, _by_value(name)
            unit: Unit = "s"
            if "timestamp" in columns:
                name = columns["timestamp"]
                kind = schema.field(name).type
                rows = next(file.iter_batches(SAMPLE, columns=[name]), None)
                values = [] if rows is None else rows.column(0).drop_null().to_pylist()
                if pa.types.is_integer(kind):
                    unit = unit_of(values)
                elif any(test(kind) for test in KINDS["iso"][2:]) and values and all(map(_is_iso, values)):
                    unit = "iso"
                elif "timestamp" not in stated.columns and not any(test(kind) for test in KINDS["timestamp"]):
                    problem = _left_out(columns.pop("timestamp"), f"is of type {kind}")
    except (OSError, ValueError, pa.ArrowException) as error:  # ValueError: names that are no UTF-8
        raise InputError(f"{path}: damaged, or not a Parquet file ({one_line(error)})") from error
    return Guess("Parquet", tuple(schema.names), Columns.model_validate(columns), unit, problem=problem)


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
    problem = ""
    names_or_numbers: Sequence[str | int] = first if named else range(1, len(first) + 1)
    by_column = {
        name: [row[place] for row in rows[named:] if place < len(row)] for place, name in enumerate(names_or_numbers)
    }
    if "timestamp" not in {*columns, *stated.columns}:
        taken = _taken(columns)
        times = _times_among({name: values for name, values in by_column.items() if name not in taken})
        if times is not None:
            columns["timestamp"], problem = times, _by_value(times)
    unit: Unit = "s"
    if "timestamp" in columns:
        values = by_column[columns["timestamp"]]
        strange = next((value for value in values if not re.fullmatch(r"[-+]?\d{1,19}", value)), None)
        if strange is None:
            unit = unit_of([int(value) for value in values])
        elif all(map(_is_iso, values)):
            unit = "iso"
        elif "timestamp" not in stated.columns:
            problem = _left_out(columns.pop("timestamp"), f"holds {strange!r}")
    names = tuple(first) if named else ()
    return Guess("text", names, Columns.model_validate(columns), unit, delimiter, encoding, problem)


def _left_out(column: str | int, why: str) -> str:
    return (
        f"column {column!r} {why}; a time must be a whole number, text by ISO 8601 such as 2024-03-01 12:30, or a"
        " timestamp of Parquet, so it is left out: without times the order is the file's"
    )


def _by_value(column: str | int) -> str:
    return (
        f"column {column!r} is taken for the times by its values, not by its name: if it holds none, say --timestamp"
        " none, or name another column"
    )


def _may_be_times(kind: pa.DataType) -> bool:
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(kind) for test in (*KINDS["timestamp"], *texts))


def _taken(columns: Mapping[Column, str | int]) -> list[str | int]:
    return list(columns.values())


def _times_among(others: Mapping[str | int, Sequence[object]]) -> str | int | None:
    """The first of the columns that are not used whose values all look like times; None if none does.

    Args:
        others: the first values of each.
    """
    for name, values in others.items():
        given = [value for value in values if value not in (None, "")]
        texts = [str(value) for value in given]
        if not texts:
            continue
        if all(isinstance(value, date) for value in given) or all(map(_is_iso, texts)):
            return name
        whole = [int(text) for text in texts if re.fullmatch(r"\d{9,19}", text)]
        seconds = [time // UNITS[unit_of(whole)] for time in whole]
        if len(whole) == len(texts) and YEARS[0] <= min(seconds) <= max(seconds) < YEARS[1]:
            return name
    return None


def _is_iso(text: object) -> bool:
    return bool(seconds_of_iso(pa.array([str(text)]), LATEST + 1)[0] <= LATEST)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
