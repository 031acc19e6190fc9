"""What one optimiser moves in one step: dense parameters, and the rows of tables that a batch uses."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from autoemb.learning.optim.adam import Slot, after_step, make_step
from autoemb.learning.optim.hypergradient import Result


class Values(NamedTuple):
    """What a model computes with."""

    dense: dict[str, Tensor]
    rows: dict[str, list[Tensor]]
    """By table, one tensor (S, 2, d, B) per embedding that the table holds side by side."""


class Rows(NamedTuple):
    """The distinct rows (S, R, W) of a table that a batch uses."""

    slot: Slot
    inverse: Tensor
    """(2B,): which row each occurrence is; users first, then items."""
    widths: tuple[int, ...]
    """Of the embeddings that stand side by side."""


class Rates(NamedTuple):
    """The learning rates of an optimiser's parameters."""

    common: float
    own: Mapping[str, float]
    """By name, those of parameters and tables that have another."""

    def of(self, name: str) -> float:
        """Of a dense parameter or a table."""
        return self.own.get(name, self.common)

    def groups(self, names: Iterable[str]) -> list[list[str]]:
        """The names, those of one rate together."""
        rates: dict[float, list[str]] = {}
        for name in names:
            rates.setdefault(self.of(name), []).append(name)
        return list(rates.values())


@dataclass
class Group:
    """The parameters of one optimiser. The rows are leaves of the gradient, so no dense gradient of a table exists."""

    dense: Mapping[str, Slot]
    """Moved in place."""
    rows: dict[str, Rows]
    """Replaced by a step."""
    rates: Rates
    step: Tensor
    """Number of the step to make, from 1; () float32."""
    correction: Tensor
    """Its row of ``adam.corrections``."""
    statistics: Mapping[str, Tensor]
    """What the layers are told of BatchNorm's running statistics (``nn.layers.Running.tracked``)."""
    stepped: bool = False
    """Whether it has made its step."""

    def values(self, of: slice | None = None, track_statistics: bool = False) -> Values:
        """The values as they are now, without gradient; the rows for some of the interactions.

        Args:
            of: which of the batch's interactions; None for all.
            track_statistics: whether BatchNorm's running statistics move where these values are used: they do in
                W's own step.
        """
        values = self.values_of([part.value for part in self.present()], of)
        return values._replace(dense={**values.dense, **self.statistics}) if track_statistics else values

    def present(self) -> list[Slot]:
        """The dense parameters, then each table's distinct rows (S, R, W), as they are now."""
        return [*self.dense.values(), *(part.slot for part in self.rows.values())]

    def values_of(self, tensors: Sequence[Tensor], of: slice | None = None) -> Values:
        """Values made of other tensors in the places of ``present``; the rows for some of the interactions."""
        dense, rows = tensors[: len(self.dense)], tensors[len(self.dense) :]
        parts = {
            name: [_sides(x) if of is None else _sides(x)[..., of] for x in _occurrences(values, part)]
            for (name, part), values in zip(self.rows.items(), rows, strict=True)
        }
        return Values(dict(zip(self.dense, dense, strict=True)), parts)

    def descend(self, predict: Callable[[Values], Result], track_statistics: bool = True) -> Result:
        """One step along the gradient of the sum of the losses over the batch (released code).

        Seeds share no parameter, so the sum over S leaves each seed's gradient its own.

        Args:
            predict: from values to a result whose losses are to fall.
            track_statistics: as for ``values``.

        Returns:
            The result at the values before the step.
        """
        dense = {name: slot.value.detach().requires_grad_() for name, slot in self.dense.items()}
        rows = {
            name: [x.detach().requires_grad_() for x in _occurrences(part.slot.value, part)]
            for name, part in self.rows.items()
        }
        parts = {name: [_sides(x) for x in leaves] for name, leaves in rows.items()}
        result = predict(Values({**dense, **(self.statistics if track_statistics else {})}, parts))
        leaves = [*dense.values(), *(x for parts in rows.values() for x in parts)]
        gradients = list(torch.autograd.grad(result.losses.sum(), leaves))
        of_rows, rest = [], gradients[len(dense) :]
        for part in self.rows.values():
            mine, rest = rest[: len(part.widths)], rest[len(part.widths) :]
            of_rows.append(_sums(mine, part))
        self.step_along([*gradients[: len(dense)], *of_rows])
        return result

    def step_along(self, gradients: Sequence[Tensor]) -> None:
        """One step along given gradients, in the places of ``present``."""
        dense, rows = gradients[: len(self.dense)], gradients[len(self.dense) :]
        with torch.no_grad():
            of_name = dict(zip(self.dense, dense, strict=True))
            for names in self.rates.groups(self.dense):
                slots, along = [self.dense[name] for name in names], [of_name[name] for name in names]
                make_step(slots, along, self.rates.of(names[0]), self.correction, self.step)
            for (name, part), gradient in zip(list(self.rows.items()), rows, strict=True):
                slot = after_step(part.slot, gradient, self.rates.of(name), self.correction)
                self.rows[name] = part._replace(slot=slot)
        self.stepped = True


def _occurrences(values: Tensor, part: Rows) -> list[Tensor]:
    """Each interaction's embeddings: (S, R, W) -> (S, 2B, d) per width."""
    rows = values.index_select(1, part.inverse)
    return [x.contiguous() for x in torch.split(rows, list(part.widths), dim=-1)]


def _sides(x: Tensor) -> Tensor:
    """(S, 2B, d) -> (S, 2, d, B)."""
    s, n, d = x.shape
    return x.reshape(s, 2, n // 2, d).transpose(2, 3)


def _sums(gradients: list[Tensor], part: Rows) -> Tensor:
    """Gradients of the occurrences, (S, 2B, d) per width -> those of the distinct rows (S, R, W)."""
    gradient = torch.cat(gradients, dim=-1) if len(gradients) > 1 else gradients[0]
    return torch.zeros_like(part.slot.value).index_add(1, part.inverse, gradient)
