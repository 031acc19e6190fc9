"""SAM: AutoEmb's architecture, learnt end to end on the training batch (AutoEmb, sec. 4).

alpha, beta = Theta(popularity, previous weights)
predict the batch
W, Theta <- Adam(grad_{W,Theta} L(batch; W, Theta))
memory of the batch's ids <- their alpha, beta and losses
"""

from typing import Any

import torch
from torch import Tensor

from ._common import Interactions, Learner, Recorded, Turn, adam, detached
from ._controllers import Memory, controllers
from ._pairs import Fast, Pairs, controller_pairs, embedding_pairs, head_pairs, map_pairs
from ._selection import selection
from ._settings import ControllerSettings, SelectionSettings

SMALL: dict[str, Any] = {"hidden": 12, "sizes": [2, 3, 8], "controller_hidden": 10}

VARIANTS: list[dict[str, Any]] = [
    {"policy": 0, "batch_norm": "shared"},
    {"sizes": [2, 4], "policy": 2, "controllers_learning_rate": 0.0001},
    {"policy": 5, "selection": "gumbel"},
    {"batch_norm": "shared", "batch_norm_at_prediction": "running"},
]


class SAM(Learner):
    """SAM with its default settings."""

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        super().__init__(config, shape, dtype)
        self.w = selection(shape, config).to(dtype)
        self.theta = controllers(shape, config).to(dtype)
        self.memory = [Memory(rows, len(config.sizes), dtype) for rows in (shape.users, shape.items)]
        self.adam = adam(config.learning_rate, self.w, self.theta)

    def step(self, turn: Turn) -> Recorded:
        """Predict the batch, then one step of W and Theta alike."""
        return self.learn_w(turn.batch)

    def learn_w(self, batch: Interactions) -> Recorded:
        """W, Theta <- Adam(grad_{W,Theta} L(batch; W, Theta)), and the memory."""
        losses, prediction = self.predict(self.w, batch)
        self.descend(self.adam, losses, batch)
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


class Twin(ControllerSettings, SelectionSettings, SAM):
    """SAM with any settings."""

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        super().__init__(config, shape, dtype)
        if config.controllers_learning_rate is not None:
            self.apart(list(self.theta.parameters()), config.controllers_learning_rate)
