"""What a person should know of a file before running it."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from autoemb.data.inspection.proposal import LEAST_STEPS, SMALL, Proposal, steps
from autoemb.data.inspection.survey import YEAR_1980, Survey
from autoemb.data.inspection.times import YEARS, unit_of
from autoemb.data.readers.parquet import UNITS

FEW_USERS = 100
"""With fewer users that have the ratings for the highest popularity level, its error is called uncertain."""

ALIKE = 0.05
"""Share of the ratings below which a label is called rare."""

FAR = 2
"""A rating is called far from the others if it is so many times the range of these away;"""

APART, FEW = 3, 12
"""or, on a scale of no more than ``FEW`` ratings, so many times the widest gap between two of the others."""


def problems(counted: Survey, proposal: Proposal) -> Iterator[str]:
    """What a person should know of the ratings, their times and their users: one line for each problem."""
    yield from _of_ratings(counted)
    yield from _of_labels(counted, proposal)
    yield from _of_times(counted, proposal)
    yield from _of_users(counted, proposal)
    made = steps(counted.rows, proposal.batch_size)
    if made < LEAST_STEPS:
        yield (
            f"{counted.rows:,} ratings make {made} steps in batches of {proposal.batch_size}, and fewer than"
            f" {LEAST_STEPS} teach little: more ratings are needed to say anything"
        )
    elif proposal.batch_size < SMALL:
        yield (
            f"{counted.rows:,} ratings make {LEAST_STEPS} steps only in batches of {proposal.batch_size}, of which"
            " batch normalisation has uncertain means and variances: more ratings are needed to say much"
        )


def percent(share: float) -> str:
    """Such as ``12.3 %``."""
    return "< 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def _of_ratings(counted: Survey) -> Iterator[str]:
    if counted.low == counted.high:
        yield f"all ratings are {counted.high:g}: there is nothing to predict, and the scale below is made up"
    if YEARS[0] <= counted.low <= counted.high // UNITS[unit_of([int(counted.high)])] < YEARS[1]:
        yield (
            f"the ratings, {counted.low:g} to {counted.high:g}, look like times: say --rating COLUMN if another one"
            " holds them"
        )
    ratings = list(counted.ratings or ())
    if counted.ratings and len(ratings) > 2:
        share = counted.ratings[ratings[0]] / counted.rows
        if (ratings[0] == -1 and ratings[1] >= 0) or (ratings[0] == 0 and share > 1 / 3):
            yield (
                f"{percent(share)} of the ratings are {ratings[0]:g}, the lowest: if that stands for 'not rated',"
                " remove these rows and inspect again"
            )
    if counted.repeated:
        yield (
            f"{_some(counted.repeated, counted.rows, 'ratings')} are by a user who has rated the item in an earlier"
            " row; duplicates (below) says which stay"
        )


def _of_labels(counted: Survey, proposal: Proposal) -> Iterator[str]:
    """What the proposed labels make of the ratings, where each is counted."""
    if counted.low == counted.high:
        return
    ratings, times = counted.spread
    above = ratings >= np.float32(proposal.data.positive_from)
    yield from _far(np.union1d(ratings, np.array([counted.low, counted.high], np.float32)), proposal)
    positive, about = float(times[above].sum() / times.sum()), "" if counted.ratings else "about "
    if not ALIKE <= positive <= 1 - ALIKE:
        yield (
            f"{about}{percent(positive)} of the ratings are positive, from {proposal.data.positive_from:g} on: a"
            " constant is nearly always right; positive_from (below) says which are"
        )
    most = max(shares_of_classes(counted, proposal.data.class_edges))
    if most > 1 - ALIKE:
        yield (
            f"{about}{percent(most)} of the ratings are of one class: a constant is nearly"
            " always right; class_edges (below) says which are"
        )


def shares_of_classes(counted: Survey, edges: Sequence[float]) -> list[float]:
    """The share of the ratings in each class, by its highest rating."""
    ratings, times = counted.spread
    classes = np.searchsorted(np.array(edges, np.float32), ratings)
    return [float(n / times.sum()) for n in np.bincount(classes, times, len(edges))]


def _far(ratings: npt.NDArray[np.float32], proposal: Proposal) -> Iterator[str]:
    """The lowest and the highest rating, where they are far from all others, which are ascending."""
    gaps = np.diff(ratings.astype(np.float64))
    if len(gaps) < 2:
        return
    for end, value, gap, others in (("highest", -1, gaps[-1], gaps[:-1]), ("lowest", 0, gaps[0], gaps[1:])):
        known = end == "lowest" and ratings[0] == -1  # that is told as what stands for 'not rated'
        on_a_scale = len(ratings) <= FEW and gap > APART * others.max()
        if known or not (on_a_scale or (len(others) > 1 and gap > FAR * others.sum())):
            continue
        positive = ratings >= np.float32(proposal.data.positive_from)
        alone = (positive != positive[value]).sum() == len(ratings) - 1
        label = f" and the only one that is {'' if positive[value] else 'not '}positive" if alone else ""
        yield (
            f"the {end} rating, {ratings[value]:g}, is far from all others{label}: if it stands for 'not rated' or the"
            " like, remove these rows and inspect again"
        )


def _of_times(counted: Survey, proposal: Proposal) -> Iterator[str]:
    if proposal.data.columns.timestamp is None:
        return
    if counted.late:
        yield f"{_some(counted.late, counted.rows, 'ratings')} have a time that is yet to come"
    if counted.first == counted.last:
        yield "all times are equal: the streams below are those of a file without times"
        return
    if counted.last < YEAR_1980:
        yield "all times lie before 1980, so they may be no seconds, but days or dates; only their order counts"
    if counted.early and counted.last >= YEAR_1980:
        yield (
            f"{_some(counted.early, counted.rows, 'ratings')} have a time before 1980, and others a later one: times of"
            " two units, such as seconds and milliseconds, may be mixed"
        )
    if counted.unset:
        yield (
            f"{_some(counted.unset, counted.rows, 'ratings')} have a time of 1970-01-01 00:00 or before, which may"
            " stand for an unknown one"
        )


def _of_users(counted: Survey, proposal: Proposal) -> Iterator[str]:
    users = len(counted.users)
    single = int((counted.users == 1).sum())
    if single:
        yield f"{_some(single, users, 'users')} have a single rating"
    if proposal.levels is None:
        yield (
            f"{_some(proposal.reached, users, 'users')} have 2 ratings or more beside a test part: too few for the"
            " splits by popularity level, which are left out"
        )
    elif proposal.reached < FEW_USERS:
        yield (
            f"{_some(proposal.reached, users, 'users')} have the ratings for the highest popularity level: with so few"
            " its error is uncertain"
        )


def _some(some: int, of: int, what: str) -> str:
    """Such as ``3 of 1,000 users (0.3 %)``."""
    return f"{some:,} of {of:,} {what} ({percent(some / of)})"
