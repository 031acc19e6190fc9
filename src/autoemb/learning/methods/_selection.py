"""What the searching methods share: W with several candidate sizes, and how a size is selected."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from autoemb.config import NetworkConfig, Sizes
from autoemb.learning.batch import Batch, Optimizer
from autoemb.learning.methods.contract import Method, Prediction
from autoemb.learning.nn.layers import Generators
from autoemb.learning.nn.model import SelectionModel
from autoemb.learning.optim.group import Values


class CandidatesConfig(NetworkConfig):
    """Settings of every method whose ids have an embedding of every candidate size."""

    sizes: Sizes = (2, 16, 128)
    """Candidate sizes d_1 < ... < d_K (AutoEmb, Fig. 1; ESAPN: 2, 4, 8, 16, 64, 128)."""

    batch_norm: Literal["per-candidate", "shared"] = "per-candidate"
    """Of the candidates of one side (Fig. 3: one per candidate; released code: shared)."""

    mean: bool = True
    """Whether the weighted sum is divided by K (the paper; the released code does not)."""


class SelectionConfig(CandidatesConfig):
    """Settings of every method that searches among candidate sizes."""

    weights_learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    """Of dense Adam on what makes the weights, where that has an optimiser of its own (released code)."""

    selection: Literal["soft", "argmax", "gumbel"] = "soft"
    """``soft``: the weighted sum (released code). ``argmax``: learnt like that, but the recorded prediction takes the
    size of the largest weight alone (the hard selection of Fig. 3). ``gumbel``: learnt with one size an id, drawn by
    its weight, and the gradient of the softmax of the perturbed logarithms (straight-through; Jang et al. 2017);
    the recorded prediction takes the largest weight."""

    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Of that softmax, for ``gumbel`` (assumption)."""


class CandidatesMethod(Method):
    """W with several candidate sizes."""

    def build_candidates(self, config: CandidatesConfig, dice: Generators) -> None:
        """W, as the settings say."""
        self.sizes = config.sizes
        shared = config.batch_norm == "shared"
        self.model = SelectionModel(config.sizes, config.hidden, self.shape.outputs, shared, config.mean)
        self.add_candidates(config, dice)


class SelectionMethod(CandidatesMethod):
    """W, and weights of the sizes by which one can be selected."""

    def build_model(self, config: SelectionConfig, dice: Generators) -> None:
        """W, the learning rates and how a size is selected, as the settings say."""
        self.build_candidates(config, dice)
        self.rates = {"w": config.learning_rate, "theta": config.weights_learning_rate}
        self.temperature = config.temperature if config.selection == "gumbel" else None
        self.hard = self.records_apart = config.selection != "soft"
        if self.temperature is not None:
            self.draws = 2 * 2 * len(config.sizes)  # for W's step and Theta's, for both sides

    def record(self, w: Values, theta: Values, context: Tensor, batch: Batch) -> Prediction:
        """By all weights, or by the largest alone."""
        weights = self.weigh(theta, context, batch)
        return self.predict(w, largest(weights) if self.hard else weights, batch)

    def select(self, weights: Tensor, batch: Batch, step: Optimizer) -> Tensor:
        """The shares (S, 2, K, B) that are learnt with: the weights, or one size drawn by them, for either step."""
        if self.temperature is None:
            return weights
        s, sides, k, b = weights.shape
        draws = batch.noise.reshape(s, 2, sides, k, b)[:, int(step == "theta")]  # (S, 2, K, B)
        return straight_through(weights, draws, self.temperature)


def largest(weights: Tensor) -> Tensor:
    """1 for the largest of the weights (S, 2, K, B), the first of equal ones; 0 for the others."""
    return torch.zeros_like(weights).scatter_(2, weights.argmax(2, keepdim=True), 1.0)


def straight_through(weights: Tensor, draws: Tensor, temperature: float) -> Tensor:
    """One size each, drawn with the weights as probabilities, that differentiates as a softmax (Jang et al. 2017).

    With Gumbel noise -log(-log(u)), the largest of log(weight) + noise is size k with probability weight_k.

    Args:
        weights: (S, 2, K, B), positive, summing to 1 over K.
        draws: uniform numbers in [0, 1), of the same shape.
        temperature: of the softmax.
    """
    tiny = torch.finfo(weights.dtype).tiny
    noise = -torch.log((-torch.log(draws.clamp(min=tiny))).clamp(min=tiny))
    soft = torch.softmax((torch.log(weights.clamp(min=tiny)) + noise) / temperature, dim=2)
    return largest(soft.detach()) + (soft - soft.detach())
