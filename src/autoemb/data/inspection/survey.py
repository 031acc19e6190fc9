"""What is in a file of ratings, counted block by block."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autoemb.data.interactions import Numbering
from autoemb.data.ratings import Ratings

Counts = npt.NDArray[np.int64]

DIFFERENT = 10_000
"""Ratings that are told apart; of more, only the lowest and the highest are known."""


@dataclass(frozen=True)
class Survey:
    """What was counted."""

    rows: int
    users: Counts
    """(users,) ratings of each."""
    items: Counts
    """(items,) ratings of each."""
    low: float
    """The lowest rating."""
    high: float
    """The highest."""
    ratings: Mapping[float, int] | None
    """Each different rating, ascending, and how many there are of it; None where they are more than ``DIFFERENT``."""
    first: int
    """Seconds UTC of the earliest time; 0 where the file has none."""
    last: int
    """Of the latest."""
    unset: int
    """Ratings with a time of 1970-01-01 00:00 or before."""
    late: int
    """Ratings with a time that is yet to come."""
    repeated: int
    """Ratings of an item by a user who has rated it in an earlier row."""


def survey(ratings: Ratings, now: int) -> Survey:
    """Count. What is held is 8 bytes for each rating, the ids and their counts.

    Args:
        ratings: what a reader with ids as text hands back.
        now: seconds UTC.

    Raises:
        InputError: the reader's.
    """
    users, items, values = _Side(), _Side(), _Values()
    pairs: list[npt.NDArray[np.int64]] = []
    first, last, unset, late = np.iinfo(np.int64).max, np.iinfo(np.int64).min, 0, 0
    for block in ratings.blocks:
        if not len(block.rating):
            continue
        pairs.append(users.add(block.user).astype(np.int64) << 32 | items.add(block.item))
        values.add(block.rating)
        first, last = min(first, int(block.timestamp.min())), max(last, int(block.timestamp.max()))
        unset += int((block.timestamp <= 0).sum())
        late += int((block.timestamp > now).sum())
    return Survey(
        rows=sum(map(len, pairs)),
        users=users.counts,
        items=items.counts,
        low=_number(values.low),
        high=_number(values.high),
        ratings=values.ascending(),
        first=first,
        last=last,
        unset=unset,
        late=late,
        repeated=_repeated(pairs),
    )


class _Side:
    """Numbers and counts of the ids of one side."""

    def __init__(self) -> None:
        self._numbering = Numbering()
        self._counts = np.zeros(0, np.int64)

    def add(self, ids: Any) -> npt.NDArray[np.int32]:
        """The numbers of the next block's ids, by first coming."""
        self._numbering.add(ids)
        numbers = self._numbering.blocks.pop()
        missing = len(self._numbering.texts) - len(self._counts)
        if missing > 0:  # room for as many again, so that it is seldom copied
            self._counts = np.append(self._counts, np.zeros(missing + len(self._counts), np.int64))
        distinct, times = np.unique(numbers, return_counts=True)
        self._counts[distinct] += times
        return numbers

    @property
    def counts(self) -> Counts:
        """Of each id."""
        return self._counts[: len(self._numbering.texts)]


class _Values:
    """The different ratings, as long as they are not too many."""

    def __init__(self) -> None:
        self.low, self.high = np.float32(np.inf), np.float32(-np.inf)
        self.counts: dict[np.float32, int] | None = {}

    def add(self, ratings: npt.NDArray[np.float32]) -> None:
        self.low, self.high = min(self.low, ratings.min()), max(self.high, ratings.max())
        if self.counts is None:
            return
        for value, times in zip(*np.unique(ratings, return_counts=True), strict=True):
            self.counts[value] = self.counts.get(value, 0) + int(times)
        if len(self.counts) > DIFFERENT:
            self.counts = None

    def ascending(self) -> dict[float, int] | None:
        return None if self.counts is None else {_number(value): self.counts[value] for value in sorted(self.counts)}


def _number(value: np.float32) -> float:
    """The shortest number that is the same in float32: .1, not .10000000149; and 0 for -0."""
    return float(str(value)) + 0.0


def _repeated(pairs: list[npt.NDArray[np.int64]]) -> int:
    """How many of the pairs have come before; the list is emptied, so that nothing is held twice."""
    together = np.empty(sum(map(len, pairs)), np.int64)
    start = 0
    while pairs:
        block = pairs.pop()
        together[start : start + len(block)] = block
        start += len(block)
    together.sort()
    return int((together[1:] == together[:-1]).sum())
