"""SAM, supervised attention model: AutoEmb's architecture, learnt end to end on the training batch.

Per batch: predict, then one step of one Adam along grad_{W,Theta} L(batch; W, Theta) (AutoEmb, sec. 4;
released code: learning rate 1e-3 for both). No validation batch.

Departures from the paper's text and from the released code, by default: those of AutoEmb (``autoemb.py``) but for
the validation batch, so that the two differ in the way they learn and in nothing else: the ``policy``; the ``sizes``,
``mean``, ``batch_norm``, ``classification_start`` and ``item_context_loss``.
"""

from autoemb.learning.batch import Batch, Optimizer
from autoemb.learning.methods._selection import ControlledMethod, ControllerConfig
from autoemb.learning.methods.contract import Memory, Prediction
from autoemb.learning.optim.group import Group, Values

REPRODUCES = ("paper", "released-code", "esapn-paper")


class Config(ControllerConfig):
    """Settings of SAM."""


class Model(ControlledMethod):
    """W and Theta under one optimiser."""

    controllers_optimizer: Optimizer = "model"

    def learn(self, model: Group, weights: Group, memory: Memory | None, batch: Batch) -> Prediction:
        """The prediction, a step of W and Theta on ``batch``, the memory."""
        context = None if memory is None else memory.context()

        def predict(values: Values) -> Prediction:
            weights = self.weigh(values, context, batch)
            return self.predict(values, weights, batch, self.select(weights, batch, "model"))

        prediction = model.descend(predict)
        self.remember(memory, prediction)
        return prediction
