"""Columns, types and checks of every table; the one place where they are named.

Sums and counts are stored, never means: every later table is a group-by, and results of several
machines add up. ``side`` is ``user`` or ``item``; ``split`` is ``train`` or ``test``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoemb.errors import InputError

SIDES = ("user", "item")
SPLITS = ("train", "test")
TASKS = ("regression", "classification")
VERDICTS = (
    "holds",
    "reversed",
    "smaller than the paper's",
    "no effect larger than x",
    "not testable here",
    "undecided",
)
"""What can be said of a claim; ``analysis.claims`` has the rules."""

DESCRIPTIVE = "descriptive"
"""Instead of a verdict, of what is shown and not judged: accuracies."""


@dataclass(frozen=True)
class Table:
    """A named set of columns with their pandas dtypes."""

    name: str
    columns: Mapping[str, str]

    @property
    def file(self) -> str:
        """Name of a Parquet file that holds one."""
        return f"{self.name}.parquet"

    def empty(self) -> pd.DataFrame:
        """One without rows."""
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in self.columns.items()})

    def check(self, frame: pd.DataFrame, where: str = "") -> pd.DataFrame:
        """Return ``frame`` unchanged.

        Raises:
            InputError: a column is missing, unknown, out of order, or has another dtype.
        """
        found = {str(name): str(dtype) for name, dtype in frame.dtypes.items()}
        if list(found.items()) != list(self.columns.items()):
            raise InputError(f"{where or self.name}: columns {found}; expected {dict(self.columns)}")
        return frame


INTERACTIONS = Table("interactions", {"user": "int32", "item": "int32", "rating": "float32", "timestamp": "int64"})
"""One rating, in the publisher's file order: contiguous ids from 0, stars, seconds UTC."""

USERS = Table("users", {"id": "str"})
"""Row n holds the publisher's own id of the contiguous user n."""

ITEMS = Table("items", {"id": "str", "tag_genome": "bool"})
"""Row n holds the publisher's own id of the contiguous item n, and whether the archive's tag genome
has it (false everywhere where there is no tag genome)."""

STREAM = Table(
    "stream",
    {
        "user": "int32",
        "item": "int32",
        "regression": "int8",
        "classification": "int8",
        "user_popularity": "int32",
        "item_popularity": "int32",
        "split": "int8",
    },
)
"""One interaction, in stream order: a label per task, running popularity (the current interaction
included, so it starts at 1), and the index into ``SPLITS``."""

LEVEL_SPLITS = Table(
    "level-splits", {"user": "int32", "item": "int32", "regression": "int8", "classification": "int8", "rank": "int32"}
)
"""One interaction of the splits by popularity level: ``rank`` -1 is the test part; the training part
at popularity x holds the rows with 0 <= rank < x."""

OUTCOMES = Table(
    "outcomes",
    {
        "seed": "int32",
        "split": "str",
        "side": "str",
        "popularity_low": "int32",
        "popularity_high": "int32",
        "n": "int64",
        "loss_sum": "float64",
        "loss_sq_sum": "float64",
        "correct": "int64",
        "base_loss_sum": "float64",
        "base_correct": "int64",
    },
)
"""Seed x split x side x popularity bin (both ends included). Each interaction counts once per side. ``base_loss_sum``
and ``base_correct`` are the loss and the hits of whoever knows the frequencies of the labels in the bin and nothing
else: the same for every method."""

SIZES = Table(
    "sizes",
    {
        "seed": "int32",
        "split": "str",
        "window": "int32",
        "side": "str",
        "popularity_low": "int32",
        "popularity_high": "int32",
        "size": "int32",
        "n": "int64",
        "weight_sum": "float64",
        "chosen": "int64",
        "moved_sum": "float64",
    },
)
"""Seed x split x stream window x side x popularity bin x candidate size: the weight that the selection
gave this size, summed over n interactions, how often it was the largest of the weights, and, summed over the
interactions, how far it was from 1/K, the weight of a size among K equal ones."""

PROGRESS = Table(
    "progress",
    {
        "seed": "int32",
        "split": "str",
        "window": "int32",
        "first": "int64",
        "n": "int64",
        "loss_sum": "float64",
        "loss_sq_sum": "float64",
        "correct": "int64",
    },
)
"""Seed x window of the stream: the curve. ``first`` is the position in the stream of the window's
first interaction; windows are numbered through both splits and never span them."""

ALLOCATION = Table("allocation", {"seed": "int32", "side": "str", "size": "int32", "ids": "int64"})
"""Seed x side x embedding size: how many of the ids that occur in the stream hold an embedding of this size at
its end. A method that weighs its candidates holds all of them for every id; one that selects, one for each."""

TEST_USERS = Table(
    "test-users", {"seed": "int32", "user": "int32", "n": "int64", "loss_sum": "float64", "correct": "int64"}
)
"""Seed x user of the test part, where all replicates go through one stream, so that seeds alone do not tell what other
people would have done. Where each has a permutation of its own, the table has no rows."""

RUN_TABLES = (OUTCOMES, SIZES, PROGRESS, ALLOCATION, TEST_USERS)
"""What a run is recorded in."""

RUN_RECORD = "run.json"
"""File that says how a run was made."""

RUN_FILES = (*(table.file for table in RUN_TABLES), RUN_RECORD)
"""All files of a run's folder."""

NO_START = "none"
"""The start of what has no embedding; a word, so that it stays one in a csv file."""

LEVEL_MODEL = ["method", "start", "training", "size"]
"""What names a model of ``LEVELS``."""

LEVELS = Table(
    "levels",
    {
        "method": "str",
        "start": "str",
        "training": "str",
        "seed": "int32",
        "size": "int32",
        "level": "int32",
        "n": "int64",
        "loss_sum": "float64",
        "loss_sq_sum": "float64",
        "correct": "int64",
    },
)
"""Fig. 1's own protocol: seed x model x popularity level, summed over the test part. ``fse`` has a ``size``, a
``start`` (``config.Start``) and a ``training``, how long it learnt (``config.LevelModel.training``: ``1 pass``,
``steps of ml-20m``); the anchors have size 0, ``NO_START`` and one pass."""


POPULARITY_BIN_LOWS: npt.NDArray[np.int64] = np.unique(
    np.concatenate([np.arange(1, 32), np.round(32 * 2 ** (np.arange(53) / 4))]).astype(np.int64)
)
"""Lowest popularity of each bin: every count from 1 to 31, then four bins an octave from 32 to 2**18."""


def popularity_bin(popularity: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Index of each popularity's bin (0 is popularity 1). Same shape as the input."""
    return np.searchsorted(POPULARITY_BIN_LOWS, popularity, side="right") - 1


def popularity_bin_bounds() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Lowest and highest popularity of every bin, both included; the last bin is open (int32's largest)."""
    low = POPULARITY_BIN_LOWS.astype(np.int32)
    high = np.append(low[1:] - 1, np.iinfo(np.int32).max).astype(np.int32)
    return low, high
