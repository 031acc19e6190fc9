"""Another stretch of the stream: the difference of two methods in the windows of the test part, as a second look."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from autoemb.analysis.claims.observations import CELL, oriented, over
from autoemb.analysis.tables.intervals import by_metric
from autoemb.analysis.tables.student import half_width


def window_intervals(progress: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """95 % t-interval of the difference of two methods over windows, as if they were independent.

    The difference is a ratio of sums over windows, so that windows of other lengths weigh right; its error is that of
    the ratio's linearisation.

    Args:
        progress: ``schema.PROGRESS`` of every run, with ``dataset``, ``stream``, ``task``, ``method``.
        pairs: methods to compare: the better one, the other one.

    Returns:
        One row per data set x stream x task x metric x ``comparison``: ``window_low``, ``window_high`` (NaN with one
        window), for the pairs whose methods there are.
    """
    sums = oriented(by_metric(progress[progress["split"] == "test"]))
    wide = sums.pivot_table("value", index=[*CELL, "window", "n", "seed"], columns="method")
    rows = []
    for better, other in pairs:
        if {better, other} <= set(wide.columns):
            gain = (wide[better] - wide[other]).dropna().groupby([*CELL, "window", "n"]).mean()  # over seeds
            for cell, windows in gain.groupby(CELL):
                n = windows.index.get_level_values("n").to_numpy(dtype=np.float64)
                mean = windows.sum() / n.sum()
                residual = (windows.to_numpy() - mean * n) / n.mean()
                error = np.sqrt((residual**2).sum() / (len(n) - 1) / len(n)) if len(n) > 1 else np.nan
                half = float(half_width(error, len(n) - 1))
                row = dict(zip(CELL, cell, strict=True)) | {"comparison": over(better, other)}
                rows.append(row | {"window_low": mean - half, "window_high": mean + half})
    return pd.DataFrame(rows, columns=[*CELL, "comparison", "window_low", "window_high"])
