"""Sufficient statistics, summed on the device: counts and sums in float64, never means."""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from autoemb.schema import (
    ALLOCATION,
    OUTCOMES,
    POPULARITY_BIN_LOWS,
    PROGRESS,
    SIDES,
    SIZES,
    SPLITS,
    popularity_bin_bounds,
)

Array = npt.NDArray[np.float64]


class Window(NamedTuple):
    """A run of consecutive batches of one split."""

    split: int
    first: int
    """Position in the stream of its first interaction."""


class Recorder:
    """Sums over the stream, per window, side and popularity bin, for S seeds.

    The channels of ``sums`` (S, window, side, bin, 3 + 2K) are loss, squared loss, hits, then the
    weight of each candidate size, then how often each had the largest weight. ``counts`` (window,
    side, bin) is the same for all seeds. ``held`` (S, side, K) is how many of the stream's ids hold an embedding
    of each size at its end.
    """

    def __init__(self, seeds: int, sizes: tuple[int, ...], windows: list[Window], popularity: int, device: str) -> None:
        self.sizes = sizes
        self.windows = windows
        self.bins = int(np.searchsorted(POPULARITY_BIN_LOWS, max(popularity, 1), side="right"))
        shape = (len(windows), len(SIDES), self.bins)
        self.counts = torch.zeros(shape, dtype=torch.float64, device=device)
        self.sums = torch.zeros(seeds, *shape, 3 + 2 * len(sizes), dtype=torch.float64, device=device)
        self.held = torch.zeros(seeds, len(SIDES), len(sizes), dtype=torch.float64)

    @torch.no_grad()
    def update(self, window: int, bins: Tensor, statistics: Tensor) -> None:
        """Add a batch: popularity bins (2, B) and ``nn.task.statistics`` (S, 2, 3 + 2K, B), users before items."""
        into, values = self.sums[:, window], statistics.transpose(2, 3)  # (S, 2, bin, 3 + 2K), (S, 2, B, 3 + 2K)
        if bins.is_cuda:
            add_by_product(self.counts[window], into, bins, values)
            return
        self.counts[window].scatter_add_(1, bins, torch.ones_like(bins, dtype=torch.float64))
        into.scatter_add_(2, bins[None, :, :, None].expand_as(values), values)

    def of(self, sums: Tensor, held: Tensor) -> "Recorder":
        """The same for other seeds over the same stream: their sums (S, window, side, bin, 3 + 2K) and ``held``."""
        other = Recorder(0, self.sizes, self.windows, 0, "cpu")
        other.bins, other.counts, other.sums, other.held = self.bins, self.counts, sums, held
        return other

    def outcomes(self) -> pd.DataFrame:
        """``schema.OUTCOMES``: summed over the windows of each split."""
        splits = np.array([window.split for window in self.windows])
        counts, sums = self.counts.cpu().numpy(), self.sums[..., :3].cpu().numpy()
        parts = []
        for split in range(len(SPLITS)):
            inside = splits == split
            parts.append(_long(counts[inside].sum(0), sums[:, inside].sum(1), ["side", "bin"]).assign(split=split))
        return _finish(pd.concat(parts), OUTCOMES.columns, ["seed", "split", "side", "popularity_low"])

    def progress(self) -> pd.DataFrame:
        """``schema.PROGRESS``: one side's sums (each interaction counts once per side) over all bins."""
        counts, sums = self.counts[:, 0].sum(1).cpu().numpy(), self.sums[:, :, 0, :, :3].sum(2).cpu().numpy()
        frame = _long(counts, sums, ["window"])
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
        counts, sums = self.counts.cpu().numpy(), self.sums.cpu().numpy()
        k = len(self.sizes)
        parts = [
            _long(counts, sums[..., [3 + i, 3 + k + i]], ["window", "side", "bin"], ["weight_sum", "chosen"]).assign(
                size=size
            )
            for i, size in enumerate(self.sizes)
        ]
        frame = pd.concat(parts)
        frame = frame.assign(split=np.array([window.split for window in self.windows])[frame["window"]])
        return _finish(frame, SIZES.columns, ["seed", "window", "side", "popularity_low", "size"])


def add_by_product(counts: Tensor, sums: Tensor, bins: Tensor, values: Tensor) -> None:
    """Add values (S, 2, B, C) and their number to sums (S, 2, bin, C) and counts (2, bin), by bins (2, B).

    A product adds up in a fixed order on a GPU too, where scattered sums do not.
    """
    member = torch.zeros(*bins.shape, counts.shape[-1], dtype=torch.float64, device=bins.device)
    member.scatter_(2, bins[..., None], 1)  # (2, B, bin)
    counts += member.sum(1)
    sums += torch.matmul(member.transpose(1, 2), values)


def _long(counts: Array, sums: Array, axes: list[str], names: list[str] | None = None) -> pd.DataFrame:
    """Cells with n > 0 as rows: counts (*axes), sums (S, *axes, channels) -> one column per axis and channel."""
    cells = np.nonzero(counts)
    values = sums.reshape(len(sums), counts.size, -1)[:, np.flatnonzero(counts)]  # (S, cells, channels)
    columns: dict[str, npt.NDArray[np.generic]] = {"seed": np.arange(len(sums)).repeat(len(cells[0]))}
    columns |= {axis: np.tile(index, len(sums)) for axis, index in zip(axes, cells, strict=True)}
    columns["n"] = np.tile(counts[cells], len(sums))
    channels = names or ["loss_sum", "loss_sq_sum", "correct"]
    columns |= {name: values[..., i].ravel() for i, name in enumerate(channels)}
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
