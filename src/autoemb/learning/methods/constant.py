"""Constant: the share of each label so far, the same for everybody.

    p_c = (n_c + 1) / (n + C)          n_c of the n labels before the batch are c; in the regression C is 2

The anchor of every table: what is known without looking at user or item. A method that is worse has learnt nothing.
"""

from torch import Tensor

from autoemb.config import MethodConfig
from autoemb.learning.methods._closed import ClosedForm
from autoemb.learning.nn.layers import Parameters


class Config(MethodConfig):
    """No settings."""


class Model(ClosedForm):
    """The shares of the labels."""

    def probabilities(self, w: Parameters, context: Tensor) -> Tensor:
        """The shares (S, C, 1), for every interaction."""
        return w["shares"].expand(-1, -1, context.shape[3])
