"""Constant: the share of each label so far.

p_c = (n_c + 1) / (n + C)
"""

from typing import Any

import torch
from torch import Tensor

from ._counted import Counted

SMALL: dict[str, Any] = {}

VARIANTS: list[dict[str, Any]] = []


class Twin(Counted):
    """The shares of the labels."""

    def logits(self, user: int, item: int) -> Tensor:
        """The same for everybody."""
        return torch.logit(self.mu()[1:]) if self.shape.task == "regression" else torch.log(self.mu())
