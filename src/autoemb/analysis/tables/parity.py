"""This project beside the authors' released code, on one fixed order: how far apart the two are, and within what."""

import numpy as np
import pandas as pd

from autoemb.analysis import published
from autoemb.analysis.tables.columns import Columns, numbers, texts
from autoemb.analysis.tables.intervals import RUN, arrange, over_seeds, per_seed
from autoemb.analysis.tables.student import excludes_zero, half_width

CELL = ["dataset", "stream", "task", "metric", "method"]

PARITY: Columns = (
    texts(*CELL)
    | numbers("mean")
    | numbers("sd", may_lack=True)
    | numbers("seeds", "n", "released")
    | numbers("released_sd", may_lack=True)
    | numbers("released_seeds", "difference")
    | numbers("difference_low", "difference_high", may_lack=True)
    | texts("finding", "varies")
)


def parity(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Loss and accuracy beside what the released code printed on the same order, by Welch's t from both spreads.

    Args:
        outcomes: ``schema.OUTCOMES`` of the runs on that order, with ``dataset``, ``stream``, ``task``, ``method``.

    Returns:
        One row per method and metric that the released code has a number of: ``mean``, ``sd``, ``seeds``, ``n``
        (test interactions per seed) here; ``released``, ``released_sd``, ``released_seeds`` there; ``difference``
        (here - there) with its 95 % interval, NaN where there is no spread; ``finding``: ``agrees within x``, the
        farthest end of an interval that includes zero, else ``differs``; where there is no interval, ``within x``, the
        difference itself.
    """
    test = outcomes[(outcomes["split"] == "test") & (outcomes["side"] == "user")]
    ours = over_seeds(per_seed(test, RUN), CELL)
    named = {"value": "released", "sd": "released_sd", "seeds": "released_seeds"}
    theirs = published.released_code().drop(columns="stream").rename(columns=named)
    table = ours.merge(theirs, on=[name for name in CELL if name != "stream"])
    of_ours, of_theirs = (
        table[f"{whose}sd"].to_numpy(np.float64) ** 2 / table[f"{whose}seeds"].to_numpy(np.float64)
        for whose in ("", "released_")
    )
    variance = of_ours + of_theirs
    freedom = variance**2 / (
        of_ours**2 / np.maximum(table["seeds"] - 1, 1) + of_theirs**2 / np.maximum(table["released_seeds"] - 1, 1)
    )
    half = half_width(np.sqrt(variance), freedom)
    difference = table["mean"] - table["released"]
    table = table.assign(difference=difference, difference_low=difference - half, difference_high=difference + half)
    found = [_finding(*row) for row in table[["difference", "difference_low", "difference_high"]].to_numpy(np.float64)]
    # all seeds go through the one order
    return arrange(table.assign(finding=found, varies="start")[list(PARITY)], [*CELL[:4], "method"])


def _finding(difference: float, low: float, high: float) -> str:
    if np.isnan(low):
        return f"within {abs(difference):.4f}"
    if excludes_zero(low, high):
        return f"differs by {difference:+.4f}"
    return f"agrees within {max(abs(low), abs(high)):.4f}"
