"""Which members of an archive are read at all, and how much may come out of it.

Nothing is ever unpacked to disk, and no member is held in memory whole. So a path, a link or a device in an
archive could do no harm here; but no publisher packs any, and an archive that has one is refused as a whole.
What could do harm is a bomb, a small archive that expands without end: the bytes that are really read are
counted, whatever the archive's own headers say.
"""

import bz2
import gzip
import io
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol, cast

import pyarrow as pa

from autoemb.artifact.files import expect_file
from autoemb.errors import InputError

EXPANSION = 200
"""How many times its size an archive may expand to (MovieLens 1M: 4; the most that deflate can: 1,032)."""

EXPANSION_FLOOR = 64 << 20
"""Bytes to which any archive may expand, however small: one of very regular text is no bomb."""

ABOUT = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip
"""Entries of a tar archive that say something of the next ones."""

LONGEST_HEADER = 1 << 13
"""Bytes of such an entry: a path has at most 4,096."""

ENCRYPTED = 0x41
"""Flags of a member of a zip archive: encrypted, or strongly encrypted."""

DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError,
)  # fmt: skip
"""What the readers of archives raise; ValueError for names that are not UTF-8 where a flag says that they are."""


class Allowance:
    """The bytes that may still come out of an archive, for all of its members together."""

    def __init__(self, archive: Path, name: object) -> None:
        self._limit = self._left = max(EXPANSION_FLOOR, EXPANSION * archive.stat().st_size)
        self._name = name

    def spend(self, size: int) -> None:
        """Count bytes that were read.

        Raises:
            InputError: more bytes came out of the archive than may.
        """
        self._left -= size
        if self._left < 0:
            most = f"{self._limit} bytes, the most that an archive of its size may"
            raise InputError(f"{self._name}: expands to more than {most}; refused")


class Decompressor(Protocol):
    """What Python's decompressors of bzip2 and xz have in common."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether more compressed bytes are wanted."""

    @property
    def unused_data(self) -> bytes:
        """Bytes behind the end."""

    def decompress(self, data: bytes, max_length: int = ...) -> bytes:
        """Some of the uncompressed bytes."""


class Metered(io.RawIOBase):
    """A stream that hands the number of bytes of each read to its counters; what goes wrong is an InputError."""

    def __init__(self, stream: IO[bytes], name: object, *counters: Callable[[int], object]) -> None:
        self._stream = stream
        self._name = name
        self._counters = counters

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as one read goes; return the number of bytes, 0 at the end."""
        view = memoryview(buffer)
        with readable(self._name):
            data = self._stream.read(len(view))
        view[: len(data)] = data
        for count in self._counters:
            count(len(data))
        return len(data)


@contextmanager
def readable(name: object) -> Iterator[None]:
    """Turn what goes wrong while the file or archive called ``name`` is read into an InputError."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{name}: no such file") from error
    except OSError as error:
        if error.errno is None:  # of gzip and bz2
            raise _damaged(name, error) from error
        raise InputError(f"{name}: cannot be read: {error.strerror or error}") from error
    except DAMAGED as error:
        raise _damaged(name, error) from error


def _damaged(name: object, error: Exception) -> InputError:
    return InputError(f"{name}: damaged, or not an archive of this kind ({error}); fetch it again")


def refuse(archive: object, member: str, what: str) -> InputError:
    """The error for a member that is not as expected."""
    return InputError(f"{archive}: member {member!r} {what}; refused")


def check_name(archive: object, name: str) -> None:
    """Check a member's path.

    Raises:
        InputError: there is none, or it leads out of the archive, or cannot be printed.
    """
    if not name:
        raise refuse(archive, name, "has no name")
    if ".." in re.split(r"[/\\]", name) or re.match(r"[/\\]|[A-Za-z]:", name):
        raise refuse(archive, name, "has a path that leads out of the archive")
    if not name.isprintable():
        raise refuse(archive, name, "has a name that cannot be printed")


def take(archive: object, member: str, taken: dict[str, str]) -> str:
    """The last part of a member's path, after noting it in ``taken``, which holds the member by the last part.

    Raises:
        InputError: another member with this last part was taken; it is not clear which one is meant.
    """
    name = PurePosixPath(member).name
    if name in taken:
        raise refuse(archive, member, f"is a second {name!r}, besides {taken[name]!r}; expected one")
    taken[name] = member
    return name


@contextmanager
def open_zip(path: Path, name: object = None) -> Iterator[zipfile.ZipFile]:
    """A zip archive, called ``name`` (by default its path) in messages.

    Raises:
        InputError: the archive is damaged; or a member has a path that leads out of it, or is a link or a device.
    """
    name = name or path
    expect_file(path, name=name)
    with ExitStack() as stack:
        with readable(name):
            archive = stack.enter_context(zipfile.ZipFile(path))
            for info in archive.infolist():
                check_name(name, info.orig_filename)  # the other name ends at the first NUL
                if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise refuse(name, info.filename, "is a link or a device; expected plain files")
        yield archive


