"""Uniform: the candidates of AutoEmb's model, weighted by 1/K for every id.

predict the batch
W <- Adam(grad_W L(batch; W, 1/K))
"""

from typing import Any

import torch
from torch import Tensor

from ._common import Interactions, Learner, Recorded, Turn, adam, detached
from ._pairs import Fast, Pairs, embedding_pairs, head_pairs, map_pairs
from ._selection import selection
from ._settings import MethodSettings

SMALL: dict[str, Any] = {"hidden": 12, "sizes": [2, 3, 8]}

VARIANTS: list[dict[str, Any]] = [
    {"batch_norm": "shared", "mean": False, "embedding_init": 0.3, "batch_norm_at_prediction": "running"}
]


class Uniform(Learner):
    """Uniform weights with the default settings."""

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        super().__init__(config, shape, dtype)
        self.w = selection(shape, config).to(dtype)
        self.adam_w = adam(config.learning_rate, self.w)

    def step(self, turn: Turn) -> Recorded:
        """Predict the batch, then learn from it."""
        return self.learn_w(turn.batch)

    def learn_w(self, batch: Interactions) -> Recorded:
        """W <- Adam(grad_W L(batch; W, 1/K))."""
        losses, prediction = self.predict(self.w, batch)
        self.descend(self.adam_w, losses, batch)
        return detached(prediction)

    def weights(self, batch: Interactions) -> tuple[Tensor, Tensor]:
        """1/K (B, K), twice."""
        k = len(self.config.sizes)
        even = torch.full((len(batch.user), k), 1 / k, dtype=self.dtype)
        return even, even

    def pairs(self, method: Any, seed: int) -> Pairs:
        """Its parameters beside those of a seed of the fast method."""
        fast, w = Fast(method, seed), self.w
        return [*embedding_pairs(w, fast), *map_pairs(w, fast), *head_pairs(w.head, fast)]


class Twin(MethodSettings, Uniform):
    """Uniform weights with any settings."""
