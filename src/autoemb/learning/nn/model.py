"""W: candidate embeddings of users and items, their weighted sum, and the head (AutoEmb, sec. 3; Fig. 3).

A bias before a BatchNorm has no gradient, the mean taking it away again; the papers' linear maps there
are drawn and learnt without one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autoemb.learning.nn.layers import Generators, Parameters, batch_norm, norm, tanh, uniform


@dataclass(frozen=True)
class Head:
    """BN -> Linear(hidden) -> BN -> tanh -> Linear(C) over both sides' vectors, one above the other (released code)."""

    width: int
    hidden: int
    outputs: int

    def parameters(self, dice: Generators) -> Parameters:
        """Initial values of its parameters."""
        return {
            **norm("head.norm_in", self.width, len(dice)),
            "head.hidden": uniform((self.hidden, self.width), self.width, dice),
            **norm("head.norm_hidden", self.hidden, len(dice)),
            "head.out": uniform((self.outputs, self.hidden), self.hidden, dice),
            "head.out_bias": uniform((self.outputs, 1), self.hidden, dice),
        }

    def logits(self, parameters: Parameters, x: Tensor, kept: Tensor | None = None) -> Tensor:
        """(S, width, B) -> (S, C, B); where ``kept`` (S, width, B) is 0, a normalised number is left out."""
        x = batch_norm(parameters, "head.norm_in", x)
        x = torch.bmm(parameters["head.hidden"], x if kept is None else x * kept)  # (S, hidden, B)
        x = tanh(batch_norm(parameters, "head.norm_hidden", x))
        return torch.baddbmm(parameters["head.out_bias"], parameters["head.out"], x)


@dataclass(frozen=True)
class SelectionModel:
    """Soft selection: u = scale * sum_k alpha_k tanh(BN(Linear_k(e_k))) for users, likewise beta for items; the head.

    Fig. 3 draws one BatchNorm per candidate; the released code shares one's weight and bias across
    the candidates of a side (``shared``), its statistics being each candidate's own. The paper's
    scale is 1/K (``mean``); the released code leaves it out.
    """

    sizes: tuple[int, ...]
    hidden: int
    outputs: int
    shared: bool = False
    mean: bool = True

    @property
    def head(self) -> Head:
        """The part after the selection."""
        return Head(2 * max(self.sizes), self.hidden, self.outputs)

    def parameters(self, dice: Generators) -> Parameters:
        """Initial values: a map (S, 2, D, d_k) and a BatchNorm per candidate for both sides, and the head's."""
        width, seeds = max(self.sizes), len(dice)
        maps = {f"map.{k}": uniform((2, width, size), size, dice) for k, size in enumerate(self.sizes)}
        norms = [norm(f"norm.{k}", 2 * width, seeds) for k in range(1 if self.shared else len(self.sizes))]
        return {**maps, **{name: value for each in norms for name, value in each.items()}, **self.head.parameters(dice)}

    def logits(self, parameters: Parameters, rows: Sequence[Tensor], weights: Tensor) -> Tensor:
        """Rows of the candidates' tables, K of (S, 2, d_k, B), and weights (S, 2, K, B) -> logits (S, C, B)."""
        shares = weights / len(self.sizes) if self.mean else weights
        total = self._candidate(parameters, rows, 0) * shares[:, :, :1]
        for k in range(1, len(self.sizes)):
            total = torch.addcmul(total, self._candidate(parameters, rows, k), shares[:, :, k : k + 1])
        return self.head.logits(parameters, total.flatten(1, 2))  # (S, 2D, B)

    def _candidate(self, parameters: Parameters, rows: Sequence[Tensor], k: int) -> Tensor:
        x = torch.matmul(parameters[f"map.{k}"], rows[k])  # (S, 2, D, B)
        return tanh(batch_norm(parameters, f"norm.{0 if self.shared else k}", x.flatten(1, 2))).view_as(x)


@dataclass(frozen=True)
class RawModel:
    """The released code's FSE: both sides' rows straight into the head, no transform of their own."""

    sizes: tuple[int]
    hidden: int
    outputs: int

    @property
    def head(self) -> Head:
        """All there is."""
        return Head(2 * self.sizes[0], self.hidden, self.outputs)

    def parameters(self, dice: Generators) -> Parameters:
        """Initial values of the head's parameters."""
        return self.head.parameters(dice)

    def logits(self, parameters: Parameters, rows: Sequence[Tensor], weights: Tensor) -> Tensor:
        """One tensor of rows (S, 2, D, B) -> logits (S, C, B); there is nothing to weigh."""
        return self.head.logits(parameters, rows[0].flatten(1, 2))


@dataclass(frozen=True)
class PrefixModel:
    """FSE's ``RawModel``, of rows of which the first numbers count, as many as an id's size."""

    head: Head
    kept: Tensor
    """(D, K): 1 where a size has this number of a row."""

    @classmethod
    def of(cls, sizes: Sequence[int], hidden: int, outputs: int, device: str, dtype: torch.dtype) -> "PrefixModel":
        """For these sizes (K), ascending, of which the first may be 0."""
        kept = torch.arange(sizes[-1])[:, None] < torch.tensor(sizes)
        return cls(Head(2 * sizes[-1], hidden, outputs), kept.to(device, dtype))

    def parameters(self, dice: Generators) -> Parameters:
        """The head's."""
        return self.head.parameters(dice)

    def logits(self, parameters: Parameters, rows: Sequence[Tensor], weights: Tensor) -> Tensor:
        """Rows (S, 2, D, B) and the size of each as one-hot (S, 2, K, B) -> logits (S, C, B)."""
        kept = torch.matmul(self.kept, weights)  # (S, 2, D, B)
        row = torch.where(kept > 0, rows[0], rows[0].detach())  # the BatchNorm's statistics are of all numbers
        return self.head.logits(parameters, row.flatten(1, 2), kept.flatten(1, 2))
