"""Files, and members of archives, as streams of bytes; ``members`` says which of them are refused."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tqdm import tqdm

from autoemb.artifact.files import expect_file
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
    """The file's name in a message; by default its path."""

    packed: bool = False
    """Whether the file may be compressed; its first bytes say whether and how it is."""

    def __str__(self) -> str:
        return self.called if self.member is None else f"{self.called} ({self.member})"

    @property
    def called(self) -> str:
        """The file's name in a message, without the member's."""
        return self.name or str(self.path)

    @contextmanager
    def open(self, label: str | None = None) -> Iterator[io.BufferedReader]:
        """A stream of the uncompressed bytes; with a label, and on a terminal, reading moves a progress bar.

        Raises:
            InputError: there is no such file or member, or it is damaged or refused (also while it is being read).
        """
        with ExitStack() as stack:
            expect_file(self.path, name=self.called)
            if self.member is None:
                with readable(self):
                    size = self.path.stat().st_size
                    file: IO[bytes] = stack.enter_context(self.path.open("rb"))
                counters = []
            else:
                archive = stack.enter_context(open_zip(self.path, self.called))
                info = find_member(archive, self)
                size, file = info.file_size, stack.enter_context(open_member(archive, info, self.called))
                counters = [Allowance(self.path, self).spend]
            stream = stack.enter_context(metered(file, size, self, label, *counters))
            if self.packed:
                with readable(self):
                    plain = unpacked(stream)
                if plain is not stream:
                    stream = io.BufferedReader(Metered(plain, self, Allowance(self.path, self).spend), 1 << 20)
            yield stream


def files(archive: Path, wanted: re.Pattern[str]) -> Iterator[tuple[str, io.BufferedReader]]:
    """Last part of the path, and stream, of each file in a zip or tar archive; ``wanted`` matches that last part.

    The files of a zip archive come sorted by name. Those of a tar, which may be compressed (``unpacked``), and of
    the tars in it, come as they are stored. Each stream must be read before the next one is taken.

    Raises:
        InputError: the archive is damaged or refused (also while a stream is being read).
    """
    expect_file(archive)
    with readable(archive):
        allowance = Allowance(archive, archive)
        zipped = zipfile.is_zipfile(archive)
    if zipped:
        with open_zip(archive) as opened:
            members = zip_files(opened, archive, wanted.fullmatch)
            for name, info in sorted(members.items()):
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
    file: IO[bytes], size: int, source: Source, label: str | None, *counters: Callable[[int], object]
) -> Iterator[io.BufferedReader]:
    """The file as a stream; the number of bytes of each read moves a progress bar and goes to the counters."""
    quiet = None if label else True  # None: quiet where stderr is no terminal
    with tqdm(total=size, desc=label, unit="B", unit_scale=True, disable=quiet, leave=False) as bar:
        yield io.BufferedReader(Metered(file, source, bar.update, *counters), 1 << 20)


def find_member(archive: zipfile.ZipFile, source: Source) -> zipfile.ZipInfo:
    """The member that the source names.

    Raises:
        InputError: there is no such member, and the message lists those there are; or there are two.
    """
    members = zip_files(archive, source.called, source.member.__eq__)
    if not members:
        paths = archive.namelist()
        more = f" and {len(paths) - 8} more" if len(paths) > 8 else ""
        holds = ", ".join(paths[:8]) or "nothing"
        raise InputError(f"{source.called}: no member {source.member!r}; it holds {holds}{more}")
    return next(iter(members.values()))


def has_member(path: Path, member: str) -> bool:
    """Whether the zip archive has a file whose path ends in ``member``.

    Raises:
        InputError: the archive cannot be read, or is refused.
    """
    with open_zip(path) as archive:
        return bool(zip_files(archive, path, member.__eq__))
