"""The dialect of a text file, from its first lines: its encoding and its delimiter."""

import csv
from collections.abc import Sequence
from typing import Literal

from autoemb.data.readers.archive import Source
from autoemb.data.readers.lines import skip_mark
from autoemb.errors import InputError

Encoding = Literal["utf-8", "latin-1", "cp1252"]

SAMPLE = 1 << 16
"""Bytes of text, or rows of Parquet, from which the guess is made."""

DELIMITERS = (",", ";", "\t", "|", " ")


def head_of(source: Source) -> bytes:
    """Whole lines from the beginning of a file.

    Raises:
        InputError: the file is empty, or does not look like delimited text.
    """
    with source.open() as stream:
        skip_mark(stream)
        head = stream.read(SAMPLE)
    if not head.strip():
        raise InputError(f"{source}: holds no ratings; expected at least one row")
    other = ""
    if head.startswith(b"PK\x03\x04"):
        other = (
            "is a zip archive: unpack it and name the file with the ratings; of MovieLens and Netflix, name the"
            " data set in a config instead, which reads the archive itself (config/README.md)"
        )
    elif head.startswith((b"\xff\xfe", b"\xfe\xff")):
        other = "is text in UTF-16: save it in UTF-8"
    elif head.lstrip().startswith((b"{", b"[")):
        other = "looks like JSON: write user, item, rating and time of each rating as a line of a table"
    elif b"\0" in head:
        other = "is no text"
    if other:
        raise InputError(f"{source}: {other}; expected delimited text, also in gzip or zstd, or Parquet")
    return head[: head.rfind(b"\n") + 1] or head


def encoding_of(head: bytes) -> Encoding:
    """The first of UTF-8, cp1252 and Latin-1 in which the bytes are text."""
    encodings: tuple[Encoding, ...] = ("utf-8", "cp1252")
    for encoding in encodings:
        try:
            head.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"  # in which every byte is a letter


def delimiter_of(source: Source, lines: Sequence[str]) -> str:
    """The one that divides most lines as it does the first, into at least three fields; of equals, the most fields.

    Raises:
        InputError: none divides the first line into three fields, or the lines are divided by '::'.
    """
    if all(line.count("::") >= 2 for line in lines):
        raise InputError(
            f"{source}: fields are separated by '::', which is no single character; of MovieLens 1M, name the data set"
            " ml-1m in a config instead; of another file, replace '::' by tabs"
        )

    def fit(delimiter: str) -> tuple[int, int]:
        widths = [len(fields_of(line, delimiter)) for line in lines]
        # texts hold spaces, too, so a space is the last that is tried
        return (0, 0) if widths[0] < 3 else (1 if delimiter == " " else widths.count(widths[0]), widths[0])

    best = max(DELIMITERS, key=fit)
    if fit(best) == (0, 0):
        raise InputError(
            f"{source}: line 1: {lines[0][:80]!r}; expected at least three fields with ',', ';', '|', a tab or a space"
            " between them; say another by --delimiter"
        )
    return best


def fields_of(line: str, delimiter: str) -> list[str]:
    """The fields of a line; none of one that cannot be parsed."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # such as a field of more than 128 KiB
        return []
