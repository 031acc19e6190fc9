"""Archives of made-up ratings, each in its publisher's own format, at any size.

``python -m benchmarks.formats ml-20m --rows 20000263 --out ml-20m.zip`` writes one. What is in it stands in
``ratings.py``, how it is written in ``writers.py``.
"""

import argparse
import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from autoemb.artifact.files import whole
from autoemb.data import datasets
from autoemb.data.datasets.base import Counts
from autoemb.errors import InputError

from . import ratings, writers
from .ratings import HALF_STARS, WHOLE_STARS, Blocks

FEWEST = 1_000
"""Rows, below which there are no sensible counts."""


class Format(NamedTuple):
    """How an archive is made, and who reads it."""

    dataset: str
    """Module of ``autoemb.data.datasets`` that reads it."""

    make: Callable[[Counts, np.random.Generator], Blocks]
    write: Callable[[Blocks, Counts, Path, BinaryIO], None]

    read_csv: dict[str, Any]
    """How ``pandas.read_csv`` reads the text of the ratings alone."""

    settings: Mapping[str, Any] = MappingProxyType({})
    """What the data set is told."""

    packed: bool = True
    """Whether the archive is more than that text."""


NAMES = ("user_id", "item_id", "rating", "timestamp")
NUMBERS = ("int32", "int32", "float32", "int64")
PLAIN = {"names": NAMES, "dtype": dict(zip(NAMES, NUMBERS, strict=True))}
COLONS = {**PLAIN, "names": (NAMES[0], "_", NAMES[1], "__", NAMES[2], "___", NAMES[3]), "usecols": NAMES, "sep": ":"}
HEADED = {"dtype": dict(zip(("userId", "movieId", "rating", "timestamp"), NUMBERS, strict=True))}
DAYS = {"names": ("user", "rating", "date"), "dtype": {"user": "int32", "rating": "float32", "date": "category"}}
TEXT_IDS = {"dtype": dict(zip(NAMES, ("str", "str", "float32", "int64"), strict=True))}
OWN = {"columns": dict(zip(("user", "item", "rating", "timestamp"), NAMES, strict=True))}

FORMATS = {
    "ml-20m": Format(
        "ml-20m",
        partial(ratings.movielens, stars=HALF_STARS, spread=131_262 / 26_744),
        writers.ml_20m,
        HEADED,
    ),
    "ml-1m": Format(
        "ml-1m",
        partial(ratings.movielens, stars=WHOLE_STARS, spread=3_952 / 3_706),
        writers.ml_1m,
        COLONS,
    ),
    "ml-100k": Format(
        "ml-100k",
        partial(ratings.movielens, stars=WHOLE_STARS, spread=1),
        writers.ml_100k,
        {**PLAIN, "sep": "\t"},
    ),
    "netflix-tar": Format("netflix", ratings.netflix, writers.netflix_tar, DAYS),
    "netflix-combined": Format("netflix", ratings.netflix, writers.netflix_combined, DAYS),
    "csv": Format("csv", ratings.log, writers.own_csv, TEXT_IDS, OWN, packed=False),
}


def counts(name: str, rows: int) -> Counts:
    """Of the archive with so many ratings: the published ones at real size (``csv`` goes by ml-20m's).

    Raises:
        InputError: too few rows.
    """
    if rows < FEWEST:
        raise InputError(f"rows = {rows}: expected at least {FEWEST}")
    published = datasets.find(FORMATS[name].dataset).expected or datasets.find("ml-20m").expected
    return ratings.scaled(published, rows)


def blocks(name: str, rows: int, seed: int = 0) -> Blocks:
    """The ratings that ``write`` writes, in the archive's order."""
    return FORMATS[name].make(counts(name, rows), np.random.default_rng(seed))


def write(name: str, rows: int, archive: Path, text: Path | None = None, seed: int = 0) -> None:
    """Write an archive and, if asked for, the text of the ratings alone; the same bytes each time.

    Raises:
        InputError: too few rows, or the disk is full.
    """
    made = blocks(name, rows, seed)
    nowhere = nullcontext(Path(os.devnull))
    with whole(archive) as temporary, whole(text) if text else nowhere as alone, alone.open("wb") as file:
        FORMATS[name].write(made, counts(name, rows), temporary, file)


def main() -> None:
    """Write one archive."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("format", choices=FORMATS)
    parser.add_argument("--rows", type=int, required=True, help="ratings")
    parser.add_argument("--out", type=Path, required=True, help="the archive")
    parser.add_argument("--text", type=Path, help="also the text of its ratings alone")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write(arguments.format, arguments.rows, arguments.out, arguments.text, arguments.seed)


if __name__ == "__main__":
    main()
