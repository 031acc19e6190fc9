"""Theta of SAM, AutoEmb and ESAPN: what makes weights of an id's popularity and context (AutoEmb, sec. 3)."""

from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ._common import Table, has_running_statistics, last_occurrences, linear, norm


class Controller(nn.Module):
    """One side's: popularity -> Embedding(32) -> BN; context beside it; Linear -> BN -> tanh -> Linear -> softmax.

    With ``one_hot`` the popularity stands in the first linear map as a one-hot vector, not as an embedding.
    """

    def __init__(
        self, popularity: int, context: int, outputs: int, hidden: int, running: bool = False, one_hot: bool = False
    ) -> None:
        super().__init__()
        self.counts, self.one_hot = popularity + 1, one_hot
        if not one_hot:
            self.popularity = nn.Embedding(self.counts, 32)
            self.norm_popularity = norm(32, running)
        self.first = linear((self.counts if one_hot else 32) + context, hidden, running)
        self.norm_hidden = norm(hidden, running)
        self.out = nn.Linear(hidden, outputs)

    def forward(self, popularity: Tensor, context: Tensor) -> Tensor:
        """(B,), (B, context) -> weights (B, outputs), which sum to 1."""
        if self.one_hot:
            shown = functional.one_hot(popularity, self.counts).to(context.dtype)
        else:
            shown = self.norm_popularity(self.popularity(popularity))
        hidden = torch.tanh(self.norm_hidden(self.first(torch.cat([shown, context], dim=1))))
        return torch.softmax(self.out(hidden), dim=1)

    def table(self) -> tuple[Tensor, int, int | None]:
        """What is looked up by popularity, along which of its axes, and how much of that axis."""
        return (self.first.weight, 1, self.counts) if self.one_hot else (self.popularity.weight, 0, None)


class Controllers(nn.Module):
    """The users' controller and the items', with these settings each."""

    def __init__(self, shape: Any, *settings: Any) -> None:
        super().__init__()
        self.user = Controller(shape.user_popularity, *settings)
        self.item = Controller(shape.item_popularity, *settings)

    def tables(self) -> list[Table]:
        """The rows or columns of the popularities."""
        sides = [("user_popularity", self.user), ("item_popularity", self.item)]
        parts = [(name, controller.table()) for name, controller in sides]
        return [Table(table, attrgetter(name), along, length) for name, (table, along, length) in parts]


def controllers(shape: Any, config: Any) -> Controllers:
    """Theta as the settings of SAM and AutoEmb say: by default the context is an id's K previous weights."""
    k = len(config.sizes)
    context = {0: 0, 1: k, 2: k + 1}[config.policy % 3]
    running, one_hot = has_running_statistics(config), config.policy >= 3
    return Controllers(shape, context, k, config.controller_hidden, running, one_hot)


class Memory:
    """Of every id of one side, its weights (V, K) and its loss (V,) in the last batch that it was in."""

    def __init__(self, rows: int, candidates: int, dtype: torch.dtype) -> None:
        self.weights = torch.eye(candidates, dtype=dtype)[:1].repeat(rows, 1)  # all on the smallest size
        self.losses = torch.ones(rows, dtype=dtype)

    def store(self, ids: Tensor, weights: Tensor, losses: Tensor) -> None:
        """Keep weights (B, K) and losses (B,) of a batch's ids (B,); of repeated ids, the last occurrence's."""
        last = last_occurrences(ids)
        self.weights[ids[last]], self.losses[ids[last]] = weights.detach()[last], losses.detach()[last]
