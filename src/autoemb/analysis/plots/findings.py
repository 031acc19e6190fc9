"""What a figure shows, in a line for its title, computed from its table; and what it was made of, in a line beneath."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from autoemb.analysis.tables import (
    ANCHORS,
    OVERTAKES,
    SEARCHING,
    UNDECIDED,
    below_constant,
    lowest_for_less,
    sort_methods,
    starts_of,
    trainings_of,
)
from autoemb.analysis.tables.differences import FINDINGS
from autoemb.analysis.tables.student import excludes_zero
from autoemb.analysis.tables.text import change
from autoemb.schema import DESCRIPTIVE, VERDICTS

LEAST = 0.1
"""Dimensions by which two mean sizes must differ: replicates may agree on a change that is too small to matter."""


def about(table: pd.DataFrame, *more: str) -> str:
    """Data set, replicates, what varies between them, and whatever else the figure must say of itself."""
    if table.empty:
        return ""
    seeds = int(table["seeds"].max())
    words = [", ".join(map(str, table["dataset"].unique())), f"{seeds} replicate{'s' * (seeds > 1)}"]
    if "varies" in table and seeds > 1:
        words.append(f"95 % intervals ({' or '.join(f'{what} vary' for what in dict.fromkeys(table['varies']))})")
    return "; ".join([*words, *more])


def tested(table: pd.DataFrame) -> str:
    """How many interactions the test part has."""
    least, most = int(table["n"].min()), int(table["n"].max())
    return f"{least:,}{f' to {most:,}' if most > least else ''} test interactions"


def comparison(table: pd.DataFrame) -> str:
    """Which method has the lowest loss, and what a constant beats."""
    losses = _losses(table)
    cells = [cell for _, cell in losses.groupby(["stream", "task", "metric"], sort=False)]
    if not cells:
        return ""
    best = Counter(map(_best, cells))
    text = f"Lowest loss: {_counted(best, len(cells), 'cells')}"
    worse = [below_constant(cell, str(cell["metric"].iloc[0])) for cell in cells]
    number, every = sum(map(len, worse)), sum(len(set(cell["method"]) - set(ANCHORS)) for cell in cells)
    return f"{text}. Worse than a constant: {number} of {every}" if number else text


def tuned(table: pd.DataFrame) -> str:
    """Whether searching sizes is better than a fixed size that was tuned alike; without one, whom the tuning helps."""
    searching = table[table["to_fixed"].notna() & table["method"].isin(SEARCHING)]
    what = "difference" if searching.empty else "to_fixed"
    rows = table if searching.empty else searching
    values = rows[[what, f"{what}_low", f"{what}_high"]].to_numpy(np.float64)
    signs = [int(np.sign(value)) if excludes_zero(low, high) else 0 for value, low, high in values]
    if searching.empty:
        return f"Better by tuning: {signs.count(-1)} of {len(table)}"
    return (
        f"Searching sizes against {searching['fixed'].iloc[0]}, tuned alike: better in {signs.count(-1)}, worse in"
        f" {signs.count(1)}, undecided in {signs.count(0)} of {len(signs)}"
    )


def levels(table: pd.DataFrame, crossings: pd.DataFrame) -> str:
    """By start and length of training, in how many pairs of sizes the larger one overtakes, or is ahead or behind."""
    losses = _losses(crossings)
    several = len(trainings_of(table)) > 1
    parts = []
    for training in trainings_of(table):
        for start in starts_of(table):
            pairs = losses[(losses["start"] == start) & (losses["training"] == training)]
            if pairs.empty:
                continue
            found = Counter(str(finding) for finding in pairs["finding"])
            order = [OVERTAKES, *(each for each in found if each not in (OVERTAKES, UNDECIDED)), UNDECIDED]
            told = ", ".join(f"{each} {found[each]}" for each in order if found[each])
            parts.append(f"start {start}{f', {training}' * several}: {told}")
    return f"The larger of two sizes, by loss: {'; '.join(parts)}" if parts else ""


def popularity_differences(table: pd.DataFrame) -> str:
    """In how many classes by popularity smaller fixed sizes, and searching methods, are better than the fixed size."""
    if table.empty:
        return ""
    kinds = {
        "smaller fixed sizes": table["method"].str.fullmatch(r"fse-\d+"),
        "searching": table["method"].isin(SEARCHING),
    }
    parts = []
    for what, which in kinds.items():
        found = Counter(table.loc[which, "finding"])
        if found:
            told = ", ".join(f"{finding} {found[finding]}" for finding in FINDINGS)
            parts.append(f"{what}: {told}, of {found.total()}")
    return f"Against {table['other'].iloc[0]}, by popularity; {'; '.join(parts)}" if parts else ""


def frontier(losses: pd.DataFrame) -> str:
    """Which method with embeddings has the lowest loss, with how much memory, and whether any without is ahead."""
    cells = [cell for _, cell in losses.groupby(["stream", "task"], sort=False) if (cell["mib"] > 0).any()]
    if not cells:
        return ""
    best = pd.DataFrame([lowest_for_less(cell).iloc[-1] for cell in cells])
    least = zip(cells, best["mean"], strict=True)
    lower = sum(bool(cell.loc[cell["mib"] == 0, "mean"].min() < mean) for cell, mean in least)
    counts = best["method"].value_counts()
    parts = []
    for name in sorted(sort_methods(counts.index), key=lambda name: -counts[name]):  # the most frequent first
        sizes = best.loc[best["method"] == name, "mib"]
        ends = dict.fromkeys(f"{end:.3g}" for end in (sizes.min(), sizes.max()))
        parts.append(f"{name} ({' to '.join(ends)} MiB) in {counts[name]}")
    return (
        f"Lowest loss with embeddings, of {len(cells)} panels: {', '.join(parts)};"
        f" one without any has a lower mean in {lower}"
    )


def growth(table: pd.DataFrame, order: str, over: str) -> str:
    """Of each method, in how many panels its mean size grows from the first to the last of ``order``."""
    parts = []
    for method in sort_methods(table["method"].unique()):
        ends = [
            cell.sort_values(order).iloc[[0, -1]]
            for _, cell in table[table["method"] == method].groupby(["stream", "task", "side"], sort=False)
        ]
        grown = sum(bool(end["low"].iloc[1] > end["high"].iloc[0] + LEAST) for end in ends)
        shrunk = sum(bool(end["high"].iloc[1] < end["low"].iloc[0] - LEAST) for end in ends)
        parts.append(f"{method} +{grown} -{shrunk} of {len(ends)}")
    return f"Panels in which the mean size grows (+) or falls (-) {over}: {'; '.join(parts)}" if parts else ""


def along(table: pd.DataFrame) -> str:
    """In how many windows of the test part each method has surely a lower loss than ``fse``."""
    test = _losses(table[table["split"] == "test"])
    parts = []
    for method in sort_methods(test.loc[test["difference"].notna(), "method"].unique()):
        one = test[test["method"] == method]
        parts.append(f"{method} {int((one['difference_high'] < 0).sum())}")
    number = len(test[["stream", "task", "window"]].drop_duplicates())
    return f"Test windows with a lower loss than fse, of {number}: {', '.join(parts)}" if parts else ""


def claims(table: pd.DataFrame) -> str:
    """How many cells have which verdict."""
    judged = table[table["verdict"] != DESCRIPTIVE]
    counts = Counter(judged["verdict"])
    told = ", ".join(f"{name} {counts[name]}" for name in VERDICTS if counts[name])
    return f"{len(judged)} cells judged: {told}" if told else ""


def ablation(table: pd.DataFrame) -> str:
    """The setting that moves a loss most."""
    clear = table[(table["low"] > 0) | (table["high"] < 0)]
    if clear.empty:
        return "No setting changes a loss distinguishably"
    most = clear.iloc[int(clear["effect"].abs().to_numpy().argmax())]
    number = len(clear.drop_duplicates(["setting", "value"]))
    every = len(table.loc[table["effect"].notna()].drop_duplicates(["setting", "value"]))
    return (
        f"{number} of {every} changes move a loss; most of all {most['setting']} {most['value']},"
        f" {change(most['effect'], np.nan)} for {most['method']}"
    )


def _best(cell: pd.DataFrame) -> str:
    """The method with the lowest mean."""
    return str(cell["method"].iloc[int(cell["mean"].to_numpy().argmin())])


def _losses(table: pd.DataFrame) -> pd.DataFrame:
    """Its rows of losses, without those of accuracies."""
    return table[table["metric"] != "accuracy"]


def _counted(best: "Counter[str]", number: int, what: str) -> str:
    """``means in 4 of 4 panels``; the most frequent first, of equal ones in the methods' order."""
    order: Sequence[str] = sort_methods(best)
    ranked = sorted(order, key=lambda name: -best[name])
    parts = [f"{name} {best[name]}" for name in ranked[1:]]
    return f"{ranked[0]} in {best[ranked[0]]} of {number} {what}" + (f" ({', '.join(parts)})" if parts else "")
