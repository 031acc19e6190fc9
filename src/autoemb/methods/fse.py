"""FSE, fixed-size embedding: one size for every id (AutoEmb, sec. 4; ESAPN's FIXED).

Size: the sum of the candidate sizes in the paper, 146 for {2, 16, 128}; 222 in the released code, 128
in ESAPN's table. Path: the paper does not say; the released code's is ``raw``, concat(u, v) of the
table rows straight into the head. ``transform`` gives it the same path as the searching methods
(Linear, BatchNorm, tanh per side), which is their case K = 1.

Departures from the released code, by default: size 146 instead of 222.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from autoemb.config import MethodConfig
from autoemb.methods.base import Method, Prediction
from autoemb.nn.model import Batch, RawModel, SelectionModel
from autoemb.nn.task import losses
from autoemb.optim.adam import DenseAdam


class Config(MethodConfig):
    """Settings of FSE."""

    size: Annotated[int, Field(ge=1)] = 146
    """Embedding size of users and items (AutoEmb, sec. 4: the sum of the candidates)."""

    path: Literal["raw", "transform"] = "raw"
    """From the table's row to the head (released code: raw)."""


class Model(Method):
    """One model of one size."""

    def build(self, config: Config, dice: list[torch.Generator]) -> dict[str, nn.Module]:
        """W only."""
        self.sizes = (config.size,)
        if config.path == "raw":
            return {"model": RawModel(self.shape, config.size, config.hidden, dice)}
        return {"model": SelectionModel(self.shape, self.sizes, config.hidden, dice)}

    def optimize(self, config: Config) -> dict[str, DenseAdam]:
        """Adam on W."""
        return {"adam": DenseAdam(self.modules["model"].parameters(), config.learning_rate)}

    def predict(self, batch: Batch) -> Prediction:
        """See ``Method``."""
        weights = self.fixed_weights(batch)
        model = self.modules["model"]
        logits = model(batch) if isinstance(model, RawModel) else model(batch, weights, weights)
        return Prediction(logits, weights, weights)

    def step(self, batch: Batch, previous: Batch | None) -> Prediction:
        """Predict, then one step of W along grad_W L(W)."""
        prediction = self.predict(batch)
        self.optimizers["adam"].descend(losses(self.shape.task, prediction.logits, batch.label))
        return prediction
