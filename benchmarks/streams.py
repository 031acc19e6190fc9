"""Streams of a data set's counts, made up: ids by a power law, popularity as it runs."""

from typing import NamedTuple

import numpy as np

from autoemb.config import Task
from autoemb.data.columns import Columns, Shape
from autoemb.data.stream import running_popularity


class Counts(NamedTuple):
    """Rows that the tables need."""

    users: int
    items: int
    user_popularity: int
    """Ratings of the user with the most."""
    item_popularity: int


COUNTS = {
    "ml-1m": Counts(6_040, 3_706, 2_314, 3_428),
    "ml-20m": Counts(138_493, 26_744, 9_254, 67_310),
}


def shape(counts: Counts, task: Task) -> Shape:
    """The tables' sizes."""
    return Shape(task, *counts)


def columns(counts: Counts, task: Task, interactions: int, seed: int = 0) -> Columns:
    """That many interactions in one part; the square of a uniform number picks the id."""
    dice = np.random.default_rng(seed)
    user, item = ((n * dice.random(interactions) ** 2).astype(np.int32) for n in counts[:2])
    label = dice.integers(0, 2 if task == "regression" else 5, interactions).astype(np.int8)
    popularity = [np.minimum(running_popularity(ids), top) for ids, top in ((user, counts[2]), (item, counts[3]))]
    return Columns(label, {"id": (user, item), "popularity": (popularity[0], popularity[1])}, [slice(0, interactions)])
