"""DARTS: free weights over the candidate sizes, learnt on the validation batch, without a controller.

alpha = softmax(a), beta = softmax(b), with a row of K numbers per user and per item (released code,
ESAPN), or one row for all users and one for all items (``global``, the other reading of the paper).
Per batch, with first-order gradients (Algorithm 1 with xi = 0):

    a, b <- Adam(grad L(previous batch; W, a, b))        the validation batch: the one W was just trained on
    predict the batch
    W    <- Adam(grad_W L(batch; W, a, b))

That is ``validation: last_batch``; ``_selection.Validated`` has the other two, and the second order
(``hypergradient``), with which the gradient of a and b goes through one more step of W, as in DARTS.

All rows start at 1/K, so the weights start uniform (released code). Dense Adam moves every row of
a and b at every step.

Departure from the paper's text, by default: the validation batch is the last one (``validation: last_batch``,
the released code's); Algorithm 1 draws it from the previous interactions (``last_random``).

Departures from the released code, by default:
- three candidate ``sizes``, 2, 16 and 128 (the paper's Fig. 1), instead of the code's six from 2 to 128;
- 1/K before the sum (``mean``), and one BatchNorm per candidate (``batch_norm``): the paper's text and Fig. 3.
"""

from typing import Literal

import torch
from torch import Tensor

from autoemb.learning.batch import Batch, Use
from autoemb.learning.methods._selection import BilevelMethod, Validated
from autoemb.learning.nn.layers import Generators
from autoemb.learning.optim.group import Values

REPRODUCES = ("paper", "released-code", "esapn-paper")


class Config(Validated):
    """Settings of DARTS."""

    weights: Literal["per-id", "global"] = "per-id"
    """Whose the weights are (released code: per id)."""


class Model(BilevelMethod):
    """W and free weights: K numbers per user and per item, or per side if shared by all its ids."""

    def build(self, config: Config, dice: Generators) -> None:
        """W from the dice; the weights start the same for every seed."""
        self.build_model(config, dice)
        k, seeds = len(config.sizes), len(dice)
        if config.weights == "global":
            self.add_dense("weights", {"free": torch.full((seeds, 2, k, 1), 1 / k)})
        else:
            rows = self.shape.users + self.shape.items
            self.add_table("free", Use("id", "weights"), rows, (k,), dice, lambda values, _: values.fill_(1 / k))

    def weigh(self, values: Values, context: Tensor | None, batch: Batch) -> Tensor:
        """alpha and beta of the batch's ids."""
        free = values.rows["free"][0] if "free" in values.rows else values.dense["free"]
        return torch.softmax(free, dim=2).expand(-1, -1, -1, len(batch.label))
