"""From interactions to a stream, and to the popularity-bucket splits of Fig. 1."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoemb.config import DatasetConfig, PopularityConfig, StreamConfig
from autoemb.errors import InputError
from autoemb.schema import BUCKETS, STREAM

Ids = npt.NDArray[np.int32]


def build_stream(
    interactions: pd.DataFrame, items: pd.DataFrame, config: StreamConfig, data: DatasetConfig
) -> pd.DataFrame:
    """Order the interactions, label them, count popularity, and mark the test part.

    Args:
        interactions: a table of ``schema.INTERACTIONS``, in file order.
        items: its side table of ``schema.ITEMS``; only ``rare_items: tag-genome`` reads it.
        config: order, test part, popularity and rare items.
        data: thresholds of the labels.

    Returns:
        A table of ``schema.STREAM`` in stream order. The test part is its end.

    Raises:
        InputError: no tag genome to filter by, a test part that leaves no training part, or a rating
            above the highest class.
    """
    if config.rare_items == "tag-genome":
        interactions = _keep_tag_genome(interactions, items)
    elif config.rare_items == "drop-rarest":
        interactions = _drop_rarest(interactions)
    order = _order(interactions["timestamp"].to_numpy(), config)[: config.first]
    n = len(order)
    test = _test_count(config.test, n)
    frame = interactions.iloc[order]
    user, item = frame["user"].to_numpy(), frame["item"].to_numpy()
    parts = [slice(0, n - test), slice(n - test, n)] if config.popularity == "restart" else [slice(0, n)]
    return STREAM.check(
        pd.DataFrame(
            {
                "user": user,
                "item": item,
                **_labels(frame["rating"].to_numpy(), data),
                "user_popularity": np.concatenate([running_popularity(user[part]) for part in parts]),
                "item_popularity": np.concatenate([running_popularity(item[part]) for part in parts]),
                "split": np.repeat(np.array([0, 1], dtype=np.int8), [n - test, test]),
            }
        )
    )


def running_popularity(ids: Ids) -> Ids:
    """Number of interactions of each position's id so far, the current one included. (N,) -> (N,)

    A stable sort brings each id's positions together in stream order; the count is the distance
    from the start of the group.
    """
    order = np.argsort(ids, kind="stable")
    grouped = ids[order]
    starts = np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]]) if len(ids) else np.array([], dtype=np.int64)
    lengths = np.diff(np.r_[starts, len(ids)])
    count = np.empty(len(ids), dtype=np.int32)
    count[order] = np.arange(len(ids)) - np.repeat(starts, lengths) + 1
    return count


def popularity_buckets(interactions: pd.DataFrame, config: PopularityConfig, data: DatasetConfig) -> pd.DataFrame:
    """Fig. 1's protocol: per id a fixed share of its ratings as test, then exactly x as training.

    One seeded permutation orders everything. The first ratings of an id in it are its test part, the
    next are its training part in the order in which the levels take them, so that the training part
    at x holds that at every smaller x. Only ids with enough ratings for the highest level take part,
    so that every level speaks of the same ids and the same test ratings.

    Returns:
        A table of ``schema.BUCKETS``, in the permutation's order (the order of training and of test).

    Raises:
        InputError: no id has enough ratings.
    """
    order = np.random.default_rng(config.seed).permutation(len(interactions))
    frame = interactions.iloc[order]
    ids = frame[config.side].to_numpy()
    total = np.bincount(ids)
    test = np.maximum(np.rint(total * config.test_share), 1).astype(np.int64)
    enough = total - test >= max(config.levels)
    if not enough.any():
        raise InputError(
            f"popularity: no {config.side} has {max(config.levels)} ratings beside a test share of "
            f"{config.test_share}; the most is {total.max() if len(total) else 0} ratings in all"
        )
    rank = running_popularity(ids) - 1 - test[ids]
    rank = np.maximum(rank, -1)
    frame = frame.assign(rank=rank.astype(np.int32), **_labels(frame["rating"].to_numpy(), data))
    kept = frame.loc[enough[ids] & (rank < max(config.levels)), list(BUCKETS.columns)]
    return BUCKETS.check(kept.reset_index(drop=True))


def _order(timestamp: npt.NDArray[np.int64], config: StreamConfig) -> npt.NDArray[np.int64]:
    if config.order == "shuffled":
        return np.random.default_rng(config.seed).permutation(len(timestamp))
    if config.order == "temporal":
        return np.argsort(timestamp, kind="stable")  # ties stay in file order
    return np.arange(len(timestamp))


def _test_count(test: float, n: int) -> int:
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


def _drop_rarest(interactions: pd.DataFrame) -> pd.DataFrame:
    """Without the rarest items that have ``RAREST`` of the ratings together; of equally rare ones, the lower ids go."""
    item = interactions["item"].to_numpy()
    count = np.bincount(item)
    order = np.argsort(count, kind="stable")
    dropped = np.zeros(len(count), dtype=bool)
    dropped[order] = np.cumsum(count[order]) <= RAREST * len(item)
    kept: pd.DataFrame = interactions.loc[~dropped[item]]
    return kept


def _keep_tag_genome(interactions: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    in_genome = items["tag_genome"].to_numpy()
    if not in_genome.any():
        raise InputError(
            "rare_items = tag-genome: this data set's archive has no tag genome; expected keep or drop-rarest"
        )
    kept: pd.DataFrame = interactions.loc[in_genome[interactions["item"].to_numpy()]]
    return kept
