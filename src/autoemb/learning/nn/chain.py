"""ESAPN's W: one embedding per id, of its current size, carried up to the largest by maps between adjacent sizes.

M_k(e) = W_k e + b_k                      from size d_k to d_{k+1}; per side, with a bias
h_k = M_{K-2}(... M_k(e_k))               for the largest size e itself
u = sum_k alpha_k tanh(BN(h_k))           alpha one-hot: the size of the user's embedding; items likewise
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from autoemb.learning.nn.layers import Generators, Parameters, batch_norm, norm, tanh, uniform
from autoemb.learning.nn.model import Head


@dataclass(frozen=True)
class ChainModel:
    """The chain, one BatchNorm per side with its weight and bias shared by all sizes, tanh, the selection, the head.

    The BatchNorm's statistics are, with ``over`` = ``all``, those of each size over all of the batch's ids, whether
    they have this size or not, so that the rows of sizes not chosen learn too (released code); with ``chosen``,
    those of the vectors that are chosen. With ``all``, the mean takes a map's bias away again: what is left
    of its gradient would be rounding, of which Adam would make full steps, and so it is none. The bias still counts
    where an embedding is made of a smaller one.
    """

    sizes: tuple[int, ...]
    hidden: int
    outputs: int
    over: Literal["all", "chosen"] = "all"

    @property
    def head(self) -> Head:
        """The part after the selection."""
        return Head(2 * self.sizes[-1], self.hidden, self.outputs)

    def parameters(self, dice: Generators) -> Parameters:
        """Initial values: maps (S, 2, d_{k+1}, d_k) from each size to the next with biases, the BatchNorm, the head."""
        maps: Parameters = {}
        for k, (size, above) in enumerate(itertools.pairwise(self.sizes)):
            maps[f"map.{k}"] = uniform((2, above, size), size, dice)
            maps[f"map_bias.{k}"] = uniform((2, above, 1), size, dice)
        return {**maps, **norm("norm.0", 2 * self.sizes[-1], len(dice)), **self.head.parameters(dice)}

    def logits(self, parameters: Parameters, rows: Sequence[Tensor], weights: Tensor) -> Tensor:
        """Rows of all sizes, K of (S, 2, d_k, B), and one-hot weights (S, 2, K, B) -> logits (S, C, B)."""
        chosen = self._normal_of_all if self.over == "all" else self._normal_of_chosen
        return self.head.logits(parameters, tanh(chosen(parameters, rows, weights)).flatten(1, 2))  # (S, 2D, B)

    def enlarged(self, parameters: Parameters, rows: Sequence[Tensor], current: Tensor, grows: Tensor) -> list[Tensor]:
        """The rows, those of the next size replaced by M_k(e_k) where an id grows.

        Args:
            parameters: the maps.
            rows: K of (S, 2, d_k, B).
            current: one-hot sizes (S, 2, K, B).
            grows: whether the interaction's id grows in the batch (S, 2, 1, B).
        """
        grown = [rows[0]]
        for k, row in enumerate(rows[:-1]):
            grows_from_k = grows & (current[:, :, k : k + 1] > 0)
            grown.append(torch.where(grows_from_k, self._up(parameters, k, row), rows[k + 1]))
        return grown

    def _up(self, parameters: Parameters, k: int, x: Tensor) -> Tensor:
        """M_k: (S, 2, d_k, B) -> (S, 2, d_{k+1}, B)."""
        return torch.matmul(parameters[f"map.{k}"], x) + parameters[f"map_bias.{k}"]

    def _normal_of_all(self, parameters: Parameters, rows: Sequence[Tensor], weights: Tensor) -> Tensor:
        """BN(h_k) of every size, then the chosen: (S, 2, D, B)."""
        total = torch.zeros_like(rows[-1])
        for k, (through, offset) in enumerate(self._composed(parameters)):
            h = torch.matmul(through, rows[k]) + offset
            total = torch.addcmul(total, self._normal(parameters, h), weights[:, :, k : k + 1])
        return torch.addcmul(total, self._normal(parameters, rows[-1]), weights[:, :, -1:])

    def _normal_of_chosen(self, parameters: Parameters, rows: Sequence[Tensor], weights: Tensor) -> Tensor:
        """The chain entered at the chosen size, then one BatchNorm: (S, 2, D, B)."""
        h = rows[0]
        for k in range(len(self.sizes) - 1):
            h = torch.where(weights[:, :, k + 1 : k + 2] > 0, rows[k + 1], self._up(parameters, k, h))
        return self._normal(parameters, h)

    def _normal(self, parameters: Parameters, h: Tensor) -> Tensor:
        return batch_norm(parameters, "norm.0", h.flatten(1, 2)).view(h.shape)

    def _composed(self, parameters: Parameters) -> list[tuple[Tensor, Tensor]]:
        """Of every size but the largest, the maps up to the largest as one: (S, 2, D, d_k), (S, 2, D, 1).

        It costs the maps' products once, where a chain of vectors would cost them for the whole batch.
        """
        composed: list[tuple[Tensor, Tensor]] = []
        for k in reversed(range(len(self.sizes) - 1)):
            through, bias = parameters[f"map.{k}"], parameters[f"map_bias.{k}"]
            offset = bias.detach() + 0 * bias
            if composed:
                above, above_offset = composed[0]
                through, offset = torch.matmul(above, through), torch.matmul(above.detach(), offset) + above_offset
            composed.insert(0, (through, offset))
        return composed
