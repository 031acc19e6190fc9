"""Uniform: AutoEmb's model with weights that stay where DARTS' begin, at 1/K for every id.

    W <- Adam(grad_W L(batch; W, 1/K))

The anchor of the searching methods: what the average of all candidates is worth without any search. Of no paper that is
reproduced here. DARTS' weights, which move at 1e-4, differ from these as far as a stream is long enough to move them.
"""

import torch
from torch import Tensor

from autoemb.learning.batch import Batch
from autoemb.learning.methods._selection import CandidatesConfig, CandidatesMethod
from autoemb.learning.methods.contract import Prediction
from autoemb.learning.methods.state import Memory
from autoemb.learning.nn.layers import Generators
from autoemb.learning.optim.group import Group, Values


class Config(CandidatesConfig):
    """Settings of uniform weights."""


class Model(CandidatesMethod):
    """W alone; there is no Theta."""

    def build(self, config: Config, dice: Generators) -> None:
        """W only."""
        self.build_candidates(config, dice)
        self.rates = {"w": config.learning_rate, "theta": 0.0}

    def weigh(self, theta: Values, context: Tensor, batch: Batch) -> Tensor:
        """1/K."""
        s, k, b = len(self.seeds), len(self.sizes), len(batch.label)
        return torch.full((s, 2, k, b), 1 / k, dtype=self.dtype, device=batch.label.device)

    def learn(self, w: Group, theta: Group, memory: Memory, batch: Batch) -> Prediction:
        """Predict, then W <- Adam(grad_W L(batch; W, 1/K))."""
        weights = self.weigh(theta.values(), memory.context(), batch)
        return w.descend(lambda values: self.predict(values, weights, batch))
