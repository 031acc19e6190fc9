"""What other people would have done: the users of the test part as clusters, beside the seeds.

Where all seeds go through one stream, their spread is that of initialisations alone. The interactions of one user go
together, and a few users may have a large part of them; so the variance of a mean over people is taken from its users,
and added to that of the seeds (Satterthwaite's degrees of freedom, *Biometrics Bulletin* 2(6), 1946). What a user and a
seed do together is counted in both, so that the sum is rather too large.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoemb.analysis.tables.student import half_width

START, ORDER, PEOPLE = "start", "start and order", "start and users"
"""What varies between the replicates behind an interval: the start alone, as the stream is the same; the start and the
stream's permutation; or the start, and, by their sums, the users."""

Numbers = npt.NDArray[np.float64]


def over_users(sums: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Variance of a mean over interactions, if other users had come.

    The mean sum(total) / sum(n) is a ratio of sums over users; its variance is the jackknife's, (U - 1) / U times the
    sum over users of (the mean without this user - the mean of those means) squared. Where a few users have a large
    part of the interactions, it is not as much too small as that of the linearised ratio.

    Args:
        sums: one row per ``keys`` x ``user`` x ``seed``: ``total`` (float64) and ``n`` (interactions).
        keys: columns that name one cell.

    Returns:
        One row per ``keys``: ``user_variance`` (float64, of the mean over seeds; NaN with one user) and
        ``user_freedom`` (float64): Kish's effective number of users, (sum n)^2 / sum n^2, less one.
    """
    each = sums.groupby([*keys, "user"], as_index=False, sort=False)[["total", "n"]].mean()  # over seeds
    cell = each.groupby(list(keys), sort=False)
    n, total = (cell[name].transform("sum") for name in ("n", "total"))
    rest = (n - each["n"]).where(lambda rest: rest > 0)  # NaN with one user
    each = each.assign(without=(total - each["total"]) / rest, square=(each["n"] / n) ** 2)
    found = each.groupby(list(keys), as_index=False, sort=False).agg(
        users=("n", "size"), spread=("without", lambda means: means.var(ddof=0)), square=("square", "sum")
    )
    variance = (found["users"] - 1) * found["spread"]
    found = found.assign(user_variance=variance.where(found["users"] > 1), user_freedom=1 / found["square"] - 1)
    return found[[*keys, "user_variance", "user_freedom"]]


def spread(sd: Numbers, seeds: Numbers, variance: Numbers, freedom: Numbers) -> tuple[Numbers, Numbers]:
    """Standard error and degrees of freedom of a mean over seeds and users.

    Args:
        sd: over seeds; NaN with one seed, which gives no interval.
        seeds: their number.
        variance: over users, NaN where only seeds vary.
        freedom: of that variance.
    """
    of_seeds, of_users = sd**2 / seeds, np.nan_to_num(variance)
    total = of_seeds + of_users
    weight = of_seeds**2 / np.maximum(seeds - 1, 1) + of_users**2 / np.maximum(np.nan_to_num(freedom), 1)
    shared = np.divide(total**2, weight, out=np.maximum(seeds - 1, 1).astype(np.float64), where=weight > 0)
    return np.sqrt(total), shared


def with_users(table: pd.DataFrame, people: pd.DataFrame, keys: Sequence[str], permuted: Sequence[str]) -> pd.DataFrame:
    """A table over seeds with intervals that have the users in them where the seeds share a stream.

    Args:
        table: ``intervals.over_seeds``, with ``stream`` among ``keys``.
        people: ``over_users`` by the same ``keys``.
        keys: columns that name one cell.
        permuted: streams whose replicates have a permutation of their own.

    Returns:
        ``table`` with other ``low`` and ``high``, and ``varies`` (str): ``START``, ``ORDER`` or ``PEOPLE``.
    """
    joined = table.merge(people, on=list(keys), how="left")
    sd, seeds, variance, freedom = (
        joined[name].to_numpy(dtype=np.float64) for name in ("sd", "seeds", "user_variance", "user_freedom")
    )
    half = half_width(*spread(sd, seeds, variance, freedom))
    return table.assign(
        low=table["mean"] - half, high=table["mean"] + half, varies=what_varies(joined["stream"], variance, permuted)
    )


def what_varies(stream: "pd.Series[str]", user_variance: Numbers, permuted: Sequence[str]) -> npt.NDArray[np.object_]:
    """By row, what varies behind its interval."""
    has_users = np.isfinite(user_variance)
    return np.select([stream.isin(permuted).to_numpy(), has_users], [ORDER, PEOPLE], START).astype(object)
