"""Differences of two methods' losses on the test part, paired by seed, and what can be decided by them.

Which seeds were drawn moves all methods alike, and so do hard and easy interactions: a difference of the same seeds on
the same interactions is known far better than either loss.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoemb.analysis.tables.clusters import over_users, spread, what_varies
from autoemb.analysis.tables.columns import Columns, numbers, texts
from autoemb.analysis.tables.intervals import (
    BIN,
    LOSSES,
    RUN,
    arrange,
    by_metric,
    coarse_bins,
    fixed,
    over_seeds,
    per_seed,
)
from autoemb.analysis.tables.student import half_width

CELL = ["dataset", "stream", "task", "metric"]

BETTER, WORSE, ALIKE, UNDECIDED = "better", "worse", "alike", "undecided"
"""What a difference says: its interval lies within the tolerance around 0 (``ALIKE``), else below 0, else above, or it
does none of these."""

FINDINGS = (BETTER, WORSE, ALIKE, UNDECIDED)

TOLERANCE = 0.01
"""A difference below this share of the other's loss makes two methods alike."""

LEAST = 100
"""Interactions per seed, below which nothing is decided: they say more of themselves than of popularity."""

MISS = 0.05
"""How often an interval may miss; of those by popularity, one of all those of a method on one side."""

_FOUND = (
    numbers("difference", "visible", may_lack=True)
    | numbers("low", "high", may_lack=True)
    | numbers("tolerance", "seeds", "n")
    | texts("finding")
)

DIFFERENCES: Columns = texts(*CELL, "method", "other") | _FOUND | texts("varies")

POPULARITY_DIFFERENCES: Columns = texts(*CELL, "side", "method", "other") | numbers(*BIN, "share", "loss") | _FOUND


def differences(outcomes: pd.DataFrame, users: pd.DataFrame, permuted: Sequence[str] = ()) -> pd.DataFrame:
    """The loss of every method minus that of every other, on the whole test part.

    Args:
        outcomes: ``schema.OUTCOMES`` of every run, with ``dataset``, ``stream``, ``task``, ``method``.
        users: ``schema.TEST_USERS`` of every run, likewise; they are in the intervals where seeds share a stream.
        permuted: streams whose replicates have a permutation of their own.

    Returns:
        One row per data set x stream x task x metric x ordered pair of methods: ``method``, ``other``; ``difference``
        (``method`` minus ``other``, so that below 0 is better) with its 95 % interval ``low``, ``high``; ``visible``,
        the least difference that it could have told from none; ``tolerance``; ``seeds``, ``n`` (test interactions
        per seed), ``finding`` and ``varies`` (what does in the interval).
    """
    losses, totals = losses_of(outcomes), totals_of(users)
    pair = [*CELL, "method", "other"]
    by_seed = _pairs(losses, [*CELL, "seed"], "value")
    found = over_seeds(by_seed.assign(value=by_seed["value"] - by_seed["value_other"]), pair)
    levels = by_seed.groupby(pair, as_index=False).agg(level=("value_other", "mean"))
    by_user = _pairs(totals, [*CELL, "seed", "user", "n"], "total")
    people = over_users(by_user.assign(total=by_user["total"] - by_user["total_other"]), pair)
    found = found.merge(levels, on=pair).merge(people, on=pair, how="left")
    half = _half(found)
    varies = what_varies(found["stream"], found["user_variance"].to_numpy(np.float64), permuted)
    return arrange(_judged(found, half).assign(varies=varies)[list(DIFFERENCES)], pair)


def popularity_differences(outcomes: pd.DataFrame) -> pd.DataFrame:
    """By running popularity, an octave at a time, the loss of every method minus that of the method of one fixed size.

    The intervals of one method and side hold together: that one of them misses happens to 5 % of such tables.
    Only the seeds vary in them, not the users.

    Args:
        outcomes: as for ``differences``.

    Returns:
        One row per data set x stream x task x metric x side x method x bin (``popularity_low``, ``popularity_high``,
        both included): as ``differences``, and ``share`` (of the test interactions in the bin) and ``loss``
        (of ``other``, the fixed size). Without a method of a fixed size there are no rows.
    """
    test = outcomes[outcomes["split"] == "test"]
    keys = [*CELL, "side", *BIN]
    values = per_seed(coarse_bins(test, an_octave=1), [*RUN, "side", *BIN])
    values = values[values["metric"].isin(list(LOSSES.values()))]
    name = fixed(values)
    reference = values[values["method"] == name].rename(columns={"value": "value_other"})
    by_seed = values[values["method"] != name].merge(reference[[*keys, "seed", "value_other"]], on=[*keys, "seed"])
    row = [*keys, "method"]
    found = over_seeds(by_seed.assign(value=by_seed["value"] - by_seed["value_other"]), row)
    found = found.merge(by_seed.groupby(row, as_index=False).agg(level=("value_other", "mean")), on=row)
    together = found.groupby([*CELL, "side", "method"])
    bins, total = together["n"].transform("size"), together["n"].transform("sum")
    judged = _judged(found, _half(found, MISS / bins.to_numpy(np.float64))).assign(
        other=name, share=found["n"] / total, loss=found["level"]
    )
    return arrange(judged[list(POPULARITY_DIFFERENCES)], [*CELL, "side", "method", "popularity_low"])


