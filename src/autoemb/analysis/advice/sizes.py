"""A size for every id, by its ratings: what the advice comes to, for a program that deploys it."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoemb.analysis.advice.answers import Answers, Step
from autoemb.schema import SIDES

Counts = Mapping[str, npt.NDArray[np.int64]]
"""By side, the ratings of every id."""


class Rated(NamedTuple):
    """The ids of a data set: by side, the publisher's own, and how many ratings each has."""

    ids: Mapping[str, "pd.Series[str]"]
    counts: Counts


def rated(interactions: pd.DataFrame, ids: Mapping[str, pd.DataFrame]) -> Rated:
    """Count the ratings of every id.

    Args:
        interactions: ``user`` and ``item`` of every rating.
        ids: by side, ``schema.USERS`` or ``schema.ITEMS``.
    """
    counts = {side: np.bincount(interactions[side], minlength=len(ids[side])).astype(np.int64) for side in SIDES}
    return Rated({side: ids[side]["id"] for side in SIDES}, counts)


def sizes(of: Sequence[tuple[Answers, Rated]]) -> pd.DataFrame:
    """One row per id that has ratings: ``dataset``, ``side``, ``id``, ``ratings``, ``size``; the most ratings first.

    Args:
        of: data sets, each with its answers.
    """
    parts = []
    for (each, who), side in itertools.product(of, SIDES):
        counts = who.counts[side]
        table = pd.DataFrame({"id": who.ids[side], "ratings": counts, "size": _of(each.steps(side), counts)})
        table = table[table["ratings"] > 0].sort_values("ratings", ascending=False, kind="stable")
        parts.append(table.assign(dataset=each.dataset, side=side))
    return pd.concat(parts, ignore_index=True)[["dataset", "side", "id", "ratings", "size"]]


def _of(steps: Sequence[Step], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    edges = np.array([step.ratings for step in steps])
    return np.array([step.size for step in steps])[np.searchsorted(edges, counts, side="right") - 1]
