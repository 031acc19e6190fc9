"""What one optimiser moves in one step: dense parameters, and the rows of tables that a batch uses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from autoemb.optim.adam import Moving, move, moved


class Values(NamedTuple):
    """What a model computes with."""

    dense: dict[str, Tensor]
    rows: dict[str, list[Tensor]]
    """By table, one tensor (S, 2, d, B) per embedding that the table holds side by side."""


class HasLosses(Protocol):
    """A result with the loss of each interaction."""

    @property
    def losses(self) -> Tensor:
        """(S, B)"""


Result = TypeVar("Result", bound=HasLosses)


class Rows(NamedTuple):
    """The distinct rows (S, R, W) of a table that a batch uses."""

    moving: Moving
    inverse: Tensor
    """(2B,): which row each occurrence is; users first, then items."""
    widths: tuple[int, ...]
    """Of the embeddings that stand side by side."""


@dataclass
class Group:
    """The parameters of one optimiser. The rows are leaves of the gradient, so no dense gradient of a table exists."""

    dense: Mapping[str, Moving]
    """Moved in place."""
    rows: dict[str, Rows]
    """Replaced by a step."""
    rate: float
    step: Tensor
    """Number of the step to make, from 1; () float32."""
    correction: Tensor
    """Its row of ``adam.corrections``."""
    moves: bool = False
    """Whether it has made its step."""

    def values(self) -> Values:
        """The values as they are now, without gradient."""
        rows = {name: [_sides(x) for x in _occurrences(part)] for name, part in self.rows.items()}
        return Values({name: moving.value for name, moving in self.dense.items()}, rows)

    def descend(self, predict: Callable[[Values], Result]) -> Result:
        """One step along the gradient of the sum of the losses over the batch (released code).

        Seeds share no parameter, so the sum over S leaves each seed's gradient its own.

        Args:
            predict: from values to a result whose losses are to fall.

        Returns:
            The result at the values before the step.
        """
        dense = {name: moving.value.detach().requires_grad_() for name, moving in self.dense.items()}
        rows = {name: [x.detach().requires_grad_() for x in _occurrences(part)] for name, part in self.rows.items()}
        result = predict(Values(dense, {name: [_sides(x) for x in leaves] for name, leaves in rows.items()}))
        leaves = [*dense.values(), *(x for parts in rows.values() for x in parts)]
        gradients = list(torch.autograd.grad(result.losses.sum(), leaves))
        with torch.no_grad():
            move(list(self.dense.values()), gradients[: len(dense)], self.rate, self.correction, self.step)
            rest = gradients[len(dense) :]
            for name, part in self.rows.items():
                mine, rest = rest[: len(part.widths)], rest[len(part.widths) :]
                new = moved(part.moving, _sums(mine, part), self.rate, self.correction)
                self.rows[name] = part._replace(moving=new)
        self.moves = True
        return result


def _occurrences(part: Rows) -> list[Tensor]:
    """Each interaction's embeddings: (S, 2B, d) per width."""
    rows = part.moving.value.index_select(1, part.inverse)
    return [x.contiguous() for x in torch.split(rows, list(part.widths), dim=-1)]


def _sides(x: Tensor) -> Tensor:
    """(S, 2B, d) -> (S, 2, d, B)."""
    s, n, d = x.shape
    return x.reshape(s, 2, n // 2, d).transpose(2, 3)


def _sums(gradients: list[Tensor], part: Rows) -> Tensor:
    """Gradients of the occurrences, (S, 2B, d) per width -> those of the distinct rows (S, R, W)."""
    gradient = torch.cat(gradients, dim=-1) if len(gradients) > 1 else gradients[0]
    return torch.zeros_like(part.moving.value).index_add(1, part.inverse, gradient)
