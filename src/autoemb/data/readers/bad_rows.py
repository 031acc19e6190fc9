"""The slow reader, in plain Python: which lines of a block cannot be read, and why. Only blocks that fail come here."""

import csv
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from autoemb.data.ratings import Scale
from autoemb.data.readers.iso import ISO, expected, has_zone, seconds_of_iso
from autoemb.data.readers.layout import Layout
from autoemb.data.readers.lines import lines

PLAIN = re.compile(r"-?[0-9]+", re.ASCII)
"""Whole numbers that need no fast reader to be understood."""

BROKEN = re.compile("[\udc80-\udcff]")
"""Bytes that are no text in the encoding, as ``surrogateescape`` keeps them."""


def bad_rows(text: bytes, layout: Layout, scale: Scale) -> Iterator[tuple[int, str]]:
    """The number of each bad line in the block, from 0, and what is wrong with it."""
    checks = {column: _check(column, layout, scale) for column in layout.columns}
    for number, line in enumerate(lines(text)):
        if not line:
            continue  # the fast reader skips it, too
        try:
            fields = fields_of_line(line.decode(layout.encoding, "surrogateescape"), layout.separator)
        except csv.Error as error:
            yield number, f"{_shown(line)}; expected delimited text ({error})"
            continue
        filled = [position for position in layout.empty if len(fields) == layout.width and fields[position]]
        if len(fields) != layout.width or filled:
            width = f"{len(fields)} fields; expected {layout.width}"
            yield number, f"{_shown(line)}; expected another separator" if filled else width
            continue
        for column, position in layout.columns.items():
            expected = checks[column](fields[position])
            if expected:
                value = fields[position].encode(layout.encoding, "surrogateescape")
                yield number, f"column {layout.name(column)}: {_shown(value)}; expected {expected}"
                break


def fields_of_line(line: str, separator: str) -> list[str]:
    """The fields of a line.

    Raises:
        csv.Error: a quoted field does not end in it.
    """
    # the fast reader takes fields of any length
    before = csv.field_size_limit(max(csv.field_size_limit(), len(line) + 1))
    try:
        return next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error:
        if line.count('"') % 2:
            raise
        return next(csv.reader([line], delimiter=separator))  # such as "a"b, which the fast reader takes, too
    finally:
        csv.field_size_limit(before)


def _shown(value: bytes) -> str:
    text = value[:80].decode(errors="backslashreplace")
    return repr(text).replace(r"\\x", r"\x") + "..." * (len(value) > 80)


def _check(column: str, layout: Layout, scale: Scale) -> Callable[[str], str]:
    """A function of a value of the column: what was expected instead, or nothing where the value is good."""
    if column == "rating":
        return lru_cache(lambda value: "" if scale.allows(_rating(value)).all() else str(scale))
    if column == "timestamp" and layout.per_second is None:
        return lambda value: "" if _in_iso(value, layout) else expected(value, layout.zoned)
    if column == "timestamp":
        return lambda value: "" if _in_time(_whole(value, pa.int64()), layout) else _timestamps(value, layout)
    if layout.ids == "str":
        an_id = f"an id in {layout.encoding.upper()}"
        return lambda value: "" if value and not BROKEN.search(value) else an_id
    return lambda value: "" if _whole(value, pa.int32()) is not None else "a whole number of type int32"


def _in_iso(value: str, layout: Layout) -> bool:
    if layout.zoned is None or has_zone(value) != layout.zoned:
        return False
    if value < "2099":  # the year before the last one that is read: no need to convert it
        return True
    late = layout.latest + 1
    return bool(seconds_of_iso(pa.array([value]), late, layout.zoned)[0] < late)


def _in_time(value: int | None, layout: Layout) -> bool:
    return value is not None and value // (layout.per_second or 1) <= layout.latest


def _timestamps(value: str, layout: Layout) -> str:
    whole = "a whole number of type int64"
    if layout.latest == np.iinfo(np.int64).max:
        return whole
    hint = f"; for times by ISO 8601 set timestamp_unit: {ISO}" if has_zone(value) is not None else ""
    return f"{whole}, at most {layout.latest * (layout.per_second or 1)} ({layout.units}){hint}"


def _whole(value: str, kind: Any) -> int | None:
    """The whole number that the fast reader makes of a field of this type; None if it refuses it."""
    if not PLAIN.fullmatch(value):
        parsed: int | None = _parsed(value, kind)
        return parsed
    number, bits = int(value), kind.bit_width - 1
    return number if -(2**bits) <= number < 2**bits else None


def _rating(value: str) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    number = _parsed(value, pa.float32())
    return np.array([np.nan if number is None else number], np.float32)


def _parsed(value: str, kind: Any) -> Any:
    """What the fast reader makes of a field of this type; None if it refuses it."""
    quoted = '"' + value.encode(errors="replace").decode().replace('"', '""') + '"\n'
    types = pyarrow.csv.ConvertOptions(column_types={"0": kind}, null_values=[""])
    try:
        table = pyarrow.csv.read_csv(
            pa.py_buffer(quoted.encode()), pyarrow.csv.ReadOptions(column_names=["0"]), convert_options=types
        )
    except pa.ArrowInvalid:
        return None
    return table["0"][0].as_py()
