"""From interactions to a stream, and to the splits by popularity level of Fig. 1."""

import itertools
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from autoemb.artifact.parquet import ROW_GROUP
from autoemb.config import DatasetConfig, LevelsConfig, StreamConfig
from autoemb.errors import InputError
from autoemb.schema import LEVEL_SPLITS, SIDES, STREAM

Ids = npt.NDArray[np.int32]


class InteractionTable(Protocol):
    """A table of ``schema.INTERACTIONS``, in file order: a DataFrame, or one that reads the columns on demand."""

    def __getitem__(self, name: str, /) -> npt.ArrayLike:
        """A column, (N,)."""


def build_stream(
    interactions: InteractionTable, items: pd.DataFrame, config: StreamConfig, data: DatasetConfig
) -> pd.DataFrame:
    """The whole stream as one table: the blocks of ``stream_blocks``, put together; it raises what they raise."""
    return pd.concat(stream_blocks(interactions, items, config, data), ignore_index=True)


def stream_blocks(
    interactions: InteractionTable,
    items: pd.DataFrame,
    config: StreamConfig,
    data: DatasetConfig,
    size: int = ROW_GROUP,
) -> Iterator[pd.DataFrame]:
    """Order the interactions, label them, count popularity, and mark the test part.

    Three columns and the order are held in memory: 16 bytes an interaction; while they are ordered by time, 20.

    Args:
        interactions: the columns, in file order.
        items: their side table of ``schema.ITEMS``; only ``rare_items: tag-genome`` reads it.
        config: order, test part, popularity and rare items.
        data: settings of the data set; its thresholds of the labels are read.
        size: interactions of a block, at most.

    Returns:
        Tables of ``schema.STREAM`` that follow one another in stream order. The test part is the end of the stream.

    Raises:
        InputError: no tag genome to filter by, a test part that leaves no training part, or a rating
            above the highest class.
    """
    order = _order(interactions, items, config)
    n = len(order)
    cut = n - test_count(config.test, n)
    columns = {name: np.asarray(interactions[name]) for name in ("user", "item", "rating")}
    counters = {side: RunningPopularity(int(columns[side].max()) + 1) for side in SIDES}
    # a block does not span the cut, so the counts can begin anew at its start
    starts = [*range(0, cut, size), *range(cut, n, size)]
    for start, stop in tqdm(list(itertools.pairwise([*starts, n])), unit="block", disable=None):
        if start == cut and config.popularity == "restart":
            counters = {side: counter.anew() for side, counter in counters.items()}
        block = {name: column[order[start:stop]] for name, column in columns.items()}
        yield STREAM.check(
            pd.DataFrame(
                {
                    "user": block["user"],
                    "item": block["item"],
                    **_labels(block["rating"], data),
                    **{f"{side}_popularity": counters[side].count(block[side]) for side in SIDES},
                    "split": np.full(stop - start, start >= cut, dtype=np.int8),
                }
            )
        )


class RunningPopularity:
    """Counts each id's interactions so far, block by block."""

    def __init__(self, ids: int) -> None:
        """Begin with no interactions, for the ids from 0 to below ``ids``."""
        self.so_far = np.zeros(ids, dtype=np.int32)

    def anew(self) -> "RunningPopularity":
        """A counter of the same ids that begins with no interactions."""
        return RunningPopularity(len(self.so_far))

    def count(self, ids: Ids) -> Ids:
        """How many interactions the id at each position has had by then, that one included. (N,) -> (N,)

        A stable sort brings each id's positions together in stream order; the count is the distance
        from the start of its group, added to the id's interactions in the blocks before.
        """
        order = np.argsort(ids, kind="stable")
        grouped = ids[order]
        starts = np.flatnonzero(np.diff(grouped, prepend=-1))
        lengths = np.diff(starts, append=len(ids))
        within = np.arange(1, len(ids) + 1) - np.repeat(starts, lengths)
        counts = np.empty(len(ids), dtype=np.int32)
        counts[order] = self.so_far[grouped] + within
        self.so_far[grouped[starts]] += lengths.astype(np.int32)
        return counts


def running_popularity(ids: Ids, size: int = ROW_GROUP) -> Ids:
    """How many interactions the id at each position has had by then, that one included. (N,) -> (N,)"""
    counter = RunningPopularity(int(ids.max(initial=-1)) + 1)
    counts = np.empty(len(ids), dtype=np.int32)
    for start in range(0, len(ids), size):
        counts[start : start + size] = counter.count(ids[start : start + size])
    return counts


