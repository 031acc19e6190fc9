"""Members of archives as streams, and the check of an archive's checksum. ``_members`` says what is refused."""

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from autoemb.artifact.files import digest
from autoemb.data.datasets.base import Dataset
from autoemb.data.readers.members import (
    Allowance,
    Metered,
    open_member,
    open_zip,
    readable,
    tar_files,
    unpacked,
    zip_files,
)
from autoemb.errors import InputError


@dataclass(frozen=True)
class Source:
    """A file, or the member of a zip archive whose path ends in ``member``; opened as often as needed."""

    path: Path
    member: str | None = None
    name: str = ""
    """What to call the file in a message; by default its path."""

    packed: bool = False
    """Whether the file may be compressed; its first bytes tell."""

    def __str__(self) -> str:
        return self.called if self.member is None else f"{self.called} ({self.member})"

    @property
    def called(self) -> str:
        """The file's name in a message."""
        return self.name or str(self.path)

    @contextmanager
    def open(self, label: str | None = None) -> Iterator[io.BufferedReader]:
        """A stream of the uncompressed bytes; with a label, and on a terminal, reading moves a progress bar.

        Raises:
            InputError: no such file or member, or it is damaged or refused (also while it is being read).
        """
        with ExitStack() as stack:
            if self.member is None:
                with readable(self):
                    size = self.path.stat().st_size
                    file: IO[bytes] = stack.enter_context(self.path.open("rb"))
                told = []
            else:
                archive = stack.enter_context(open_zip(self.path, self.called))
                info = find_member(archive, self)
                size, file = info.file_size, stack.enter_context(open_member(archive, info, self.called))
                told = [Allowance(self.path, self).spend]
            stream = stack.enter_context(metered(file, size, self, label, *told))
            if self.packed:
                with readable(self):
                    plain = unpacked(stream)
                if plain is not stream:
                    stream = io.BufferedReader(Metered(plain, self, Allowance(self.path, self).spend), 1 << 20)
            yield stream


def files(archive: Path, wanted: re.Pattern[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Last part of the path, and stream, of each file in a zip or tar archive whose name matches ``wanted``.

    By name in a zip archive; as stored in a tar, which may be compressed (``unpacked``), and in the tars in it.
    A stream must be read before the next one is asked for.

    Raises:
        InputError: the archive is damaged or refused (also while a stream is being read).
    """
    with readable(archive):
        allowance = Allowance(archive, archive)
        zipped = zipfile.is_zipfile(archive)
    if zipped:
        with open_zip(archive) as opened:
            found = zip_files(opened, archive, wanted.fullmatch)
            for name, info in sorted(found.items()):
                source = Source(archive, name)
                with (
                    open_member(opened, info, archive) as file,
                    metered(file, info.file_size, source, f"reading {name}", allowance.spend) as stream,
                ):
                    yield name, stream
    else:
        with Source(archive).open(f"reading {archive.name}") as whole, unpacked(whole) as file:
            counted = io.BufferedReader(Metered(file, archive, allowance.spend), 1 << 20)
            yield from tar_files(counted, archive, wanted)
            while counted.read(1 << 20):  # what is left; the checksum of the compressed stream comes last
                pass


@contextmanager
def metered(
    file: IO[bytes], size: int, source: Source, label: str | None, *told: Callable[[int], object]
) -> Iterator[io.BufferedReader]:
    """The file, whose reading moves a progress bar and tells others how many bytes were read."""
    quiet = None if label else True  # None: quiet where stderr is no terminal
    with tqdm(total=size, desc=label, unit="B", unit_scale=True, disable=quiet, leave=False) as bar:
        yield io.BufferedReader(Metered(file, source, bar.update, *told), 1 << 20)


def find_member(archive: zipfile.ZipFile, source: Source) -> zipfile.ZipInfo:
    """The member that the source names.

    Raises:
        InputError: there is none, and the message lists what there is; or there are two.
    """
    found = zip_files(archive, source.called, source.member.__eq__)
    if not found:
        held = archive.namelist()
        more = f" and {len(held) - 8} more" if len(held) > 8 else ""
        holds = ", ".join(held[:8]) or "nothing"
        raise InputError(f"{source.called}: no member {source.member!r}; it holds {holds}{more}")
    return next(iter(found.values()))


def has_member(path: Path, member: str) -> bool:
    """Whether the zip archive has a file whose path ends in ``member``.

    Raises:
        InputError: the archive cannot be read, or is refused.
    """
    with open_zip(path) as archive:
        return bool(zip_files(archive, path, member.__eq__))


def verify(dataset: Dataset[Any], archive: Path, name: str = "") -> None:
    """Check the archive against what the data set declares; ``name`` is what to call it in a message.

    The published checksum of the archive or of the ratings inside it is enough: an archive that was
    packed again matches by the latter. Where none is published, the ratings' member must be there, and
    be read to its end, where a zip archive has a checksum of it.

    Raises:
        InputError: naming the file, the checksum found and the one expected.
    """
    expected = dataset.checksums
    ratings = Source(archive, dataset.member, name)
    if not expected:
        with ratings.open() as stream:
            while dataset.member is not None and stream.read(1 << 20):
                pass
        return
    with readable(ratings.called):
        found = [digest(archive, "md5")]
    if dataset.ratings_md5 is not None and found[0] not in expected:
        with ratings.open() as stream:
            found.append(hashlib.file_digest(stream, "md5").hexdigest())
    if not set(found) & set(expected):
        inside = f", of its {dataset.member} {found[1]}" if len(found) > 1 else ""
        raise InputError(
            f"{ratings.called}: md5 {found[0]}{inside}; expected {' or '.join(expected)}:"
            f" the file is incomplete, or is not {dataset.title}"
        )
