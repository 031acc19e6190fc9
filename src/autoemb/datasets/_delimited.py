"""Ratings from delimited text, block by block and vectorised; a block that fails is looked at line by line."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv

from autoemb.datasets._archive import Source
from autoemb.datasets._bad_rows import bad_rows
from autoemb.datasets._lines import BLOCK, Problems, count_lines, skip_mark, whole_lines
from autoemb.datasets.base import Block, Scale
from autoemb.errors import InputError

Column = Literal["user", "item", "rating", "timestamp"]

THREADED = 1 << 22
"""Bytes of a block that one thread parses at a time."""


@dataclass(frozen=True)
class Layout:
    """Where the columns stand in the lines of a text file, and what they hold."""

    columns: dict[Column, int]
    """Position of each column, from 0; ``timestamp`` may be left out."""

    width: int
    """Fields of a line."""

    separator: str = ","
    ids: Literal["int32", "str"] = "int32"
    header: tuple[str, ...] = ()
    """The names in the first line, if it holds names."""

    empty: tuple[int, ...] = ()
    """Positions of fields that hold nothing, such as those inside of a separator '::'."""

    encoding: str = "utf-8"
    """One in which the end of a line is a byte of its own."""

    per_second: int = 1
    """Units of the timestamps in a second."""

    latest: int = np.iinfo(np.int64).max
    """Seconds UTC; a later timestamp is refused."""

    units: str = ""
    """What to say of both to a person whose timestamp is refused."""

    @property
    def types(self) -> dict[str, Any]:
        """What each field that is read becomes, by its position as text."""
        ids = pa.int32() if self.ids == "int32" else pa.dictionary(pa.int32(), pa.string())
        kinds = {"user": ids, "item": ids, "rating": pa.float32(), "timestamp": pa.int64()}
        found = {str(position): kinds[column] for column, position in self.columns.items()}
        return found | {str(position): pa.null() for position in self.empty}

    def name(self, column: Column) -> str:
        """What the file calls a column, if it has a header."""
        return self.header[self.columns[column]] if self.header else column


def layout_by_header(
    source: Source, names: dict[Column, str], separator: str, ids: Literal["int32", "str"], encoding: str = "utf-8"
) -> Layout:
    """The layout of a file whose first line names its columns.

    Raises:
        InputError: the file is empty, or a column is missing; the message lists those there are.
    """
    header = first_line(source, separator, encoding)
    if not header:
        raise InputError(f"{source}: line 1 is empty; expected a header with the columns {', '.join(names.values())}")
    for name in names.values():
        if header.count(name) != 1:
            found = ", ".join(map(repr, header))
            hint = _hint(header, separator)
            raise InputError(f"{source}: line 1: expected one column {name!r}; found the columns {found}{hint}")
    positions = {column: header.index(name) for column, name in names.items()}
    return Layout(positions, len(header), separator, ids, tuple(header), encoding=encoding)


def first_line(source: Source, separator: str, encoding: str = "utf-8") -> list[str]:
    """The fields of the first line.

    Raises:
        InputError: it is not text in this encoding.
    """
    with source.open() as stream:
        skip_mark(stream)
        line = stream.readline(1 << 16).rstrip(b"\r\n")
    try:
        return next(csv.reader([line.decode(encoding)], delimiter=separator), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{source}: line 1: {line[:40]!r}; expected delimited text in {encoding.upper()}") from error


def _hint(header: list[str], separator: str) -> str:
    """What a header that does not fit may be instead."""
    others = [other for other in ",;\t|" if other != separator and len(header) == 1 and other in header[0]]
    if others:
        return f"; is the delimiter {others[0]!r}?"
    return "; is the header missing?" if any(re.fullmatch(r"-?\d+(\.\d+)?", field) for field in header) else ""


def read_delimited(source: Source, layout: Layout, scale: Scale, size: int = BLOCK) -> Iterator[Block]:
    """The ratings in file order, from blocks of about ``size`` bytes; without timestamps in the file they are 0.

    Raises:
        InputError: a value is missing, of another type, or off the scale. The message names the line, the
            column, the value, what was expected, and how many more such rows there are, so it comes at the
            end of the file. Or there are no rows.
    """
    problems, rows, line = Problems(), 0, 1
    with source.open(f"reading {source.member or source.path.name}") as stream:
        skip_mark(stream)
        if layout.header:
            stream.readline()
            line += 1
        for text in whole_lines(stream, source, size):
            try:
                block = parse(text, layout, scale)
            except ValueError as error:
                problems.in_block(str(source), line, bad_rows(text, layout, scale), error)
            else:
                rows += len(block.rating)
                if not problems.count:
                    yield block
            line += count_lines(text)
    problems.refuse()
    if not rows:
        raise InputError(f"{source}: holds no ratings; expected at least one row")


def parse(text: bytes, layout: Layout, scale: Scale) -> Block:
    """Parse a block of whole lines.

    Raises:
        ValueError: a line is not as expected.
    """
    if layout.encoding != "utf-8":
        text = text.decode(layout.encoding).encode()
    table = table_of(text, layout.width, layout.types, layout.separator)
    blank = 0 if len(table) == count_lines(text) else len(re.findall(rb"^\r?\n", text, re.MULTILINE))
    if len(table) + blank != count_lines(text):
        raise ValueError("a field goes over the end of its line")
    for position in map(str, layout.columns.values()):
        column = table[position]
        if column.null_count or (pa.types.is_dictionary(column.type) and _has_blank(column)):
            raise ValueError("a field is empty")
    found = {column: table[str(position)] for column, position in layout.columns.items()}
    rating = found["rating"].to_numpy()
    if not scale.allows(rating).all():
        raise ValueError("a rating is off the scale")
    timestamp = found["timestamp"].to_numpy() if "timestamp" in found else np.zeros(len(rating), np.int64)
    if layout.per_second != 1:
        timestamp = timestamp // layout.per_second
    if len(timestamp) and timestamp.max() > layout.latest:
        raise ValueError("a timestamp is too late")
    user, item = (ids_of(found[side]) for side in ("user", "item"))
    return Block(user, item, rating, timestamp)


def table_of(text: bytes, width: int, types: dict[str, Any], separator: str = ",") -> Any:
    """A pyarrow table of the fields in ``types``, whose keys are positions; an empty number is null."""
    return pyarrow.csv.read_csv(
        pa.py_buffer(text or b"\n"),
        pyarrow.csv.ReadOptions(column_names=[str(n) for n in range(width)], block_size=THREADED),
        pyarrow.csv.ParseOptions(delimiter=separator),
        pyarrow.csv.ConvertOptions(column_types=types, include_columns=list(types), null_values=[""]),
    )


def ids_of(column: Any) -> Any:
    """Ids of a block: numbers as a NumPy array, text as one dictionary and the places in it."""
    return column.combine_chunks() if pa.types.is_dictionary(column.type) else column.to_numpy()


def _has_blank(column: Any) -> bool:
    return any("" in chunk.dictionary.to_pylist() for chunk in column.chunks)
