"""What the tables say, in words: every number in a sentence is read from a table of one data set.

Two means are called different only where their 95 % intervals over seeds do not overlap; that is stricter
than a test at 5 %, and with one seed nothing can be told apart. All sentences are Markdown list items.
"""

import itertools
import math
from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from autoemb.analysis.tables import (
    OVERTAKES,
    UNDECIDED,
    below_constant,
    lower_is_better,
    lowest_for_less,
    model_names,
    plain_methods,
    sort_methods,
    starts_of,
    supported,
    trainings_of,
)
from autoemb.analysis.tables.differences import FINDINGS
from autoemb.analysis.tables.student import excludes_zero
from autoemb.analysis.tables.text import change, plus_minus, popularity_label, ranges, span
from autoemb.experiment.ablation import BASE
from autoemb.schema import NO_START

NAMES = {"mse": "MSE", "cross_entropy": "cross-entropy", "accuracy": "accuracy"}
PAPER_ORDER = ("fse", "sam", "darts", "autoemb")
"""From worst to best, in every column of the paper's Table 2."""

Row = Mapping[Hashable, Any]


def comparison(table: pd.DataFrame) -> str:
    """Which method is best on each stream, task and metric, which ones cannot be told from it, and whether the
    paper's order is seen.

    Args:
        table: ``tables.comparison`` of one data set.
    """  # fmt: skip
    lines = []
    for (stream, task, metric), group in table.groupby(["stream", "task", "metric"], sort=False):
        lower = lower_is_better(str(metric))
        ranked = group.sort_values("mean", ascending=lower).to_dict("records")
        best, others = ranked[0], ranked[1:]
        text = f"{stream}, {task}, {NAMES[str(metric)]} ({_seeds(group)}): {best['method']} is best in the mean"
        text += f" ({_value(best)})"
        if others:
            text += f", {ranked[-1]['method']} worst ({_value(ranked[-1])}); " + _tied(best, others)
        lines.append(f"- {text}. {_paper_order(ranked, lower)}{_nothing_learnt(group, str(metric))}".rstrip())
    return "\n".join(lines)


def levels(table: pd.DataFrame, crossings: pd.DataFrame) -> str:
    """Which model is best at the lowest and at the highest popularity, and where larger sizes overtake, by start and
    length of training.

    Args:
        table: ``tables.levels`` of one data set.
        crossings: ``tables.crossings`` of the same data set.
    """  # fmt: skip
    lines = []
    anchors, several = table["start"] == NO_START, len(trainings_of(table)) > 1
    parts = [
        table[anchors | ((table["start"] == start) & (table["training"] == training))].assign(of=start, long=training)
        for start, training in itertools.product(starts_of(table), trainings_of(table))
    ]
    cells = ["side", "task", "metric", "of", "long"]
    for (side, task, metric, start, training), group in pd.concat(parts).groupby(cells, sort=False):
        ends = []
        for level in (group["level"].min(), group["level"].max()):
            here = group[group["level"] == level].sort_values("mean", ascending=lower_is_better(str(metric)))
            best, *others = here.assign(method=model_names(here)).to_dict("records")
            ends.append(f"at popularity {level} {best['method']} is best ({_value(best)}; {_tied(best, others)})")
        pairs = crossings[(crossings["side"] == side) & (crossings["task"] == task) & (crossings["metric"] == metric)]
        pairs = pairs[(pairs["start"] == start) & (pairs["training"] == training)]
        where = [_crossing(row) for row in pairs.to_dict("records")]
        head = f"{side} popularity, {task}, {NAMES[str(metric)]}, start {start}{f', {training}' * several}"
        head += f" ({_seeds(group)})"
        lines.append(f"- {head}: {'; '.join([*ends, *where])}.")
    return "\n".join(lines)


def popularity_differences(table: pd.DataFrame) -> str:
    """At which popularity each method is better than the fixed size, worse, or as good; variants are left out.

    Args:
        table: ``tables.popularity_differences`` of one data set.
    """
    lines = []
    for (stream, side, task, metric), group in table.groupby(["stream", "side", "task", "metric"], sort=False):
        told = []
        for method in plain_methods(group["method"].unique()):
            one = group[group["method"] == method]
            parts = [f"{word} at {ranges(rows)}" for word in FINDINGS if len(rows := one[one["finding"] == word])]
            told.append(f"{method} {', '.join(parts)}")
        head = f"{stream}, {side} popularity, {task}, {NAMES[str(metric)]} ({_seeds(group)})"
        lines.append(f"- {head}, against {group['other'].iloc[0]}: {'; '.join(told)}.")
    return "\n".join(lines)


