"""Table 1: the data sets, ours beside the paper's."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from autoemb.analysis import published

COUNTS = ("users", "items", "ratings")


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
    rows = []
    for name, found in counts.items():
        row = {"dataset": name, "title": found["title"]} | {key: found[key] for key in COUNTS}
        rows.append(row | {key: found[key] for key in ("matches", "licence", "citation")})
    table = pd.DataFrame(rows, columns=["dataset", "title", *COUNTS, "matches", "licence", "citation"])
    paper = published.table1().astype(dict.fromkeys(COUNTS, "Int64"))
    paper = paper.rename(columns={key: f"paper_{key}" for key in COUNTS})
    table = table.merge(paper, on="dataset", how="left").sort_values("dataset", ignore_index=True)
    last = ["matches", "licence", "citation"]
    return table[[*[name for name in table.columns if name not in last], *last]]
