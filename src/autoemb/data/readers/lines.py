"""Text in blocks of whole lines: large enough for a vectorised parser, small beside the memory."""

import io
from collections.abc import Iterable, Iterator
from typing import IO

from autoemb.data.readers.archive import Source
from autoemb.errors import InputError

BLOCK = 1 << 24
"""Bytes that are parsed at a time."""

LONGEST = 1 << 26
"""Bytes that a line may have; a longer one is no line of ratings."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def whole_lines(stream: IO[bytes], source: Source, size: int = BLOCK) -> Iterator[bytes]:
    """The rest of the stream, in blocks of about ``size`` bytes that end where a line ends; the last may lack its end.

    Raises:
        InputError: a line is longer than ``LONGEST``.
    """
    held = b""
    while piece := stream.read(size):
        held += piece
        end = held.rfind(b"\n") + 1
        if end:
            yield held[:end]
            held = held[end:]
        elif len(held) > LONGEST:
            raise InputError(f"{source}: a line is longer than {LONGEST:,} bytes; expected a rating in each line")
    if held:
        yield held


def skip_mark(stream: io.BufferedReader) -> None:
    """Go on behind the byte order mark, if the text begins with one."""
    if stream.peek(len(BYTE_ORDER_MARK)).startswith(BYTE_ORDER_MARK):
        stream.read(len(BYTE_ORDER_MARK))


def lines(text: bytes) -> list[bytes]:
    r"""The lines of a block, without their ends (``\n`` or ``\r\n``)."""
    pieces = text.split(b"\n")
    return [line.removesuffix(b"\r") for line in (pieces if pieces[-1] else pieces[:-1])]


def count_lines(text: bytes) -> int:
    """The number of lines of a block."""
    return text.count(b"\n") + (not text.endswith(b"\n") and bool(text))


MOST = 1000
"""Bad lines that are counted; a file with more is not read to its end, as each costs a look at it."""


class Problems:
    """Lines that cannot be read: the first is kept, the others are counted, up to ``MOST``."""

    def __init__(self) -> None:
        self.first = ""
        self.count = 0

    def add(self, text: str) -> None:
        """Count a bad line, which ``text`` describes.

        Raises:
            InputError: it is one too many to go on.
        """
        self.first = self.first or text
        self.count += 1
        if self.count > MOST:
            raise InputError(f"{self.first} ({MOST:,} more such rows, and then it was read no further)")

    def in_block(self, place: str, line: int, bad: Iterable[tuple[int, str]], error: Exception) -> None:
        """Count the bad lines of a block that its parser refused.

        Args:
            place: the file, in a message.
            line: number of the block's first line in the file.
            bad: by line, counted from 0 in the block, what is wrong with it. If there is none, the error counts.
            error: the parser's.
        """
        before = self.count
        for offset, what in bad:
            self.add(f"{place}: line {line + offset}: {what}")
        if self.count == before:
            self.add(f"{place}: after line {line - 1}: cannot be parsed: {error}")

    def refuse(self) -> None:
        """Raise InputError if there were any bad lines; its message is the first, and how many more there are."""
        more = self.count - 1
        if self.count:
            raise InputError(self.first + (f" ({more:,} more such row{'s' * (more > 1)})" if more else ""))
