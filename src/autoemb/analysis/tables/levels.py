"""Tables of the splits by popularity level (Fig. 1): error against popularity, and where larger sizes overtake."""

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoemb.analysis import published
from autoemb.analysis.tables.columns import flags, numbers, texts
from autoemb.analysis.tables.intervals import arrange, lower_is_better, over_seeds, per_seed
from autoemb.schema import LEVEL_MODEL, NO_START

_CELL = ["dataset", "side", "task", "metric"]

CROSSINGS = (
    texts(*_CELL, "start")
    | numbers("smaller", "larger")
    | numbers("crossing", may_lack=True)
    | flags("from_start")
    | numbers("seeds_crossing", "seeds")
    | numbers("earliest", "latest", "paper", may_lack=True)
)
"""The columns of ``crossings``."""

AS_RELEASED = "normal"
"""The start of the released code."""


def levels(sums: pd.DataFrame) -> pd.DataFrame:
    """Fig. 1: loss and accuracy of every embedding size and start, and of the anchors, at every popularity level.

    Args:
        sums: ``schema.LEVELS``, with ``dataset``, ``side`` (whose ratings are counted out) and ``task``.

    Returns:
        One row per data set x side x task x metric x ``method`` x ``start`` x ``size`` x ``level`` (training ratings
        per id): ``mean``, ``sd``, ``low``, ``high``, ``seeds``, ``n`` (test interactions per seed), and ``paper``
        (Fig. 1 of the paper, digitised; only for ml-20m's users in the regression task and the start ``normal``, else
        NaN). An anchor has size 0 and the start ``none``.
    """
    values = per_seed(sums, ["dataset", "side", "task", *LEVEL_MODEL, "level"])
    table = over_seeds(values, [*_CELL, *LEVEL_MODEL, "level"])
    paper = published.figure1().assign(side="user", task="regression", method="fse", start=AS_RELEASED)
    paper = paper.rename(columns={"popularity": "level", "value": "paper"})
    return table.merge(paper, on=[*_CELL, *LEVEL_MODEL, "level"], how="left")


def starts_of(table: pd.DataFrame) -> list[str]:
    """The starts of embeddings that a table has, in its order."""
    return [str(start) for start in table["start"].unique() if start != NO_START]


def model_names(table: pd.DataFrame) -> list[str]:
    """What each row's model is called: an anchor by its method, else its size, and its start if there are several."""
    several = len(starts_of(table)) > 1
    rows = zip(table["method"], table["start"], table["size"], strict=True)
    return [f"size {size}" + f", {start}" * several if start != NO_START else method for method, start, size in rows]


def crossings(sums: pd.DataFrame) -> pd.DataFrame:
    """Where a larger size overtakes a smaller one for good.

    Args:
        sums: as in ``levels``.

    Returns:
        One row per data set x side x task x metric x ``start`` x pair ``smaller``, ``larger``: ``crossing`` (float64,
        popularity, of the mean curve, as ``crossing`` finds it; NaN: never), ``from_start`` (bool: already ahead
        at the lowest level), ``seeds_crossing`` (int64: seeds whose own curves cross), ``earliest``, ``latest``
        (float64, popularity: where the first and the last of these cross; NaN if none does), ``seeds`` (int64), and
        ``paper`` (the crossing of the same pair in the paper's Fig. 1, which shows the users of ml-20m in the
        regression task; given for that side and task of any data set and the start ``normal``, else NaN). ``earliest``
        to ``latest`` is no interval for ``crossing``: a seed that never crosses has no place in it.
    """
    sums = sums[sums["start"] != NO_START]
    values = per_seed(sums, ["dataset", "side", "task", "start", "size", "level"])
    keys = [*_CELL, "start"]
    paper = paper_crossings()
    rows = []
    for cell, group in values.groupby(keys, sort=False):
        for smaller, larger in combinations(sorted(group["size"].unique()), 2):
            row: dict[str, object] = dict(zip(keys, cell, strict=True)) | {
                "smaller": int(smaller),
                "larger": int(larger),
            }
            known = (row["side"], row["task"], row["start"]) == ("user", "regression", AS_RELEASED)
            where = paper.get((str(row["metric"]), smaller, larger), np.nan) if known else np.nan
            rows.append(row | _overtakes(group, smaller, larger) | {"paper": where})
    return arrange(pd.DataFrame(rows, columns=list(CROSSINGS)), [*keys, "smaller", "larger"])


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


def _overtakes(group: pd.DataFrame, smaller: int, larger: int) -> dict[str, object]:
    """The crossing of one pair on the mean curve, and the range of the crossings of the seeds' own curves."""
    sign = 1.0 if lower_is_better(str(group["metric"].iloc[0])) else -1.0
    small, large = (_curves(group, size) for size in (smaller, larger))
    levels = small.index.intersection(large.index)
    # (L, S): the levels that both sizes have, by seed
    gaps = sign * (large.loc[levels].to_numpy(np.float64) - small.loc[levels].to_numpy(np.float64))
    at = levels.to_numpy(dtype=np.float64)
    where, from_start = crossing(at, gaps.mean(axis=1))
    of_seeds = np.array([crossing(at, gap)[0] for gap in gaps.T])
    crossed = of_seeds[~np.isnan(of_seeds)]
    earliest, latest = (crossed.min(), crossed.max()) if crossed.size else (np.nan, np.nan)
    return {
        "crossing": where, "from_start": from_start, "seeds_crossing": crossed.size, "seeds": gaps.shape[1],
        "earliest": earliest, "latest": latest,
    }  # fmt: skip


def _curves(group: pd.DataFrame, size: int) -> pd.DataFrame:
    """Value of one size by level (rows) and seed (columns), without the levels that a seed lacks."""
    return group[group["size"] == size].pivot_table(index="level", columns="seed", values="value").dropna()


def paper_crossings() -> dict[tuple[str, int, int], float]:
    """Crossings of the paper's digitised curves by metric, smaller and larger size."""
    crossings = {}
    for metric, group in published.figure1().groupby("metric"):
        curves = group.pivot_table(index="popularity", columns="size", values="value")
        sign = 1.0 if lower_is_better(str(metric)) else -1.0
        for smaller, larger in combinations(sorted(group["size"].unique()), 2):
            gap = sign * (curves[larger] - curves[smaller])
            crossings[str(metric), int(smaller), int(larger)] = crossing(
                curves.index.to_numpy(dtype=np.float64), gap.to_numpy()
            )[0]
    return crossings
