"""Netflix Prize (10/2006): whole stars, days as timestamps. One of the paper's three; brought by the user.

Two layouts are read, and both are the same text once the files follow one another: a line ``movie:``, then
lines ``user,rating,YYYY-MM-DD``. The publisher's ``nf_prize_dataset.tar.gz`` holds ``training_set.tar`` with one
``mv_*.txt`` per movie; the usual mirror holds ``combined_data_1.txt`` to ``combined_data_4.txt``.
"""

import datetime
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from autoemb.config import DatasetConfig as Config
from autoemb.data.datasets.base import Counts, Dataset
from autoemb.data.ratings import Block, Ratings, Scale
from autoemb.data.readers.archive import Source, files
from autoemb.data.readers.delimited import table_of
from autoemb.data.readers.lines import Problems, count_lines, lines, skip_mark, whole_lines
from autoemb.errors import InputError

SCALE = Scale(1.0, 5.0, 1.0)
EXPECTED = "a line 'movie:' or 'user,rating,YYYY-MM-DD' with a rating from 1 to 5"
RATINGS_FILE = re.compile(r"(mv_\d+|combined_data_\d+)\.txt")
MOVIE = re.compile(rb"[0-9]{1,9}:")
TYPES = {"0": pa.int32(), "1": pa.float32(), "2": pa.date32()}
EMPTY = re.compile(rb"^\r?\n", re.MULTILINE)
DAY = 24 * 60 * 60
GATHERED = 1 << 19
"""Ratings that a block holds at least: a file of one movie holds few, so those of many are put together."""


def read(archive: Path, config: Config) -> Ratings:
    """The ratings in the archive's order: by file name in a zip archive, as stored in a tar."""
    return Ratings(gathered(blocks(archive)))


def blocks(archive: Path) -> Iterator[Block]:
    """The ratings, in blocks of any length.

    Raises:
        InputError: a line is not as expected (the message names the first, and counts the others), or no ratings.
    """
    problems, rows = Problems(), 0
    movie: int | None = None
    for name, stream in files(archive, RATINGS_FILE):
        line = 1
        skip_mark(stream)
        for text in whole_lines(stream, Source(archive, name)):
            try:
                block, movie = parse(text, movie)
            except ValueError as error:
                problems.in_block(f"{archive} ({name})", line, bad_lines(text, movie is not None), error)
                movie = last_movie(text) or movie
            else:
                rows += len(block.rating)
                if not problems.count:
                    yield block
            line += count_lines(text)
    problems.refuse()
    if not rows:
        raise InputError(f"{archive}: holds no ratings; expected files mv_*.txt or combined_data_*.txt with ratings")


def gathered(small: Iterator[Block]) -> Iterator[Block]:
    """The same ratings in blocks of at least ``GATHERED``, the last one excepted."""
    held: list[Block] = []
    for block in small:
        held.append(block)
        if sum(len(one.rating) for one in held) >= GATHERED:
            yield Block(*map(np.concatenate, zip(*held, strict=True)))
            held = []
    if held:
        yield Block(*map(np.concatenate, zip(*held, strict=True)))


def parse(text: bytes, movie: int | None) -> tuple[Block, int | None]:
    """Parse whole lines, of which the first ones belong to ``movie``; return also the last movie.

    Only the lines ``movie:``, 17,770 in all, are handled one by one.

    Raises:
        ValueError: a line is not as expected.
    """
    movies, bodies, start = [-1 if movie is None else movie], [], 0
    colon = text.find(b":")
    while colon >= 0:
        line = text.rfind(b"\n", 0, colon) + 1
        stop = text.find(b"\n", colon) + 1 or len(text)
        if not MOVIE.fullmatch(text[line:stop].rstrip(b"\r\n")):
            raise ValueError("a colon outside of a line 'movie:'")
        bodies.append(text[start:line])
        movies.append(int(text[line:colon]))
        start = stop
        colon = text.find(b":", start)
    bodies.append(text[start:])
    if movie is None and bodies[0].strip(b"\r\n"):
        raise ValueError("a rating before the first movie")
    counts = [count_lines(body) for body in bodies]
    table = table_of(b"".join(bodies), 3, TYPES)
    if len(table) != sum(counts):  # empty lines are no ratings
        counts = [count - len(EMPTY.findall(body)) for count, body in zip(counts, bodies, strict=True)]
    if len(table) != sum(counts) or any(table[name].null_count for name in TYPES):
        raise ValueError("an empty field")
    user, rating, day = (table[name].to_numpy() for name in TYPES)
    if not SCALE.allows(rating).all():
        raise ValueError("a rating is off the scale")
    item = np.repeat(np.array(movies, np.int32), counts)
    return Block(user, item, rating, day.astype("datetime64[D]").astype(np.int64) * DAY), movies[-1]


def bad_lines(text: bytes, movie: bool) -> Iterator[tuple[int, str]]:
    """The number of each bad line in the block, from 0, and what is wrong with it.

    ``movie`` says whether a movie was named before the block.
    """
    for number, line in enumerate(lines(text)):
        if not line:
            continue
        named = MOVIE.fullmatch(line) is not None
        movie = movie or named
        if not (named or (movie and _good(line.decode(errors="replace")))):
            yield number, f"{line[:80].decode(errors='backslashreplace')!r}; expected {EXPECTED}"


def last_movie(text: bytes) -> int | None:
    """The last movie that the block names; None if it names none."""
    named = [line for line in lines(text) if MOVIE.fullmatch(line)]
    return int(named[-1][:-1]) if named else None


def _good(line: str) -> bool:
    try:
        user, rating, day = line.split(",")
        datetime.datetime.strptime(day, "%Y-%m-%d")
        stars = np.array([rating], np.float32)
        return (
            re.fullmatch(r"-?[0-9]+", user, re.ASCII) is not None
            and int(user) < 2**31
            and bool(SCALE.allows(stars).all())
        )
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
