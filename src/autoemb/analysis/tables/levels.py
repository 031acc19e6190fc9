"""Tables of the splits by popularity level (Fig. 1): error against popularity, and where larger sizes overtake."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoemb.analysis import published
from autoemb.analysis.tables.columns import flags, numbers, texts
from autoemb.analysis.tables.intervals import arrange, by_length, lower_is_better, over_seeds, per_seed
from autoemb.analysis.tables.student import half_width
from autoemb.schema import LEVEL_MODEL, NO_START

_CELL = ["dataset", "side", "task", "metric"]

OVERTAKES, AHEAD, BEHIND, UNDECIDED = "overtakes", "ahead at every level", "behind at every level", "undecided"
"""What is found of a larger and a smaller size."""

CROSSINGS = (
    texts(*_CELL, "start", "training")
    | numbers("smaller", "larger")
    | numbers("crossing", "low", "high", may_lack=True)
    | flags("from_start")
    | texts("finding")
    | numbers("seeds")
    | numbers("paper", may_lack=True)
)
"""The columns of ``crossings``."""

AS_RELEASED = "normal"
"""The start of the released code."""

LEVELS_PER_TERM = 3
"""A gap's curve is fitted by a term for every so many levels, from 2 terms (a line) to 4 (a cubic)."""

_POINTS = 1001
"""Points of a fitted curve, from the lowest to the highest level."""

_ROUNDING = 1e-12
"""A gap below it is that of sums in another order."""


def levels(sums: pd.DataFrame) -> pd.DataFrame:
    """Fig. 1: loss and accuracy of every size, start and length of training, and of the anchors, at every level.

    Args:
        sums: ``schema.LEVELS``, with ``dataset``, ``side`` (whose ratings are counted out) and ``task``.

    Returns:
        One row per data set x side x task x metric x ``method`` x ``start`` x ``training`` x ``size`` x ``level``
        (training ratings per id): ``mean``, ``sd``, ``low``, ``high``, ``seeds``, ``n`` (test interactions of the seed
        that has the fewest), and ``paper`` (Fig. 1 of the paper, digitised; only for ml-20m's users in the regression
        task, the start ``normal`` and the shortest training, else NaN). An anchor has size 0 and the start ``none``.
    """
    values = per_seed(sums, ["dataset", "side", "task", *LEVEL_MODEL, "level"])
    table = over_seeds(values, [*_CELL, *LEVEL_MODEL, "level"])
    paper = published.figure1().assign(side="user", task="regression", method="fse", start=AS_RELEASED)
    paper = paper.rename(columns={"popularity": "level", "value": "paper"}).assign(training=_first_training(table))
    return table.merge(paper, on=[*_CELL, *LEVEL_MODEL, "level"], how="left")


def starts_of(table: pd.DataFrame) -> list[str]:
    """The starts of embeddings that a table has, in its order."""
    return [str(start) for start in table["start"].unique() if start != NO_START]


def trainings_of(table: pd.DataFrame) -> list[str]:
    """How long its embeddings are trained, the shortest first: passes, then the steps of other data sets."""
    return by_length(table.loc[table["start"] != NO_START, "training"].unique())