def zip_files(archive: zipfile.ZipFile, name: object, wanted: Callable[[str], object]) -> dict[str, zipfile.ZipInfo]:
    """The files in a zip archive by the last part of their path, of which ``wanted`` says whether to take it.

    Raises:
        InputError: two of them have the same last part.
    """
    taken: dict[str, str] = {}
    infos = [info for info in archive.infolist() if not info.is_dir()]
    return {take(name, info.filename, taken): info for info in infos if wanted(PurePosixPath(info.filename).name)}


def open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: object) -> IO[bytes]:
    """The member as a stream.

    Raises:
        InputError: the member is damaged, encrypted, or compressed in another way than by deflate.
    """
    if info.flag_bits & ENCRYPTED:
        raise refuse(name, info.filename, "is encrypted; expected one without a password")
    # zipfile bounds what a read of deflate holds in memory, but not of bzip2 and LZMA
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise refuse(name, info.filename, f"is compressed by method {info.compress_type}; expected 8, deflate")
    with readable(name):
        return archive.open(info)


class Entry(tarfile.TarInfo):
    """A header of a tar archive. One that cannot be read is an error everywhere: tarfile takes it for the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "Entry":
        """Read a header.

        Raises:
            ReadError: the header is damaged or missing; only a block of zeros ends an archive.
        """
        try:
            entry = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise
            raise tarfile.ReadError(str(error)) from error
        if entry.type in ABOUT and entry.size > LONGEST_HEADER:  # which is read whole, and at worst in squared time
            raise tarfile.ReadError(f"a header of {entry.size:,} bytes; expected at most {LONGEST_HEADER:,}")
        return entry


def tar_files(stream: IO[bytes], name: object, wanted: re.Pattern[str]) -> Iterator[tuple[str, io.BufferedReader]]:
    """Last part of the path, and stream, of each file in an uncompressed tar; ``wanted`` matches that last part.

    The files come as they are stored, those of a tar in the tar in its place. Each stream must be read before the
    next one is taken.

    Raises:
        InputError: two of the files have one name; or a member is a link or a device, or has a path that leads out.
    """
    return _tar_files(stream, name, wanted, {}, outer=True)


def _tar_files(
    stream: IO[bytes], archive: object, wanted: re.Pattern[str], taken: dict[str, str], *, outer: bool
) -> Iterator[tuple[str, io.BufferedReader]]:
    with readable(archive), tarfile.open(fileobj=stream, mode="r|", tarinfo=Entry) as tar:
        for entry in tar:
            check_name(archive, entry.name)
            if entry.isdir():
                continue
            file = tar.extractfile(entry) if entry.isreg() and not entry.issparse() else None
            if file is None:
                raise refuse(archive, entry.name, "is a link, a device or a file with holes; expected plain files")
            name = PurePosixPath(entry.name).name
            if wanted.fullmatch(name):
                yield take(archive, entry.name, taken), io.BufferedReader(Metered(file, archive))
            elif outer and name.endswith(".tar"):
                yield from _tar_files(file, archive, wanted, taken, outer=False)


def unpacked(stream: io.BufferedReader) -> IO[bytes]:
    """The uncompressed bytes of a stream that gzip, zstd, bzip2 or xz compressed; any other stream as it is."""
    start = stream.peek(6)
    if start.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=stream))
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        return cast(IO[bytes], pa.CompressedInputStream(stream, "zstd"))
    if start.startswith(b"BZh"):
        return cast(IO[bytes], Streams(stream, bz2.BZ2Decompressor))
    if start.startswith(b"\xfd7zXZ\0"):
        return cast(IO[bytes], Streams(stream, lzma.LZMADecompressor))
    return stream


class Streams(io.RawIOBase):
    """What bzip2 or xz compressed, in one stream or several that follow one another, with zeros after any of them.

    Python's own readers take a later stream that does not begin as one for garbage behind the file, and end well.
    """

    def __init__(self, stream: io.BufferedReader, begin: Callable[[], Decompressor]) -> None:
        self._stream, self._begin = stream, begin
        self._one = begin()

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as one read goes; return the number of bytes, 0 at the end.

        Raises:
            OSError, lzma.LZMAError, EOFError: the file is damaged, or cut.
        """
        view = memoryview(buffer)
        data = b""
        while not data:
            block = b""
            if self._one.eof:
                block = self._next_stream()
                if not block:
                    return 0
                self._one = self._begin()
            elif self._one.needs_input:
                block = self._stream.read(io.DEFAULT_BUFFER_SIZE)
                if not block:
                    raise EOFError("ends before its compressed data do")
            data = self._one.decompress(block, len(view))
        view[: len(data)] = data
        return len(data)

    def _next_stream(self) -> bytes:
        """The first bytes behind a stream's end that are not zero; none at the file's end."""
        block = self._one.unused_data.lstrip(b"\0")
        while not block:
            more = self._stream.read(io.DEFAULT_BUFFER_SIZE)
            if not more:
                return b""
            block = more.lstrip(b"\0")
        return block
