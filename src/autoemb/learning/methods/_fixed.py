"""What the methods share that give every id an embedding of one size."""

import torch
from torch import Tensor

from autoemb.learning.batch import Batch
from autoemb.learning.methods.contract import Method, Prediction
from autoemb.learning.methods.state import Memory
from autoemb.learning.optim.group import Group, Values


class FixedMethod(Method):
    """W with a single size, all of it learnt from every batch; there is no Theta."""

    def weigh(self, theta: Values, context: Tensor, batch: Batch) -> Tensor:
        """All on the one size."""
        return torch.ones(len(self.seeds), 2, 1, len(batch.label), dtype=self.dtype, device=batch.label.device)

    def learn(self, w: Group, theta: Group, memory: Memory, batch: Batch) -> Prediction:
        """Predict, then W <- Adam(grad_W L(batch; W))."""
        ones = self.weigh(theta.values(), memory.context(), batch)
        return w.descend(lambda values: self.predict(values, ones, batch))
