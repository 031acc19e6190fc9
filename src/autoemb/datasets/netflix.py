"""Netflix Prize (10/2006): whole stars, days as timestamps. One of the paper's three; brought by the user.

Two layouts are read, and both are the same text once the files follow one another: a line ``movie:``, then
lines ``user,rating,YYYY-MM-DD``. The publisher's ``nf_prize_dataset.tar.gz`` holds ``training_set.tar`` with one
``mv_*.txt`` per movie; the usual mirror holds ``combined_data_1.txt`` to ``combined_data_4.txt``.
"""

import datetime
import io
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoemb.config import DatasetConfig as Config
from autoemb.datasets._archive import files
from autoemb.datasets._delimited import others
from autoemb.datasets.base import Counts, Dataset, Ratings, Scale
from autoemb.errors import InputError

SCALE = Scale(1.0, 5.0, 1.0)
EXPECTED = "a line 'movie:' or 'user,rating,YYYY-MM-DD' with a rating from 1 to 5"
RATINGS_FILE = re.compile(r"(mv_\d+|combined_data_\d+)\.txt")
BLOCK = 1 << 24
"""Bytes that are parsed at a time."""


class Block(NamedTuple):
    """Parsed lines: original ids (int32), stars (float32), seconds UTC (int64), one shape for all."""

    user: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    rating: npt.NDArray[np.float32]
    timestamp: npt.NDArray[np.int64]


def read(archive: Path, config: Config) -> Ratings:
    """The ratings in the archive's order: by file name in a zip archive, as stored in a tar."""
    blocks = []
    movie = None
    try:
        for text in whole_lines(members(archive)):
            block, movie = parse(text, movie)
            blocks.append(block)
    except (ValueError, OverflowError, pd.errors.ParserWarning) as error:
        raise locate(archive) or InputError(f"{archive}: cannot be parsed: {error}") from error
    if not sum(len(block.user) for block in blocks):
        raise InputError(f"{archive}: holds no ratings; expected files mv_*.txt or combined_data_*.txt with ratings")
    columns = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return Ratings(pd.DataFrame(dict(zip(Block._fields, columns, strict=True)), copy=False))


def members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and stream of each file of ratings; a stream must be read before the next one is asked for."""
    return files(archive, RATINGS_FILE)


def whole_lines(files: Iterator[tuple[str, IO[bytes]]], size: int = BLOCK) -> Iterator[bytes]:
    """The bytes of all files in turn, in blocks of about ``size`` bytes that end where a line ends."""
    held = bytearray()
    for _, stream in files:
        while piece := stream.read(size):
            held += piece
            if len(held) >= size:
                end = held.rfind(b"\n") + 1
                yield bytes(held[:end])
                del held[:end]
        if held and not held.endswith(b"\n"):
            held += b"\n"
    yield bytes(held)


def parse(text: bytes, movie: int | None) -> tuple[Block, int | None]:
    """Parse whole lines, of which the first ones belong to ``movie``; return also the last movie.

    Only the lines ``movie:``, 17,770 in all, are handled one by one.

    Raises:
        ValueError, OverflowError, ParserWarning: a line is not as expected.
    """
    movies, bodies, start = [-1 if movie is None else movie], [], 0
    colon = text.find(b":")
    while colon >= 0:
        line = text.rfind(b"\n", 0, colon) + 1
        bodies.append(text[start:line])
        movies.append(int(text[line:colon]))
        start = text.index(b"\n", colon) + 1
        if text[colon + 1 : start].strip():
            raise ValueError(EXPECTED)
        colon = text.find(b":", start)
    bodies.append(text[start:])
    if movie is None and bodies[0]:
        raise ValueError(EXPECTED)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # pandas only warns of fields it drops
        fields = pd.read_csv(
            io.BytesIO(b"".join(bodies)),
            header=None,
            names=[0, 1, 2],
            index_col=False,
            dtype={0: "int32", 1: "float32", 2: "category"},
            skip_blank_lines=False,  # or the rows would not be as many as the lines
        )
    days = pd.to_datetime(fields[2].cat.categories, format="%Y-%m-%d").as_unit("s").to_numpy().astype(np.int64)
    rating = fields[1].to_numpy()
    if fields[2].isna().any() or not SCALE.allows(rating).all():
        raise ValueError(EXPECTED)
    item = np.repeat(np.array(movies, np.int32), [body.count(b"\n") for body in bodies])
    timestamp = days[fields[2].cat.codes.to_numpy()]
    return Block(fields[0].to_numpy(), item, rating, timestamp), movies[-1]


def locate(archive: Path) -> InputError | None:
    """Read line by line in plain Python and name the first bad line and the number of others."""
    first, more = "", 0
    movie = False
    for name, stream in members(archive):
        for number, line in enumerate(stream, start=1):
            text = line.decode(errors="backslashreplace").rstrip("\r\n")
            header = re.fullmatch(r"\d{1,9}:", text, re.ASCII)
            movie = movie or header is not None
            if header or (movie and _good(text)):
                continue
            more += bool(first)
            first = first or f"{archive} ({name}): line {number}: {text[:80]!r}; expected {EXPECTED}"
    return InputError(first + others(more)) if first else None


def _good(line: str) -> bool:
    try:
        user, rating, day = line.split(",")
        datetime.datetime.strptime(day, "%Y-%m-%d")
        return 0 <= int(user) < 2**31 and bool(SCALE.allows(np.array([rating], np.float32)).all())
    except ValueError:
        return False


dataset = Dataset(
    name="netflix",
    title="Netflix Prize",
    licence="non-commercial research under the Netflix Prize's own rules; no redistribution",
    citation="James Bennett and Stan Lanning. 2007. The Netflix Prize. Proceedings of KDD Cup and Workshop 2007.",
    config=Config,
    read=read,
    how_to_get=(
        "it has no stable public address: get nf_prize_dataset.tar.gz, or a zip or tar archive with"
        " combined_data_1.txt to combined_data_4.txt, and name the file in the config as `archive:`"
    ),
    scale=SCALE,
    expected=Counts(ratings=100_480_507, users=480_189, items=17_770),
    paper=Counts(ratings=100_480_507, users=480_189, items=17_770),
)
