"""Another stretch of the stream: a paired bootstrap over the windows of the test part."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from autoemb.analysis.claims.observations import CELL, oriented, over
from autoemb.analysis.tables.intervals import LOSSES

_RESAMPLES = 1999


def window_intervals(
    progress: pd.DataFrame, pairs: Sequence[tuple[str, str]], generator: np.random.Generator
) -> pd.DataFrame:
    """95 % percentile interval of the difference of two methods, over resampled windows.

    Windows are drawn with replacement; the difference is that of the sums over the drawn windows, over their
    interactions, so that windows of other lengths weigh right.

    Args:
        progress: ``schema.PROGRESS`` of every run, with ``dataset``, ``stream``, ``task``, ``method``.
        pairs: methods to compare: the better one, the other one.
        generator: draws the windows.

    Returns:
        One row per data set x stream x task x metric x ``comparison``: ``window_low``, ``window_high`` (NaN with one
        window), for the pairs whose methods there are.
    """
    test = progress[progress["split"] == "test"]
    loss = test.assign(metric=test["task"].map(LOSSES), value=test["loss_sum"])
    accuracy = test.assign(metric="accuracy", value=test["correct"].astype("float64"))
    sums = oriented(pd.concat([loss, accuracy], ignore_index=True))
    wide = sums.pivot_table("value", index=[*CELL, "window", "n", "seed"], columns="method")
    rows = []
    for better, other in pairs:
        if {better, other} <= set(wide.columns):
            gain = (wide[better] - wide[other]).dropna().groupby([*CELL, "window", "n"]).mean()  # over seeds
            for cell, windows in gain.groupby(CELL):
                low, high = _interval(windows.to_numpy(), windows.index.get_level_values("n").to_numpy(), generator)
                row = dict(zip(CELL, cell, strict=True)) | {"comparison": over(better, other)}
                rows.append(row | {"window_low": low, "window_high": high})
    return pd.DataFrame(rows, columns=[*CELL, "comparison", "window_low", "window_high"])


def _interval(
    gain: npt.NDArray[np.float64], n: npt.NDArray[np.int64], generator: np.random.Generator
) -> tuple[float, float]:
    """Of sum(gain) / sum(n); ``gain`` and ``n``: (windows,)."""
    if len(gain) < 2:
        return np.nan, np.nan

    def ratio(
        gains: npt.NDArray[np.float64], counts: npt.NDArray[np.float64], axis: int = -1
    ) -> npt.NDArray[np.float64]:
        total: npt.NDArray[np.float64] = gains.sum(axis=axis) / counts.sum(axis=axis)
        return total

    resampled = scipy.stats.bootstrap(
        (gain, n), ratio, paired=True, vectorized=True, n_resamples=_RESAMPLES, method="percentile", rng=generator
    )
    return float(resampled.confidence_interval.low), float(resampled.confidence_interval.high)
