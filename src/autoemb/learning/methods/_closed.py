"""What the anchors share: predictions in closed form from what was counted, without embedding, optimiser or dice."""

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from autoemb.learning.batch import Batch, Holdout
from autoemb.learning.methods.contract import Method, Prediction
from autoemb.learning.methods.state import Memory
from autoemb.learning.nn.layers import Generators, Parameters
from autoemb.learning.nn.task import losses
from autoemb.learning.optim.group import Group, Values

SURE = 1e-6
"""A predicted probability keeps so far from 0 and 1, so that its logit is finite."""


class ClosedForm(Method):
    """Shares of the labels, counted batch by batch: a batch is predicted by what was counted before it.

    ``w`` holds the labels seen so far, all ids together: ``shares`` (S, C, 1), and ``n`` (S, 1, 1), their number. They
    begin as if every label had been seen once. The memory holds M sums of every id. All seeds do the same.
    """

    seedless = True
    remembered = 0
    """Sums that are kept of every id, M."""

    def build(self, config: Any, dice: Generators) -> None:
        """Nothing is drawn."""
        labels = 2 if self.shape.task == "regression" else self.shape.outputs
        self.config, self.sizes, self.rates = config, (0,), {"w": 0.0, "theta": 0.0}
        start = torch.full((len(dice), self.shape.outputs, 1), 1 / labels, dtype=self.dtype)
        self.add_dense("w", {"shares": start, "n": torch.full((len(dice), 1, 1), float(labels))})
        self.remember_of_every_id(torch.zeros(self.remembered))

    @abstractmethod
    def probabilities(self, w: Parameters, context: Tensor) -> Tensor:
        """Of what was counted, (S, 2, M, B) of a batch's users and items, what is predicted: (S, C, B).

        In the regression, the probability of label 1; else of each class, up to a factor.
        """

    def sums(self, w: Parameters, context: Tensor, labels: Tensor) -> Tensor:
        """What a batch adds to the sums of its users and items (S, 2, M, B), from its labels (S, C, B), as shares."""
        return context[:, :, :0]

    def weigh(self, theta: Values, context: Tensor, batch: Batch) -> Tensor:
        """All on the one size, which is 0."""
        return torch.ones(len(self.seeds), 2, 1, len(batch.label), dtype=self.dtype, device=batch.label.device)

    def record(self, w: Values, theta: Values, context: Tensor, batch: Batch) -> Prediction:
        """The prediction by what was counted before the batch."""
        said = self.probabilities(w.dense, context)
        logits = torch.logit(said, SURE) if self.shape.task == "regression" else torch.log(said)
        return Prediction(logits, self.weigh(theta, context, batch), losses(self.shape.task, logits, batch.label))

    def learn(self, w: Group, theta: Group, memory: Memory, batch: Batch) -> Prediction:
        """Predict, then count."""
        with torch.no_grad():
            before, context = w.values(), memory.context()
            prediction = self.record(before, theta.values(), context, batch)
            labels = self.labels(batch)
            memory.add(self.sums(before.dense, context, labels))
            shares, n = w.dense["shares"].value, w.dense["n"].value
            n += labels.shape[2]
            shares += (labels - shares).sum(2, keepdim=True) / n
        return prediction

    def labels(self, batch: Batch) -> Tensor:
        """(S, C, B): 0 or 1 in the regression; else 1 for the class and 0 for the others."""
        of = batch.label if self.shape.task == "regression" else functional.one_hot(batch.label, self.shape.outputs)
        return of.to(self.dtype).reshape(1, len(batch.label), -1).transpose(1, 2).expand(len(self.seeds), -1, -1)

    def _recorded(self, w: Group, theta: Group, memory: Memory, holdout: Holdout) -> Prediction:
        return self.record(w.values(), theta.values(), memory.context(), holdout.batch)
