"""Blocks of ratings (``ratings.py``) written as a publisher writes them.

A writer takes the blocks, their counts, the archive to write, and a file for the text of the ratings alone, as
``pandas.read_csv`` can read it. Everything is deflated at the fastest level, so archives are somewhat larger than the
publishers'; the bytes are the same each time. Files of no use here (links, tags, probe) are left out.
"""

import gzip
import io
import itertools
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from pyarrow import csv

from autoemb.data.datasets.base import Counts

from .ratings import DAY, NETFLIX, Blocks, Ints

Text = bytes | pa.Buffer

RATED = 26_744 / 27_278
"""Share of ml-20m's movies.csv that is rated."""

TAGS = 1_128
GENOME = 10_381 / 20_000_263
"""Tags of ml-20m's genome, and items that have them per rating."""

RELEVANCE = pa.array([f"{n / 4000:.15f}" for n in range(4001)])
HALF_STARS = pa.array([f"{n / 2:.1f}" for n in range(11)])
DAYS = pa.array([str(np.datetime64(second, "s").astype("M8[D]")) for second in range(NETFLIX[0], NETFLIX[1] + 1, DAY)])


def ml_20m(blocks: Blocks, counts: Counts, archive: Path, text: BinaryIO) -> None:
    """ratings.csv, movies.csv with unrated ones, and the tag genome of the most popular items.

    Lines end in CRLF as the publisher's do (whose ratings.csv has 533,444,411 bytes: 26.7 a line).
    """
    ratings = np.zeros(0, np.int64)  # of each item's id

    def lines() -> Iterator[Text]:
        nonlocal ratings
        yield b"userId,movieId,rating,timestamp\r\n"
        for block in blocks:
            more = np.bincount(block["item"], minlength=len(ratings))
            more[: len(ratings)] += ratings
            ratings = more
            yield to_text({**fields(block), "rating": half_stars(block)}, eol="\r\n")

    with deflated(archive) as file:
        add(file, "ml-20m/ratings.csv", ahead(lines()), text)
        unrated = np.flatnonzero(ratings == 0)[1:]
        movies = np.r_[np.flatnonzero(ratings), unrated[: round(counts.items / RATED) - counts.items]]
        in_genome = np.argsort(-ratings, kind="stable")[: min(round(GENOME * counts.ratings) or 1, counts.items)]
        add(file, "ml-20m/movies.csv", movies_csv(np.sort(movies)))
        add(
            file, "ml-20m/genome-tags.csv", [b"tagId,tag\r\n", *(b"%d,tag %d\r\n" % (n, n) for n in range(1, TAGS + 1))]
        )
        add(file, "ml-20m/genome-scores.csv", ahead(genome_scores(np.sort(in_genome))))


def movies_csv(movies: Ints) -> Iterator[bytes]:
    """Titles and genres."""
    yield b"movieId,title,genres\r\n"
    for movie in movies.tolist():
        yield b"%d,A Film Made Up for This Archive (%d),Comedy|Drama\r\n" % (movie, 1915 + movie % 100)


def genome_scores(movies: Ints) -> Iterator[Text]:
    """Every tag of every movie, a thousand movies at a time."""
    yield b"movieId,tagId,relevance\r\n"
    dice = np.random.default_rng(0)
    for some in np.split(movies, range(1000, len(movies), 1000)):
        relevance = RELEVANCE.take(pa.array(dice.integers(0, len(RELEVANCE), len(some) * TAGS)))
        tag = np.tile(np.arange(1, TAGS + 1), len(some))
        yield to_text({"movieId": np.repeat(some, TAGS), "tagId": tag, "relevance": relevance}, eol="\r\n")


def ml_1m(blocks: Blocks, counts: Counts, archive: Path, text: BinaryIO) -> None:
    """ratings.dat: ``user::item::rating::timestamp``, where 'a::b' is three fields, the second of them empty."""

    def lines() -> Iterator[Text]:
        for block in blocks:
            columns = {**fields(block), "rating": whole_stars(block)}
            empty = {f"after {name}": pa.nulls(len(block), pa.string()) for name in columns}
            order = [name for column in columns for name in (column, f"after {column}")][:-1]
            yield to_text({name: {**columns, **empty}[name] for name in order}, delimiter=":")

    with deflated(archive) as file:
        add(file, "ml-1m/ratings.dat", ahead(lines()), text)


def ml_100k(blocks: Blocks, counts: Counts, archive: Path, text: BinaryIO) -> None:
    """u.data: tabs; in order of user, unlike the publisher's, which is in none."""
    lines = (to_text({**fields(block), "rating": whole_stars(block)}, delimiter="\t") for block in blocks)
    with deflated(archive) as file:
        add(file, "ml-100k/u.data", ahead(lines), text)


