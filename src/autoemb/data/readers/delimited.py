"""Ratings from delimited text, block by block and vectorised; a block that fails is looked at line by line."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv

from autoemb.data.ratings import Block, Scale
from autoemb.data.readers.archive import Source
from autoemb.data.readers.bad_rows import bad_rows, fields_of_line
from autoemb.data.readers.iso import has_zone, seconds_of_iso
from autoemb.data.readers.layout import Column, Layout
from autoemb.data.readers.lines import BLOCK, Problems, count_lines, lines, skip_mark, whole_lines
from autoemb.errors import InputError

THREADED = 1 << 22
"""Bytes of a block that one thread parses at a time."""


def layout_by_header(
    source: Source, names: dict[Column, str], separator: str, ids: Literal["int32", "str"], encoding: str = "utf-8"
) -> Layout:
    """The layout of a file whose first line names its columns.

    Raises:
        InputError: the file is empty, or the header does not name a column exactly once; the message lists the header.
    """
    header = first_line(source, separator, encoding)
    if not header:
        raise InputError(f"{source}: line 1 is empty; expected a header with the columns {', '.join(names.values())}")
    for name in names.values():
        if header.count(name) != 1:
            listed = ", ".join(map(repr, header))
            hint = _hint(header, separator)
            raise InputError(f"{source}: line 1: expected one column {name!r}; found the columns {listed}{hint}")
    positions = {column: header.index(name) for column, name in names.items()}
    return Layout(positions, len(header), separator, ids, tuple(header), encoding=encoding)


def first_line(source: Source, separator: str, encoding: str = "utf-8") -> list[str]:
    """The fields of the first line.

    Raises:
        InputError: the line is not delimited text in this encoding.
    """
    with source.open() as stream:
        skip_mark(stream)
        line = stream.readline(1 << 16).rstrip(b"\r\n")
    try:
        return next(csv.reader([line.decode(encoding)], delimiter=separator), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{source}: line 1: {line[:40]!r}; expected delimited text in {encoding.upper()}") from error


def _hint(header: list[str], separator: str) -> str:
    """The end of a message on a header that does not fit: what may be wrong with it."""
    others = [other for other in ",;\t|" if other != separator and len(header) == 1 and other in header[0]]
    if others:
        return f"; is the delimiter {others[0]!r}?"
    return "; is the header missing?" if any(re.fullmatch(r"-?\d+(\.\d+)?", field) for field in header) else ""


def read_delimited(source: Source, layout: Layout, scale: Scale, size: int = BLOCK) -> Iterator[Block]:
    """The ratings in file order, from blocks of about ``size`` bytes; if the file has no timestamps, they are 0.

    Raises:
        InputError: a value is missing, of another type, off the scale, or too late; or the file has no rows. The
            message names the line, the column, the value, what was expected, and how many more such rows there
            are, so the error comes at the end of the file.
    """
    problems, rows, line = Problems(), 0, 1
    with source.open(f"reading {source.member or source.path.name}") as stream:
        skip_mark(stream)
        if layout.header:
            stream.readline()
            line += 1
        for text in whole_lines(stream, source, size):
            if layout.per_second is None and layout.zoned is None and "timestamp" in layout.columns:
                layout = replace(layout, zoned=_first_zone(text, layout))
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
    if _is_cut(text, layout.separator):
        raise ValueError("a quoted field has no end")
    table = table_of(text, layout.width, layout.types, layout.separator)
    blank = 0 if len(table) == count_lines(text) else len(re.findall(rb"^\r?\n", text, re.MULTILINE))
    if len(table) + blank != count_lines(text):
        raise ValueError("a field goes over the end of its line")
    for position in map(str, layout.columns.values()):
        column = table[position]
        if column.null_count or (pa.types.is_dictionary(column.type) and _has_blank(column)):
            raise ValueError("a field is empty")
    columns = {name: table[str(position)] for name, position in layout.columns.items()}
    rating = columns["rating"].to_numpy()
    if not scale.allows(rating).all():
        raise ValueError("a rating is off the scale")
    timestamp = _timestamps(columns.get("timestamp"), len(rating), layout)
    if len(timestamp) and timestamp.max() > layout.latest:
        raise ValueError("a timestamp is too late")
    user, item = (ids_of(columns[side]) for side in ("user", "item"))
    return Block(user, item, rating, timestamp)


def _timestamps(column: Any, rows: int, layout: Layout) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Seconds UTC (rows,); text that is no time becomes one that is too late."""
    if column is None:
        return np.zeros(rows, np.int64)
    if layout.per_second is None:
        return seconds_of_iso(column, layout.latest + 1, layout.zoned)
    ticks: np.ndarray[tuple[int], np.dtype[np.int64]] = column.to_numpy()
    return ticks if layout.per_second == 1 else ticks // layout.per_second


def _first_zone(text: bytes, layout: Layout) -> bool | None:
    """Whether the first time by ISO 8601 in the block has a zone; None if there is no such time."""
    for line in lines(text):
        try:
            fields = fields_of_line(line.decode(layout.encoding, "surrogateescape"), layout.separator)
        except csv.Error:
            continue
        zoned = has_zone(fields[layout.columns["timestamp"]]) if len(fields) == layout.width else None
        if zoned is not None:
            return zoned
    return None


def _is_cut(text: bytes, separator: str) -> bool:
    """Whether a quoted field of the last line does not end in it: pyarrow ends it with the block.

    In a line before, the field would go on in the next one, which the number of rows shows.
    """
    last = text.rstrip(b"\r\n").rpartition(b"\n")[2]
    if not last.count(b'"') % 2:
        return False
    try:
        fields_of_line(last.decode(errors="replace"), separator)
    except csv.Error:
        return True
    return False


def table_of(text: bytes, width: int, types: dict[str, Any], separator: str = ",") -> Any:
    """A pyarrow table of some fields of each line, by position: those in ``types``. A number left empty is null."""
    return pyarrow.csv.read_csv(
        pa.py_buffer(text or b"\n"),
        pyarrow.csv.ReadOptions(column_names=[str(n) for n in range(width)], block_size=THREADED),
        pyarrow.csv.ParseOptions(delimiter=separator),
        pyarrow.csv.ConvertOptions(column_types=types, include_columns=list(types), null_values=[""]),
    )


def ids_of(column: Any) -> Any:
    """The ids of a block, as ``Block`` holds them: numbers as an array, text as a DictionaryArray."""
    return column.combine_chunks() if pa.types.is_dictionary(column.type) else column.to_numpy()


def _has_blank(column: Any) -> bool:
    return any("" in chunk.dictionary.to_pylist() for chunk in column.chunks)