def first_trained(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the shortest training, which is the paper's protocol, and of the anchors, which have but one."""
    return table[(table["start"] == NO_START) | (table["training"] == _first_training(table))]


def _first_training(table: pd.DataFrame) -> str:
    return next(iter(trainings_of(table)), "")


def model_names(table: pd.DataFrame) -> list[str]:
    """What each row's model is called: an anchor by its method, else by its size, and by its start and the length of
    its training where there are several.
    """  # fmt: skip
    several = len(starts_of(table)) > 1, len(trainings_of(table)) > 1
    rows = zip(table["method"], table["start"], table["training"], table["size"], strict=True)
    return [
        f"size {size}" + f", {start}" * several[0] + f", {training}" * several[1] if start != NO_START else method
        for method, start, training, size in rows
    ]


def crossings(sums: pd.DataFrame) -> pd.DataFrame:
    """Where a larger size overtakes a smaller one for good.

    Args:
        sums: as in ``levels``.

    Returns:
        One row per data set x side x task x metric x ``start`` x ``training`` x pair ``smaller``, ``larger``, with
        what ``overtaking`` finds: ``crossing``, ``low``, ``high``, ``from_start``, ``finding``; ``seeds`` (int64), and
        ``paper`` (where the same pair's curves cross in the paper's Fig. 1, which shows the users of ml-20m in the
        regression task; given for that side and task of any data set, the start ``normal`` and the shortest training,
        else NaN).
    """
    sums = sums[sums["start"] != NO_START]
    values = per_seed(sums, ["dataset", "side", "task", "start", "training", "size", "level"])
    keys = [*_CELL, "start", "training"]
    paper = paper_crossings()
    known = ("user", "regression", AS_RELEASED, _first_training(sums))
    rows = []
    for cell, group in values.groupby(keys, sort=False):
        for smaller, larger in combinations(sorted(map(int, group["size"].unique())), 2):
            row: dict[str, object] = dict(zip(keys, cell, strict=True)) | {"smaller": smaller, "larger": larger}
            here = (row["side"], row["task"], row["start"], row["training"])
            where = paper.get((str(row["metric"]), smaller, larger), np.nan) if here == known else np.nan
            at, gaps = _gaps(group, smaller, larger)
            rows.append(row | overtaking(at, gaps)._asdict() | {"seeds": gaps.shape[1], "paper": where})
    return arrange(pd.DataFrame(rows, columns=list(CROSSINGS)), [*keys, "smaller", "larger"])


class Overtaking(NamedTuple):
    """What is found of a larger and a smaller size."""

    crossing: float
    """Popularity from which the larger size stays ahead, by the mean curve; NaN: not within the levels."""
    low: float
    high: float
    """Ends of the crossing's 95 % interval; NaN where it goes on beyond the lowest or the highest level."""
    from_start: bool
    """Whether the larger size is ahead all along the mean curve."""
    finding: str
    """``overtakes``: the interval lies within the levels; ``ahead`` or ``behind at every level``: so is the whole
    curve's band; ``undecided``: anything else, and always with one seed."""


def overtaking(levels: npt.NDArray[np.float64], gaps: npt.NDArray[np.float64]) -> Overtaking:
    """Where a gap between two sizes crosses zero from above, for good, by a smooth curve through each seed's gaps.

    Each seed's gap is fitted by a + b log x + c (log x)^2 + d (log x)^3, least squares over the levels, with fewer
    terms where there are few (``LEVELS_PER_TERM``): gaps are steep at low popularity and flatten, evenly on a
    logarithmic axis; a parabola misses that bend on our own curves by more than their noise, a fourth power follows the
    noise. (The last change of sign of the raw gap moves upward with noise, and the more so the more levels there are to
    change it.) A fit is linear in the gaps, so the seeds' curves are a sample of curves, with a mean and an interval by
    Student's t at every x.

    The crossing is the zero of the mean curve. Its interval is of all x at which zero is within the mean's interval:
    it holds a true crossing in 95 % of draws whatever the number of seeds (Fieller 1954), which resampling three or
    five of them does not. A crossing is decided where this interval has both ends within the levels, that is where
    the larger size is surely behind at the lowest level and surely ahead at the highest; without a crossing within
    the levels, one of the two is wrong, which happens in 2.5 % of draws at most.

    Args:
        levels: (L,) ascending popularity levels.
        gaps: (L, S) error of the larger size minus error of the smaller one.
    """
    if len(levels) < 2:
        return Overtaking(np.nan, np.nan, np.nan, False, UNDECIDED)
    seeds = gaps.shape[1]
    x = np.log(levels)
    along = np.linspace(x[0], x[-1], _POINTS)
    terms = min(max(len(levels) // LEVELS_PER_TERM, 2), 4)
    fitted = np.polyfit(x, gaps, terms - 1)  # (terms, S)
    curves = np.vander(along, len(fitted)) @ fitted  # (points, S)
    mean = curves.mean(axis=1)
    half = np.full(_POINTS, np.nan)
    if seeds > 1:
        half = np.maximum(half_width(curves.std(axis=1, ddof=1) / np.sqrt(seeds), seeds - 1), _ROUNDING)
    where, from_start = crossing(np.exp(along), mean)
    behind, ahead = mean > half, mean < -half  # surely; never of one seed
    finding, low, high = UNDECIDED, np.nan, np.nan
    if behind[0] and ahead[-1]:
        finding = OVERTAKES
    elif ahead.all() or behind.all():
        finding = AHEAD if ahead.all() else BEHIND
    if seeds > 1 and not from_start and not np.isnan(where):
        unsure = np.append(np.exp(along[~(behind | ahead)]), where)
        low, high = (
            np.nan if end else at for end, at in ((not behind[0], unsure.min()), (not ahead[-1], unsure.max()))
        )
    return Overtaking(np.nan if from_start else where, float(low), float(high), from_start, finding)


def crossing(levels: npt.NDArray[np.float64], gap: npt.NDArray[np.float64]) -> tuple[float, bool]:
    """Level from which ``gap`` stays below zero up to the last level, and whether that is the first level.

    Args:
        levels: (L,) ascending popularity levels.
        gap: (L,) error of the larger size minus error of the smaller one.

    Returns:
        The level, interpolated linearly between two levels, NaN where the gap does not end below zero.
    """
    above = np.flatnonzero(gap >= 0)
    if above.size == 0:
        return (float(levels[0]), True) if levels.size else (np.nan, False)
    last = above[-1]
    if last == len(gap) - 1:
        return np.nan, False
    share = gap[last] / (gap[last] - gap[last + 1])
    return float(levels[last] + share * (levels[last + 1] - levels[last])), False


def _gaps(group: pd.DataFrame, smaller: int, larger: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The levels that both sizes have (L,), and the larger one's error minus the smaller one's there by seed (L, S)."""
    sign = 1.0 if lower_is_better(str(group["metric"].iloc[0])) else -1.0
    gap = _curves(group, larger) - _curves(group, smaller)
    gap = gap.dropna()
    return gap.index.to_numpy(dtype=np.float64), sign * gap.to_numpy(np.float64)


def _curves(group: pd.DataFrame, size: int) -> pd.DataFrame:
    """Value of one size by level (rows) and seed (columns), without the levels that a seed lacks."""
    return group[group["size"] == size].pivot_table(index="level", columns="seed", values="value").dropna()


def paper_crossings() -> dict[tuple[str, int, int], float]:
    """Crossings of the paper's digitised curves, where they are seen to cross, by metric, smaller and larger size."""
    where = {}
    for metric, group in published.figure1().groupby("metric"):
        curves = group.rename(columns={"popularity": "level"}).assign(seed=0)
        for smaller, larger in combinations(sorted(map(int, group["size"].unique())), 2):
            at, gap = _gaps(curves, smaller, larger)
            where[str(metric), smaller, larger] = crossing(at, gap[:, 0])[0]
    return where
