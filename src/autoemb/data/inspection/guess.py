"""From the beginning of a file: its kind, delimiter and encoding, and which column is which."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from autoemb.artifact.parquet import one_line
from autoemb.data.datasets.csv import LATEST, Columns
from autoemb.data.inspection.column_names import by_name, by_place
from autoemb.data.readers.archive import Source
from autoemb.data.readers.layout import Column
from autoemb.data.readers.lines import skip_mark
from autoemb.data.readers.parquet import KINDS, UNITS, is_parquet
from autoemb.errors import InputError

Encoding = Literal["utf-8", "latin-1", "cp1252"]
Unit = Literal["s", "ms", "us", "ns"]

SAMPLE = 1 << 16
"""Bytes of text, or rows of Parquet, from which the guess is made."""

DELIMITERS = (",", ";", "\t", "|", " ")


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
    """Why the column of the times is left out, if it cannot be read."""


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
    units: tuple[Unit, ...] = get_args(Unit)
    return next((unit for unit in units if latest // UNITS[unit] <= LATEST), units[-1])


def _of_parquet(path: Path, stated: Stated) -> Guess:
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            columns = by_name(str(path), schema.names, stated.columns)
            times: list[int] = []
            problem = ""
            if "timestamp" in columns:
                name = columns["timestamp"]
                kind = schema.field(name).type
                if pa.types.is_integer(kind):
                    rows = next(file.iter_batches(SAMPLE, columns=[name]), None)
                    times = [] if rows is None else rows.column(0).drop_null().to_pylist()
                elif "timestamp" not in stated.columns and not any(test(kind) for test in KINDS["timestamp"]):
                    problem = _left_out(columns.pop("timestamp"), f"is of type {kind}")
    except (OSError, ValueError, pa.ArrowException) as error:  # ValueError: names that are no UTF-8
        raise InputError(f"{path}: damaged, or not a Parquet file ({one_line(error)})") from error
    return Guess("Parquet", tuple(schema.names), Columns.model_validate(columns), unit_of(times), problem=problem)


def _of_text(source: Source, stated: Stated) -> Guess:
    if stated.delimiter is not None and (len(stated.delimiter) != 1 or stated.delimiter in '"\r\n'):
        raise InputError(f"--delimiter {stated.delimiter!r}: expected one character, and no quote or end of a line")
    head = _head(source)
    encoding = stated.encoding or _encoding(head)
    try:
        lines = [line for line in re.split(r"\r?\n", head.decode(encoding)) if line]
    except UnicodeDecodeError as error:
        raise InputError(f"{source}: {head[error.start :][:40]!r}; expected text in {encoding.upper()}") from error
    delimiter = stated.delimiter or _delimiter(source, lines)
    rows = [_fields(line, delimiter) for line in lines]
    first = rows[0]
    stated_names = [name for name in stated.columns.values() if not name.isdecimal()]
    named = any(name in first for name in stated_names) or not any(map(_is_number, first))
    columns = (by_name if named else by_place)(str(source), first, stated.columns)
    times: list[int] = []
    problem = ""
    if "timestamp" in columns:
        name = columns["timestamp"]
        place = name - 1 if isinstance(name, int) else first.index(name)
        values = [row[place] for row in rows[named:] if place < len(row)]
        strange = next((value for value in values if not re.fullmatch(r"[-+]?\d{1,19}", value)), None)
        if strange is None:
            times = [int(value) for value in values]
        elif "timestamp" not in stated.columns:
            problem = _left_out(columns.pop("timestamp"), f"holds {strange!r}")
    names = tuple(first) if named else ()
    return Guess("text", names, Columns.model_validate(columns), unit_of(times), delimiter, encoding, problem)


def _left_out(column: str | int, why: str) -> str:
    return (
        f"column {column!r} {why}; a time must be a whole number or a timestamp of Parquet, so it is left out:"
        " without times the order is the file's"
    )


def _head(source: Source) -> bytes:
    """Whole lines from the beginning, of a file that looks like delimited text."""
    with source.open() as stream:
        skip_mark(stream)
        head = stream.read(SAMPLE)
    if not head.strip():
        raise InputError(f"{source}: holds no ratings; expected at least one row")
    other = ""
    if head.startswith(b"PK\x03\x04"):
        other = (
            "is a zip archive: unpack it and name the file with the ratings; of MovieLens and Netflix, name the"
            " data set in a config instead, which reads the archive itself (config/README.md)"
        )
    elif head.startswith((b"\xff\xfe", b"\xfe\xff")):
        other = "is text in UTF-16: save it in UTF-8"
    elif head.lstrip().startswith((b"{", b"[")):
        other = "looks like JSON: write user, item, rating and time of each rating as a line of a table"
    elif b"\0" in head:
        other = "is no text"
    if other:
        raise InputError(f"{source}: {other}; expected delimited text, also in gzip or zstd, or Parquet")
    return head[: head.rfind(b"\n") + 1] or head


def _encoding(head: bytes) -> Encoding:
    encodings: tuple[Encoding, ...] = ("utf-8", "cp1252")
    for encoding in encodings:
        try:
            head.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"  # in which every byte is a letter


def _delimiter(source: Source, lines: Sequence[str]) -> str:
    """The one that divides most lines as it does the first, into at least three fields; of equals, the most fields."""
    if all(line.count("::") >= 2 for line in lines):
        raise InputError(
            f"{source}: fields are separated by '::', which is no single character; of MovieLens 1M, name the data set"
            " ml-1m in a config instead; of another file, replace '::' by tabs"
        )

    def fit(delimiter: str) -> tuple[int, int]:
        widths = [len(_fields(line, delimiter)) for line in lines]
        # texts hold spaces, too, so a space is the last that is tried
        return (0, 0) if widths[0] < 3 else (1 if delimiter == " " else widths.count(widths[0]), widths[0])

    best = max(DELIMITERS, key=fit)
    if fit(best) == (0, 0):
        raise InputError(
            f"{source}: line 1: {lines[0][:80]!r}; expected at least three fields with ',', ';', '|', a tab or a space"
            " between them; say another by --delimiter"
        )
    return best


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # such as a field of more than 128 KiB
        return []


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
