"""The 95 % interval over seeds by Student's t, of a mean and of a difference of two."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy  # scipy.stats takes a second to import, and is imported where it is used first


class Interval(NamedTuple):
    """A mean and the ends of its 95 % interval; NaN where there are too few seeds for one."""

    mean: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether zero is outside."""
        return excludes_zero(self.low, self.high)


def excludes_zero(low: float, high: float) -> bool:
    """Whether zero is outside of an interval; never of one without ends."""
    return low > 0 or high < 0


def half_width(error: npt.ArrayLike, freedom: npt.ArrayLike, miss: npt.ArrayLike = 0.05) -> npt.NDArray[np.float64]:
    """Half of the interval around a mean.

    Args:
        error: standard error of the mean; NaN where one seed gives none.
        freedom: degrees of freedom; 0 where there is one seed.
        miss: how often the interval may miss, on both sides together.
    """
    quantile = scipy.stats.t.ppf(1 - np.asarray(miss) / 2, np.maximum(freedom, 1))  # without any, scipy would warn
    return np.asarray(quantile * np.asarray(error), dtype=np.float64)


def agree(values: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Whether seeds agree to rounding: the spread that they have is that of rounding.

    Args:
        values: (..., S); NaN where a seed has no value.

    Returns:
        (...,)
    """
    spread = np.nanmax(values, axis=-1) - np.nanmin(values, axis=-1)
    return np.asarray(spread <= 1e-12 * np.nanmax(np.abs(values), axis=-1))


def paired(differences: "pd.Series[float]") -> Interval:
    """Mean of differences of the same seeds, with its interval."""
    half = float(half_width(_error(differences), len(differences) - 1))
    mean = float(differences.mean())
    return Interval(mean, mean - half, mean + half)


def welch(one: "pd.Series[float]", other: "pd.Series[float]") -> Interval:
    """Difference of two means, one minus the other, with its interval by Welch's t: the seeds are not the same."""
    errors = np.array([_error(one), _error(other)])
    error, freedom = float(np.hypot(*errors)), 1.0
    if error > 0:
        freedom = error**4 / (errors**4 / [len(one) - 1, len(other) - 1]).sum()
    half = float(half_width(error, freedom))
    mean = float(one.mean() - other.mean())
    return Interval(mean, mean - half, mean + half)


def _error(values: "pd.Series[float]") -> float:
    """Standard error of the mean: NaN with one seed, 0 where seeds agree to rounding."""
    seeds = values.to_numpy(dtype=np.float64)
    if len(seeds) < 2:
        return np.nan
    return 0.0 if agree(seeds) else float(seeds.std(ddof=1) / np.sqrt(len(seeds)))