def sizes(mean_size: pd.DataFrame, split: str = "test") -> str:
    """How the mean size changes from the lowest to the highest popularity.

    Args:
        mean_size: ``tables.mean_size`` of one data set.
        split: which part of the stream.
    """
    shown = supported(mean_size[mean_size["split"] == split])
    labels = [
        popularity_label(*bounds) for bounds in zip(shown["popularity_low"], shown["popularity_high"], strict=True)
    ]
    return _changes(shown.assign(where=labels), "popularity_low", "at popularity {}")


def size_stream(table: pd.DataFrame) -> str:
    """How the mean size changes from the first to the last window of the stream.

    Args:
        table: ``tables.size_stream`` of one data set.
    """
    shown = table[table["measure"] == "mean_size"]
    return _changes(shown.assign(where=shown["window"] + 1), "window", "in window {}")


def stream(table: pd.DataFrame) -> str:
    """In how many windows of the test part each method differs from ``fse``, paired by seed.

    Args:
        table: ``tables.stream`` of one data set.
    """
    lines = []
    test = table[table["split"] == "test"]
    for (name, task, metric), group in test.groupby(["stream", "task", "metric"], sort=False):
        sign = 1 if lower_is_better(str(metric)) else -1
        windows = group["window"].nunique()
        head = f"{name}, {task}, {NAMES[str(metric)]} ({_seeds(group)}), {windows} test windows against fse"
        if group["difference_low"].isna().all():
            lines.append(f"- {head}: no differences with intervals, so nothing can be told apart.")
            continue
        counts = []
        for method in sort_methods(group.loc[group["difference"].notna(), "method"].unique()):
            one = group[group["method"] == method]
            ends = sign * one[["difference_low", "difference_high"]]
            better, worse = (ends < 0).all(axis="columns").sum(), (ends > 0).all(axis="columns").sum()
            counts.append(f"{method} better in {better} and worse in {worse}")
        lines.append(f"- {head}: {'; '.join(counts)}; in the others not distinguishable.")
    return "\n".join(lines)


def claims(table: pd.DataFrame) -> str:
    """The verdict on each claim, and the cell that decides it.

    Args:
        table: ``claims.verdicts`` of one data set.
    """
    return "\n".join(f"- {sentence}" for sentence in table["sentence"])


def tuned(table: pd.DataFrame) -> str:
    """Which methods the tuning makes better or worse, which is best after it, and what each is to the fixed size.

    Args:
        table: ``tables.tuned`` of one data set.
    """
    lines = []
    for (stream, task, metric), group in table.groupby(["stream", "task", "metric"], sort=False):
        rows = group.sort_values("mean", kind="stable").to_dict("records")
        words = {"better": -1, "worse": 1}
        told = [
            f"{word} for {', '.join(names)}"
            for word, sign in words.items()
            if (names := [row["method"] for row in rows if _differs(row, "difference", sign)])
        ]
        best = rows[0]
        head = f"{stream}, {task}, {NAMES[str(metric)]} ({_seeds(group)})"
        change = f"tuning is {' and '.join(told)}" if told else "tuning changes no method distinguishably"
        lines.append(f"- {head}: {change}; tuned, {best['method']} is best ({_value(best)}){_to_fixed(rows)}.")
    return "\n".join(lines)


def frontier(table: pd.DataFrame) -> str:
    """By loss, which methods no other beats that needs as little memory; the same of those that hold embeddings.

    Args:
        table: ``tables.frontier`` of one data set.
    """
    lines = []
    for (stream, task, metric), rows in table[table["metric"] != "accuracy"].groupby(
        ["stream", "task", "metric"], sort=False
    ):
        held = lowest_for_less(rows)
        told = [
            ", ".join(f"{row['method']} ({row['mib']:.2f} MiB, {row['mean']:.4f})" for row in front.to_dict("records"))
            for front in (rows[rows["front"]], held)
        ]
        embedded = f"; of those that hold embeddings: {told[1]}" if len(held) else ""
        head = f"{stream}, {task}, {NAMES[str(metric)]}"
        lines.append(f"- {head}: beaten by none that needs as little memory: {told[0]}{embedded}.")
    return "\n".join(lines)


