"""Means: damped deviations of items and users, or damped shares of their classes (Koren 2010).

b_i = sum_i (y - mu) / (n_i + k_i)     b_u = sum_u (y - mu - b_i) / (n_u + k_u)     p = mu + b_u + b_i
s_u,c = (n_u,c + k_u mu_c) / (n_u + k_u)                                            p_c ~ s_u,c s_i,c / mu_c
"""

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor

from ._common import Interactions
from ._counted import Counted

SMALL: dict[str, Any] = {}

VARIANTS: list[dict[str, Any]] = [{"user_damping": 2.5, "item_damping": 40.0}]


class Twin(Counted):
    """Lists of the labels, or of what they differ by, of every user and every item."""

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        super().__init__(config, shape, dtype)
        self.of_users: dict[int, list[Any]] = defaultdict(list)
        self.of_items: dict[int, list[Any]] = defaultdict(list)

    def item_bias(self, item: int) -> Tensor:
        """b_i."""
        labels = self.of_items[item]
        return (sum(labels) - len(labels) * self.mu()[1]) / (len(labels) + self.config.item_damping)

    def logits(self, user: int, item: int) -> Tensor:
        """From the labels before the batch."""
        if self.shape.task == "regression":
            differences = self.of_users[user]
            user_bias = sum(differences) / (len(differences) + self.config.user_damping)
            p = self.mu()[1] + user_bias + self.item_bias(item)
            return torch.logit(p.clamp(1e-6, 1 - 1e-6))[None]
        of_user = self.share(self.of_users[user], self.config.user_damping)
        return torch.log(of_user * self.share(self.of_items[item], self.config.item_damping) / self.mu())

    def share(self, labels: list[int], damping: float) -> Tensor:
        """s_c."""
        counts = torch.tensor([labels.count(c) for c in range(self.classes)], dtype=self.dtype)
        return (counts + damping * self.mu()) / (len(labels) + damping)

    def count(self, batch: Interactions) -> None:
        """With the mu and the b_i that the batch was predicted by."""
        regression = self.shape.task == "regression"
        mu = self.mu()[1]
        biases = [self.item_bias(int(item)) for item in batch.item] if regression else []
        for n, (user, item, label) in enumerate(zip(*(x.tolist() for x in batch[:3]), strict=True)):
            self.of_users[user].append(float(label - mu - biases[n]) if regression else label)
            self.of_items[item].append(label)
        super().count(batch)
