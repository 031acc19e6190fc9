"""What is claimed of the chosen sizes: A6, E4 and E5; and whether weights moved at all."""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from autoemb.analysis import published
from autoemb.analysis.claims.frequency import per_doubling, pooled
from autoemb.analysis.claims.observations import SEED, by, observed, stack
from autoemb.analysis.tables import bin_centres
from autoemb.analysis.tables.intervals import BIN, RUN
from autoemb.analysis.tables.selection import mean_size_per_seed
from autoemb.schema import SIDES

FIXED_SIZE = 128
"""Embedding size of FIXED, the baseline of the ESAPN paper."""

RELEVANT = 0.1
"""Least growth that matters, as a share of the candidates' range."""

QUARTER = 0.25
"""Share of the stream after which weights have left their start, and growth over time begins."""

BEYOND_RANDOM = "with {} popularity, beyond random"
"""The name of E4's comparison of a side."""

_GROWTH = ["beyond_shuffled", "over_time", "beyond_random"]
Numbers = npt.NDArray[np.float64]


def growth(selected: pd.DataFrame) -> pd.DataFrame:
    """How the mean size grows, for every run that has more than one candidate size.

    Args:
        selected: ``schema.SIZES`` of one or more runs, with ``dataset``, ``stream``, ``task``, ``method``.

    Returns:
        One row per run x side x seed, all float64 and in dimensions but ``moved``:

        - ``with_popularity``: the mean size in the third of the test part's interactions with the highest popularity,
          minus that in the third with the lowest;
        - ``shuffled``: what that is expected to be if the popularities of each window are shuffled among its
          interactions: of sizes that follow the time alone, in which popularity grows;
        - ``over_time``: in the last tenth of the stream's windows, minus in the tenth after the first quarter;
        - ``beyond_random``: of ESAPN, the slope per doubling of popularity in the test part, minus the slope that
          enlarging at random has for the same mean size (``random_sizes``); of the others NaN;
        - ``range``: the largest candidate size minus the smallest;
        - ``moved``: how far a weight is from 1/K in the test part, in the mean and as a share of 1/K.
    """
    run = [*RUN, "side"]
    test = selected[selected["split"] == "test"]
    by_bin = mean_size_per_seed(test, [*run, *BIN])
    by_cell = mean_size_per_seed(test, [*run, "window", *BIN])
    candidates = selected.groupby(RUN)["size"].unique()
    parts = {
        "with_popularity": _thirds(by_bin, [*run, "seed"]),
        "shuffled": _thirds(shuffled(by_cell, [*run, "seed"]), [*run, "seed"]),
        "over_time": _over_time(mean_size_per_seed(selected, [*run, "window"]), run),
        "beyond_random": _beyond_random(
            by_bin[by_bin["method"] == "esapn"], run, {cell: np.sort(sizes) for cell, sizes in candidates.items()}
        ),
    }
    grown = pd.concat(parts, axis=1).reset_index()
    ranges = candidates.map(lambda sizes: float(sizes.max() - sizes.min())).rename("range").reset_index()
    sums = test.groupby([*run, "seed"])[["moved_sum", "n"]].sum()
    number = candidates.map(len).rename("number").reset_index()
    moved = (sums["moved_sum"] / sums["n"]).rename("moved").reset_index().merge(number, on=RUN)
    moved = moved.assign(moved=moved["moved"] * moved["number"]).drop(columns="number")
    return grown.merge(ranges, on=RUN).merge(moved, on=[*run, "seed"])


def of_sizes(grown: pd.DataFrame, permuted: Collection[str], restarting: Collection[str]) -> pd.DataFrame:
    """A6, E4: growth of the mean size, in dimensions, or in dimensions per doubling of popularity.

    AutoEmb's sizes follow the count that its controller is shown, also one that restarts; ESAPN's belong to the ids.
    Of A6 counts what sizes grow by with popularity beyond what they would with popularities shuffled within a window.
    Enlarging at random is known for ids that are met one interaction at a time, so of users only on streams that are
    permuted: in order of time, a user's ratings come together, in few batches.

    Args:
        grown: ``growth`` of every run.
        permuted: streams whose replicates have a permutation of their own.
        restarting: streams whose counts restart at the test part; E4 has no rows of them.
    """
    beyond = grown["with_popularity"] - grown["shuffled"]
    by_side = grown.assign(metric="mean_size", beyond_shuffled=beyond).melt([*SEED, "method", "side"], _GROWTH)
    name = {
        "beyond_shuffled": "with {} popularity, beyond shuffled",
        "over_time": "{} side over time",
        "beyond_random": BEYOND_RANDOM,
    }
    labels = [name[what].format(side) for what, side in zip(by_side["variable"], by_side["side"], strict=True)]
    by_side = by_side.assign(comparison=pd.Series(labels, dtype="str", index=by_side.index))
    popular, later, random = ([text.format(side) for side in SIDES] for text in name.values())
    wide = by(by_side[by_side["method"] == "autoemb"], "comparison", [*popular, *later])
    made = [observed("A6", {label: wide[label] for label in wide.columns})]
    esapn = by_side[(by_side["method"] == "esapn") & ~by_side["stream"].isin(restarting)]
    for sides, rows in (
        (random, esapn[esapn["stream"].isin(permuted)]),
        (random[1:], esapn[~esapn["stream"].isin(permuted)]),
    ):
        wide = by(rows, "comparison", sides)
        made.append(observed("E4", {label: wide[label] for label in sides}))
    return stack(made)