def _to_fixed(rows: Sequence[Row]) -> str:
    """What the other tuned methods are to the tuned one of a fixed size."""
    others = [row for row in rows if not math.isnan(row["to_fixed"]) and row["fixed"] != row["method"]]
    found: dict[str, list[str]] = {"better": [], "worse": [], "not distinguishable": []}
    for row in others:
        better, worse = (_differs(row, "to_fixed", sign) for sign in (-1, 1))
        found["better" if better else "worse" if worse else "not distinguishable"].append(row["method"])
    told = [f"{word} {', '.join(names)}" for word, names in found.items() if names]
    return f"; against {others[0]['fixed']}, tuned alike: {'; '.join(told)}" if told else ""


def _differs(row: Row, what: str, sign: int) -> bool:
    """Whether a difference has this sign, and its interval excludes zero."""
    return excludes_zero(row[f"{what}_low"], row[f"{what}_high"]) and sign * row[what] > 0


def ablation(table: pd.DataFrame) -> str:
    """What moves the loss of each method most, and whether any setting changes the order of the methods.

    Here a difference is distinguishable if its own interval excludes zero (by seed where the interactions stay).

    Args:
        table: ``tables.ablation`` of one data set.
    """
    lines = []
    for (task, metric), group in table.groupby(["task", "metric"], sort=False):
        effects = group[group["effect"].notna()]
        head = f"{task}, {NAMES[str(metric)]} ({_seeds(group)})"
        largest = [_largest_effect(effects[effects["method"] == name]) for name in sort_methods(effects["method"])]
        lines.append(f"- {head}, largest effect on {'; '.join(dict.fromkeys(largest))}.")
        lines.append(f"- {head}, order of the methods: {_order_changes(group)}")
    return "\n".join(lines)


def _largest_effect(effects: pd.DataFrame) -> str:
    """The setting that moves one method most, of those whose effect is distinguishable from zero."""
    rows = effects.to_dict("records")
    clear = [row for row in rows if excludes_zero(row["low"], row["high"])]
    name = rows[0]["method"]
    if not clear:
        return f"{name}: none of {len(rows)} distinguishable from zero"
    most = max(clear, key=lambda row: abs(row["effect"]))
    value = f"{change(most['effect'], most['high'])}, {most['setting']} {most['value']}"
    if most["against"] != BASE:
        value += f" ({_against(most['against'])})"
    return f"{name}: {value} ({len(clear)} of {len(rows)} distinguishable from zero)"


def _order_changes(group: pd.DataFrame) -> str:
    """In which trials the means change places, and whether any two methods do so distinguishably.

    Trials that are compared with another one than the base are counted apart.
    """
    tried = group[group["setting"] != BASE]
    parts = [f"{group['order'].iloc[0]} in the released code"]
    for against, rows in tried.groupby("against", sort=False):
        parts.append(("" if against == BASE else f"{_against(against)}, ") + _places(rows))
    return "; ".join(parts) + "."


def _places(rows: pd.DataFrame) -> str:
    """In how many trials the means change places, of trials that are all compared with the same other trial."""
    trials = rows.drop_duplicates(["setting", "value"])
    changed = [f"{row['setting']} {row['value']}" for row in trials[trials["order_changed"]].to_dict("records")]
    text = f"the means change places in {len(changed)} of {len(trials)} trials"
    swaps = [
        f"{row['method']} passes {' and '.join(row['overtakes'].split(', ')[: row['clear']])}"
        f" with {row['setting']} {row['value']}"
        for row in rows[rows["clear"] > 0].to_dict("records")
    ]
    if not changed:
        return text
    if not swaps:
        return f"{text} ({', '.join(changed)}), in none distinguishably before and after"
    return f"{text}; distinguishably before and after: {', '.join(swaps)}"


def _against(trial: Hashable) -> str:
    """``against policy 2``, of ``policy.2``."""
    return f"against {str(trial).replace('.', ' ', 1)}"


def _value(row: Row) -> str:
    return plus_minus(row["mean"], row["high"], 4)


def _seeds(table: pd.DataFrame) -> str:
    number = int(table["seeds"].max())
    return f"{number} seeds" if number > 1 else "1 seed, so no intervals"


