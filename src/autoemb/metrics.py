"""Sufficient statistics, summed on the device: counts and sums in float64, never means."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from autoemb.schema import (
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
    side, bin) is the same for all seeds.
    """

    def __init__(self, seeds: int, sizes: tuple[int, ...], windows: list[Window], popularity: int, device: str) -> None:
        self.sizes = sizes
        self.windows = windows
        self.bins = int(np.searchsorted(POPULARITY_BIN_LOWS, max(popularity, 1), side="right"))
        self.lows = torch.from_numpy(POPULARITY_BIN_LOWS).to(device)
        shape = (len(windows), len(SIDES), self.bins)
        self.counts = torch.zeros(shape, dtype=torch.float64, device=device)
        self.sums = torch.zeros(seeds, *shape, 3 + 2 * len(sizes), dtype=torch.float64, device=device)

    @torch.no_grad()
    def update(
        self,
        window: int,
        popularity: tuple[Tensor, Tensor],
        losses: Tensor,
        hits: Tensor,
        weights: tuple[Tensor, Tensor],
    ) -> None:
        """Add a batch: popularity (B,) per side, losses and hits (S, B), weights (S, B, K) per side."""
        common = torch.stack([losses.double(), losses.double() ** 2, hits.double()], dim=-1)  # (S, B, 3)
        for side in range(len(SIDES)):
            bins = torch.searchsorted(self.lows, popularity[side], right=True) - 1  # (B,)
            member = torch.nn.functional.one_hot(bins, self.bins).T.double()  # (bin, B)
            chosen = torch.nn.functional.one_hot(weights[side].argmax(-1), len(self.sizes))  # (S, B, K)
            values = torch.cat([common, weights[side].double(), chosen.double()], dim=-1)  # (S, B, 3 + 2K)
            self.counts[window, side] += member.sum(1)
            self.sums[:, window, side] += member @ values  # (S, bin, 3 + 2K); a product sums in a fixed order

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
