"""What a person should know of a file before running it."""

from collections.abc import Iterator

from autoemb.config import RunConfig
from autoemb.data.inspection.proposal import Proposal
from autoemb.data.inspection.survey import Survey

YEAR_1980 = 315_532_800
"""Seconds UTC."""

FEW_USERS = 100
"""With fewer users that have the ratings for the highest popularity level, its error is called uncertain."""

FEW_BATCHES = 20
"""A stream of fewer batches is called short."""


def problems(counted: Survey, proposal: Proposal) -> Iterator[str]:
    """What a person should know of the ratings, their times and their users: one line for each problem."""
    yield from _of_ratings(counted)
    yield from _of_times(counted, proposal)
    yield from _of_users(counted, proposal)
    batch = int(RunConfig.model_fields["batch_size"].default)
    if counted.rows < FEW_BATCHES * batch:
        yield (
            f"{counted.rows:,} ratings make fewer than {FEW_BATCHES} batches of {batch}, in which little is learnt; a"
            " smaller batch_size makes more of them"
        )


def percent(share: float) -> str:
    """Such as ``12.3 %``."""
    return "< 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def _of_ratings(counted: Survey) -> Iterator[str]:
    if counted.low == counted.high:
        yield f"all ratings are {counted.high:g}: there is nothing to predict, and the scale below is made up"
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
