"""What the twins of the closed forms share: they have counts, and neither parameters nor an optimiser."""

from typing import Any

import torch
from torch import Tensor

from ._common import Interactions, Recorded, Turn

Pairs = list[tuple[Tensor, Tensor]]


class Counted:
    """Predicts by what was counted before, then counts."""

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        self.config, self.shape, self.dtype = config, shape, dtype
        self.classes = 2 if shape.task == "regression" else shape.outputs
        self.counts = torch.ones(self.classes, dtype=dtype)  # as if every label had been seen once

    def step(self, turn: Turn) -> Recorded:
        """Logits (B, C); all weight on the one size."""
        logits = torch.stack(
            [self.logits(int(u), int(i)) for u, i in zip(turn.batch.user, turn.batch.item, strict=True)]
        )
        self.count(turn.batch)
        ones = torch.ones(len(logits), 1, dtype=self.dtype)
        return logits, ones, ones

    def logits(self, user: int, item: int) -> Tensor:
        """Of one interaction, (C,)."""
        raise NotImplementedError

    def count(self, batch: Interactions) -> None:
        """The batch's labels."""
        self.counts += torch.bincount(batch.label, minlength=self.classes)

    def mu(self) -> Tensor:
        """The labels' shares."""
        return self.counts / self.counts.sum()

    def pairs(self, method: Any, seed: int) -> Pairs:
        """There are no parameters."""
        return []
