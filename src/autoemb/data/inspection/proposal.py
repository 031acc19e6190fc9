"""From what was counted to settings: scale, labels, streams and popularity levels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from autoemb.config import LevelsConfig, StreamConfig
from autoemb.data.datasets import csv
from autoemb.data.inspection.survey import Counts, Survey

EACH = 10
"""Where there are at most so many different ratings, each is a class."""

CLASSES = 5
"""Classes where there are more different ratings than that."""

HIGHEST_LEVEL = 28
"""The highest popularity level that is proposed (Fig. 1)."""

ENOUGH = (0.25, 1000)
"""A popularity level is proposed if this share of the users, or this number of them, have the ratings for it."""


TEST = 0.25
"""Share of the ratings in the test part, at the end of a stream."""

LEAST_STEPS = 100
"""Steps that the train part is to make at least: in fewer, little is learnt."""

BATCHES = (500, 200, 100, 50, 20, 10, 5, 2)
"""Sizes of a mini-batch that are proposed: the papers', or the largest that makes ``LEAST_STEPS``; of 1, batch
normalisation makes the same whatever it is."""

SMALL = 20
"""In a mini-batch of fewer ratings, mean and variance, by which batch normalisation scales, are called uncertain."""


@dataclass(frozen=True)
class Proposal:
    """Settings for the file."""

    data: csv.Config
    streams: Mapping[str, StreamConfig]
    batch_size: int
    levels: LevelsConfig | None
    """None where too few users have enough ratings."""
    reached: int
    """Users that have the ratings for the highest level proposed; where none is, those that have them for level 2."""


def propose(data: csv.Config, counted: Survey) -> Proposal:
    """Settings with which the file can be run.

    Args:
        data: the settings by which the file was read; those of the scale are replaced.
        counted: what is in the file.
    """
    levels = levels_of(counted.users)
    splits = LevelsConfig(side="user", at=levels) if levels else None
    test_share = LevelsConfig.model_fields["test_share"].default
    reached = int((training_ratings(counted.users, test_share) >= max(levels, default=2)).sum())
    # a scale needs two ends, also where all ratings are equal
    low = counted.low if counted.low < counted.high else counted.low - 1
    scale = csv.Config.model_validate(
        {
            **data.model_dump(exclude={"columns"}),
            "columns": data.columns,
            "rating_range": (low, counted.high),
            "rating_step": step_of(list(counted.ratings)) if counted.ratings else None,
            "positive_from": positive_from(counted, low),
            "class_edges": class_edges(counted, low),
        }
    )
    temporal = counted.last > counted.first
    orders = {"temporal": "temporal"} if temporal else {"given": "given", "shuffled": "shuffled"}
    streams = {name: StreamConfig.model_validate({"order": order, "test": TEST}) for name, order in orders.items()}
    return Proposal(scale, streams, batch_size(counted.rows), splits, reached)


def batch_size(rows: int) -> int:
    """The largest of ``BATCHES`` in which the train part of so many rows makes ``LEAST_STEPS``; else the smallest."""
    return next((size for size in BATCHES if steps(rows, size) >= LEAST_STEPS), BATCHES[-1])


def steps(rows: int, size: int) -> int:
    """Whole mini-batches of the train part of so many rows."""
    return (rows - round(TEST * rows)) // size


def step_of(ratings: Sequence[float]) -> float | None:
    """The greatest step that leads from the lowest rating through all others; None if they miss half of its places.

    Args:
        ratings: different ones, ascending.
    """
    exact = [Decimal(str(rating)) for rating in ratings]
    above = [rating - exact[0] for rating in exact[1:]]
    if not above:
        return None
    unit = Decimal(1).scaleb(min(int(difference.as_tuple().exponent) for difference in above))
    step = math.gcd(*(int(difference / unit) for difference in above)) * unit
    return float(step) if 2 * len(ratings) >= above[-1] / step + 1 else None


def positive_from(counted: Survey, low: float) -> float:
    """The rating nearest to four fifths of the way from the lowest to the highest; without steps, that point itself."""
    point = low + 0.8 * (counted.high - low)
    ratings = list(counted.ratings or ())
    if ratings and (len(ratings) <= EACH or step_of(ratings) is not None):
        return _nearest([rating for rating in ratings if rating > low], point)
    return _round(point, counted)


def class_edges(counted: Survey, low: float) -> tuple[float, ...]:
    """Each rating where they are few; else five equal steps, to the nearest rating where the ratings have steps."""
    ratings = list(counted.ratings or ())
    if len(ratings) == 1:
        return (low, counted.high)
    if 1 < len(ratings) <= EACH:
        return tuple(ratings)
    points = [low + n * (counted.high - low) / CLASSES for n in range(1, CLASSES)]
    stepped = bool(ratings) and step_of(ratings) is not None
    inner = [_nearest(ratings, point) if stepped else _round(point, counted) for point in points]
    return (*inner, counted.high)


def levels_of(users: Counts) -> tuple[int, ...]:
    """Even popularity levels up to the highest for which enough users have the ratings; none where that is below 2."""
    share, number = ENOUGH
    enough = max(1, min(math.ceil(share * len(users)), number))
    having = training_ratings(users, LevelsConfig.model_fields["test_share"].default)
    highest = min(int(np.partition(having, -enough)[-enough]), HIGHEST_LEVEL)
    if highest < 4:
        return tuple(range(1, highest + 1)) if highest >= 2 else ()
    return tuple(range(2, highest + 1, 2))


def training_ratings(users: Counts, test_share: float) -> Counts:
    """How many of each user's ratings ``stream.level_splits`` leaves for training. (users,) -> (users,)"""
    test: Counts = np.maximum(np.rint(users * test_share), 1).astype(np.int64)
    return users - test


def _nearest(ratings: Sequence[float], point: float) -> float:
    return min(ratings, key=lambda rating: abs(rating - point))


def _round(point: float, counted: Survey) -> float:
    """The point, rounded to a thousandth of the range of the ratings or finer."""
    return round(point, 3 - math.floor(math.log10(counted.high - counted.low)))
