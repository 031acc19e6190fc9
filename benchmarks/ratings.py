"""Made-up ratings in blocks, with exactly as many ratings, users and items as are asked for.

Popularity falls by a power law: the n-th most popular of N ids has a share proportional to (n + N / 90) ** -2, less
where a pair may occur only once. At ml-20m's size the most popular item has 0.11 % of the ratings (really 0.34 %), the
rarest 61 % of them have 2.2 % together (1 %), and half of the users have the least number, 20. Ratings and timestamps
do not depend on the ids.

Blocks are Arrow tables with the columns of an archive: ``user`` and ``item`` (the publisher's ids: int32, or string in
``log``), ``rating`` (float32, stars), ``timestamp`` (int64, seconds UTC).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from autoemb.data.datasets.base import Counts

Blocks = Iterator[pa.Table]
Ints = npt.NDArray[np.int64]
Dice = np.random.Generator

BLOCK = 1 << 20
"""Ratings of a block, about."""

DAY = 86_400
MOVIELENS = (789_652_009, 1_427_784_002)
"""The first and the last second of ml-20m."""

NETFLIX = (942_278_400, 1_135_987_200)
"""The days 1999-11-11 and 2005-12-31."""

LAST_CUSTOMER = 2_649_429
"""Netflix numbers its 480,189 users up to here."""

HALF_STARS = np.repeat(np.arange(1, 11) / 2, [1, 4, 1, 7, 4, 22, 11, 28, 8, 14]).astype(np.float32)
WHOLE_STARS = np.repeat(np.arange(1, 6), [5, 10, 29, 33, 23]).astype(np.float32)
"""A hundred ratings each, with about the shares of ml-20m and of Netflix."""


def scaled(published: Counts, ratings: int) -> Counts:
    """Users and items that go with so many ratings: the published ones times share ** 0.75 and share ** 0.5.

    So ml-20m cut to 1 M ratings has 14,644 users and 5,980 items; the real ml-1m has 6,040 and 3,706.
    """
    users, items = published.users, published.items or 1
    share = ratings / published.ratings
    return Counts(ratings, max(1, round(users * share**0.75)), max(1, round(items * share**0.5)))


def movielens(counts: Counts, dice: Dice, stars: npt.NDArray[np.float32], spread: float) -> Blocks:
    """In order of user, then of item, no pair of them twice; users are 1, 2, ..., items up to ``spread`` times as many.

    A user's timestamps lie close together. One user in ten has those of whole minutes, three to a minute.
    """
    degree = dice.permutation(degrees(counts.users, counts.ratings, least=20, most=counts.items // 2))
    items = np.sort(some_of(dice, counts.items, round(counts.items * spread)))
    start = dice.integers(*MOVIELENS, counts.users) - 20 * degree  # a user takes 20 seconds for a rating
    step = np.where(dice.random(counts.users) < 0.1, 60, 1)
    for user, item in pairs(dice, degree, counts.items):
        passed = (dice.random(len(user)) * (20 * degree)[user]).astype(np.int64)
        timestamp = (start[user] + passed) // step[user] * step[user]
        yield table(user + 1, items[item], stars[dice.integers(0, 100, len(user))], timestamp)


def netflix(counts: Counts, dice: Dice) -> Blocks:
    """In order of movie, the users of each in no order of their ids; no pair of them twice; days as timestamps."""
    degree = dice.permutation(degrees(counts.items, counts.ratings, least=3, most=counts.users // 2))
    users = some_of(dice, counts.users, max(LAST_CUSTOMER, 5 * counts.users))
    days = (NETFLIX[1] - NETFLIX[0]) // DAY + 1
    for item, user in pairs(dice, degree, counts.users):
        day = (days * np.cbrt(dice.random(len(item)))).astype(np.int64)  # ever more ratings, as the service grew
        yield table(users[user], item + 1, WHOLE_STARS[dice.integers(0, 100, len(item))], NETFLIX[0] + DAY * day)


def log(counts: Counts, dice: Dice) -> Blocks:
    """In order of time, a third of the rows with the time of the row before; ids have the form of UUIDs.

    Each row is drawn for itself: pairs occur again (one row in five at 1 M), and of so many users and items the
    rarest may be missing. Items go by the power law, users by a flatter one (n ** -0.5).
    """
    users, items = (uuids(dice, n) for n in (counts.users, counts.items))
    now = MOVIELENS[0]
    for size in np.diff([*range(0, counts.ratings, BLOCK), counts.ratings]):
        timestamp = now + np.cumsum(dice.integers(0, 3, size))
        now = int(timestamp[-1])
        user = (len(users) * dice.random(size) ** 2).astype(np.int64)
        item = popular(dice.random(size), len(items))
        yield table(
            users.take(pa.array(user)), items.take(pa.array(item)), HALF_STARS[dice.integers(0, 100, size)], timestamp
        )


def popular(uniform: npt.NDArray[np.float64], ids: int) -> Ints:
    """The rank, from 0, that a number in [0, 1) draws by the power law: its distribution function turned around."""
    head = ids / 90
    rank = head / (1 - uniform * (ids / (ids + head))) - head
    return np.minimum(rank.astype(np.int64), ids - 1)


def degrees(groups: int, ratings: int, least: int, most: int) -> Ints:
    """How many of the ratings each group has, by the power law but from ``least`` to ``most``; descending, (groups,).

    ``least`` is lowered to a quarter of the mean where that is less, or all would have the same.
    """
    share = (np.arange(1, groups + 1) + groups / 90) ** -2.0
    least = min(least, max(1, ratings // (4 * groups)))
    low, high = 0.0, most / share[-1]
    for _ in range(100):  # the factor at which the sum is right
        middle = (low + high) / 2
        low, high = (middle, high) if np.clip(middle * share, least, most).sum() <= ratings else (low, middle)
    degree = np.clip(low * share, least, most).astype(np.int64)
    short = np.flatnonzero(degree < most)[: ratings - degree.sum()]  # by less than one each, as they were cut
    degree[short] += 1
    return degree


def pairs(dice: Dice, degree: Ints, members: int, block: int = BLOCK) -> Iterator[tuple[Ints, Ints]]:
    """Groups (ascending) and members (ascending in each group), both from 0; no pair twice; each member occurs.

    Each member is given to one group, in proportion to the groups' degrees. The rest of a group is drawn by
    popularity: one uniform number from each of equal strata, and where two draw one rank, the later moves on to
    the next free one.
    """
    place = dice.permutation(members)  # of the members by rank
    stop = np.cumsum(degree)
    ranks = np.r_[0, members * stop // stop[-1]]  # group g is given the ranks from ranks[g] to ranks[g + 1]
    cuts = np.searchsorted(stop, np.arange(block, stop[-1] + block, block))
    for first, last in zip(np.r_[0, cuts[:-1]], np.r_[cuts[:-1], len(degree)], strict=True):
        given = np.diff(ranks[first : last + 1])
        free = degree[first:last] - given
        group, nth = grouped(free)
        rank = popular((nth + dice.random(len(nth))) / free[group], members)
        spare = np.minimum(rank - nth, (members - given - free)[group]) + group * members
        rank = np.maximum.accumulate(spare) - group * members + nth
        rank += given[group] * (rank >= ranks[first:last][group])  # over those that are given
        rank = np.r_[rank, np.arange(ranks[first], ranks[last])]
        group = np.r_[group, grouped(given)[0]]
        group, member = np.divmod(np.sort(group * members + place[rank]), members)
        yield group + first, member


def grouped(sizes: Ints) -> tuple[Ints, Ints]:
    """Of each element of groups of these sizes: the group, and the place in it, both from 0."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    return group, np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def some_of(dice: Dice, n: int, last: int) -> Ints:
    """n different numbers of 1 to ``last`` in no order."""
    return dice.permutation(last)[:n] + 1


def uuids(dice: Dice, n: int) -> pa.Array:
    """Random ids in the form of UUIDs."""
    digits = np.frombuffer(dice.bytes(16 * n).hex().encode(), "S1").reshape(n, 32)
    text = np.insert(digits, [8, 12, 16, 20], b"-", axis=1)
    return pa.array(text.view("S36").ravel(), pa.string())


def table(user: object, item: object, rating: object, timestamp: object) -> pa.Table:
    """A block; whole ids become int32."""
    columns = {"user": user, "item": item, "rating": rating, "timestamp": timestamp}
    arrays = {name: pa.array(values) for name, values in columns.items()}
    ids = {name: arrays[name].cast(pa.int32()) for name in ("user", "item") if pa.types.is_integer(arrays[name].type)}
    return pa.table({**arrays, **ids})
