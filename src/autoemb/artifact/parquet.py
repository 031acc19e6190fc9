"""Tables in Parquet files, checked against their schema when they are written and when they are read."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from autoemb.artifact.files import expect_file, whole
from autoemb.errors import InputError
from autoemb.schema import Table

ROW_GROUP = 1 << 18
"""Rows of a large table that are compressed together, and that a reader must hold at least."""


def write_table(frame: pd.DataFrame, path: Path, table: Table) -> None:
    """Check ``frame`` against its schema and write it as zstd Parquet, whole or not at all."""
    checked = table.check(frame)
    with whole(path) as temporary:
        checked.to_parquet(temporary, index=False, compression="zstd")


def read_table(path: Path, table: Table) -> pd.DataFrame:
    """Read a Parquet file and check it against its schema.

    Raises:
        InputError: the file is missing, is not Parquet, or has other columns or types.
    """
    expect_file(path, f"a Parquet table of {table.name}")
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
        raise InputError(f"{path}: not a readable Parquet file ({one_line(error)}); remove it and run again") from error
    return table.check(frame, str(path))


def write_blocks(blocks: Iterable[pd.DataFrame], path: Path, table: Table) -> None:
    """Write a table that comes in blocks, as it comes, as zstd Parquet in row groups of at most ``ROW_GROUP``.

    It is not renamed: ``path`` is a temporary name of ``whole``.
    """
    writer = None
    try:
        for block in blocks:
            rows = pa.Table.from_pandas(table.check(block), preserve_index=False)
            writer = writer or pq.ParquetWriter(path, rows.schema, compression="zstd")
            writer.write_table(rows, row_group_size=ROW_GROUP)
    finally:
        if writer:
            writer.close()


def open_table(path: Path, table: Table) -> pq.ParquetFile:
    """Open a Parquet file whose rows are read later, and check its columns against its schema.

    Raises:
        InputError: the file is missing, is not Parquet, or has other columns or types.
    """
    expect_file(path, f"a Parquet table of {table.name}")
    try:
        file = pq.ParquetFile(path)
        nothing = file.schema_arrow.empty_table().to_pandas()  # pandas' types of these columns
    except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
        raise InputError(f"{path}: not a readable Parquet file ({one_line(error)}); remove it and run again") from error
    table.check(nothing, str(path))
    return file


def one_line(error: Exception) -> str:
    """What an error says, in one line; those of Arrow have several."""
    return " ".join(str(error).split())


class StoredTable:
    """A table in a Parquet file whose columns are read one at a time, when they are asked for."""

    def __init__(self, path: Path, table: Table) -> None:
        """Open the file; ``open_table`` says what is checked."""
        self.path, self._table, self._file = path, table, open_table(path, table)

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """A column of numbers, (rows,); read afresh each time, and nowhere twice in memory.

        Raises:
            InputError: the file is damaged.
        """
        column, start = np.empty(len(self), self._table.columns[name]), 0
        try:
            for batch in self._file.iter_batches(ROW_GROUP, columns=[name]):
                column[start : start + len(batch)] = batch.column(0).to_numpy(zero_copy_only=False)
                start += len(batch)
        except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
            raise InputError(
                f"{self.path}: {name}: cannot be read ({one_line(error)}); remove it and run again"
            ) from error
        return column
