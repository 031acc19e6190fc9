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
"""At most so many different ratings are counted one by one; of more, the lowest and the highest are known, and of the
others a sample."""

SAMPLE = 1 << 20
"""Ratings of that sample, at most: every n-th of the file."""

YEAR_1980 = 315_532_800
"""Seconds UTC."""


@dataclass(frozen=True)
class Survey:
    """What a file of ratings holds."""

    rows: int
    users: Counts
    """(users,), the ratings of each user."""
    items: Counts
    """(items,), the ratings of each item."""
    low: float
    """The lowest rating."""
    high: float
    """The highest rating."""
    ratings: Mapping[float, int] | None
    """How many ratings there are of each value, ascending; None where there are more values than ``DIFFERENT``."""
    sample: npt.NDArray[np.float32]
    """Every n-th rating of the file; with them, shares are known to a thousandth or so, where they are not counted."""
    first: int
    """Seconds UTC of the earliest time; 0 where the file has none."""
    last: int
    """Seconds UTC of the latest time; 0 where the file has none."""
    unset: int
    """Ratings with a time of 1970-01-01 00:00 or before."""
    early: int
    """Ratings with a later time than that, and before 1980."""
    late: int
    """Ratings with a time that is yet to come."""
    repeated: int
    """Ratings of an item by a user who has rated it in an earlier row."""

    @property
    def spread(self) -> tuple[npt.NDArray[np.float32], Counts]:
        """Different ratings, ascending, and how many there are of each; where they are not counted, in the sample."""
        if self.ratings is not None:
            return np.array(list(self.ratings), np.float32), np.array(list(self.ratings.values()))
        ratings, times = np.unique(self.sample, return_counts=True)
        return ratings, times


def survey(ratings: Ratings, now: int) -> Survey:
    """Count what the ratings hold. In memory are 8 bytes for each rating, the ids and their counts, and the sample.

    Args:
        ratings: those of a reader that keeps ids as text.
        now: seconds UTC; a later time is yet to come.

    Raises:
        InputError: the reader refuses a row.
    """
    users, items, values = _Side(), _Side(), _Values()
    pairs: list[npt.NDArray[np.int64]] = []
    first, last, unset, early, late = np.iinfo(np.int64).max, np.iinfo(np.int64).min, 0, 0, 0
    for block in ratings.blocks:
        if not len(block.rating):
            continue
        pairs.append(users.add(block.user).astype(np.int64) << 32 | items.add(block.item))
        values.add(block.rating)
        first, last = min(first, int(block.timestamp.min())), max(last, int(block.timestamp.max()))
        unset += int((block.timestamp <= 0).sum())
        early += int(((block.timestamp > 0) & (block.timestamp < YEAR_1980)).sum())
        late += int((block.timestamp > now).sum())
    return Survey(
        rows=sum(map(len, pairs)),
        users=users.counts,
        items=items.counts,
        low=_number(values.low),
        high=_number(values.high),
        ratings=values.ascending(),
        sample=values.sample(),
        first=first,
        last=last,
        unset=unset,
        early=early,
        late=late,
        repeated=_repeated(pairs),
    )


class _Side:
    """Numbers and counts of the ids of one side."""

    def __init__(self) -> None:
        self._numbering = Numbering()
        self._counts = np.zeros(0, np.int64)

    def add(self, ids: Any) -> npt.NDArray[np.int32]:
        """Count the ids of the next block, and return their numbers; an id is numbered when it first comes."""
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
        """(ids,), how often each id came, by its number."""
        return self._counts[: len(self._numbering.texts)]


class _Values:
    """How many ratings there are of each value, as long as there are not too many values; and a sample of them."""

    def __init__(self) -> None:
        self.low, self.high = np.float32(np.inf), np.float32(-np.inf)
        self.counts: dict[np.float32, int] | None = {}
        self._kept = np.zeros(0, np.float32)
        self._seen, self._stride = 0, 1

    def add(self, ratings: npt.NDArray[np.float32]) -> None:
        self._kept = np.append(self._kept, ratings[-self._seen % self._stride :: self._stride])
        self._seen += len(ratings)
        while len(self._kept) > SAMPLE:
            self._kept, self._stride = self._kept[::2], 2 * self._stride
        self.low, self.high = min(self.low, ratings.min()), max(self.high, ratings.max())
        if self.counts is None:
            return
        for value, times in zip(*np.unique(ratings, return_counts=True), strict=True):
            self.counts[value] = self.counts.get(value, 0) + int(times)
        if len(self.counts) > DIFFERENT:
            self.counts = None

    def sample(self) -> npt.NDArray[np.float32]:
        return self._kept

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
