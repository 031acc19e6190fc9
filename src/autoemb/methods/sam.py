"""SAM, supervised attention model: AutoEmb's architecture, learnt end to end on the training batch.

Per batch: predict, then one step of one Adam along grad_{W,Theta} L(batch; W, Theta) (AutoEmb, sec. 4;
released code: learning rate 1e-3 for both). No validation batch.

Departures from the released code, by default: those of AutoEmb (``autoemb.py``), so that the two differ
in the way they learn and in nothing else.
"""

import itertools

from autoemb.methods._selection import ControlledMethod, ControllerConfig
from autoemb.methods.base import Prediction
from autoemb.nn.model import Batch
from autoemb.nn.task import losses
from autoemb.optim.adam import DenseAdam


class Config(ControllerConfig):
    """Settings of SAM."""


class Model(ControlledMethod):
    """W and Theta under one optimiser."""

    def optimize(self, config: Config) -> dict[str, DenseAdam]:
        """One Adam over W and Theta."""
        parameters = itertools.chain(*(self.modules[name].parameters() for name in ("model", "controllers")))
        return {"adam": DenseAdam(parameters, config.learning_rate)}

    def step(self, batch: Batch, previous: Batch | None) -> Prediction:
        """The prediction, a step of W and Theta on ``batch``, the memory."""
        prediction = self.predict(batch)
        batch_losses = losses(self.shape.task, prediction.logits, batch.label)
        self.optimizers["adam"].descend(batch_losses)
        self.remember(batch, prediction, batch_losses)
        return prediction
