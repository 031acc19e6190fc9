"""What the claims are judged from: one number per seed and comparison, positive where it is as claimed."""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from autoemb.analysis.tables import AS_RELEASED, bin_centres, first_trained, lower_is_better
from autoemb.analysis.tables.intervals import BIN, RUN, per_seed
from autoemb.analysis.tables.selection import mean_size_per_seed
from autoemb.schema import SIDES

CELL = ["dataset", "stream", "task", "metric"]
FIXED_SIZE = 128
"""Embedding size of FIXED, the baseline of the ESAPN paper."""

RARE = 0.1
"""Rare ids are those of the lowest popularity bins that hold this share of the test part's interactions."""

SEARCHING = ("sam", "darts", "autoemb", "esapn")
"""The methods of the papers that search sizes."""

MEANS = "means"
"""The anchor that S1 holds the methods of the papers against."""

_SEED = [*CELL, "seed"]
_COLUMNS = ["claim", "comparison", *CELL, "seed", "value"]


def fixed(outcomes: pd.DataFrame) -> str:
    """The run that stands for FIXED: ``fse-128`` if there is one, else ``fse``."""
    return "fse-128" if (outcomes["method"] == "fse-128").any() else "fse"


def pairs(outcomes: pd.DataFrame) -> dict[str, list[tuple[str, str]]]:
    """Methods that the claims about means compare: the better one, the other one.

    Args:
        outcomes: of every run; S1 and S2 compare those methods that have run.
    """
    ran, baseline = set(outcomes["method"]), fixed(outcomes)
    of_papers = [name for name in ("fse", "fse-128", *SEARCHING) if name in ran]
    of_one_start = [(name + start, baseline + start) for start in ("", "-scaled") for name in SEARCHING]
    return {
        "A3": [("sam", "fse"), ("darts", "sam"), ("autoemb", "darts")],
        "A4": [("darts", "sam"), ("autoemb", "sam")],
        "A5": [("autoemb", "darts")],
        "E1": [("darts", baseline), ("autoemb", "darts"), ("esapn", "autoemb")],
        "S1": [(name, MEANS) for name in of_papers],
        "S2": [pair for pair in of_one_start if ran >= set(pair)],
    }


def over(better: str, other: str) -> str:
    """The name of a comparison of two methods."""
    return f"{better} over {other}"


