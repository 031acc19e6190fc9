"""Files that are whole or absent: every output is written beside its place and renamed."""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from autoemb.errors import InputError
from autoemb.schema import Table

ROW_GROUP = 1 << 18
"""Rows of a large table that are compressed together, and that a reader must hold at least."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path in ``path``'s folder; rename it to ``path`` on success, remove it on failure.

    The rename is atomic because both names are on one file system: a reader sees the old file or the
    new one, never a part of it. The content is on the disk before it gets its name, so that this holds
    after a power cut, too. What killed writers of ``path`` have left is removed.

    Raises:
        InputError: no space left, or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = _claimed(lambda: _new_file(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    try:
        yield temporary
        temporary.chmod(0o644)  # mkstemp's 0600 would follow the file into other people's checkouts
        put(temporary, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)
    sweep(path.parent, f".{glob.escape(path.name)}.*.part")


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder whose files replace those of ``path``, one rename each, on success; as ``whole``."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle, temporary = _claimed(lambda: _new_folder(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    try:
        yield temporary
        for file in sorted(temporary.iterdir()):
            _sync(file)
            file.replace(path / file.name)
        sync_folder(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(handle)
    sweep(path, ".*.part")


def put(temporary: Path, path: Path) -> None:
    """Rename a file that is complete: its content is on the disk before it has its name, and the name afterwards.

    Args:
        temporary: on the same file system.
        path: what stands there is replaced.

    Raises:
        InputError: the disk does not take it.
    """
    try:
        _sync(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


def sweep(folder: Path, pattern: str) -> None:
    """Remove the temporary files and folders of writers that were killed.

    A living writer holds a lock on its own; the system takes it off when the process ends, however it does.
    """
    for part in folder.glob(pattern):
        with contextlib.suppress(OSError):  # held by another writer, or just gone
            is_folder = part.is_dir()
            handle = os.open(part, os.O_RDONLY if is_folder else os.O_RDWR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(part) if is_folder else part.unlink()
            finally:
                os.close(handle)


def sync_folder(path: Path) -> None:
    """Have the disk hold a folder's names; where a file system cannot be asked, they are there all the same."""
    with contextlib.suppress(OSError):
        _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _claimed(make: Callable[[], tuple[int, Path]]) -> tuple[int, Path]:
    """A new temporary file or folder that ``sweep`` leaves alone for as long as the handle is open."""
    while True:
        handle, path = make()
        with contextlib.suppress(OSError):  # some network file systems have no locks; nothing is swept there
            fcntl.flock(handle, fcntl.LOCK_EX)
        if path.exists():
            return handle, path
        os.close(handle)  # it was swept before the lock was on it


def _new_file(path: Path) -> tuple[int, Path]:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    return handle, Path(name)


def _new_folder(path: Path) -> tuple[int, Path]:
    name = tempfile.mkdtemp(prefix=".", suffix=".part", dir=path)
    return os.open(name, os.O_RDONLY), Path(name)


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
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a Parquet table of {table.name}")
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
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a Parquet table of {table.name}")
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


def write_json(content: Any, path: Path) -> None:
    """Write ``content`` as indented JSON with sorted keys, whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def digest(path: Path, algorithm: str = "sha256") -> str:
    """The file's checksum in hexadecimal, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
