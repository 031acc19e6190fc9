"""The page of the answers, readable without a network, and the same for programs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from autoemb.analysis.advice import figure
from autoemb.analysis.advice.answers import MEANS, Answers, shares
from autoemb.analysis.advice.sizes import Counts
from autoemb.analysis.advice.words import SEVERAL, headline, said
from autoemb.analysis.explorer.pages import render
from autoemb.analysis.tables.differences import ALIKE, BETTER, UNDECIDED
from autoemb.analysis.tables.intervals import sort_methods
from autoemb.analysis.tables.text import change, plus_minus, popularity_label
from autoemb.schema import SIDES


def page(of: Sequence[Answers], counts: Mapping[str, Counts]) -> str:
    """The page.

    Args:
        of: every data set, stream and task.
        counts: by data set and side, the ratings of every id.
    """
    parts = [
        {
            "head": headline(each),
            "answers": [one._asdict() for one in said(each)],
            "figure": figure.svg(each),
            "classes": [_classes(each, side, counts[each.dataset]) for side in reversed(SIDES)],
            "options": _options(each),
            "rules": _rules(counts[each.dataset]),
            "reference": each.reference,
        }
        for each in of
    ]
    return render("advice.html", parts=parts, title=of[0].dataset if of else "nothing")


def for_programs(of: Sequence[Answers], counts: Mapping[str, Counts]) -> list[dict[str, Any]]:
    """The same as plain values for JSON: None where a number is missing."""
    return [
        {
            "dataset": each.dataset,
            "stream": each.stream,
            "task": each.task,
            "metric": each.metric,
            "learnt": each.learnt,
            "embedding_against_means": each.pays,
            "lowest_error": each.best if each.learnt else None,
            "simplest": each.simplest if each.learnt else None,
            "half_the_memory": each.halved if each.learnt else None,
            "lowest_error_with_embeddings": each.embedded if each.learnt else None,
            "undecided_against_lowest_error": each.not_told_from(each.best),
            "sizes": {side: [step._asdict() for step in each.steps(side)] for side in SIDES},
            "ids": {side: int((counts[each.dataset][side] > 0).sum()) for side in SIDES},
            "answers": [one._asdict() for one in said(each)],
            "options": _plain(each.options),
            "by_popularity": _plain(each.classes),
        }
        for each in of
    ]


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = table.astype(object).where(table.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _classes(of: Answers, side: str, counts: Counts) -> dict[str, Any]:
    """Table A: a row per class of popularity, the fixed sizes and the anchors against the reference."""
    rows = of.classes[of.classes["side"] == side]
    methods = sort_methods(rows["method"].unique())
    lines = []
    for _, group in rows.groupby("popularity_low", sort=True):
        low, high = int(group["popularity_low"].iloc[0]), int(group["popularity_high"].iloc[0])
        cells = {str(row["method"]): row for row in group.to_dict("records")}
        of_ids = shares(counts, low, high)[side]
        lines.append(
            {
                "ratings": popularity_label(low, high),
                "ids": f"{of_ids:.1%}",
                "share": f"{group['share'].iloc[0]:.1%}",
                "loss": f"{group['loss'].iloc[0]:.4f}",
                "cells": [_cell(cells.get(name)) for name in methods],
                "size": _decided_size(group),
            }
        )
    return {"side": side, "several": SEVERAL[side], "methods": methods, "lines": lines, "of": of.reference}


def _cell(row: Mapping[Any, Any] | None) -> dict[str, str]:
    if row is None:
        return {"text": "", "finding": ""}
    return {"text": change(row["difference"], row["high"]), "finding": str(row["finding"])}


def _decided_size(group: pd.DataFrame) -> str:
    """The smallest size that is decided to be better than the reference or as good; or what is known instead."""
    sizes = group[group["size"] > 0]
    good = sizes[sizes["finding"].isin([BETTER, ALIKE])]
    if len(good):
        return str(int(good["size"].min()))
    return "undecided" if (sizes["finding"] == UNDECIDED).any() else "none smaller"


def _options(of: Answers) -> list[dict[str, str]]:
    """Table B: a row per method."""
    lines = []
    for row in of.options.to_dict("records"):
        name = str(row["method"])
        gain = of.found(name, MEANS) if of.has(MEANS) and name != MEANS else None
        to_best = of.found(name, of.best) if name != of.best else None
        lines.append(
            {
                "method": name,
                "loss": plus_minus(row["mean"], row["high"], 4),
                "means": "" if gain is None else change(gain.difference, gain.high),
                "gain": "" if gain is None else gain.finding,
                "best": "the lowest" if to_best is None else change(to_best.difference, to_best.high),
                "finding": "" if to_best is None else to_best.finding,
                "sizes": f"{row['sizes']}{', all of each id' if row['all_candidates'] else ''}",
                "mib": f"{row['mib']:.2f}",
                "training": f"{row['training_mib']:.2f}",
                "deployable": f"{row['deployable_mib']:.2f}",
            }
        )
    return lines


def _rules(counts: Counts) -> str:
    """What the rules of thumb would say, from the numbers of ids alone."""
    parts = []
    for side in SIDES:
        ids = int((counts[side] > 0).sum())
        root = ids**0.25
        parts.append(
            f"{ids:,} {SEVERAL[side]}: the fourth root {np.rint(root):.0f}, six times that {np.rint(6 * root):.0f},"
            f" half the ids but at most 50 {min(50, -(-ids // 2))}"
        )
    return "; ".join(parts)
