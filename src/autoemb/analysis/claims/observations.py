"""What the claims are judged from: one number per seed and comparison, positive where it is as claimed.

Here are the claims about two methods' means and about Fig. 1's levels; ``frequency.py`` and ``sizes.py`` have the rest.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from autoemb.analysis.tables import AS_RELEASED, SEARCHING, first_trained, fixed, lower_is_better
from autoemb.analysis.tables.clusters import over_users
from autoemb.analysis.tables.intervals import RUN, by_metric, per_seed

CELL = ["dataset", "stream", "task", "metric"]

MEANS = "means"
"""The anchor that S1 holds the methods of the papers against."""

SEED = [*CELL, "seed"]
_COLUMNS = ["claim", "comparison", *CELL, "seed", "value"]


def pairs(outcomes: pd.DataFrame) -> dict[str, list[tuple[str, str]]]:
    """Methods that the claims about means compare: the better one, the other one.

    Args:
        outcomes: of every run; S1, S2 and S4 compare those methods that have run.
    """
    ran, baseline = set(outcomes["method"]), fixed(outcomes)
    of_papers = [name for name in ("fse", "fse-128", *SEARCHING) if name in ran]
    of_one_start = [(name + start, baseline + start) for start in ("", "-scaled") for name in SEARCHING]
    of_one_rule = [(name + start, f"mask{start}") for start in ("", "-scaled") for name in ("autoemb", "esapn")]
    return {
        "A3": [("sam", "fse"), ("darts", "sam"), ("autoemb", "darts")],
        "A4": [("darts", "sam"), ("autoemb", "sam")],
        # Theta's rate is 0.001 in sam and autoemb-fast, 0.0001 in autoemb and sam-slow
        "A4r": [("autoemb-fast", "sam"), ("autoemb", "sam-slow"), ("autoemb-fast", "uniform"), ("autoemb", "uniform")],
        "A5": [("autoemb", "darts")],
        "E1": [("darts", baseline), ("autoemb", "darts"), ("esapn", "autoemb")],
        "E1e": [("esapn", "autoemb")],
        "S1": [(name, MEANS) for name in of_papers],
        "S2": [pair for pair in of_one_start if ran >= set(pair)],
        "S4": [pair for pair in of_one_rule if ran >= set(pair)],
    }


def over(better: str, other: str) -> str:
    """The name of a comparison of two methods."""
    return f"{better} over {other}"


def oriented(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with the sign of ``value`` turned where ``metric`` is a loss: larger is better."""
    return frame.assign(value=frame["value"].where(~frame["metric"].map(lower_is_better), -frame["value"]))


def of_means(outcomes: pd.DataFrame) -> pd.DataFrame:
    """A3, A4, A5, E1, S1, S2, S4 and their like: differences of two methods' means over the test part.

    Args:
        outcomes: ``schema.OUTCOMES`` of every run, with ``dataset``, ``stream``, ``task``, ``method``.

    Returns:
        As all functions that make observations: one row per claim x comparison x data set x stream x task x
        metric x ``seed``, with ``value``. Cells where a claim lacks a comparison have no rows of it.
    """
    # each interaction is counted once per side, so one side has them all
    test = outcomes[(outcomes["split"] == "test") & (outcomes["side"] == "user")]
    claims = pairs(outcomes)
    names = sorted({name for pair in claims.values() for names in pair for name in names})
    wide = by(oriented(per_seed(test, RUN)), "method", names)
    return stack([
        observed(claim, {over(a, b): wide[a] - wide[b] for a, b in compared}) for claim, compared in claims.items()
    ])  # fmt: skip


