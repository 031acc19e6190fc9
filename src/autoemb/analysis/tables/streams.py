"""The streams: their parts, what a batch of them holds, and how their labels are spread."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoemb.analysis.tables.columns import numbers, texts
from autoemb.schema import SIDES, SPLITS

_BATCHES = 1024
"""Batches whose ids are sorted at a time."""

STREAMS = texts("dataset", "stream") | numbers(
    "interactions", *SPLITS, "test_users", "test_items", "batch_size", "users_per_batch", "items_per_batch", "positive"
)
"""The table's columns."""


class StreamTable(Protocol):
    """A table of ``schema.STREAM``: a DataFrame, or one that reads its columns on demand."""

    def __getitem__(self, name: str, /) -> npt.ArrayLike:
        """A column, (N,)."""


def streams(tables: Mapping[tuple[str, str], StreamTable], batch_size: int) -> pd.DataFrame:
    """What the streams hold; of one whose replicates have their own, the first replicate's.

    Args:
        tables: by data set and stream.
        batch_size: interactions of a mini-batch; the last one of each part has what is left.

    Returns:
        One row per data set x ``stream``: ``interactions``, ``train``, ``test`` (int64: of the whole and of its two
        parts), ``test_users``, ``test_items`` (int64: that occur in the test part), ``batch_size`` (int64),
        ``users_per_batch``, ``items_per_batch`` (float64: median over all batches of how many different ones there
        are) and ``positive`` (float64: share of the interactions whose rating counts as positive).
    """
    rows = [
        {"dataset": dataset, "stream": stream} | _row(table, batch_size) for (dataset, stream), table in tables.items()
    ]
    table = pd.DataFrame(rows, columns=list(STREAMS))
    return table.sort_values(["dataset", "stream"], ignore_index=True)


def _row(table: StreamTable, batch_size: int) -> dict[str, object]:
    in_test = np.asarray(table["split"]) == SPLITS.index("test")
    train, test = int((~in_test).sum()), int(in_test.sum())
    row: dict[str, object] = {"interactions": train + test, "train": train, "test": test, "batch_size": batch_size}
    for side in SIDES:
        ids = np.asarray(table[side])
        row[f"test_{side}s"] = len(np.unique(ids[train:]))
        each = np.concatenate([distinct(part, batch_size) for part in (ids[:train], ids[train:])])
        row[f"{side}s_per_batch"] = float(np.median(each))
    return row | {"positive": float(np.asarray(table["regression"]).mean())}


def distinct(ids: npt.NDArray[np.int32], batch_size: int) -> npt.NDArray[np.int64]:
    """How many different ids each batch holds. (N,) -> (batches,)"""
    whole = len(ids) // batch_size
    batches = ids[: whole * batch_size].reshape(whole, batch_size)
    counts = [_distinct(batches[start : start + _BATCHES]) for start in range(0, whole, _BATCHES)]
    left = ids[whole * batch_size :]
    return np.concatenate([*counts, _distinct(left[None]) if len(left) else np.empty(0, dtype=np.int64)])


def _distinct(batches: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """(batches, B) -> (batches,)"""
    ordered = np.sort(batches, axis=1)
    counts: npt.NDArray[np.int64] = 1 + (np.diff(ordered, axis=1) != 0).sum(axis=1, dtype=np.int64)
    return counts