def of_memory(allocation: pd.DataFrame) -> pd.DataFrame:
    """E5: share of FIXED's embedding parameters that ESAPN saves, over the ids that occur.

    Args:
        allocation: ``schema.ALLOCATION`` of every run, with ``dataset``, ``stream``, ``task``, ``method``.
    """
    esapn = allocation[allocation["method"] == "esapn"].assign(metric="memory_saved")
    sums = esapn.assign(held=esapn["ids"] * esapn["size"]).groupby([*SEED, "side"])[["held", "ids"]].sum()
    saved = (1 - sums["held"] / (FIXED_SIZE * sums["ids"])).rename("value").reset_index()
    wide = by(saved, "side", SIDES)
    return observed("E5", {f"{side} side": wide[side] for side in SIDES})


def printed() -> set[str]:
    """The data sets of which ESAPN's paper prints how much is saved."""
    return set(published.esapn_table2()["dataset"])


def random_sizes(popularity: Numbers, sizes: Numbers, rate: float) -> Numbers:
    """Mean size of an id that has begun with the smallest and, at each interaction, is enlarged with one chance.

    After c interactions it has made min(Binomial(c, rate), K - 1) steps.

    Args:
        popularity: interactions c, each (N,).
        sizes: candidate sizes, ascending (K).
        rate: the chance.
    """
    count = np.maximum(np.rint(popularity), 1)
    mean = np.full(len(count), sizes[0], dtype=np.float64)
    for step, more in enumerate(np.diff(sizes), start=1):
        mean += more * scipy.stats.binom.sf(step - 1, count, rate)  # the chance of so many steps or more
    return mean


def shuffled(by_cell: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Mean sizes by popularity as they are expected once the popularities of each window are shuffled.

    Each interaction of a window then has the window's mean size, whatever its popularity; so this is exact, not drawn.

    Args:
        by_cell: ``value`` and ``n`` by ``keys`` x ``window`` x bin.
        keys: columns that name one curve.

    Returns:
        ``value`` and ``n`` by ``keys`` x bin.
    """
    window = pooled(by_cell, [*keys, "window"]).rename("value").reset_index()
    cells = by_cell.drop(columns="value").merge(window, on=[*keys, "window"])
    cells["value"] *= cells["n"]
    by_bin = cells.groupby([*keys, *BIN], as_index=False)[["value", "n"]].sum()
    return by_bin.assign(value=by_bin["value"] / by_bin["n"])


def _beyond_random(by_bin: pd.DataFrame, run: list[str], candidates: dict[object, Numbers]) -> "pd.Series[float]":
    """By run, side and seed: the observed slope minus that of enlarging at random to the same mean size."""
    rows = by_bin.assign(centre=bin_centres(by_bin))
    expected = [
        rows.loc[cell.index, []].assign(value=_random(cell, candidates[tuple(key[: len(RUN)])]))
        for key, cell in rows.groupby([*run, "seed"], sort=False)
    ]
    random = rows.assign(value=pd.concat(expected)["value"]) if expected else rows
    keys = [*run, "seed"]
    slopes = [per_doubling(frame, run).set_index(keys)["value"].astype("float64") for frame in (by_bin, random)]
    return slopes[0] - slopes[1]


def _random(cell: pd.DataFrame, sizes: Numbers) -> Numbers:
    """Mean sizes of the bins of one seed, enlarged at random at the rate that gives them its mean size."""
    centre, n = cell["centre"].to_numpy(), cell["n"].to_numpy(dtype=np.float64)
    wanted = float((cell["value"] * n).sum() / n.sum())

    def excess(log_rate: float) -> float:
        return float((random_sizes(centre, sizes, np.exp(log_rate)) * n).sum() / n.sum() - wanted)

    least, most = np.log(1e-9), 0.0
    if excess(least) >= 0 or excess(most) <= 0:  # no id is enlarged, or each at once: there is no slope either way
        return np.full(len(cell), wanted)
    return random_sizes(centre, sizes, float(np.exp(scipy.optimize.brentq(excess, least, most, xtol=1e-10))))


def _thirds(by_bin: pd.DataFrame, keys: list[str]) -> "pd.Series[float]":
    """Mean of ``value`` over the upper third of the interactions, ordered by popularity, minus over the lower one.

    A bin that lies in two thirds counts in each by its part.
    """
    ordered = by_bin.sort_values("popularity_low", kind="stable")
    n = ordered.groupby(keys, sort=False)["n"]
    share, end = ordered["n"] / n.transform("sum"), n.cumsum() / n.transform("sum")
    lower = share.clip(upper=(1 / 3 - (end - share)).clip(lower=0))
    upper = share.clip(upper=(end - 2 / 3).clip(lower=0))
    high, low = (pooled(ordered.assign(n=part), keys) for part in (upper, lower))
    return high - low


def _over_time(by_window: pd.DataFrame, run: list[str]) -> "pd.Series[float]":
    """The last tenth of the windows minus the tenth that begins after the first quarter."""
    window, of_run = by_window["window"], by_window.groupby(RUN)["window"]
    since, left = window - of_run.transform("min"), of_run.transform("max") - window
    number = since + left + 1
    tenth, quarter = (number / 10).round().clip(lower=1), (number * QUARTER).round()
    first, last = by_window[(since >= quarter) & (since < quarter + tenth)], by_window[left < tenth]
    return pooled(last, [*run, "seed"]) - pooled(first, [*run, "seed"])