def own_csv(blocks: Blocks, counts: Counts, archive: Path, text: BinaryIO) -> None:
    """A person's own file: the archive is the text."""

    def lines() -> Iterator[Text]:
        yield b"user_id,item_id,rating,timestamp\n"
        for block in blocks:
            yield to_text({**fields(block), "rating": half_stars(block)})

    with archive.open("wb") as file:
        for some in ahead(lines()):
            file.write(some)
            text.write(some)


def netflix_tar(blocks: Blocks, counts: Counts, archive: Path, text: BinaryIO) -> None:
    """The publisher's: a tar of one file per movie, inside a tar.gz."""
    with tempfile.TemporaryFile(dir=archive.parent) as inner:
        with tarfile.open(fileobj=inner, mode="w") as tar:
            for movie, lines in ahead(by_movie(blocks)):
                body = b"%d:\n%b" % (movie, lines)
                add_to_tar(tar, f"training_set/mv_{movie:07d}.txt", len(body), io.BytesIO(body))
                text.write(lines)
        size = inner.tell()
        inner.seek(0)
        with (
            archive.open("wb") as file,
            gzip.GzipFile("", "wb", 1, file, mtime=0) as squeezed,
            tarfile.open(fileobj=squeezed, mode="w") as outer,
        ):
            add_to_tar(outer, "download/training_set.tar", size, inner)


def netflix_combined(blocks: Blocks, counts: Counts, archive: Path, text: BinaryIO) -> None:
    """The mirror's: four files with a quarter of the movies each."""

    def number(movie: tuple[int, Text]) -> int:
        return (movie[0] - 1) * 4 // counts.items + 1

    with deflated(archive) as file:
        for n, movies in itertools.groupby(ahead(by_movie(blocks)), number):
            with file.open(f"combined_data_{n}.txt", "w", force_zip64=True) as member:
                for movie, lines in movies:
                    member.write(b"%d:\n" % movie)
                    member.write(lines)
                    text.write(lines)


def by_movie(blocks: Blocks) -> Iterator[tuple[int, Text]]:
    """The number of each movie and its lines ``user,rating,YYYY-MM-DD``."""
    for block in blocks:
        item = block["item"].to_numpy()
        day = DAYS.take(pa.array((block["timestamp"].to_numpy() - NETFLIX[0]) // DAY))
        lines = pa.table({"user": block["user"], "rating": whole_stars(block), "day": day})
        starts = np.flatnonzero(np.r_[True, item[1:] != item[:-1]])
        for start, stop in zip(starts, np.r_[starts[1:], len(item)], strict=True):
            yield int(item[start]), to_text(lines.slice(start, stop - start))


def fields(block: pa.Table) -> dict[str, Any]:
    """The columns of a block by name."""
    return dict(zip(block.column_names, block.columns, strict=True))


def half_stars(block: pa.Table) -> pa.Array:
    """The ratings as text: 3.5, 4.0."""
    return HALF_STARS.take(pa.array((block["rating"].to_numpy() * 2).astype(np.int8)))


def whole_stars(block: pa.Table) -> pa.Array:
    """The ratings as whole numbers."""
    return pa.array(block["rating"].to_numpy().astype(np.int8))


def to_text(columns: Mapping[str, Any] | pa.Table, **options: Any) -> pa.Buffer:
    """Lines of text, without a first one of names; nothing is quoted."""
    out = pa.BufferOutputStream()
    style = csv.WriteOptions(include_header=False, quoting_style="none", batch_size=1 << 14, **options)
    csv.write_csv(columns if isinstance(columns, pa.Table) else pa.table(dict(columns)), out, style)
    return out.getvalue()


def ahead(texts: Iterator[Any]) -> Iterator[Any]:
    """The same; a thread makes the next while this one is deflated."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, texts, None)
        while (text := coming.result()) is not None:
            coming = thread.submit(next, texts, None)
            yield text


def deflated(path: Path) -> zipfile.ZipFile:
    """A new zip archive."""
    return zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)


def add(archive: zipfile.ZipFile, name: str, texts: Iterable[Text], copy: BinaryIO | None = None) -> None:
    """Add a member, and write it to ``copy`` as well."""
    with archive.open(name, "w", force_zip64=True) as member:
        for text in texts:
            member.write(text)
            if copy is not None:
                copy.write(text)


def add_to_tar(tar: tarfile.TarFile, name: str, size: int, content: Any) -> None:
    """Add a member."""
    info = tarfile.TarInfo(name)
    info.size = size
    tar.addfile(info, content)
