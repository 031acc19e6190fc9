"""The gradient of Theta through one unrolled step of W (AutoEmb, Algorithm 1 with xi > 0; DARTS, eq. 6 to 8).

    W'(Theta) = W - step(g),  g = grad_W L_train(W, Theta)
    d L_val(W'(Theta), Theta) / d Theta = grad_Theta L_val - (d g / d Theta)^T v
    v = (d step / d g)^T grad_W' L_val,  everything at W'

``exact`` takes the product by differentiating g once more. ``finite_difference`` takes it as DARTS does, with
eps = radius / |v|:

    (d g / d Theta)^T v  ~  (grad_Theta L_train(W + eps v, Theta) - grad_Theta L_train(W - eps v, Theta)) / (2 eps)

For step(g) = xi g this is DARTS' own formula. Seeds are a leading axis of every tensor and have an eps each.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from autoemb.learning.optim.adam import BETA1, BETA2, EPS, Slot

RADIUS = 0.01
"""How far W is moved for the difference, in its Euclidean norm (DARTS)."""

Tensors = Sequence[Tensor]


class HasLosses(Protocol):
    """A result with the loss of each interaction."""

    @property
    def losses(self) -> Tensor:
        """(S, B)"""


Result = TypeVar("Result", bound=HasLosses)
Predict = Callable[[Tensors, Tensors], Result]
"""From W and Theta to a result."""

Step = Callable[[Tensors], list[Tensor]]
"""From the gradients of W to what is taken away from W; elementwise."""


class Hypergradient(NamedTuple):
    """The settings of an unrolled step."""

    order: str
    """``exact`` or ``finite-difference``."""
    step: str
    """``sgd`` or ``adam``."""
    xi: float


def exact(train: Predict[Result], validate: Predict[Result], w: Tensors, theta: Tensors, step: Step) -> list[Tensor]:
    """The hypergradient, by differentiating through the step."""
    w, theta = _leaves(w), _leaves(theta)
    gradients = torch.autograd.grad(train(w, theta).losses.sum(), w, create_graph=True)
    unrolled = [x - move for x, move in zip(w, step(gradients), strict=True)]
    return list(torch.autograd.grad(validate(unrolled, theta).losses.sum(), theta))


def finite_difference(
    train: Predict[Result],
    validate: Predict[Result],
    w: Tensors,
    theta: Tensors,
    step: Step,
    radius: float = RADIUS,
) -> list[Tensor]:
    """The hypergradient, the product in it by a central difference."""
    w, theta = _leaves(w), _leaves(theta)
    gradients = _leaves(torch.autograd.grad(train(w, theta).losses.sum(), w))
    moves = step(gradients)
    unrolled = _leaves([x - move for x, move in zip(w, moves, strict=True)])
    gradients_of_loss = torch.autograd.grad(validate(unrolled, theta).losses.sum(), [*theta, *unrolled])
    direct, outer = gradients_of_loss[: len(theta)], gradients_of_loss[len(theta) :]
    v = torch.autograd.grad(moves, gradients, outer)
    with torch.no_grad():
        squares = torch.stack([x.square().flatten(1).sum(1) for x in v])  # (leaves, S)
        eps = radius / torch.sqrt(squares.sum(0)).clamp(min=1e-30)  # (S,)
        shifts = [_along(eps, x) * x for x in v]

    def at(sign: int) -> Tensors:
        shifted = [x.detach() + sign * shift for x, shift in zip(w, shifts, strict=True)]
        return torch.autograd.grad(train(shifted, theta).losses.sum(), theta)

    return [
        first - (plus - minus) / (2 * _along(eps, first))
        for first, plus, minus in zip(direct, at(1), at(-1), strict=True)
    ]


def sgd(xi: float) -> Step:
    """W' = W - xi g, the step of the paper's Algorithm 1."""
    return lambda gradients: [xi * gradient for gradient in gradients]


def adam(xi: float, present: Sequence[Slot], correction: Tensor) -> Step:
    """The step that Adam would make at present: see ``optim.adam``, with ``correction`` of the step to make.

    Where a number never had a gradient (the row of an id not seen before), its step is 0 and taken to stay so: the
    root has no slope there, and 1 / eps for the other factor would drown all else in the difference's radius.
    """

    def step(gradients: Tensors) -> list[Tensor]:
        moves = []
        for gradient, old in zip(gradients, present, strict=True):
            square = BETA2 * old.square + (1 - BETA2) * gradient * gradient
            seen = square > 0
            moment = BETA1 * old.moment + (1 - BETA1) * torch.where(seen, gradient, 0.0)
            root = torch.sqrt(torch.where(seen, square, 1.0)) * seen
            moves.append((xi / correction[0]) * moment / (root / correction[1] + EPS))
        return moves

    return step


def _leaves(tensors: Tensors) -> list[Tensor]:
    return [tensor.detach().requires_grad_() for tensor in tensors]


def _along(eps: Tensor, like: Tensor) -> Tensor:
    """(S,) -> (S, 1, ..., 1)"""
    return eps.reshape(-1, *[1] * (like.dim() - 1))