def of_users(users: pd.DataFrame, compared: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """How much the difference of two methods' means would vary with other users.

    Args:
        users: ``schema.TEST_USERS`` of every run, with ``dataset``, ``stream``, ``task``, ``method``.
        compared: the methods: the better one, the other one.

    Returns:
        One row per data set x stream x task x metric x ``comparison``: ``user_variance``, ``user_freedom``
        (``clusters.over_users``), for the pairs whose methods there are.
    """
    sums = oriented(by_metric(users))
    wide = sums.pivot_table("value", index=[*CELL, "user", "n", "seed"], columns="method")
    frames = [
        (wide[better] - wide[other]).dropna().rename("total").reset_index().assign(comparison=over(better, other))
        for better, other in compared
        if {better, other} <= set(wide.columns)
    ]
    keys = [*CELL, "comparison"]
    if not frames:
        return pd.DataFrame(columns=[*keys, "user_variance", "user_freedom"])
    return over_users(pd.concat(frames, ignore_index=True), keys)


def levels_stream(side: str) -> str:
    """What stands for a stream's name in the claims about the popularity levels of a side."""
    return f"popularity levels ({side})"


def of_levels(values: pd.DataFrame) -> pd.DataFrame:
    """A1, A2: embedding sizes over the popularity levels of Fig. 1's protocol, started as released and trained as
    shortly as any: the paper's protocol, as far as it is known.

    S3 is A2 with the scaled start.

    Args:
        values: ``dataset``, ``side``, ``task``, ``metric``, ``start``, ``training``, ``size``, ``level``, ``seed`` and
            the loss or accuracy ``value``.
    """  # fmt: skip
    values = first_trained(values)
    scaled = _of_start(values[values["start"] == "scaled"])
    scaled = scaled[scaled["claim"] == "A2"].assign(claim="S3")
    return stack([_of_start(values[values["start"] == AS_RELEASED]), scaled])


def _of_start(values: pd.DataFrame) -> pd.DataFrame:
    """A1 and A2 of one start."""
    if values.empty or values["level"].nunique() < 2:
        return stack([])
    made = []
    for side, one in oriented(values).groupby("side", sort=False):
        named = one.assign(stream=levels_stream(str(side)))
        wide = named.pivot_table("value", index=SEED, columns=["size", "level"])
        wide = wide.reindex(columns=pd.MultiIndex.from_product([sorted(values["size"].unique()), _levels(values)]))
        made += [observed(claim, compared) for claim, compared in _of_sizes(wide, str(side))]
    return stack(made)


def _levels(values: pd.DataFrame) -> list[int]:
    return sorted(int(level) for level in values["level"].unique())


def _of_sizes(wide: pd.DataFrame, side: str) -> list[tuple[str, dict[str, "pd.Series[float]"]]]:
    """A1, by slopes over all levels, and A2, by both ends, of one side.

    ``wide`` holds how good each size is at each level, a row per cell and seed.
    """
    sizes = list(dict.fromkeys(wide.columns.get_level_values(0)))
    smallest, *larger = sizes
    levels = list(wide[smallest].columns)
    low, high = levels[0], levels[-1]
    doublings = np.log2(levels) - np.log2(levels).mean()
    over_levels = (doublings**2).sum()
    gain = {size: (wide[size] * doublings).sum(axis=1, skipna=False) / over_levels for size in sizes}
    improving = {f"size {size}, {side} popularity": slope for size, slope in gain.items()}
    more = {f"gain of size {b} over size {a}, {side} popularity": gain[b] - gain[a] for a, b in pairwise(gain)}
    first = {
        f"size {smallest} over {size} at {side} popularity {low}": wide[smallest, low] - wide[size, low]
        for size in larger
    }
    then = {
        f"size {size} over {smallest} at {side} popularity {high}": wide[size, high] - wide[smallest, high]
        for size in larger
    }
    return [("A1", improving | more), ("A2", first | then)] if larger else [("A1", improving)]


def by(frame: pd.DataFrame, column: str, names: Sequence[str]) -> pd.DataFrame:
    """A row per cell and seed, a column per name with its values; NaN where a seed has no value of this name."""
    return frame.pivot_table("value", index=SEED, columns=column).reindex(columns=list(names))


def observed(claim: str, values: Mapping[str, "pd.Series[float]"]) -> pd.DataFrame:
    """The claim's comparisons as rows, for the cells and seeds that have every one of its comparisons."""
    if not values:
        return stack([])
    wide = pd.DataFrame(values).dropna()
    rows = wide.melt(ignore_index=False, var_name="comparison", value_name="value").reset_index()
    return rows.assign(claim=claim)[_COLUMNS]


def stack(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All rows; without any, an empty frame with the right columns."""
    filled = [frame for frame in frames if not frame.empty]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=_COLUMNS)
