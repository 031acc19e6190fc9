"""Members of zip archives as streams, and the check of an archive's checksum."""

import hashlib
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, NoReturn

from tqdm import tqdm

from autoemb.datasets.base import Dataset
from autoemb.errors import InputError
from autoemb.files import digest


@dataclass(frozen=True)
class Source:
    """A file, or the member of a zip archive whose path ends in ``member``; opened as often as needed."""

    path: Path
    member: str | None = None

    def __str__(self) -> str:
        return str(self.path) if self.member is None else f"{self.path} ({self.member})"

    @contextmanager
    def open(self, label: str | None = None) -> Iterator[io.BufferedReader]:
        """A stream of the uncompressed bytes; with a label, and on a terminal, reading moves a progress bar.

        Raises:
            InputError: no such file or member, or it is damaged (also while it is being read).
        """
        with readable(self), ExitStack() as stack:
            if self.member is None:
                size = self.path.stat().st_size
                file: IO[bytes] = stack.enter_context(self.path.open("rb"))
            else:
                archive = stack.enter_context(zipfile.ZipFile(self.path))
                info = find_member(archive, self)
                size, file = info.file_size, stack.enter_context(archive.open(info))
            quiet = None if label else True  # None: quiet where stderr is no terminal
            bar = stack.enter_context(
                tqdm(total=size, desc=label, unit="B", unit_scale=True, disable=quiet, leave=False)
            )
            yield io.BufferedReader(Metered(file, bar), 1 << 20)


class Metered(io.RawIOBase):
    """A stream that moves a progress bar by the bytes that are read from it."""

    def __init__(self, stream: IO[bytes], bar: "tqdm[NoReturn]") -> None:
        self._stream = stream
        self._bar = bar

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as one read goes; return the number of bytes, 0 at the end."""
        view = memoryview(buffer)
        data = self._stream.read(len(view))
        view[: len(data)] = data
        self._bar.update(len(data))
        return len(data)


@contextmanager
def readable(name: object) -> Iterator[None]:
    """Turn what goes wrong while the file or archive called ``name`` is read into an InputError."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{name}: no such file") from error
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError) as error:
        raise InputError(f"{name}: damaged, or not an archive of this kind ({error}); fetch it again") from error
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}") from error


def find_member(archive: zipfile.ZipFile, source: Source) -> zipfile.ZipInfo:
    """The member that the source names.

    Raises:
        InputError: there is none; the message lists what there is.
    """
    for info in archive.infolist():
        if PurePosixPath(info.filename).name == source.member:
            return info
    held = archive.namelist()
    more = f" and {len(held) - 8} more" if len(held) > 8 else ""
    raise InputError(f"{source.path}: no member {source.member!r}; it holds {', '.join(held[:8]) or 'nothing'}{more}")


def has_member(path: Path, member: str) -> bool:
    """Whether the zip archive has a member whose path ends in ``member``.

    Raises:
        InputError: the archive cannot be read.
    """
    with readable(path), zipfile.ZipFile(path) as archive:
        return any(PurePosixPath(name).name == member for name in archive.namelist())


def verify(dataset: Dataset[Any], archive: Path, name: str = "") -> None:
    """Check the archive against what the data set declares; ``name`` is what to call it in a message.

    The published checksum of the archive or of the ratings inside it is enough: an archive that was
    packed again matches by the latter. Where none is published, the ratings' member must be there.

    Raises:
        InputError: naming the file, the checksum found and the one expected.
    """
    expected = [md5 for md5 in (dataset.archive_md5, dataset.ratings_md5) if md5 is not None]
    ratings = Source(archive, dataset.member)
    if not expected:
        with ratings.open():
            return
    with readable(name or archive):
        found = [digest(archive, "md5")]
    if dataset.ratings_md5 is not None and found[0] not in expected:
        with ratings.open() as stream:
            found.append(hashlib.file_digest(stream, "md5").hexdigest())
    if not set(found) & set(expected):
        inside = f", of its {dataset.member} {found[1]}" if len(found) > 1 else ""
        raise InputError(
            f"{name or archive}: md5 {found[0]}{inside}; expected {' or '.join(expected)}:"
            f" the file is incomplete, or is not {dataset.title}"
        )
