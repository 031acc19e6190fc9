"""DARTS: free weights over the candidate sizes, learnt on the validation batch (AutoEmb, sec. 4; Liu et al. 2019).

alpha = softmax(a), beta = softmax(b)               a row of K numbers per user and per item: Theta
a, b <- Adam(grad L(validation batch; W, a, b))     Algorithm 1 with xi = 0
predict the batch
W    <- Adam(grad_W L(batch; W, a, b))
"""

from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from ._common import Interactions, Learner, Recorded, Table, Turn, adam, detached
from ._pairs import Fast, Pairs, embedding_pairs, head_pairs, map_pairs
from ._selection import selection
from ._validation import ValidationSettings

SMALL: dict[str, Any] = {"hidden": 12, "sizes": [2, 3, 8]}

VARIANTS: list[dict[str, Any]] = [
    {"weights": "global", "batch_norm": "shared", "mean": False},
    {"validation": "last_random"},
    {"validation": "next_batch"},
    {"rows_optimizer": "sparse", "validation": "last_random"},
    {"selection": "gumbel"},
    {"hypergradient": "exact", "unrolled_step": "adam"},
    {"hypergradient": "finite-difference", "unrolled_step": "adam", "validation": "last_random"},
]


class FreeWeights(nn.Module):
    """a of the users (V, K) and b of the items, uniform to begin with; or one row of each side for all its ids."""

    def __init__(self, users: int, items: int, candidates: int) -> None:
        super().__init__()
        self.user = nn.Parameter(torch.full((users, candidates), 1 / candidates, dtype=torch.float64))
        self.item = nn.Parameter(torch.full((items, candidates), 1 / candidates, dtype=torch.float64))

    def tables(self) -> list[Table]:
        """The ids' rows; those of all ids are not looked up."""
        return [Table(each, attrgetter(side)) for side, each in self.named_parameters() if len(each) > 1]


class DARTS(Learner):
    """DARTS with its default settings."""

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        super().__init__(config, shape, dtype)
        self.w = selection(shape, config).to(dtype)
        self.theta = self.build_theta().to(dtype)
        self.adam_w = adam(config.learning_rate, self.w)
        self.adam_theta = adam(config.weights_learning_rate, self.theta)

    def build_theta(self) -> FreeWeights:
        """a and b."""
        return FreeWeights(self.shape.users, self.shape.items, len(self.config.sizes))

    def step(self, turn: Turn) -> Recorded:
        """Theta's step on the validation batch, the prediction, W's step on the batch."""
        if turn.validation is not None:
            self.learn_theta(turn)
        return self.learn_w(turn.batch)

    def learn_theta(self, turn: Turn) -> None:
        """a, b <- Adam(grad L(validation batch; W, a, b))."""
        losses, _ = self.predict(self.w, turn.validation)
        self.descend(self.adam_theta, losses, turn.validation)

    def learn_w(self, batch: Interactions) -> Recorded:
        """W <- Adam(grad_W L(batch; W, a, b))."""
        losses, prediction = self.predict(self.w, batch)
        self.descend(self.adam_w, losses, batch)
        return detached(prediction)

    def weights(self, batch: Interactions) -> tuple[Tensor, Tensor]:
        """alpha and beta (B, K)."""
        return torch.softmax(self.theta.user[batch.user], dim=1), torch.softmax(self.theta.item[batch.item], dim=1)

    def pairs(self, method: Any, seed: int) -> Pairs:
        """Its parameters beside those of a seed of the fast method."""
        fast, w = Fast(method, seed), self.w
        of_w = [*embedding_pairs(w, fast), *map_pairs(w, fast), *head_pairs(w.head, fast)]
        return [*of_w, *zip(self.theta.parameters(), self.free_weights(fast), strict=True)]

    def free_weights(self, fast: Fast) -> tuple[Tensor, ...]:
        """a and b of the fast method."""
        return fast.by_id("free")


class Twin(ValidationSettings, DARTS):
    """DARTS with any settings: also with ``global`` weights, a row for all users and one for all items."""

    def build_theta(self) -> FreeWeights:
        """a and b as ``weights`` says."""
        return FreeWeights(1, 1, len(self.config.sizes)) if self.config.weights == "global" else super().build_theta()

    def weights(self, batch: Interactions) -> tuple[Tensor, Tensor]:
        """alpha and beta (B, K), every id's row being the first if there is but one."""
        if self.config.weights == "global":
            batch = batch._replace(user=torch.zeros_like(batch.user), item=torch.zeros_like(batch.item))
        return super().weights(batch)

    def free_weights(self, fast: Fast) -> tuple[Tensor, ...]:
        """a and b of the fast method."""
        if self.config.weights == "global":
            return tuple(each.T for each in fast.dense["free"])  # (2, K, 1)
        return super().free_weights(fast)
