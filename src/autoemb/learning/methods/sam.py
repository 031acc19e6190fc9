"""SAM, supervised attention model: AutoEmb's architecture, learnt end to end on the training batch.

Per batch: predict, then one step of one Adam along grad_{W,Theta} L(batch; W, Theta) (AutoEmb, sec. 4;
released code: learning rate 1e-3 for both). No validation batch.

Departures from the paper's text and from the released code, by default: those of AutoEmb (``autoemb.py``) but for
the validation batch, so that the two differ in the way they learn and in nothing else: the ``policy``; the ``sizes``,
``mean``, ``batch_norm``, ``classification_start`` and ``item_context_loss``.
"""

from typing import Annotated

from pydantic import Field

from autoemb.learning.batch import Batch, Optimizer
from autoemb.learning.methods._controlled import ControlledMethod, ControllerConfig
from autoemb.learning.methods.contract import Prediction
from autoemb.learning.methods.state import Memory
from autoemb.learning.nn.layers import Generators
from autoemb.learning.optim.group import Group, Values

REPRODUCES = ("paper", "released-code", "esapn-paper")


class Config(ControllerConfig):
    """Settings of SAM."""

    controllers_learning_rate: Annotated[float, Field(gt=0)] | None = None
    """Learning rate of the one Adam on the controllers; left out, that of W (released code). AutoEmb's is a tenth of
    it: what sets the two apart in the released code may be this rate rather than the validation batch."""


class Model(ControlledMethod):
    """W and Theta under one optimiser."""

    controllers_optimizer: Optimizer = "w"

    def build(self, config: Config, dice: Generators) -> None:
        """W and the controllers."""
        self.build_controlled(config, dice)
        if config.controllers_learning_rate is not None:
            self.own_rates |= dict.fromkeys(self.of_controllers, config.controllers_learning_rate)

    def learn(self, w: Group, theta: Group, memory: Memory, batch: Batch) -> Prediction:
        """Predict, then W, Theta <- Adam(grad_{W,Theta} L(batch; W, Theta)), then the memory."""
        context = memory.context()

        def predict(values: Values) -> Prediction:
            weights = self.weigh(values, context, batch)
            return self.predict(values, weights, batch, self.select(weights, batch, "w"))

        prediction = w.descend(predict)
        self.remember(memory, prediction)
        return prediction
