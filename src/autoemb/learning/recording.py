"""What was recorded of a run, all of its seeds together, as the tables of ``schema.RUN_TABLES``."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from autoemb.config import Task
from autoemb.data.columns import WINDOW, Columns, Ints, cut
from autoemb.learning.recorder import Window
from autoemb.schema import (
    ALLOCATION,
    OUTCOMES,
    PROGRESS,
    SIDES,
    SIZES,
    SPLITS,
    TEST_USERS,
    popularity_bin,
    popularity_bin_bounds,
)

Array = npt.NDArray[np.float64]
TEST = SPLITS.index("test")


def labels_by_bin(columns: Columns, classes: int, bins: int) -> Ints:
    """How often each label occurs, by split, side and popularity bin: (2, 2, bin, classes)."""
    counts = np.zeros((len(SPLITS), len(SIDES), bins, classes), dtype=np.int64)
    for split, part in enumerate(columns.parts):
        for window in cut(part, WINDOW):
            places = np.arange(window.start, window.stop)
            label = columns.label[places].astype(np.int64)
            for side, popularity in enumerate(columns.sides["popularity"]):
                cell = popularity_bin(popularity[places]) * classes + label
                counts[split, side] += np.bincount(cell, minlength=bins * classes).reshape(bins, classes)
    return counts


def interactions_by_user(columns: Columns, users: int) -> Ints:
    """How many interactions each user has in the test part: (users,)."""
    counts = np.zeros(users, dtype=np.int64)
    for window in cut(columns.parts[TEST], WINDOW):
        counts += np.bincount(columns.sides["id"][0][np.arange(window.start, window.stop)], minlength=users)
    return counts


@dataclass(frozen=True)
class Recording:
    """Sums and counts of S seeds, as ``Recorder`` has them, on the CPU; each seed has its own counts.

    Seeds may have gone through streams of their own; then ``bin`` is as many as the stream with the most has.
    """

    task: Task
    sizes: tuple[int, ...]
    windows: Sequence[Window]
    counts: Tensor
    """(S, window, side, bin)"""
    sums: Tensor
    """(S, window, side, bin, 3 + 3K)"""
    held: Tensor
    """(S, side, K)"""
    labels: Ints
    """(S, split, side, bin, classes): ``labels_by_bin`` of each seed's stream."""
    users: Tensor
    """(S, U, 2): loss and hits of each user in the test part; U is 0 where they were not asked for."""
    user_counts: Ints
    """(U,): interactions behind them."""

    def tables(self) -> tuple[pd.DataFrame, ...]:
        """In the order of ``schema.RUN_TABLES``; seeds are numbered from 0."""
        return self.outcomes(), self.size_weights(), self.progress(), self.allocation(), self.test_users()

    def outcomes(self) -> pd.DataFrame:
        """``schema.OUTCOMES``: summed over the windows of each split."""
        splits = np.array([window.split for window in self.windows])
        counts, sums = self.counts.numpy(), self.sums[..., :3].numpy()
        names = ["loss_sum", "loss_sq_sum", "correct", "base_loss_sum", "base_correct"]
        parts = []
        for split in range(len(SPLITS)):
            inside = splits == split
            channels = [sums[:, inside].sum(1), base(self.labels[:, split], self.task)]
            parts.append(
                _long(counts[:, inside].sum(1), np.concatenate(channels, axis=-1), ["side", "bin"], names).assign(
                    split=split
                )
            )
        return _finish(pd.concat(parts), OUTCOMES.columns, ["seed", "split", "side", "popularity_low"])

    def progress(self) -> pd.DataFrame:
        """``schema.PROGRESS``: one side's sums (each interaction counts once per side) over all bins."""
        counts, sums = self.counts[:, :, 0].sum(2).numpy(), self.sums[:, :, 0, :, :3].sum(2).numpy()
        frame = _long(counts, sums, ["window"], ["loss_sum", "loss_sq_sum", "correct"])
        frame = frame.assign(
            split=[self.windows[w].split for w in frame["window"]],
            first=[self.windows[w].first for w in frame["window"]],
        )
        return _finish(frame, PROGRESS.columns, ["seed", "window"])

    def allocation(self) -> pd.DataFrame:
        """``schema.ALLOCATION``: all cells, empty ones too."""
        cells = itertools.product(range(len(self.held)), SIDES, self.sizes)
        frame = pd.DataFrame(list(cells), columns=["seed", "side", "size"])
        return frame.assign(ids=self.held.flatten().numpy()).astype(dict(ALLOCATION.columns))

    def size_weights(self) -> pd.DataFrame:
        """``schema.SIZES``: the weights of each candidate size."""
        counts, sums = self.counts.numpy(), self.sums.numpy()
        k, names = len(self.sizes), ["weight_sum", "chosen", "moved_sum"]
        parts = [
            _long(counts, sums[..., [3 + i, 3 + k + i, 3 + 2 * k + i]], ["window", "side", "bin"], names).assign(
                size=size
            )
            for i, size in enumerate(self.sizes)
        ]
        frame = pd.concat(parts)
        frame = frame.assign(split=np.array([window.split for window in self.windows])[frame["window"]])
        return _finish(frame, SIZES.columns, ["seed", "window", "side", "popularity_low", "size"])

    def test_users(self) -> pd.DataFrame:
        """``schema.TEST_USERS``: those who occur in the test part."""
        counts = np.broadcast_to(self.user_counts, self.users.shape[:2])
        frame = _long(counts.astype(np.float64), self.users.numpy(), ["user"], ["loss_sum", "correct"])
        return _finish(frame, TEST_USERS.columns, ["seed", "user"])


