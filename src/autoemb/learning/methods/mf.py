"""MF, biased matrix factorisation: an id has a bias and a vector, and no network stands behind them.

    logit_c = mu_c + b_u,c + b_i,c + <m_c, p_u * q_i>        one logit in the regression, where m is 1; else one a class
    W      <- Adam(grad_W L(batch; W))                        W: mu, b, p, q, and in the classification m

Sources: Koren, Bell and Volinsky, *Matrix factorization techniques for recommender systems*, Computer 42(8), 2009
(biases and dot product); Rendle et al., *Neural collaborative filtering vs. matrix factorization revisited*, RecSys
2020, arXiv 2005.09683 (a dot product as the baseline that any learnt interaction has to beat). Of no paper that is
reproduced here: it stands beside their methods, on the same stream and by the same optimiser.

Departures from both: one pass over a stream, AutoEmb's losses (the squared error of the logit's logistic function, or
cross-entropy), and no regularisation. Biases start at 0. ``size: 0`` is the bias model.

The rate, the rows' optimiser and the start are none of the released code's, in which there is no such method: of 12
settings (three rates, both optimisers, two starts) they lose least on the last fifth of ml-1m's train part, in the mean
over both orders and tasks. At the rate of the other methods, 0.001, it has hardly begun to learn there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from autoemb.config import AdamConfig, Start
from autoemb.learning.batch import Use
from autoemb.learning.methods._fixed import FixedMethod
from autoemb.learning.nn.layers import Generators, Parameters


class Config(AdamConfig):
    """Settings of MF."""

    learning_rate: Annotated[float, Field(gt=0)] = 1e-2
    """Learning rate of Adam on all parameters (assumption)."""

    rows_optimizer: Literal["dense", "sparse"] = "sparse"
    """How Adam moves the vectors and biases: ``dense`` also moves, by their momentum, those that a batch does not
    use, ``sparse`` leaves them and their moments as they are (assumption)."""

    size: Annotated[int, Field(ge=0, le=2**16)] = 64
    """Length of the vectors of users and items (assumption); 0 leaves their biases."""

    embedding_init: Start = 0.05
    """How the vectors start: their standard deviation (assumption); ``scaled``, 1 over the root of their length;
    ``normal``, 1."""


@dataclass(frozen=True)
class DotProduct:
    """The scorer: biases, and the product of the two vectors, summed with the weights m of each class."""

    outputs: int
    size: int

    def parameters(self, dice: Generators) -> Parameters:
        """mu (S, C, 1) at 0, and with several classes m (S, C, D) at 1."""
        mu = torch.zeros(len(dice), self.outputs, 1)
        return {"mu": mu} if self.outputs == 1 else {"mu": mu, "m": torch.ones(len(dice), self.outputs, self.size)}

    def logits(self, parameters: Parameters, rows: Sequence[Tensor], weights: Tensor) -> Tensor:
        """Vectors (S, 2, D, B) and biases (S, 2, C, B) -> logits (S, C, B); there is nothing to weigh."""
        vectors, biases = rows
        product = vectors[:, 0] * vectors[:, 1]  # (S, D, B)
        alike = torch.bmm(parameters["m"], product) if "m" in parameters else product.sum(1, keepdim=True)
        return parameters["mu"] + biases.sum(1) + alike


class Model(FixedMethod):
    """One factorisation of one size."""

    def build(self, config: Config, dice: Generators) -> None:
        """mu and m, then a table of vectors and biases side by side."""
        self.seedless = config.size == 0  # biases start at 0
        self.sizes, self.rates = (config.size,), {"w": config.learning_rate, "theta": 0.0}
        self.model = DotProduct(self.shape.outputs, config.size)
        self.add_dense("w", self.model.parameters(dice))
        widths = config.size, self.shape.outputs
        scale = torch.tensor([[config.start_of(config.size)] * config.size + [0.0] * self.shape.outputs])
        rows, use = self.shape.users + self.shape.items, Use("id", "w", config.moves_unused_rows)
        self.add_table("candidates", use, rows, widths, dice, scale=scale)
