"""Means: what is known from how a user rates and how an item is rated, without any embedding.

Regression: the mean, and the damped deviations of the item and of the user,

    b_i = sum_i (y - mu) / (n_i + k_i)        over the item's n_i labels before the batch
    b_u = sum_u (y - mu - b_i) / (n_u + k_u)  over the user's, each with the mu and b_i by which it was predicted
    p   = mu + b_u + b_i                      kept within [0, 1]

Classification: the damped shares of the classes among the user's labels and among the item's, multiplied as if the two
said independent things (naive Bayes),

    s_u,c = (n_u,c + k_u mu_c) / (n_u + k_u)  and the item's alike
    p_c   ~ s_u,c s_i,c / mu_c

mu is what ``constant`` predicts. The dampings are the one free choice.

Sources: Koren, *Factor in the neighbors*, ACM TKDD 4(1), 2010, sec. 2.1 (damped deviations, the item's first);
Rendle et al., *On the difficulty of evaluating baselines*, 2019, arXiv 1905.01395 (what such a baseline is worth);
LensKit's ``BiasModel``. Departures: one pass, counts frozen within a batch, and the classes' shares (assumption).
"""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from autoemb.config import MethodConfig
from autoemb.learning.methods._closed import ClosedForm
from autoemb.learning.nn.layers import Generators, Parameters

Damping = Annotated[float, Field(gt=0)]


class Config(MethodConfig):
    """Settings of the means."""

    user_damping: Damping = 5.0
    """k_u: labels of a user that weigh as much as what is known without them (assumption)."""

    item_damping: Damping = 5.0
    """k_i: the same of an item (assumption)."""


class Model(ClosedForm):
    """Of every user and item: how many labels (n), and a sum for each output."""

    config: Config

    def build(self, config: Config, dice: Generators) -> None:
        """Counts at 0."""
        self.remembered = 1 + self.shape.outputs
        super().build(config, dice)
        self.dampings = torch.tensor([config.user_damping, config.item_damping], dtype=self.dtype, device=self.device)

    def probabilities(self, w: Parameters, context: Tensor) -> Tensor:
        """(S, 2, 1 + C, B) of a batch's users and items -> (S, C, B)."""
        mu = w["shares"]
        if self.shape.task == "regression":
            user, item = self._deviations(mu, context)
            return mu + user + item
        shares = self._shares(mu, context)
        return shares[:, 0] * shares[:, 1] / mu

    def sums(self, w: Parameters, context: Tensor, labels: Tensor) -> Tensor:
        """1 for n, then of the item its labels; of the user its labels, in the regression less mu and b_i."""
        mu = w["shares"]
        of_user = labels - mu - self._deviations(mu, context)[1] if self.shape.task == "regression" else labels
        sums = torch.stack([of_user, labels], dim=1)
        return torch.cat([torch.ones_like(sums[:, :, :1]), sums], dim=2)

    def _deviations(self, mu: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """b_u and b_i, (S, 1, B) each; the item's labels are summed as they are, so that mu is today's."""
        n, sums = context[:, :, :1], context[:, :, 1:]
        user, item = sums[:, 0], sums[:, 1] - n[:, 1] * mu
        return user / (n[:, 0] + self.dampings[0]), item / (n[:, 1] + self.dampings[1])

    def _shares(self, mu: Tensor, context: Tensor) -> Tensor:
        """Users' and items' (S, 2, C, B)."""
        damping = self.dampings[:, None, None]
        return (context[:, :, 1:] + damping * mu[:, None]) / (context[:, :, :1] + damping)
