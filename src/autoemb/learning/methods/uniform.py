"""Uniform: AutoEmb's model with weights that stay where DARTS' begin, at 1/K for every id.

    W <- Adam(grad_W L(batch; W, 1/K))

The anchor of the searching methods: what the average of all candidates is worth without any search. Of no paper that is
reproduced here. DARTS' weights, which move at 1e-4, differ from these as far as a stream is long enough to move them.
"""

import torch
from torch import Tensor

from autoemb.learning.batch import Batch
from autoemb.learning.methods._fixed import FixedMethod
from autoemb.learning.methods._selection import CandidatesConfig, CandidatesMethod
from autoemb.learning.nn.layers import Generators
from autoemb.learning.optim.group import Values


class Config(CandidatesConfig):
    """Settings of uniform weights."""


class Model(CandidatesMethod, FixedMethod):
    """W alone, all of it learnt from every batch; there is no Theta."""

    def build(self, config: Config, dice: Generators) -> None:
        """W only."""
        self.build_candidates(config, dice)
        self.rates = {"w": config.learning_rate, "theta": 0.0}

    def weigh(self, theta: Values, context: Tensor, batch: Batch) -> Tensor:
        """1/K."""
        s, k, b = len(self.seeds), len(self.sizes), len(batch.label)
        return torch.full((s, 2, k, b), 1 / k, dtype=self.dtype, device=batch.label.device)
