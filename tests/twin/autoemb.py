"""AutoEmb: controllers weigh each id's candidate embeddings by its popularity (Zhao et al., sec. 3, Algorithm 1).

Theta <- Adam(grad_Theta L(validation batch; W, Theta))     xi = 0
alpha, beta = Theta(popularity, previous weights); predict the batch
W     <- Adam(grad_W L(batch; W, Theta))
memory of the batch's ids <- their alpha, beta and losses
"""

from typing import Any

import torch
from torch import Tensor

from ._common import Interactions, Learner, Recorded, Turn, adam, detached
from ._controllers import Memory, controllers
from ._pairs import Fast, Pairs, controller_pairs, embedding_pairs, head_pairs, map_pairs
from ._selection import selection
from ._settings import ControllerSettings
from ._validation import ValidationSettings

SMALL: dict[str, Any] = {"hidden": 12, "sizes": [2, 3, 8], "controller_hidden": 10}

VARIANTS: list[dict[str, Any]] = [
    {"policy": 0},
    {"policy": 2, "batch_norm": "shared", "mean": False},
    {"validation": "last_random"},
    {"validation": "next_batch", "policy": 2},
    {"policy": 3, "rows_optimizer": "sparse"},
    {"policy": 4, "embedding_init": "scaled", "rows_learning_rate": 0.01},
    {"batch_norm_at_prediction": "running", "validation": "next_batch"},
    {"selection": "argmax"},
    {"selection": "gumbel", "temperature": 0.7, "validation": "last_random"},
    {"hypergradient": "exact", "xi": 0.1},
    {"hypergradient": "exact", "unrolled_step": "adam", "validation": "next_batch"},
    {"hypergradient": "finite-difference", "xi": 0.1, "validation": "last_random"},
    {
        "hypergradient": "exact",
        "validation": "next_batch",
        "selection": "gumbel",
        "batch_norm_at_prediction": "running",
        "rows_optimizer": "sparse",
    },
    {"policy": 2, "released_code_quirks": {"classification_start": True}},
]


class AutoEmb(Learner):
    """AutoEmb with its default settings."""

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        super().__init__(config, shape, dtype)
        self.w = selection(shape, config).to(dtype)
        self.theta = controllers(shape, config).to(dtype)
        self.memory = [Memory(rows, len(config.sizes), dtype) for rows in (shape.users, shape.items)]
        self.adam_w = adam(config.learning_rate, self.w)
        self.adam_theta = adam(config.weights_learning_rate, self.theta)

    def step(self, turn: Turn) -> Recorded:
        """Theta's step on the validation batch, the prediction, W's step on the batch."""
        if turn.validation is not None:
            self.learn_theta(turn)
        return self.learn_w(turn.batch)

    def learn_theta(self, turn: Turn) -> None:
        """Theta <- Adam(grad_Theta L(validation batch; W, Theta))."""
        losses, _ = self.predict(self.w, turn.validation)
        self.descend(self.adam_theta, losses, turn.validation)

    def learn_w(self, batch: Interactions) -> Recorded:
        """W <- Adam(grad_W L(batch; W, Theta)), and the memory."""
        losses, prediction = self.predict(self.w, batch)
        self.descend(self.adam_w, losses, batch)
        self.remember(batch, losses, prediction)
        return detached(prediction)

    def weights(self, batch: Interactions) -> tuple[Tensor, Tensor]:
        """alpha and beta (B, K), by the popularity and the previous weights of each id."""
        users, items = self.memory
        return (
            self.theta.user(batch.user_popularity, users.weights[batch.user]),
            self.theta.item(batch.item_popularity, items.weights[batch.item]),
        )

    def remember(self, batch: Interactions, losses: Tensor, prediction: Recorded) -> None:
        """Memory of the batch's ids <- alpha, beta and the losses."""
        users, items = self.memory
        _, alpha, beta = prediction
        users.store(batch.user, alpha, losses)
        items.store(batch.item, beta, losses)

    def pairs(self, method: Any, seed: int) -> Pairs:
        """Its parameters beside those of a seed of the fast method."""
        fast, w = Fast(method, seed), self.w
        of_w = [*embedding_pairs(w, fast), *map_pairs(w, fast), *head_pairs(w.head, fast)]
        return [*of_w, *controller_pairs(self.theta, fast)]


class Twin(ControllerSettings, ValidationSettings, AutoEmb):
    """AutoEmb with any settings."""
