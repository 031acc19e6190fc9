"""Table 1: the data sets, ours beside the paper's."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from autoemb.analysis import published
from autoemb.analysis.tables.columns import flags, numbers, texts

COUNTS = ("users", "items", "ratings")
_PAPER = [f"paper_{name}" for name in COUNTS]

DATASETS = (
    texts("dataset", "title")
    | numbers(*COUNTS)
    | numbers(*_PAPER, may_lack=True)
    | flags("matches", may_lack=True)
    | texts("licence", "citation")
)
"""The table's columns."""


def datasets(counts: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Table 1 of the paper, with the counts of the data at hand.

    Args:
        counts: by data set, what its ``counts.json`` holds.

    Returns:
        One row per data set: ``dataset``, ``title`` (str), ``users``, ``items``, ``ratings`` (int64),
        ``paper_users``, ``paper_items``, ``paper_ratings`` (Int64, NA where the paper has no such data set),
        ``matches`` (the counts are those that the publisher or the paper states; empty where neither
        states any), ``licence`` and ``citation`` (str).
    """
    own = ["title", *COUNTS, "matches", "licence", "citation"]
    rows = [{"dataset": name} | {key: counted[key] for key in own} for name, counted in counts.items()]
    paper = published.table1().astype(dict.fromkeys(COUNTS, "Int64"))
    paper = paper.rename(columns=dict(zip(COUNTS, _PAPER, strict=True)))
    table = pd.DataFrame(rows, columns=["dataset", *own]).merge(paper, on="dataset", how="left")
    return table.sort_values("dataset", ignore_index=True)[list(DATASETS)]
