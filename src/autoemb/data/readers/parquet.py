"""Ratings from a Parquet file, block by block."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from autoemb.artifact.files import expect_file
from autoemb.artifact.parquet import ROW_GROUP, one_line
from autoemb.data.ratings import Block, Scale
from autoemb.data.readers.iso import ISO, expected, first_zone, seconds_of_iso
from autoemb.data.readers.layout import Column
from autoemb.data.readers.lines import Problems
from autoemb.data.readers.members import Allowance, readable
from autoemb.errors import InputError

UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""By the unit of a time, how many of it make a second."""

TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)

KINDS = {
    "id": (pa.types.is_integer, *TEXTS),
    "rating": (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal),
    "timestamp": (pa.types.is_integer, pa.types.is_timestamp, pa.types.is_date),
    ISO: (pa.types.is_timestamp, pa.types.is_date, *TEXTS),
}
"""The types that the values of a column may have; a dictionary may hold them, too."""


def is_parquet(path: Path) -> bool:
    """Whether the file begins as a Parquet file does, whatever its name."""
    expect_file(path)
    with readable(path), path.open("rb") as file:
        return file.read(4) == b"PAR1"


def read_parquet(
    path: Path, names: Mapping[Column, str | int], scale: Scale, per_second: int | None, latest: int
) -> Iterator[Block]:
    """The ratings in file order, their ids as text; if the file has no timestamps, they are 0.

    Args:
        path: the file.
        names: the file's name of each column that is read.
        scale: ratings allowed.
        per_second: how many units of a timestamp make a second, if it is a whole number; a timestamp type says its
            own. None: it is text by ISO 8601, or a timestamp type.
        latest: seconds UTC; a later timestamp is refused.

    Raises:
        InputError: a column is not there or of another type, the file has no rows, or a value is missing, off the
            scale or too late: the message names the row, from 1, the column, the value, and how many more such
            rows there are.
    """
    problems, rows = Problems(), 0
    zoned: bool | None = None
    with _parquet(path):
        file = _opened(path, names, per_second is None)
        for batch in file.iter_batches(ROW_GROUP, columns=[str(name) for name in names.values()]):
            columns = {column: batch[str(name)] for column, name in names.items()}
            columns |= {column: _plain(values) for column, values in columns.items() if column not in ("user", "item")}
            rating = _numbers(columns["rating"], pa.float32(), np.float32(np.nan))
            times = columns.get("timestamp")
            if zoned is None and per_second is None and times is not None and _is_text(times.type):
                zoned = first_zone(times)
            time = _seconds(times, len(batch), per_second, latest, zoned)
            wrong = {
                "user": ~_filled(columns["user"]),
                "item": ~_filled(columns["item"]),
                "rating": ~scale.allows(rating),
                "timestamp": time > latest,
            }
            for row in np.flatnonzero(np.logical_or.reduce(list(wrong.values()))):
                column = next(column for column in names if wrong[column][row])
                value = columns[column][int(row)].as_py()
                instead = {"rating": str(scale)}.get(column, "an id")
                if column == "timestamp":
                    iso = per_second is None and _is_text(columns[column].type)
                    instead = expected(str(value), zoned) if iso else f"a time, at most {latest} s UTC"
                problems.add(f"{path}: row {rows + row + 1}: column {names[column]}: {value!r}; expected {instead}")
            rows += len(batch)
            if not problems.count:
                user, item = (_encoded(batch[str(names[side])]) for side in ("user", "item"))
                yield Block(user, item, rating, time)
    problems.refuse()
    if not rows:
        raise InputError(f"{path}: holds no ratings; expected at least one row")


def _opened(path: Path, names: Mapping[Column, str | int], iso: bool) -> Any:
    """The file, whose texts are read as a dictionary: a row group can hold one long text a million times.

    Raises:
        InputError: a column is not there or of another type, or the columns expand to more than they may.
    """
    file = pq.ParquetFile(path)
    for column, name in names.items():
        _expect(file, path, column, name, iso)
    allowance = Allowance(path, path)
    texts = []
    for name in map(str, names.values()):
        index = file.schema_arrow.names.index(name)
        kind = file.schema_arrow.field(index).type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            texts.append(name)
        for group in range(file.num_row_groups):
            allowance.spend(file.metadata.row_group(group).column(_leaf(file, name)).total_uncompressed_size)
    return pq.ParquetFile(path, read_dictionary=texts) if texts else file


