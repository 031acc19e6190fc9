"""Dense Adam, as the released code uses it, and one step of it.

Dense: a row that is not in the batch has gradient zero and keeps moving by its momentum. Row-sparse
Adam is another method, and differs most for rare ids, which the paper's claims are about.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def dense_adam(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Adam:
    """Adam with PyTorch's defaults (betas .9 and .999, eps 1e-8, no weight decay), in its fused form."""
    return torch.optim.Adam(parameters, lr=learning_rate, fused=True)


def descend(optimizer: torch.optim.Adam, losses: Tensor) -> None:
    """One step along the gradient of the sum of ``losses`` (S, B) over the batch (released code).

    Only the optimiser's own parameters get gradients. Seeds share no parameter, so the sum over S
    leaves each seed's gradient its own.
    """
    parameters: list[Tensor] = optimizer.param_groups[0]["params"]
    touched = []
    for parameter, gradient in zip(parameters, torch.autograd.grad(losses.sum(), parameters), strict=True):
        if gradient.is_sparse:
            rows = gradient.coalesce()  # sums repeated rows in a fixed order
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            parameter.grad[rows.indices()[0]] = rows.values()
            touched.append((parameter.grad, rows.indices()[0]))
        else:
            parameter.grad = gradient
    optimizer.step()
    for table_gradient, index in touched:  # zero again, for the next step
        table_gradient[index] = 0
