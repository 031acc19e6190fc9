"""What is claimed of frequent and rare ids: E2 and E3."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from autoemb.analysis.claims.observations import by, observed, oriented, stack
from autoemb.analysis.tables import bin_centres, fixed
from autoemb.analysis.tables.intervals import BIN, LOSSES, RUN
from autoemb.schema import SIDES

RARE = 0.1
"""Rare ids are those of the lowest popularity bins that hold this share of the test part's interactions."""


def of_frequency(outcomes: pd.DataFrame) -> pd.DataFrame:
    """E2, E3: improvement per doubling of popularity, the slope over the test part's bins weighted by interactions.

    E2 asks for the improvement over whoever knows the frequencies of the labels in each bin: labels vary less in some
    bins than in others, and that alone moves every model's loss. ESAPN gains most for rare ids where it is better than
    a fixed size for them and improves less with popularity than that; it is held against FIXED with either start.

    Args:
        outcomes: as in ``observations.of_means``, of streams whose counts go on in the test part.
    """
    baselines = [name for name in (fixed(outcomes), f"{fixed(outcomes)}-scaled") if name in set(outcomes["method"])]
    methods = list(dict.fromkeys([fixed(outcomes), "darts", "autoemb", "esapn", *baselines]))
    test = outcomes[(outcomes["split"] == "test") & outcomes["method"].isin(methods)]
    keys = ["dataset", "stream", "task", "metric", "method", "side"]
    by_bin = _by_bin(test)
    curves = {(name, side): f"{name}, {side} popularity" for side in SIDES for name in methods}
    beyond = _by_curve(per_doubling(by_bin.assign(value=by_bin["beyond"]), keys), list(curves.values()))
    slope = _by_curve(per_doubling(by_bin, keys), list(curves.values()))
    rare, reach = _rare(by_bin, keys)
    rare = _by_curve(rare, list(curves.values()))
    improving = {curves[name, side]: beyond[curves[name, side]] for side in SIDES for name in methods[:4]}
    gains = {}
    for side in SIDES:
        for baseline in baselines:
            ours, theirs = curves["esapn", side], curves[baseline, side]
            gains[f"esapn over {baseline}, {side} popularity"] = slope[theirs] - slope[ours]
            gains[f"esapn over {baseline}, rare {side}s (up to {reach.get(side, 0)})"] = rare[ours] - rare[theirs]
    return stack([observed("E2", improving), observed("E3", gains)])


def per_doubling(curves: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Weighted least squares: slope of ``value`` on log2 popularity, per ``keys`` and seed, weights ``n``.

    With one bin the slope is NaN.
    """
    each = [*keys, "seed"]
    if curves.empty:
        return pd.DataFrame(columns=[*each, "value"])
    x, y, n = np.log2(bin_centres(curves)), curves["value"], curves["n"].astype("float64")
    cell = curves[each].assign(n=n, nx=n * x, ny=n * y).groupby(each, sort=False)
    total = cell["n"].transform("sum")
    x, y = x - cell["nx"].transform("sum") / total, y - cell["ny"].transform("sum") / total
    sums = curves[each].assign(xx=n * x * x, xy=n * x * y, bins=1).groupby(each, sort=False).sum()
    return (sums["xy"] / sums["xx"]).where(sums["bins"] > 1).rename("value").reset_index()


def _by_bin(test: pd.DataFrame) -> pd.DataFrame:
    """Loss and accuracy of every run, side, bin and seed, larger is better: ``value``, and ``beyond`` the base rate."""
    keys = [*RUN, "side", *BIN, "seed"]
    sums = test.groupby(keys, as_index=False)[["n", "loss_sum", "correct", "base_loss_sum", "base_correct"]].sum()
    sums = sums[sums["n"] > 0]
    loss = sums.assign(metric=sums["task"].map(LOSSES), value=sums["loss_sum"], base=sums["base_loss_sum"])
    accuracy = sums.assign(metric="accuracy", value=sums["correct"], base=sums["base_correct"])
    frame = pd.concat([loss, accuracy], ignore_index=True)
    base = oriented(frame.assign(value=frame["base"] / frame["n"]))["value"]
    frame = oriented(frame.assign(value=frame["value"] / frame["n"]))
    return frame.assign(beyond=frame["value"] - base)


def _by_curve(values: pd.DataFrame, curves: Sequence[str]) -> pd.DataFrame:
    """A row per cell and seed, a column per method and side."""
    return by(values.assign(curve=values["method"] + ", " + values["side"] + " popularity"), "curve", curves)


def _rare(curves: pd.DataFrame, keys: Sequence[str]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Mean of ``value`` over the lowest bins that hold at least ``RARE`` of the interactions, per ``keys`` and seed.

    And by side, up to which popularity these bins reach in any cell.
    """
    ordered = curves.sort_values("popularity_low")
    n = ordered.groupby([*keys, "seed"])["n"]
    rare = ordered[n.cumsum() - ordered["n"] < RARE * n.transform("sum")]  # of all bins, those that begin below it
    reach = {str(side): int(high) for side, high in rare.groupby("side")["popularity_high"].max().items()}
    return pooled(rare, [*keys, "seed"]).rename("value").reset_index(), reach


def pooled(frame: pd.DataFrame, keys: Sequence[str]) -> "pd.Series[float]":
    """Mean of ``value`` by ``keys``, weighted by ``n``."""
    sums = frame.assign(value=frame["value"] * frame["n"]).groupby(list(keys))[["value", "n"]].sum()
    return sums["value"] / sums["n"]