def level_splits(interactions: InteractionTable, config: LevelsConfig, data: DatasetConfig) -> pd.DataFrame:
    """Fig. 1's protocol: per id a fixed share of its ratings as test, then exactly x as training.

    One seeded permutation orders everything. The first ratings of an id in it are its test part, the
    next are its training part in the order in which the levels take them, so that the training part
    at x holds that at every smaller x. Only ids with enough ratings for the highest level take part,
    so that every level speaks of the same ids and the same test ratings.

    Returns:
        A table of ``schema.LEVEL_SPLITS``, in the permutation's order (the order of training and of test).

    Raises:
        InputError: no id has enough ratings.
    """
    ids = np.asarray(interactions[config.side])
    order = _permutation(len(ids), config.seed)
    ids = ids[order]
    total = np.bincount(ids)
    test = np.maximum(np.rint(total * config.test_share), 1).astype(np.int64)
    enough = total - test >= max(config.at)
    if not enough.any():
        raise InputError(
            f"levels: no {config.side} has {max(config.at)} ratings beside a test share of "
            f"{config.test_share}; the most is {total.max() if len(total) else 0} ratings in all"
        )
    rank = np.maximum(running_popularity(ids) - 1 - test[ids], -1).astype(np.int32)
    kept = np.flatnonzero(enough[ids] & (rank < max(config.at)))
    rank, order = rank[kept], order[kept]
    columns = {name: np.asarray(interactions[name])[order] for name in (*SIDES, "rating")}
    labels = _labels(columns.pop("rating"), data)
    return LEVEL_SPLITS.check(pd.DataFrame({**columns, **labels, "rank": rank}))


def _order(interactions: InteractionTable, items: pd.DataFrame, config: StreamConfig) -> Ids:
    """The places in file order of the stream's interactions, in stream order. (N,)"""
    kept = None
    if config.rare_items != "keep":
        item = np.asarray(interactions["item"])
        in_stream = _of_tag_genome(items) if config.rare_items == "tag-genome" else _without_rarest(item)
        kept = np.flatnonzero(in_stream[item]).astype(np.int32)
    if config.users < 1:
        user = np.asarray(interactions["user"])
        drawn = _drawn(int(user.max(initial=-1)) + 1, config)
        kept = np.flatnonzero(drawn[user]).astype(np.int32) if kept is None else kept[drawn[user[kept]]]
    if config.order == "temporal":
        timestamp = np.asarray(interactions["timestamp"])
        timestamp = timestamp if kept is None else timestamp[kept]
        order = np.argsort(timestamp, kind="stable").astype(np.int32)  # ties stay in file order
    else:
        n = len(np.asarray(interactions["user"])) if kept is None else len(kept)
        order = _permutation(n, config.seed) if config.order == "shuffled" else np.arange(n, dtype=np.int32)
    order = order[: config.first]
    return order if kept is None else kept[order]


def _drawn(users: int, config: StreamConfig) -> npt.NDArray[np.bool_]:
    """Which users are in the sample, (users,).

    Raises:
        InputError: none is.
    """
    number = round(config.users * users)
    if number == 0:
        raise InputError(f"users = {config.users:g}: none of {users:,} users; expected a larger share")
    drawn = np.zeros(users, dtype=np.bool_)
    drawn[np.random.default_rng([config.seed, users]).permutation(users)[:number]] = True
    return drawn


def _permutation(n: int, seed: int) -> Ids:
    """The seed's permutation of the numbers below n, in int32: enough for a stream of two thousand million."""
    return np.random.default_rng(seed).permutation(np.arange(n, dtype=np.int32))


def test_count(test: float, n: int) -> int:
    """How many of n interactions are the test part.

    Args:
        test: a share of them if below 1, else a number (``StreamConfig.test``).
        n: all of them.

    Raises:
        InputError: it leaves nothing to train on, or nothing to test on.
    """
    count = round(test * n) if test < 1 else int(test)
    if not 1 <= count < n:
        raise InputError(f"test = {test:g}: {count} of {n} interactions; expected at least 1 in each part")
    return count


def _labels(rating: npt.NDArray[np.float32], data: DatasetConfig) -> dict[str, npt.NDArray[np.int8]]:
    """The labels of both tasks (ESAPN, sec. 4): positive or not, and the class whose edge is the next above."""
    classes = np.searchsorted(np.array(data.class_edges, dtype=np.float32), rating, side="left")
    if len(rating) and classes.max() == len(data.class_edges):
        raise InputError(f"class_edges = {list(data.class_edges)}: a rating of {rating.max():g} is above the last edge")
    return {"regression": (rating >= data.positive_from).astype(np.int8), "classification": classes.astype(np.int8)}


RAREST = 0.01
"""Share of the ratings that ``drop-rarest`` drops with the rarest items: what the tag genome's join drops on ml-20m."""


def _without_rarest(item: Ids) -> npt.NDArray[np.bool_]:
    """Whether each item stays when the rarest, which together have ``RAREST`` of the ratings, are dropped. (items,)

    Of equally rare items, those of the lower ids are dropped first.
    """
    count = np.bincount(item)
    order = np.argsort(count, kind="stable")
    kept = np.empty(len(count), dtype=bool)
    kept[order] = np.cumsum(count[order]) > RAREST * len(item)
    return kept


def _of_tag_genome(items: pd.DataFrame) -> npt.NDArray[np.bool_]:
    in_genome = items["tag_genome"].to_numpy()
    if not in_genome.any():
        raise InputError(
            "rare_items = tag-genome: this data set's archive has no tag genome; expected keep or drop-rarest"
        )
    return in_genome