def difference(
    losses: pd.DataFrame,
    others: pd.DataFrame,
    totals: pd.DataFrame,
    other_totals: pd.DataFrame,
    on: Sequence[str],
    keys: Sequence[str],
) -> pd.DataFrame:
    """Differences of losses of the same seeds, with intervals that have the users in them where these are known.

    Args:
        losses: ``losses_of`` runs.
        others: of those that are subtracted.
        totals: ``totals_of`` the first.
        other_totals: of the second.
        on: columns that make a pair, beside the seed.
        keys: columns that name one cell.

    Returns:
        One row per ``keys``: ``difference``, ``difference_low``, ``difference_high``.
    """
    by_seed = losses.merge(others, on=[*on, "seed"], suffixes=("", "_other"))
    by_user = totals.merge(other_totals, on=[*on, "seed", "user", "n"], suffixes=("", "_other"))
    found = over_seeds(by_seed.assign(value=by_seed["value"] - by_seed["value_other"]), keys)
    people = over_users(by_user.assign(total=by_user["total"] - by_user["total_other"]), keys)
    found = found.merge(people, on=list(keys), how="left")
    half = _half(found)
    ends = {"difference_low": found["mean"] - half, "difference_high": found["mean"] + half}
    return found.assign(difference=found["mean"], **ends)[[*keys, "difference", *ends]]


def losses_of(outcomes: pd.DataFrame) -> pd.DataFrame:
    """The loss of every seed on the test part, by ``CELL`` and method."""
    # each interaction is counted once per side, so one side has them all
    test = outcomes[(outcomes["split"] == "test") & (outcomes["side"] == "user")]
    values = per_seed(test, RUN)
    return values[values["metric"].isin(list(LOSSES.values()))]


def totals_of(users: pd.DataFrame) -> pd.DataFrame:
    """The summed loss of every test user, by ``CELL``, method and seed."""
    sums = by_metric(users).rename(columns={"value": "total"})
    return sums.loc[sums["metric"] != "accuracy", [*CELL, "method", "seed", "user", "n", "total"]]


def _pairs(frame: pd.DataFrame, on: Sequence[str], value: str) -> pd.DataFrame:
    """Every method beside every other on the same cells: ``method``, ``other``, ``value``, ``value_other``."""
    others = frame[[*on, "method", value]].rename(columns={"method": "other", value: f"{value}_other"})
    pairs = frame.merge(others, on=list(on))
    return pairs[pairs["method"] != pairs["other"]]


def _half(found: pd.DataFrame, miss: npt.ArrayLike = MISS) -> npt.NDArray[np.float64]:
    """Half of the interval of each row, over seeds and, where their variance is known, users."""
    without = np.full(len(found), np.nan)
    sd, seeds = (found[name].to_numpy(np.float64) for name in ("sd", "seeds"))
    variance, freedom = (
        found[name].to_numpy(np.float64) if name in found else without for name in ("user_variance", "user_freedom")
    )
    return half_width(*spread(sd, seeds, variance, freedom), miss)


def _judged(found: pd.DataFrame, half: npt.NDArray[np.float64]) -> pd.DataFrame:
    """``found`` with its interval and what it says; ``level`` is the loss of the other."""
    low, high, tolerance = found["mean"] - half, found["mean"] + half, TOLERANCE * found["level"]
    enough = found["n"] >= LEAST
    says = [enough & (low > -tolerance) & (high < tolerance), enough & (high < 0), enough & (low > 0)]
    finding = np.select(says, [ALIKE, BETTER, WORSE], UNDECIDED)
    return found.assign(
        difference=found["mean"], visible=half, low=low, high=high, tolerance=tolerance, finding=finding
    )
