"""Linear maps, BatchNorm and tanh for S replicates at once, initialised as PyTorch's own layers are."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

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


def batch_norm(parameters: Parameters, name: str, x: Tensor) -> Tensor:
    """(S, C, B) -> (S, C, B), by the batch's own statistics (released code).

    A batch of a single interaction has no variance: its output is the bias.
    """
    weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
    if torch.compiler.is_compiling():  # two plain sums: the compiler fuses them with what follows
        centred = x - x.mean(-1, keepdim=True)
        variance = (centred * centred).mean(-1, keepdim=True)
        return centred * (torch.rsqrt(variance + 1e-5) * weight) + bias
    s, c, b = x.shape
    rows = x.reshape(1, s * c, b)  # seeds become channels
    normal = torch.batch_norm(rows, weight.reshape(-1), bias.reshape(-1), None, None, True, 0.0, 1e-5, False)
    return normal.reshape(s, c, b)


def tanh(x: Tensor) -> Tensor:
    """tanh as 2 sigmoid(2x) - 1, which is vectorised where ``torch.tanh`` is not; equal to one rounding of 1."""
    return 2 * torch.sigmoid(2 * x) - 1