def _leaf(file: Any, name: str) -> int:
    """Where a column stands among those that are stored: one with parts stands there once for each."""
    paths = [file.schema.column(n).path for n in range(len(file.schema))]
    return paths.index(name)


@contextmanager
def _parquet(path: Path) -> Iterator[None]:
    """Turn what goes wrong while the file is read into an InputError of one line."""
    try:
        yield
    except (OSError, ValueError, pa.ArrowException) as error:  # ValueError: names that are no UTF-8
        raise InputError(f"{path}: damaged, or not a Parquet file ({one_line(error)})") from error


def _expect(file: Any, path: Path, column: Column, name: str | int, iso: bool) -> None:
    """Refuse a file that has no column of this name, or whose column cannot hold what it is to hold."""
    schema = file.schema_arrow
    if schema.names.count(name) != 1:
        raise InputError(
            f"{path}: expected one column {name!r}; found the columns {', '.join(map(repr, schema.names))}"
        )
    kind = schema.field(name).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    tests = KINDS[ISO] if iso and column == "timestamp" else KINDS.get(column, KINDS["id"])
    if not any(test(kind) for test in tests):
        hint = f"; for times by ISO 8601 set timestamp_unit: {ISO}" if column == "timestamp" and _is_text(kind) else ""
        raise InputError(f"{path}: column {name!r}: {kind}; expected a type that can be a {column}{hint}")


def _is_text(kind: Any) -> bool:
    return any(test(kind) for test in TEXTS)


def _plain(column: Any) -> Any:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _encoded(ids: Any) -> Any:
    """Ids as a dictionary of text, each of which occurs, in the order in which they do."""
    if not pa.types.is_dictionary(ids.type):
        return ids.cast(pa.string()).dictionary_encode()
    occurring = pc.unique(ids.indices)
    texts = ids.dictionary.take(occurring).cast(pa.string()).dictionary_encode()  # two entries may be one text
    indices = texts.indices.take(pc.index_in(ids.indices, occurring))
    return pa.DictionaryArray.from_arrays(indices, texts.dictionary)


def _filled(ids: Any) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Whether each id is there, neither null nor an empty text. (n,)"""
    if pa.types.is_dictionary(ids.type):
        of_each = _filled(ids.dictionary)
        places = ids.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        there: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.append(of_each, False)[places]
        return there
    filled = ids.is_valid()
    if not pa.types.is_integer(ids.type):
        filled = pc.and_(filled, pc.greater(pc.fill_null(pc.binary_length(ids.cast(pa.string())), 0), 0))
    mask: np.ndarray[tuple[int], np.dtype[np.bool_]] = filled.to_numpy(zero_copy_only=False)
    return mask


def _numbers(column: Any, kind: Any, missing: Any) -> Any:
    return column.cast(kind, safe=False).fill_null(missing).to_numpy(zero_copy_only=False)


def _seconds(
    column: Any, rows: int, per_second: int | None, latest: int, zoned: bool | None
) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """The times in seconds UTC (rows,); a missing one becomes one that is later than ``latest``."""
    if column is None:
        return np.zeros(rows, np.int64)
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s"))
    if pa.types.is_timestamp(column.type):
        per_second = UNITS[column.type.unit]
    if per_second is None:
        return seconds_of_iso(column, latest + 1, zoned)
    if pa.types.is_uint64(column.type):  # what int64 does not hold is no time
        column = pc.if_else(pc.less_equal(column, pa.scalar(2**63 - 1, pa.uint64())), column, None)
    ticks = _numbers(column, pa.int64(), 0)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    return np.where(missing, latest + 1, ticks // per_second)
