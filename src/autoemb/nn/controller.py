"""Theta: the controllers that weigh the candidates by an id's popularity and context (AutoEmb, sec. 3)."""

import torch
from torch import Tensor, nn

from autoemb.nn.layers import BatchNorm, Embedding, Generators, Linear
from autoemb.nn.model import Batch


class Controller(nn.Module):
    """Popularity and context of one side's ids -> weights over the K candidates (released code).

    Embedding of the raw count (32) -> BN; context beside it; Linear(hidden) -> BN -> tanh -> Linear(K) -> softmax.
    """

    def __init__(self, popularity: int, context: int, candidates: int, hidden: int, dice: Generators) -> None:
        super().__init__()
        self.popularity = Embedding(popularity + 1, 32, dice)  # row 0 is for an id not yet seen
        self.norm_popularity = BatchNorm(32, len(dice))
        self.hidden = Linear(32 + context, hidden, dice)
        self.norm_hidden = BatchNorm(hidden, len(dice))
        self.out = Linear(hidden, candidates, dice)

    def forward(self, popularity: Tensor, context: Tensor) -> Tensor:
        """(B,), (S, B, context) -> (S, B, K), each row summing to 1."""
        x = torch.cat([self.norm_popularity(self.popularity(popularity)), context], dim=-1)
        x = torch.tanh(self.norm_hidden(self.hidden(x)))
        return torch.softmax(self.out(x), dim=-1)


class Context(nn.Module):
    """What a controller remembers of each id: its last weights (S, V, K) and its last loss (S, V, 1).

    ``policy`` 0 shows none of it, 1 the weights, 2 the weights and the loss (released code's numbers).
    Weights start at (1, 0, ..., 0) and losses at 1 (released code).
    """

    weights: Tensor
    loss: Tensor

    def __init__(self, rows: int, candidates: int, policy: int, seeds: int) -> None:
        super().__init__()
        start = torch.zeros(seeds, rows, candidates)
        start[..., 0] = 1
        self.register_buffer("weights", start)
        self.register_buffer("loss", torch.ones(seeds, rows, 1))
        self.policy = policy

    def forward(self, ids: Tensor) -> Tensor:
        """The context of ``ids`` (B,): (S, B, 0), (S, B, K) or (S, B, K + 1) by policy."""
        shown = (0, self.weights.shape[-1], self.weights.shape[-1] + 1)[self.policy]
        return torch.cat([self.weights[:, ids], self.loss[:, ids]], dim=-1)[..., :shown]

    def store(self, ids: Tensor, weights: Tensor, losses: Tensor) -> None:
        """Keep the values of each id's last occurrence in the batch: (B,), (S, B, K), (S, B)."""
        unique, last = last_occurrences(ids)
        self.weights[:, unique] = weights[:, last]
        self.loss[:, unique, 0] = losses[:, last]


class Controllers(nn.Module):
    """The user's and the item's controller. The memory of the ids stands beside: it is no parameter."""

    def __init__(
        self, user_popularity: int, item_popularity: int, candidates: int, policy: int, hidden: int, dice: Generators
    ) -> None:
        super().__init__()
        context = (0, candidates, candidates + 1)[policy]
        self.user = Controller(user_popularity, context, candidates, hidden, dice)
        self.item = Controller(item_popularity, context, candidates, hidden, dice)

    def forward(self, batch: Batch, user_context: Tensor, item_context: Tensor) -> tuple[Tensor, Tensor]:
        """alpha and beta, each (S, B, K)."""
        return self.user(batch.user_popularity, user_context), self.item(batch.item_popularity, item_context)


def last_occurrences(ids: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct values of ``ids`` (B,) and the position at which each occurs last.

    Assigning through repeated indices leaves open which one wins; through these it does not.
    """
    unique, inverse = torch.unique(ids, return_inverse=True)
    positions = torch.arange(len(ids), device=ids.device)
    last = torch.zeros_like(unique).scatter_reduce(0, inverse, positions, "amax")
    return unique, last