def oriented(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with the sign of ``value`` turned where ``metric`` is a loss: larger is better."""
    return frame.assign(value=frame["value"].where(~frame["metric"].map(lower_is_better), -frame["value"]))


def growth(selected: pd.DataFrame) -> pd.DataFrame:
    """How the mean size grows, for every run that has more than one candidate size.

    Args:
        selected: ``schema.SIZES`` of one or more runs, with ``dataset``, ``stream``, ``task``, ``method``.

    Returns:
        One row per run x side x seed: those, ``per_doubling`` (float64, dimensions per doubling of popularity: the
        slope over the bins of the test part, weighted by their interactions; NaN with one bin) and
        ``over_time`` (float64, dimensions: the last tenth of the stream's windows minus the first tenth).
    """
    run = [*RUN, "side"]
    by_bin = mean_size_per_seed(selected[selected["split"] == "test"], [*run, *BIN])
    slopes = _per_doubling(by_bin, run).rename(columns={"value": "per_doubling"})
    by_window = mean_size_per_seed(selected, [*run, "window"])
    window, ends = by_window["window"], by_window.groupby(RUN)["window"]
    since, left = window - ends.transform("min"), ends.transform("max") - window
    tenth = ((since + left + 1) / 10).round().clip(lower=1)
    first, last = (_pooled(by_window[part < tenth], [*run, "seed"]) for part in (since, left))
    later = (last - first).rename("over_time").reset_index()
    return slopes.merge(later, on=[*run, "seed"])


def of_means(outcomes: pd.DataFrame) -> pd.DataFrame:
    """A3, A4, A5, E1, S1, S2: differences of two methods' means over the test part.

    Args:
        outcomes: ``schema.OUTCOMES`` of every run, with ``dataset``, ``stream``, ``task``, ``method``.

    Returns:
        As all functions of this module that follow: one row per claim x comparison x data set x stream x task x
        metric x ``seed``, with ``value``. Cells where a claim lacks a comparison have no rows of it.
    """
    # each interaction is counted once per side, so one side has them all
    test = outcomes[(outcomes["split"] == "test") & (outcomes["side"] == "user")]
    claims = pairs(outcomes)
    names = sorted({name for pair in claims.values() for names in pair for name in names})
    wide = _by(oriented(per_seed(test, RUN)), "method", names)
    return stack([
        _observed(claim, {over(a, b): wide[a] - wide[b] for a, b in compared}) for claim, compared in claims.items()
    ])  # fmt: skip


def of_frequency(outcomes: pd.DataFrame) -> pd.DataFrame:
    """E2, E3: improvement per doubling of popularity, the slope over the test part's bins weighted by interactions.

    ESAPN gains most for rare ids where it is better than FIXED for them and improves less with popularity than that.

    Args:
        outcomes: as in ``of_means``, of streams whose counts go on in the test part.
    """
    baseline = fixed(outcomes)
    methods = [baseline, "darts", "autoemb", "esapn"]
    test = outcomes[(outcomes["split"] == "test") & outcomes["method"].isin(methods)]
    keys = ["dataset", "stream", "task", "metric", "method", "side"]
    by_bin = oriented(per_seed(test, [*RUN, "side", *BIN]))
    curves = {(name, side): f"{name}, {side} popularity" for side in SIDES for name in methods}
    slope = _by_curve(_per_doubling(by_bin, keys), list(curves.values()))
    rare = _by_curve(_rare(by_bin, keys), list(curves.values()))
    improving = {curve: slope[curve] for curve in curves.values()}
    gains = {}
    for side in SIDES:
        ours, theirs = curves["esapn", side], curves[baseline, side]
        gains[f"esapn over {baseline}, {side} popularity"] = slope[theirs] - slope[ours]
        gains[f"esapn over {baseline}, rare {side}s"] = rare[ours] - rare[theirs]
    return stack([_observed("E2", improving), _observed("E3", gains)])


def of_sizes(grown: pd.DataFrame, restarting: Collection[str] = ()) -> pd.DataFrame:
    """A6, E4: growth of the mean size, in dimensions per doubling of popularity, or in dimensions over time.

    AutoEmb's sizes follow the count that its controller is shown, also one that restarts; ESAPN's belong to the ids.

    Args:
        grown: ``growth`` of every run.
        restarting: streams whose counts restart at the test part; E4 has no rows of them.
    """
    by_side = grown.assign(metric="mean_size").melt([*_SEED, "method", "side"], ["per_doubling", "over_time"])
    name = {"per_doubling": "with {} popularity", "over_time": "{} side over time"}
    labels = [name[what].format(side) for what, side in zip(by_side["variable"], by_side["side"], strict=True)]
    by_side = by_side.assign(comparison=pd.Series(labels, dtype="str"))
    popular, later = ([text.format(side) for side in SIDES] for text in name.values())
    observed = []
    for claim, method, wanted in (("A6", "autoemb", [*popular, *later]), ("E4", "esapn", popular)):
        own = by_side[by_side["method"] == method]
        own = own[~own["stream"].isin(restarting)] if claim == "E4" else own
        wide = _by(own, "comparison", wanted)
        observed.append(_observed(claim, {label: wide[label] for label in wanted}))
    return stack(observed)


def of_memory(allocation: pd.DataFrame) -> pd.DataFrame:
    """E5: share of FIXED's embedding parameters that ESAPN saves, over the ids that occur.

    Args:
        allocation: ``schema.ALLOCATION`` of every run, with ``dataset``, ``stream``, ``task``, ``method``.
    """
    esapn = allocation[allocation["method"] == "esapn"].assign(metric="memory_saved")
    sums = esapn.assign(held=esapn["ids"] * esapn["size"]).groupby([*_SEED, "side"])[["held", "ids"]].sum()
    saved = (1 - sums["held"] / (FIXED_SIZE * sums["ids"])).rename("value").reset_index()
    wide = _by(saved, "side", SIDES)
    return _observed("E5", {f"{side} side": wide[side] for side in SIDES})


def of_levels(values: pd.DataFrame) -> pd.DataFrame:
    """A1, A2: embedding sizes at the lowest and the highest popularity level of Fig. 1's protocol, started as released
    and trained as shortly as any: the paper's protocol, as far as it is known.

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
    if values.empty:
        return stack([])
    sizes = sorted(values["size"].unique())
    low, high = int(values["level"].min()), int(values["level"].max())
    observed = []
    for side, one in oriented(values).groupby("side", sort=False):
        named = one.assign(stream=f"popularity levels ({side})")
        wide = named.pivot_table("value", index=_SEED, columns=["size", "level"])
        wide = wide.reindex(columns=pd.MultiIndex.from_product([sizes, sorted({low, high})]))
        if low < high:
            observed += [_observed(claim, compared) for claim, compared in _of_ends(wide, sizes, low, high, str(side))]
    return stack(observed)


def _of_ends(
    wide: pd.DataFrame, sizes: Sequence[int], low: int, high: int, side: str
) -> list[tuple[str, dict[str, "pd.Series[float]"]]]:
    """A1 and A2 of one side: ``wide`` holds how good each size is at the two levels, a row per cell and seed."""
    gain = {size: wide[size, high] - wide[size, low] for size in sizes}
    improving = {f"size {size}, {side} popularity {high} over {low}": gain[size] for size in sizes}
    more = {f"gain of size {b} over size {a}, {side} popularity": gain[b] - gain[a] for a, b in pairwise(sizes)}
    smallest, *larger = sizes
    first = {
        f"size {smallest} over {size} at {side} popularity {low}": wide[smallest, low] - wide[size, low]
        for size in larger
    }
    then = {
        f"size {size} over {smallest} at {side} popularity {high}": wide[size, high] - wide[smallest, high]
        for size in larger
    }
    return [("A1", improving | more), ("A2", first | then)] if larger else [("A1", improving)]


def _by_curve(values: pd.DataFrame, curves: Sequence[str]) -> pd.DataFrame:
    """A row per cell and seed, a column per method and side."""
    return _by(values.assign(curve=values["method"] + ", " + values["side"] + " popularity"), "curve", curves)


def _by(frame: pd.DataFrame, column: str, names: Sequence[str]) -> pd.DataFrame:
    """A row per cell and seed, a column per name with its values; NaN where a seed has no value of this name."""
    return frame.pivot_table("value", index=_SEED, columns=column).reindex(columns=list(names))


def _observed(claim: str, values: Mapping[str, "pd.Series[float]"]) -> pd.DataFrame:
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


def _per_doubling(curves: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Weighted least squares: slope of ``value`` on log2 popularity, per ``keys`` and seed, weights ``n``.

    With one bin the slope is NaN.
    """
    each = [*keys, "seed"]
    if curves.empty:
        return pd.DataFrame(columns=[*each, "value"])
    x, y, n = np.log2(bin_centres(curves)), curves["value"], curves["n"].astype("float64")
    sums = curves[each].assign(n=n, x=n * x, y=n * y, xx=n * x * x, xy=n * x * y).groupby(each, sort=False).sum()
    spread = sums["n"] * sums["xx"] - sums["x"] ** 2  # 0 with one bin
    slope = (sums["n"] * sums["xy"] - sums["x"] * sums["y"]) / spread
    bins = curves.groupby(each, sort=False).size()
    return slope.where(bins > 1).rename("value").reset_index()


def _rare(curves: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Mean of ``value`` over the lowest bins that hold at least ``RARE`` of the interactions, per ``keys`` and seed."""
    ordered = curves.sort_values("popularity_low")
    n = ordered.groupby([*keys, "seed"])["n"]
    rare = ordered[n.cumsum() - ordered["n"] < RARE * n.transform("sum")]  # of all bins, those that begin below it
    return _pooled(rare, [*keys, "seed"]).rename("value").reset_index()


def _pooled(frame: pd.DataFrame, keys: Sequence[str]) -> "pd.Series[float]":
    """Mean of ``value`` by ``keys``, weighted by ``n``."""
    sums = frame.assign(value=frame["value"] * frame["n"]).groupby(list(keys))[["value", "n"]].sum()
    return sums["value"] / sums["n"]