def base(labels: npt.NDArray[np.integer], task: Task) -> Array:
    """Loss and hits of whoever knows how often each label occurs: (..., classes) -> (..., 2)."""
    n = labels.sum(-1)
    if task == "regression":
        loss = labels.prod(-1, dtype=np.float64) / np.maximum(n, 1)  # n p (1 - p)
    else:
        loss = _entropy(n) - _entropy(labels).sum(-1)
    return np.stack([loss, labels.max(-1).astype(np.float64)], axis=-1)


def stacked(tensors: Sequence[Tensor], dim: int) -> Tensor:
    """Tensors of the seeds, which differ at most in the number of popularity bins, of which the last have zeros more.

    Args:
        tensors: one per seed.
        dim: theirs with the bins.
    """
    bins = max(tensor.shape[dim] for tensor in tensors)
    padded = []
    for tensor in tensors:
        whole = tensor.new_zeros([*tensor.shape[:dim], bins, *tensor.shape[dim + 1 :]])
        whole.narrow(dim, 0, tensor.shape[dim]).copy_(tensor)
        padded.append(whole)
    return torch.stack(padded)


def _entropy(counts: npt.NDArray[np.integer]) -> Array:
    """c log c of each count."""
    return np.asarray(counts * np.log(np.maximum(counts, 1)), dtype=np.float64)


def _long(counts: Array, sums: Array, axes: list[str], names: list[str]) -> pd.DataFrame:
    """Cells with n > 0 as rows: counts (S, *axes), sums (S, *axes, channels) -> one column per axis and channel."""
    cells = np.nonzero(counts)
    columns: dict[str, npt.NDArray[np.generic]] = dict(zip(["seed", *axes], cells, strict=True))
    columns |= {"n": counts[cells]} | {name: sums[..., i][cells] for i, name in enumerate(names)}
    return pd.DataFrame(columns)


def _finish(frame: pd.DataFrame, columns: Mapping[str, str], order: list[str]) -> pd.DataFrame:
    """Names for split, side and bin; the schema's columns, types and order of rows."""
    low, high = popularity_bin_bounds()
    if "bin" in frame:
        frame = frame.assign(popularity_low=low[frame["bin"]], popularity_high=high[frame["bin"]])
    for name, values in (("split", SPLITS), ("side", SIDES)):
        if name in frame:
            frame = frame.assign(**{name: np.array(values)[frame[name].astype(int)]})
    return frame.sort_values(order, kind="stable")[list(columns)].astype(dict(columns)).reset_index(drop=True)
