"""Adam's arithmetic: PyTorch's defaults (betas .9 and .999, eps 1e-8, no weight decay), as the released code uses it.

With m and v the moving averages of the gradient g and of g^2, step t:

    m <- b1 m + (1 - b1) g        v <- b2 v + (1 - b2) g^2
    p <- p - lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.optim.adam import adam

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


class Slot(NamedTuple):
    """A tensor under Adam, with the moving averages of its gradient and of the gradient's square."""

    value: Tensor
    moment: Tensor
    square: Tensor


def corrections(steps: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """1 - b1^t and sqrt(1 - b2^t) of each step t >= 1: (N,) -> (N, 2)."""
    t = steps.astype(np.float64)
    return np.stack([-np.expm1(t * np.log(BETA1)), np.sqrt(-np.expm1(t * np.log(BETA2)))], axis=1)


def following(correction: Tensor) -> Tensor:
    """The row of ``corrections`` of the step after that of ``correction`` (2,)."""
    bias, root = correction.unbind()
    return torch.stack([1 - BETA1 * (1 - bias), torch.sqrt(1 - BETA2 * (1 - root * root))])


def after_step(slot: Slot, gradient: Tensor, rate: float, correction: Tensor) -> Slot:
    """The slot after one step, as new tensors; ``correction`` (2,) is a row of ``corrections``."""
    moment = torch.lerp(slot.moment, gradient, 1 - BETA1)
    square = slot.square * BETA2 + (gradient * gradient) * (1 - BETA2)
    value = slot.value - (rate / correction[0]) * moment / (torch.sqrt(square) / correction[1] + EPS)
    return Slot(value, moment, square)


def make_step(
    slots: Sequence[Slot], gradients: Sequence[Tensor], rate: float, correction: Tensor, step: Tensor
) -> None:
    """One step of every slot, in place.

    PyTorch's fused kernel takes ``step`` t; a compiler makes its own kernel out of ``after_step``.
    """
    if not slots:
        return
    if torch.compiler.is_compiling():
        for slot, gradient in zip(slots, gradients, strict=True):
            for tensor, new in zip(slot, after_step(slot, gradient, rate, correction), strict=True):
                tensor.copy_(new)
        return
    values, moments, squares = (list(tensors) for tensors in zip(*slots, strict=True))
    adam(
        values,
        list(gradients),
        moments,
        squares,
        [],
        [step - 1 for _ in values],
        fused=True,
        amsgrad=False,
        beta1=BETA1,
        beta2=BETA2,
        lr=rate,
        weight_decay=0,
        eps=EPS,
        maximize=False,
    )
