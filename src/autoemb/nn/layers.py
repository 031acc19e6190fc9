"""Linear, BatchNorm and Embedding for S replicates at once, initialised as PyTorch's own layers are."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

Generators = Sequence[torch.Generator]
"""One CPU generator per seed; whoever draws takes the next numbers of each."""


def generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """One generator per seed."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def draw(shape: Sequence[int], dice: Generators, fill: Callable[[Tensor, torch.Generator], Tensor]) -> Tensor:
    """A tensor (S, *shape) whose slice s was filled from the dice of seed s alone.

    Numbers are drawn in float32 on the CPU whatever the device and dtype of the run, so that every
    run of a seed starts from the same point.
    """
    return torch.stack([fill(torch.empty(*shape), generator) for generator in dice])


class Linear(nn.Module):
    """x W + b per seed: (S, B, D_in) -> (S, B, D_out). Weight (S, D_in, D_out), uniform in ±1/sqrt(D_in)."""

    def __init__(self, d_in: int, d_out: int, dice: Generators) -> None:
        super().__init__()
        bound = d_in**-0.5
        self.weight = nn.Parameter(draw((d_in, d_out), dice, lambda x, g: x.uniform_(-bound, bound, generator=g)))
        self.bias = nn.Parameter(draw((1, d_out), dice, lambda x, g: x.uniform_(-bound, bound, generator=g)))

    def forward(self, x: Tensor) -> Tensor:
        """(S, B, D_in) -> (S, B, D_out)."""
        return torch.baddbmm(self.bias, x, self.weight)


class BatchNorm(nn.Module):
    """Normalisation over the batch of one seed, always by the batch's own statistics (released code).

    A batch of a single interaction has no variance: its output is the bias.
    """

    def __init__(self, width: int, seeds: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(seeds, width))
        self.bias = nn.Parameter(torch.zeros(seeds, width))

    def forward(self, x: Tensor) -> Tensor:
        """(S, B, D) -> (S, B, D), reduced over B only."""
        s, b, d = x.shape
        # seeds become channels: (B, S*D) is what the native kernel normalises per column
        columns = x.transpose(0, 1).reshape(b, s * d)
        normal = torch.batch_norm(
            columns, self.weight.reshape(-1), self.bias.reshape(-1), None, None, True, 0.0, 1e-5, False
        )
        return normal.reshape(b, s, d).transpose(0, 1)


class Embedding(nn.Module):
    """A table of V rows and D columns per seed: weight (S*V, D), seed s's rows from s*V on; normal(0, 1).

    Its gradient is sparse, the rows of the batch only: a dense one would be written anew at every
    step. ``optim.adam.DenseAdam`` makes the dense one that it needs.
    """

    def __init__(self, rows: int, width: int, dice: Generators) -> None:
        super().__init__()
        self.rows = rows
        self.weight = nn.Parameter(draw((rows, width), dice, lambda x, g: x.normal_(generator=g)).flatten(0, 1))

    def forward(self, ids: Tensor) -> Tensor:
        """The rows of ``ids`` (B,) in every seed's table: (S, B, D)."""
        starts = torch.arange(0, len(self.weight), self.rows, device=ids.device)[:, None]  # (S, 1)
        return functional.embedding(starts + ids, self.weight, sparse=True)
