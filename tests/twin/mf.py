"""MF: a bias for every id, and the product of the two vectors (Koren et al. 2009).

logit = mu + b_u + b_i + <m, p_u * q_i>       m is 1 in the regression; one such logit per class
W <- Adam(grad_W L(batch; W))
"""

from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from ._common import Interactions, Learner, Recorded, Table, Turn, TwoSided, adam, detached
from ._pairs import Fast, Pairs
from ._settings import AdamSettings

SMALL: dict[str, Any] = {"size": 6}

VARIANTS: list[dict[str, Any]] = [
    {"rows_optimizer": "dense", "embedding_init": "normal", "rows_learning_rate": 0.03},
    {"size": 0},
]


class Factors(TwoSided):
    """mu, b, p and q, and in the classification m."""

    def __init__(self, shape: Any, size: int) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(shape.users, size), nn.Embedding(shape.items, size)
        self.user_bias, self.item_bias = (nn.Embedding(n, shape.outputs) for n in (shape.users, shape.items))
        self.mu = nn.Parameter(torch.zeros(shape.outputs))
        if shape.outputs > 1 and size > 0:
            self.m = nn.Linear(size, shape.outputs, bias=False)

    def forward(self, batch: Interactions, *_: Tensor) -> Tensor:
        """Logits (B, C)."""
        product = self.user(batch.user) * self.item(batch.item)
        alike = self.m(product) if hasattr(self, "m") else product.sum(1, keepdim=True)
        logits: Tensor = self.mu + self.user_bias(batch.user) + self.item_bias(batch.item) + alike
        return logits

    def tables(self) -> list[Table]:
        """Vectors and biases."""
        biases = [Table(getattr(self, f"{side}_bias").weight, attrgetter(side)) for side in ("user", "item")]
        return [*super().tables(), *biases]


class MF(Learner):
    """MF, all of it moved by dense Adam."""

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        super().__init__(config, shape, dtype)
        self.w = Factors(shape, config.size).to(dtype)
        self.adam_w = adam(config.learning_rate, self.w)

    def step(self, turn: Turn) -> Recorded:
        """Predict the batch, then W <- Adam(grad_W L(batch; W))."""
        losses, prediction = self.predict(self.w, turn.batch)
        self.descend(self.adam_w, losses, turn.batch)
        return detached(prediction)

    def weights(self, batch: Interactions) -> tuple[Tensor, Tensor]:
        """All on the one size."""
        ones = torch.ones(len(batch.user), 1, dtype=self.dtype)
        return ones, ones

    def pairs(self, method: Any, seed: int) -> Pairs:
        """Its parameters beside those of a seed of the fast method, where a vector and its bias are one row."""
        fast, w, size = Fast(method, seed), self.w, self.config.size
        users, items = fast.by_id("candidates")
        vectors = [(w.user.weight, users[:, :size]), (w.item.weight, items[:, :size])]
        biases = [(w.user_bias.weight, users[:, size:]), (w.item_bias.weight, items[:, size:])]
        dense = [(w.mu, fast.dense["mu"][:, 0]), *([(w.m.weight, fast.dense["m"])] if hasattr(w, "m") else [])]
        return [*vectors, *biases, *dense]


class Twin(AdamSettings, MF):
    """MF with any settings."""
