"""Utility: rows for the ids of the largest utility, as many as the budget has room for; an evicted row starts anew.

predict the batch
W <- Adam(grad_W L(batch; W))
u <- u / 2^(1 / half_life); u + the norm of the gradient by the logits, for each interaction of the id
rank all ids; those that no longer hold lose their rows

An id that is new has a row at once while there is room.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ._common import Interactions, Recorded, Turn, has_running_statistics, loss_of
from ._settings import MethodSettings
from .fse import FSE
from .mask import Masked

SMALL: dict[str, Any] = {"hidden": 12, "size": 6, "budget": 0.4, "half_life": 3}

VARIANTS: list[dict[str, Any]] = [
    {"evicted_size": 2, "budget": 0.7, "half_life": 1, "embedding_init": "scaled"},
    {"rows_optimizer": "sparse", "batch_norm_at_prediction": "running", "budget": 0.2},
]


class Utility(FSE):
    """The budget."""

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        super().__init__(config, shape, dtype)
        self.users = shape.users
        self.utility = torch.zeros(shape.users + shape.items, dtype=torch.float64)
        self.holding: set[int] = set()
        small, full = config.evicted_size, config.size
        self.room = int((config.budget * full - small) / (full - small) * len(self.utility) + 1e-9)
        self.first: dict[int, Tensor] = {}

    def build_w(self) -> Masked:
        """Of the one size."""
        w = Masked(self.shape, self.config.size, self.config.hidden, has_running_statistics(self.config))
        w.sizes = [self.config.evicted_size, self.config.size]
        return w

    def step(self, turn: Turn) -> Recorded:
        """Predict, learn, count, rank."""
        for number in range(len(self.utility)):
            if number not in self.first:  # before the first step: as it began
                self.first[number] = self.row(number).clone()
        batch = turn.batch
        holding = self.holding_in(batch)
        with torch.no_grad():
            _, (logits, *_) = self.predict(self.w, batch)
        recorded = super().step(turn)
        logits = logits.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss_of(self.shape.task, logits, batch.label).sum(), [logits])
        self.utility /= 2 ** (1 / self.config.half_life)
        for norm, user, item in zip(
            gradient.norm(dim=1).tolist(), batch.user.tolist(), batch.item.tolist(), strict=True
        ):
            self.utility[user] += norm
            self.utility[self.users + item] += norm
        self.rank(holding)
        return recorded

    def rank(self, before: set[int]) -> None:
        """Of equal utility, all hold or none; what has not occurred holds nothing."""
        falling = sorted(self.utility.tolist(), reverse=True)
        beyond = falling[self.room] if self.room < len(falling) else 0.0
        now = {number for number, utility in enumerate(self.utility.tolist()) if utility > beyond * (1 + 1e-9)}
        for number in before - now:
            self.begin_anew(number)
        self.holding = now

    def row(self, number: int) -> Tensor:
        """The row of an id, users first."""
        side = self.w.user if number < self.users else self.w.item
        return side.weight.detach()[number % self.users if number < self.users else number - self.users]

    def begin_anew(self, number: int) -> None:
        """Put an id's row at its start, and forget Adam's moments of it."""
        small = self.config.evicted_size
        self.row(number)[small:] = self.first[number][small:]
        side, place = (self.w.user, number) if number < self.users else (self.w.item, number - self.users)
        state = self.adam_w.state[side.weight]
        for name in ("exp_avg", "exp_avg_sq"):
            if name in state:
                state[name][place, small:] = 0

    def weights(self, batch: Interactions) -> tuple[Tensor, Tensor]:
        """1 for the size that an id has."""
        holding = self.holding_in(batch)
        users, items = (self.one_hot(numbers, holding) for numbers in (batch.user, batch.item + self.users))
        return users, items

    def holding_in(self, batch: Interactions) -> set[int]:
        """Those that hold already, and, first come, first served, the new ones for which there is room."""
        holding = set(self.holding)
        for pair in zip(batch.user.tolist(), (batch.item + self.users).tolist(), strict=True):
            for number in pair:
                if self.utility[number] == 0 and len(holding) < self.room:
                    holding.add(number)
        return holding

    def one_hot(self, numbers: Tensor, holding: set[int]) -> Tensor:
        """(B, 2)"""
        holds = torch.tensor([int(number in holding) for number in numbers.tolist()])
        return functional.one_hot(holds, 2).to(self.dtype)


class Twin(MethodSettings, Utility):
    """With any settings."""
