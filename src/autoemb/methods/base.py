"""The contract of a method.

A method module holds its docstring (paper, equations, departures from the released code), a ``Config``
and a class ``Model(Method)``. It is named in the config by its module's name.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from autoemb.nn.layers import generators
from autoemb.nn.model import Batch, Shape
from autoemb.optim.adam import DenseAdam


class Prediction(NamedTuple):
    """What a method says of a batch before it sees the labels, and the weights it said it with."""

    logits: Tensor
    """(S, B, C)"""
    user_weights: Tensor
    """(S, B, K), over ``Method.sizes``"""
    item_weights: Tensor
    """(S, B, K)"""


class Method(ABC):
    """S replicates of one method: parameters, optimisers and memory, each seed's own.

    Attributes:
        sizes: the candidate sizes, ascending (K).
        modules: everything with parameters or buffers, by name.
        optimizers: every optimiser, by name.
    """

    sizes: tuple[int, ...]
    modules: dict[str, nn.Module]
    optimizers: dict[str, DenseAdam]

    def __init__(self, config: Any, shape: Shape, seeds: Sequence[int], dtype: torch.dtype, device: str) -> None:
        self.shape = shape
        self.seeds = tuple(seeds)
        dice = generators(seeds)
        self.modules = {name: module.to(device, dtype) for name, module in self.build(config, dice).items()}
        self.optimizers = self.optimize(config)

    @abstractmethod
    def build(self, config: Any, dice: list[torch.Generator]) -> dict[str, nn.Module]:
        """Make the modules, drawing from the dice in a fixed order; set ``sizes``."""

    @abstractmethod
    def optimize(self, config: Any) -> dict[str, DenseAdam]:
        """Make the optimisers over the modules' parameters."""

    @abstractmethod
    def predict(self, batch: Batch) -> Prediction:
        """Predict without learning and without remembering; with gradients to the model's parameters."""

    @abstractmethod
    def step(self, batch: Batch, previous: Batch | None) -> Prediction:
        """Predict ``batch``, then learn from it. The labels of ``batch`` do not move the prediction.

        Args:
            batch: the next mini-batch of the stream.
            previous: the batch before it in the same part of the stream, already learnt from, as
                validation batch; None for the first batch of a part.
        """

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on, as nested dicts of tensors and numbers."""
        modules = {name: module.state_dict() for name, module in self.modules.items()}
        return {**modules, **{name: optimizer.state_dict() for name, optimizer in self.optimizers.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put a state of ``state_dict`` back."""
        for name, module in self.modules.items():
            module.load_state_dict(state[name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state[name])

    def fixed_weights(self, batch: Batch) -> Tensor:
        """The weights (S, B, 1) of a method with one size: all on it."""
        parameter = next(self.modules["model"].parameters())
        return parameter.new_ones(len(self.seeds), len(batch.user), 1)
