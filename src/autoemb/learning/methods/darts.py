"""DARTS: free weights over the candidate sizes, learnt on the validation batch, without a controller.

alpha = softmax(a), beta = softmax(b), with a row of K numbers per user and per item (released code,
ESAPN), or one row for all users and one for all items (``global``, the other reading of the paper).
Per batch, with first-order gradients (Algorithm 1 with xi = 0), in AutoEmb's order (``autoemb.py``):

    predict the batch
    W    <- Adam(grad_W L(batch; W, a, b))
    a, b <- Adam(grad_{a,b} L(batch; W, a, b))           the validation batch: the one W was just trained on

That is ``validation: last_batch``; ``_bilevel.Validated`` has the other two, and ``_bilevel`` the second order
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

from autoemb.learning.batch import Batch, Holdout, Use
from autoemb.learning.methods._bilevel import BilevelMethod, Validated
from autoemb.learning.methods.contract import Prediction
from autoemb.learning.methods.state import Memory
from autoemb.learning.nn.layers import Generators
from autoemb.learning.optim.group import Group, Values

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
        self.build_validation(config)
        k, seeds = len(config.sizes), len(dice)
        if config.weights == "global":
            self.add_dense("theta", {"free": torch.full((seeds, 2, k, 1), 1 / k)})
        else:
            rows, use = self.shape.users + self.shape.items, Use("id", "theta", config.moves_unused_rows)
            self.add_table("free", use, rows, (k,), dice, lambda values, _: values.fill_(1 / k))

    def weigh(self, theta: Values, context: Tensor, batch: Batch) -> Tensor:
        """alpha and beta of the batch's ids: softmax(a), softmax(b)."""
        free = theta.rows["free"][0] if "free" in theta.rows else theta.dense["free"]
        return torch.softmax(free, dim=2).expand(-1, -1, -1, len(batch.label))

    def learn(self, w: Group, theta: Group, memory: Memory, batch: Batch) -> Prediction:
        """Algorithm 1 on one batch, with a, b in the place of the controllers."""
        if batch.theta_learns and self.validation == "next_batch":
            return self.learn_held_out(w, theta, memory, batch)
        prediction = self.learn_w(w, theta, memory, batch)
        if batch.theta_learns:
            self.validate(w, theta, memory, Holdout(batch))
        return prediction
