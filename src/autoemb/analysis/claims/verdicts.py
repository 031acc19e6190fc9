"""One verdict per claim and data set, over its cells, with a sentence."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from autoemb.analysis.claims.statements import STATEMENTS
from autoemb.analysis.tables.columns import numbers, texts
from autoemb.analysis.tables.text import signed
from autoemb.schema import DESCRIPTIVE, VERDICTS

MIXED = "differs"
"""Where the cells of a claim differ in their verdicts; the sentence tells which."""

COUNTS = dict(zip(VERDICTS, ("holds", "reversed", "smaller", "no_effect", "not_testable", "undecided"), strict=True))
"""The columns that say how many cells have each verdict."""

VERDICT_TABLE = (
    texts("dataset", "claim", "verdict") | numbers("cells", *COUNTS.values()) | texts("sentence", "statement", "source")
)
"""The columns of ``verdicts``."""

NAMES = {"mse": "MSE", "cross_entropy": "cross-entropy", "mean_size": "mean size", "memory_saved": "memory saved"}


def verdicts(judged: pd.DataFrame) -> pd.DataFrame:
    """What all cells of a claim say together; accuracies are left out.

    Args:
        judged: ``judge.claims``.

    Returns:
        One row per data set x claim: ``verdict`` (that of all cells; ``differs`` where they differ, cells without a
        decision aside), ``cells`` (their number), how many of them have each verdict (``COUNTS``), a ``sentence`` with
        the cells behind it, ``statement``, ``source``.
    """
    primary = judged[judged["verdict"] != DESCRIPTIVE]
    rows = []
    for (dataset, claim), cells in primary.groupby(["dataset", "claim"], sort=False):
        verdict = _together(cells)
        rows.append({
            "dataset": dataset, "claim": claim, "verdict": verdict, "cells": len(cells),
            **{name: int((cells["verdict"] == word).sum()) for word, name in COUNTS.items()},
            "sentence": _sentence(str(claim), verdict, cells), **_words(str(claim)),
        })  # fmt: skip
    return pd.DataFrame(rows, columns=list(VERDICT_TABLE))


def _words(claim: str) -> dict[str, str]:
    statement = STATEMENTS[claim]
    return {"statement": statement.text, "source": statement.source}


def _together(cells: pd.DataFrame) -> str:
    """The verdict that the cells agree on; ``holds`` needs all of them, the others the decided ones."""
    found = set(cells["verdict"])
    if len(found) == 1:
        return str(cells["verdict"].iloc[0])
    decided = found - {VERDICTS[-1]}
    return decided.pop() if len(decided) == 1 and VERDICTS[0] not in decided else MIXED


def _sentence(claim: str, verdict: str, cells: pd.DataFrame) -> str:
    """The verdict, how many cells have which, and the cell that decides, with its numbers."""
    counts = {name: int((cells["verdict"] == name).sum()) for name in VERDICTS}
    several = len(cells) > 1 and sum(number > 0 for number in counts.values()) > 1
    text = f"{claim}, {STATEMENTS[claim].text}: {verdict}"
    if several:
        text += " (" + ", ".join(f"{name} in {number}" for name, number in counts.items() if number)
        text += f" of {len(cells)} cells)"
    elif len(cells) > 1:
        text += f" in all {len(cells)} cells"
    order = {name: rank for rank, name in enumerate((VERDICTS[1], *VERDICTS[2:], VERDICTS[0]))}
    shown = cells.sort_values("verdict", key=lambda column: column.map(order), kind="stable").to_dict("records")[0]
    return f"{text}; {_cell(shown)}."


def _cell(row: Mapping[Hashable, Any]) -> str:
    """One cell in words."""
    metric = str(row["metric"])
    where = f"{row['stream']}, {row['task']}, {NAMES.get(metric, metric)}"
    if pd.isna(row["low"]):
        interval = "no interval"
    else:
        interval = f"{signed(row['low'], metric)} to {signed(row['high'], metric)} over {row['seeds']} replicates"
        interval += (
            f", in which {row['varies']} vary" if " and " in str(row["varies"]) else ", in which the start varies"
        )
    text = f"{where}: {row['comparison']} {signed(row['effect'], metric)} ({interval})"
    if row["verdict"] == VERDICTS[3]:
        text += f", x = {signed(row['tolerance'], metric).lstrip('+')}"
    if pd.notna(row["paper_effect"]):
        text += f"; paper, {row['paper_dataset']}: {signed(row['paper_effect'], metric)}"
    return text + (f"; {row['note']}" if isinstance(row["note"], str) and row["note"] else "")
