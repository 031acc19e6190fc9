"""Files that are whole or absent: every output is written beside its place and renamed."""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autoemb.errors import InputError


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
def whole_folder(path: Path, last: str) -> Iterator[Path]:
    """Yield an empty folder whose files replace those of ``path``, one rename each, on success.

    Several renames are not one: a process can be killed between two of them. The file that vouches for the others
    is therefore removed before the first of the others is replaced, and its successor comes after them all, so that it
    never stands beside files that it does not speak of; after a power cut, too.

    Args:
        path: the folder; it is made if it is not there.
        last: name of the file that vouches for the others, which is one of those written.

    Raises:
        InputError: no space left, or the folder cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle, temporary = _claimed(lambda: _new_folder(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    try:
        yield temporary
        (path / last).unlink(missing_ok=True)
        sync_folder(path)
        for file in sorted(temporary.iterdir(), key=lambda file: (file.name == last, file.name)):
            put(file, path / file.name)
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


def expect_file(path: Path, expected: str = "", name: object = None) -> None:
    """See that a path is a file with bytes that stay, before it is opened.

    A pipe gives its bytes once and is read more than once here; it may never give any, and a device may give them for
    ever.

    Args:
        path: what is to be read.
        expected: what it is to be, for the message.
        name: what to call it in the message; by default the path.

    Raises:
        InputError: there is nothing of that name, or it is no regular file.
    """
    more = f"; expected {expected}" if expected else ""
    called = path if name is None else name
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{called}: no such file{more}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise InputError(f"{called}: cannot be read: {reason}{more}") from error
    if kind == stat.S_IFDIR:
        raise InputError(f"{called}: is a folder{more or '; expected a file'}")
    if kind != stat.S_IFREG:
        what = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}.get(kind, "a device")
        raise InputError(f"{called}: is {what}; expected {expected or 'a regular file'}: save its content as one first")


def read_json(path: Path, expected: str = "a JSON file") -> Any:
    """What is in a JSON file.

    Raises:
        InputError: there is no such file, or it cannot be read as one, also for brackets in brackets without end.
    """
    expect_file(path, expected)
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a readable JSON file ({error}); expected {expected}") from error


def write_json(content: Any, path: Path) -> None:
    """Write ``content`` as indented JSON with sorted keys, whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def digest(path: Path, algorithm: str = "sha256") -> str:
    """The file's checksum in hexadecimal, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