def _overlap(one: Row, other: Row) -> bool:
    """Whether the intervals overlap; without intervals nothing can be told apart."""
    if math.isnan(one["low"]) or math.isnan(other["low"]):
        return True
    return bool(one["low"] <= other["high"] and other["low"] <= one["high"])


def _tied(best: Row, others: Sequence[Row]) -> str:
    """Who cannot be told from the best."""
    tied = [str(row["method"]) for row in others if _overlap(best, row)]
    if math.isnan(best["low"]):
        return "one seed cannot tell it from the others"
    if not others:
        return "nothing to compare it with"
    if not tied:
        return "its interval overlaps with no other"
    return f"not distinguishable from {'any other' if len(tied) == len(others) else ', '.join(tied)}"


def _paper_order(ranked: Sequence[Row], lower: bool) -> str:
    """Whether fse, sam, darts, autoemb follow each other as in the paper."""
    rows = {row["method"]: row for row in ranked}
    if any(name not in rows for name in PAPER_ORDER):
        return ""
    chain = [rows[name] for name in PAPER_ORDER]
    pairs = list(pairwise(chain))
    held = [(b["mean"] < a["mean"]) == lower for a, b in pairs]
    clear = [not _overlap(a, b) for a, b in pairs]
    if math.isnan(chain[0]["low"]):
        return f"The paper's order ({' < '.join(PAPER_ORDER)}) cannot be judged with one seed."
    order = " < ".join(PAPER_ORDER)
    if all(held) and all(clear):
        return f"The paper's order ({order}) is seen, with no overlap between neighbours."
    if all(held):
        return f"The paper's order ({order}) is seen in the means, but {clear.count(False)} of 3 neighbours overlap."
    against = [f"{a['method']} < {b['method']}" for (a, b), h in zip(pairs, held, strict=True) if not h]
    reversed_clearly = [c for h, c in zip(held, clear, strict=True) if not h]
    how = "and the intervals do not overlap" if all(reversed_clearly) else "but intervals overlap"
    verb = "does" if len(against) == 1 else "do"
    return f"The paper's order ({order}) is not seen: {' and '.join(against)} {verb} not hold, {how}."


def _nothing_learnt(cell: pd.DataFrame, metric: str) -> str:
    """Which methods a constant beats."""
    worse = below_constant(cell, metric)
    return f" Worse than a constant, so that nothing was learnt: {', '.join(worse)}." if worse else ""


def _crossing(row: Row) -> str:
    """Where one pair crosses."""
    finding, within = row["finding"], not np.isnan(row["crossing"])
    notes = [f"95 % interval: {span(row['low'], row['high'])}"] if within and row["seeds"] > 1 else []
    if finding == OVERTAKES:
        text = f"size {row['larger']} overtakes size {row['smaller']} at popularity {row['crossing']:.1f}"
    elif finding == UNDECIDED:
        where = f"at {row['crossing']:.1f} in the mean" if within else "not within the levels in the mean"
        text = f"where size {row['larger']} overtakes size {row['smaller']} is undecided: {where}"
    else:
        text = f"size {row['larger']} is {finding} against size {row['smaller']}"
    if not np.isnan(row["paper"]):
        notes.append(f"paper, ml-20m: {row['paper']:.1f}")
    return text + (f" ({'; '.join(notes)})" if notes else "")


def _changes(table: pd.DataFrame, order: str, where: str) -> str:
    """From the first to the last row, by ``order``, of every method, side, stream and task."""
    lines = []
    for (stream, task, side), group in table.groupby(["stream", "task", "side"], sort=False):
        changes = []
        for method in sort_methods(group["method"].unique()):
            rows = group[group["method"] == method].sort_values(order).to_dict("records")
            first, last = rows[0], rows[-1]
            verb = "grows" if last["mean"] > first["mean"] else "falls"
            if _overlap(first, last):
                verb = "does not change distinguishably"
            start, end = where.format(first["where"]), where.format(last["where"])
            if round(first["mean"], 1) == round(last["mean"], 1):
                verb = "stays the same to a tenth"  # seeds may agree on a change that is too small to matter
            values = [plus_minus(row["mean"], row["high"], 1) for row in (first, last)]
            changes.append(f"{method} {verb}: {values[0]} {start}, {values[1]} {end}")
        lines.append(f"- {stream}, {task}, {side} side ({_seeds(group)}), mean size: {'; '.join(changes)}.")
    return "\n".join(lines)
