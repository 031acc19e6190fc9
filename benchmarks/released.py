"""The training step in the released code's style, as a baseline for timing.

Our own writing of what makes that code slow, around the methods' twins: dense Adam one tensor at a
time, gradients zero-filled and taken of all parameters in both steps, and Python's ``sum`` over the
losses of a batch.
"""

from typing import Any

import torch
from torch import Tensor

from tests.twin import Interactions


def in_released_style(kind: Any) -> Any:
    """A twin's class with its steps made like that."""

    class Released(kind):
        """One seed of the method, with its default settings."""

        def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
            super().__init__(config, shape, dtype)
            self.adams = {name: value for name, value in vars(self).items() if isinstance(value, torch.optim.Adam)}
            for name, adam in self.adams.items():
                group = adam.param_groups[0]
                setattr(self, name, torch.optim.Adam(group["params"], lr=group["lr"], foreach=False))

        def descend(self, adam: torch.optim.Adam, losses: Tensor, batch: Interactions) -> None:
            for parameter in self.parameters():
                if parameter.grad is not None:
                    parameter.grad.zero_()
            torch.autograd.backward(sum(losses))
            adam.step()

    return Released
