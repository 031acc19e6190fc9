"""Linear maps, BatchNorm and tanh for S replicates at once, initialised as PyTorch's own layers are."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

EPS = 1e-5
"""Of BatchNorm: PyTorch's default."""

MOMENTUM = 0.1
"""By which a batch moves BatchNorm's running statistics: PyTorch's default."""

Generators = Sequence[torch.Generator]
"""One CPU generator per seed; whoever draws takes the next numbers of each."""

Parameters = dict[str, Tensor]
"""Dense parameters by name, each (S, ...)."""


def generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """One generator per seed."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def draw(shape: Sequence[int], dice: Generators, fill: Callable[[Tensor, torch.Generator], Tensor]) -> Tensor:
    """A tensor (S, *shape) whose slice s was filled from the dice of seed s alone.

    Numbers are drawn in float32 on the CPU whatever the device and dtype of the run, so that every
    run of a seed starts from the same point.
    """
    return torch.stack([fill(torch.empty(*shape), generator) for generator in dice])


def uniform(shape: Sequence[int], fan_in: int, dice: Generators) -> Tensor:
    """Weight or bias of a linear map from ``fan_in`` channels: uniform in ±1/sqrt(fan_in), (S, *shape)."""
    bound = fan_in**-0.5
    return draw(shape, dice, lambda x, generator: x.uniform_(-bound, bound, generator=generator))


def norm(name: str, channels: int, seeds: int) -> Parameters:
    """Weight and bias of a BatchNorm, each (S, C, 1)."""
    return {f"{name}.weight": torch.ones(seeds, channels, 1), f"{name}.bias": torch.zeros(seeds, channels, 1)}


class Running:
    """Running statistics of every BatchNorm among some parameters, for predictions that do not depend on the batch.

    They are given to the layers among the parameters: ``fixed`` to normalise by them, ``tracked`` to normalise by
    the batch's own statistics and move them (PyTorch's: momentum .1, variance with n - 1).
    """

    def __init__(self, parameters: Parameters) -> None:
        self.statistics: Parameters = {}
        for name in (key.removesuffix(".weight") for key in parameters if key.endswith(".weight")):
            self.statistics[f"{name}.mean"] = torch.zeros_like(parameters[f"{name}.weight"])
            self.statistics[f"{name}.var"] = torch.ones_like(parameters[f"{name}.weight"])

    @property
    def fixed(self) -> Parameters:
        """For a prediction."""
        return {f"{name}.fixed": tensor for name, tensor in self.statistics.items()}

    @property
    def tracked(self) -> Parameters:
        """For learning."""
        return {f"{name}.tracked": tensor for name, tensor in self.statistics.items()}


def batch_norm(parameters: Parameters, name: str, x: Tensor) -> Tensor:
    """(S, C, B) -> (S, C, B), by the batch's own statistics (released code), or as ``Running`` says.

    A batch of a single interaction has no variance: its output by its own statistics is the bias.
    """
    weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
    if torch.compiler.is_compiling():
        normal: Tensor = _BatchNorm.apply(x, weight, bias)[0]
        return normal
    s, c, b = x.shape
    fixed = f"{name}.mean.fixed" in parameters
    kind = "fixed" if fixed else "tracked"
    mean, var = (parameters.get(f"{name}.{part}.{kind}") for part in ("mean", "var"))
    if mean is None or var is None or (b == 1 and not fixed):
        mean, var = None, None
    else:
        mean, var = mean.view(-1), var.view(-1)
    rows = x.reshape(1, s * c, b)  # seeds become channels
    normal = torch.batch_norm(rows, weight.reshape(-1), bias.reshape(-1), mean, var, not fixed, MOMENTUM, EPS, False)
    return normal.reshape(s, c, b)


class _BatchNorm(torch.autograd.Function):
    """BatchNorm in plain sums, which a compiler fuses with what stands around it.

    The gradient is written out: what autograd would make of the forward takes twice as many sums.
    """

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean = x.mean(-1, keepdim=True)
        scale = torch.rsqrt(((x - mean) * (x - mean)).mean(-1, keepdim=True) + EPS)
        return (x - mean) * (scale * weight) + bias, mean, scale

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: tuple[Tensor, Tensor, Tensor]) -> None:
        x, weight, _ = inputs
        _, mean, scale = output
        ctx.save_for_backward(x, weight, mean, scale)
        ctx.mark_non_differentiable(mean, scale)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight, mean, scale = ctx.saved_tensors
        normal = (x - mean) * scale
        along, total = (gradient * normal).sum(-1, keepdim=True), gradient.sum(-1, keepdim=True)
        inside = gradient - (total + normal * along) * (1 / x.shape[-1])
        return (scale * weight) * inside, along, total


def tanh(x: Tensor) -> Tensor:
    """tanh as 2 sigmoid(2x) - 1, which is vectorised where ``torch.tanh`` is not; equal to one rounding of 1."""
    return 2 * torch.sigmoid(2 * x) - 1
