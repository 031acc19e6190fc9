"""From sums to means and 95 % intervals over seeds, and the order in which rows are shown."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoemb.analysis.tables.student import half_width
from autoemb.schema import POPULARITY_BIN_LOWS, SIDES, SPLITS, TASKS

LOSSES = {"regression": "mse", "classification": "cross_entropy"}
"""The loss metric of each task; every task has ``accuracy`` as well."""

RUN = ["dataset", "stream", "task", "method"]
"""What names one run."""

INTERVAL = ["mean", "sd", "low", "high", "seeds"]

BIN = ["popularity_low", "popularity_high"]

CONSTANT = "constant"
"""The method that looks at neither user nor item: one that is worse has learnt nothing."""

ANCHORS = (CONSTANT, "means")
"""Methods without an embedding: lines to hold the others against."""

SEARCHING = ("sam", "darts", "autoemb", "esapn")
"""The methods of the papers that search sizes."""

_FAMILIES = (*ANCHORS, "mf", "fse", "mask", "utility", "uniform", "sam", "darts", "autoemb", "esapn")
_METRICS = ("mse", "cross_entropy", "accuracy", "mean_size", "memory_saved")
_ORDERS = {"task": TASKS, "side": SIDES, "split": SPLITS, "metric": _METRICS}


def over_seeds(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Mean of ``value`` over seeds with its 95 % interval by Student's t.

    Args:
        frame: one row per ``keys`` x ``seed``, with ``value`` (float64) and ``n`` (interactions behind it).
        keys: columns that name one cell of the table.

    Returns:
        ``keys``, then ``mean``, ``sd`` (n - 1 in the denominator), ``low``, ``high`` (float64; NaN with one
        seed), ``seeds`` (int64), ``n`` (int64, interactions of the seed that has the fewest), sorted as
        ``arrange`` does.
    """
    groups = frame.groupby(list(keys), as_index=False, dropna=False)
    table = groups.agg(mean=("value", "mean"), sd=("value", "std"), seeds=("seed", "nunique"), n=("n", "min"))
    half = half_width(table["sd"] / np.sqrt(table["seeds"]), table["seeds"] - 1)
    table = table.assign(low=table["mean"] - half, high=table["mean"] + half)
    return arrange(table[[*keys, *INTERVAL, "n"]], keys)


def per_seed(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Loss and accuracy of every seed.

    Args:
        frame: sums ``n``, ``loss_sum``, ``correct``, with ``seed`` and ``keys``; ``task`` is one of the keys.
        keys: columns that name one cell of the table, without the metric.

    Returns:
        One row per ``keys`` x ``metric`` x ``seed``: those, then ``value`` (float64) and ``n`` (int64).
    """
    sums = frame.groupby([*keys, "seed"], as_index=False)[["n", "loss_sum", "correct"]].sum()
    sums = sums[sums["n"] > 0]
    values = by_metric(sums)
    return values.assign(value=values["value"] / values["n"])[[*keys, "metric", "seed", "value", "n"]]


def by_metric(sums: pd.DataFrame) -> pd.DataFrame:
    """Each row of sums twice, with ``metric`` and the sum ``value`` (float64): of the losses, and of the hits."""
    loss = sums.assign(metric=sums["task"].map(LOSSES), value=sums["loss_sum"])
    hits = sums.assign(metric="accuracy", value=sums["correct"].astype("float64"))
    return pd.concat([loss, hits], ignore_index=True)


def coarse_bins(frame: pd.DataFrame, an_octave: int = 2) -> pd.DataFrame:
    """``frame`` with each popularity bin replaced by the one, of so many an octave (1 or 2), that holds it.

    The recorded bins are finer than what a few hundred thousand interactions can tell apart; sums add up.
    The last bin is open: its ``popularity_high`` is the largest int32.
    """
    lows = np.unique(np.round(2 ** (np.arange(0, 18 * an_octave + 1) / an_octave))).astype(np.int64)
    lows = np.intersect1d(lows, POPULARITY_BIN_LOWS)  # no coarse bin cuts a recorded one
    highs = np.append(lows[1:] - 1, np.iinfo(np.int32).max)
    index = np.searchsorted(lows, frame["popularity_low"].to_numpy(), side="right") - 1
    return frame.assign(popularity_low=lows[index], popularity_high=highs[index])


def arrange(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Rows sorted by the columns ``by``: tasks, sides, splits, metrics and methods in their own order."""

    def key(column: "pd.Series[str]") -> "pd.Series[str]":
        if column.name == "method":
            order = sort_methods(column.unique())
        elif column.name == "training":
            order = by_length(column.unique())
        elif column.name in _ORDERS:
            order = list(_ORDERS[str(column.name)])
        else:
            return column
        return column.map({name: rank for rank, name in enumerate(order)})

    return frame.sort_values(list(by), key=key, kind="stable", ignore_index=True)


def sort_methods(names: Iterable[str]) -> list[str]:
    """The anchors first, then the paper's order; variants after their family by number, then by name."""

    def key(name: str) -> tuple[int, int, str]:
        family = name.split("-")[0]
        rank = _FAMILIES.index(family) if family in _FAMILIES else len(_FAMILIES)
        number = re.search(r"-(\d+)(?:-|$)", name)
        return rank, int(number[1]) if number else 0, name

    return sorted(names, key=key)


def plain_methods(names: Iterable[str]) -> list[str]:
    """Those that are no variants: a method under its own name, or FSE of a size (``fse-16``)."""
    return [name for name in sort_methods(names) if "-" not in name or re.fullmatch(r"fse-\d+", name)]


def by_length(trainings: Iterable[str]) -> list[str]:
    """How long models of Fig. 1's levels are trained: by the number of passes, then the others by name."""

    def key(training: str) -> tuple[bool, int, str]:
        passes = re.match(r"(\d+) pass", training)
        return passes is None, int(passes[1]) if passes else 0, training

    return sorted(trainings, key=key)


def fixed(runs: pd.DataFrame) -> str:
    """The ``method`` that stands for one fixed size: ``fse-128`` if there is one, else ``fse``."""
    return "fse-128" if (runs["method"] == "fse-128").any() else "fse"


def below_constant(cell: pd.DataFrame, metric: str) -> list[str]:
    """The methods of a cell (``method``, ``mean``) that are worse than ``constant``; none where it has not run."""
    constant = cell.loc[cell["method"] == CONSTANT, "mean"]
    if constant.empty:
        return []
    sign = 1 if lower_is_better(metric) else -1
    worse = sign * cell["mean"] > sign * float(constant.iloc[0])
    return sort_methods(cell.loc[worse, "method"].unique())


def lower_is_better(metric: str) -> bool:
    """Whether the metric is a loss."""
    return metric in LOSSES.values()


def bin_centres(table: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Geometric middle of every popularity bin; the open bin's lowest popularity."""
    low = table["popularity_low"].to_numpy(dtype=np.float64)
    high = table["popularity_high"].to_numpy(dtype=np.float64)
    return np.where(high >= np.iinfo(np.int32).max, low, np.sqrt(low * high))


def supported(frame: pd.DataFrame, least: int = 100) -> pd.DataFrame:
    """The rows behind which stand at least ``least`` interactions per seed; all rows where none has so many.

    A bin with a handful of interactions says more about them than about popularity.
    """
    enough = frame[frame["n"] >= least]
    return frame if enough.empty else enough
