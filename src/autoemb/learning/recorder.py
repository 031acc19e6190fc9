"""Sufficient statistics, summed on the device: counts and sums in float64, never means."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from autoemb.schema import POPULARITY_BIN_LOWS, SIDES

LOSS, HIT = 0, 2
"""Channels of ``nn.task.statistics``."""


class Window(NamedTuple):
    """A run of consecutive batches of one split."""

    split: int
    first: int
    """Position in the stream of its first interaction."""


class Recorder:
    """Sums over the stream, per window, side and popularity bin, for S seeds that go through it together.

    The channels of ``sums`` (S, window, side, bin, 3 + 3K) are loss, squared loss, hits, then the
    weight of each candidate size, how often each had the largest weight, and how far each weight was from 1/K.
    ``counts`` (window, side, bin) is the same for all seeds. ``held`` (S, side, K) is how many of the stream's ids hold
    an embedding of each size at its end. ``users`` (S, U, 2) has the loss and the hits of each user in the test part;
    U is 0 where they are not asked for.
    """

    def __init__(
        self, seeds: int, sizes: tuple[int, ...], windows: list[Window], popularity: int, device: str, users: int = 0
    ) -> None:
        self.sizes = sizes
        self.windows = windows
        self.bins = int(np.searchsorted(POPULARITY_BIN_LOWS, max(popularity, 1), side="right"))
        shape = (len(windows), len(SIDES), self.bins)
        self.counts = torch.zeros(shape, dtype=torch.float64, device=device)
        self.sums = torch.zeros(seeds, *shape, 3 + 3 * len(sizes), dtype=torch.float64, device=device)
        self.users = torch.zeros(seeds, users, 2, dtype=torch.float64, device=device)
        self.held = torch.zeros(seeds, len(SIDES), len(sizes), dtype=torch.float64)

    @torch.no_grad()
    def update(self, window: int, bins: Tensor, statistics: Tensor, user: Tensor) -> None:
        """Add a batch: bins of popularity (2, B), ``nn.task.statistics`` (S, 2, 3 + 3K, B), and its users (B,)."""
        into, values = self.sums[:, window], statistics.transpose(2, 3)  # (S, 2, bin, 3 + 3K), (S, 2, B, 3 + 3K)
        if bins.is_cuda:
            add_by_product(self.counts[window], into, bins, values)
        else:
            self.counts[window].scatter_add_(1, bins, torch.ones_like(bins, dtype=torch.float64))
            into.scatter_add_(2, bins[None, :, :, None].expand_as(values), values)
        if self.windows[window].split and self.users.shape[1]:
            of_user = values[:, 0, :, [LOSS, HIT]]  # (S, B, 2)
            if bins.is_cuda:
                self.users.index_add_(1, user, of_user)  # in a fixed order, where scattered sums are in none
            else:
                self.users.scatter_add_(1, user[None, :, None].expand_as(of_user), of_user)


def add_by_product(counts: Tensor, sums: Tensor, bins: Tensor, values: Tensor) -> None:
    """Add values (S, 2, B, C) and their number to sums (S, 2, bin, C) and counts (2, bin), by bins (2, B).

    A product adds up in a fixed order on a GPU too, where scattered sums do not.
    """
    member = torch.zeros(*bins.shape, counts.shape[-1], dtype=torch.float64, device=bins.device)
    member.scatter_(2, bins[..., None], 1)  # (2, B, bin)
    counts += member.sum(1)
    sums += torch.matmul(member.transpose(1, 2), values)
