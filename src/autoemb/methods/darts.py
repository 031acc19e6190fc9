"""DARTS: free weights over the candidate sizes, learnt on the validation batch, without a controller.

alpha = softmax(a), beta = softmax(b), with a row of K numbers per user and per item (released code,
ESAPN), or one row for all users and one for all items (``global``, the other reading of the paper).
Per batch, with first-order gradients (Algorithm 1 with xi = 0):

    a, b <- Adam(grad L(previous batch; W, a, b))        the validation batch: the one W was just trained on
    predict the batch
    W    <- Adam(grad_W L(batch; W, a, b))

All rows start at 1/K, so the weights start uniform (released code). Dense Adam moves every row of
a and b at every step.

Departures from the released code, by default: 1/K before the sum, and one BatchNorm per candidate
(both as in the paper's text and Fig. 3).
"""

from typing import Literal

import torch
from torch import Tensor, nn

from autoemb.methods._selection import SelectionConfig
from autoemb.methods.base import Method, Prediction
from autoemb.nn.layers import Embedding, Generators
from autoemb.nn.model import Batch
from autoemb.nn.task import losses
from autoemb.optim.adam import DenseAdam


class Config(SelectionConfig):
    """Settings of DARTS."""

    weights: Literal["per-id", "global"] = "per-id"
    """Whose the weights are (released code: per id)."""


class FreeWeights(nn.Module):
    """K numbers per user and per item, or per side if shared by all its ids, starting at 1/K."""

    def __init__(self, users: int, items: int, candidates: int, shared: bool, dice: Generators) -> None:
        super().__init__()
        self.shared = shared
        self.user, self.item = (Embedding(1 if shared else rows, candidates, dice) for rows in (users, items))
        for table in (self.user, self.item):
            nn.init.constant_(table.weight, 1 / candidates)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """alpha and beta of the batch's ids, each (S, B, K)."""
        user, item = (torch.zeros_like(ids) if self.shared else ids for ids in (batch.user, batch.item))
        return torch.softmax(self.user(user), dim=-1), torch.softmax(self.item(item), dim=-1)


class Model(Method):
    """W and free weights."""

    def build(self, config: Config, dice: list[torch.Generator]) -> dict[str, nn.Module]:
        """W from the dice; the weights start the same for every seed."""
        self.sizes = config.sizes
        model = config.model(self.shape, dice)
        shared = config.weights == "global"
        weights = FreeWeights(self.shape.users, self.shape.items, len(config.sizes), shared, dice)
        return {"model": model, "weights": weights}

    def optimize(self, config: Config) -> dict[str, DenseAdam]:
        """Adam on W, another on the weights."""
        return {
            "adam": DenseAdam(self.modules["model"].parameters(), config.learning_rate),
            "adam_weights": DenseAdam(self.modules["weights"].parameters(), config.weights_learning_rate),
        }

    def predict(self, batch: Batch) -> Prediction:
        """See ``Method``."""
        user_weights, item_weights = self.modules["weights"](batch)
        return Prediction(self.modules["model"](batch, user_weights, item_weights), user_weights, item_weights)

    def step(self, batch: Batch, previous: Batch | None) -> Prediction:
        """A step of the weights on ``previous``, the prediction, a step of W on ``batch``."""
        task = self.shape.task
        if previous is not None:
            self.optimizers["adam_weights"].descend(losses(task, self.predict(previous).logits, previous.label))
        prediction = self.predict(batch)
        self.optimizers["adam"].descend(losses(task, prediction.logits, batch.label))
        return prediction
