"""Mask: the first numbers of a normalised row, as many as the id's count so far has earned, and zeros behind them.

predict the batch
W <- Adam(grad_W L(batch; W))
count the batch
"""

from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ._common import Interactions, Recorded, Turn, has_running_statistics
from ._settings import MethodSettings
from .fse import FSE, Raw

SMALL: dict[str, Any] = {"hidden": 12, "sizes": [1, 2, 6], "from_ratings": [0, 2, 5]}

VARIANTS: list[dict[str, Any]] = [
    {
        "rule": "power",
        "sizes": [1, 3, 6],
        "from_ratings": None,
        "exponent": 0.8,
        "full_at": 9,
        "embedding_init": "scaled",
    },
    {
        "item_sizes": [0, 6],
        "item_from_ratings": [0, 3],
        "rows_optimizer": "sparse",
        "batch_norm_at_prediction": "running",
    },
]


class Masked(Raw):
    """concat(u, v) into the head, of masked u and v."""

    sizes: list[int]

    def forward(self, batch: Interactions, *chosen: Tensor) -> Tensor:
        """Logits (B, C); of users and items, the chosen size as one-hot (B, K)."""
        masks = torch.cat([self.mask(one_hot) for one_hot in chosen], dim=1)
        vectors = torch.cat([self.user(batch.user), self.item(batch.item)], dim=1)
        norm, *others = self.head
        x = norm(torch.where(masks > 0, vectors, vectors.detach())) * masks
        for layer in others:
            x = layer(x)
        return x

    def mask(self, one_hot: Tensor) -> Tensor:
        """(B, D)"""
        width = self.user.embedding_dim
        sizes = [self.sizes[int(k)] for k in one_hot.argmax(1)]
        return torch.tensor([[float(d < size) for d in range(width)] for size in sizes], dtype=one_hot.dtype)


class Mask(FSE):
    """The rule by thresholds."""

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        self.rules = [self.rule(config, side) for side in (0, 1)]
        self.sizes = sorted({size for rule in self.rules for _, size in rule})
        super().__init__(config, shape, dtype)
        self.seen: list[Counter[int]] = [Counter(), Counter()]

    def rule(self, config: Any, side: int) -> list[tuple[int, int]]:
        """From which count on which size: at 0, 10, 100 and so on."""
        return [(10**k if k else 0, size) for k, size in enumerate(config.sizes)]

    def build_w(self) -> Masked:
        """Of the largest size."""
        w = Masked(self.shape, self.sizes[-1], self.config.hidden, has_running_statistics(self.config))
        w.sizes = self.sizes
        return w

    def step(self, turn: Turn) -> Recorded:
        """Predict, learn, count."""
        recorded = super().step(turn)
        for seen, ids in zip(self.seen, (turn.batch.user, turn.batch.item), strict=True):
            seen.update(ids.tolist())
        return recorded

    def weights(self, batch: Interactions) -> tuple[Tensor, Tensor]:
        """1 for the size of each count."""
        users, items = (self.one_hot(side, ids) for side, ids in enumerate((batch.user, batch.item)))
        return users, items

    def one_hot(self, side: int, ids: Tensor) -> Tensor:
        """(B, K)"""
        sizes = [max(size for first, size in self.rules[side] if self.seen[side][i] >= first) for i in ids.tolist()]
        places = torch.tensor([self.sizes.index(size) for size in sizes])
        return functional.one_hot(places, len(self.sizes)).to(self.dtype)


class Twin(MethodSettings, Mask):
    """With any settings: the rule by a power, and other sizes for items."""

    def rule(self, config: Any, side: int) -> list[tuple[int, int]]:
        """Count by count, for the power."""
        sizes = config.item_sizes if side and config.item_sizes else config.sizes
        if config.rule == "thresholds":
            counts = config.item_from_ratings if side and config.item_from_ratings else config.from_ratings
            return list(zip(counts, sizes, strict=True)) if counts else super().rule(config, side)
        wanted = [sizes[-1] * min(1, n / config.full_at) ** config.exponent for n in range(config.full_at + 1)]
        chosen = [min(size for size in sizes if size >= d) for d in wanted]
        return [(chosen.index(size), size) for size in sizes if size in chosen]
