"""The training step in the released code's style, as a baseline for timing.

Our own writing of what makes that code slow, around the twin's models: dense Adam one tensor at a
time, gradients zero-filled and taken of all parameters in both steps, and Python's ``sum`` over the
losses of a batch.
"""

from typing import Any

import torch
from torch import Tensor, nn

from autoemb.twin import Turn, Twin, last_occurrences


class Released(Twin):
    """One seed of one method; ``step`` as ``Twin.step``, with the previous batch as validation batch."""

    def __init__(self, method: str, config: Any, shape: Any, dtype: torch.dtype) -> None:
        super().__init__(method, config, shape, dtype)
        self.adam = self._plain(self.adam)
        if self.searches:
            self.adam_theta = self._plain(self.adam_theta)

    def step(self, turn: Turn) -> tuple[Tensor, Tensor, Tensor]:
        """One batch as in Algorithm 1 with xi = 0."""
        batch = turn.batch
        if turn.validation is not None and self.searches:
            self._learn(self.adam_theta, self._losses(turn.validation, None)[0])
        losses, logits, alpha, beta = self._losses(batch, None)
        self._learn(self.adam, losses)
        if self.method in ("sam", "autoemb"):
            for ids, weights, told, values in (
                (batch.user, self.user_weights, self.user_loss, alpha),
                (batch.item, self.item_weights, self.item_loss, beta),
            ):
                last = last_occurrences(ids)
                weights[ids[last]], told[ids[last]] = values.detach()[last], losses.detach()[last]
        return logits.detach(), alpha.detach(), beta.detach()

    def _learn(self, adam: torch.optim.Adam, losses: Tensor) -> None:
        for parameter in self._parameters():
            if parameter.grad is not None:
                parameter.grad.zero_()
        torch.autograd.backward(sum(losses))
        adam.step()

    def _parameters(self) -> list[nn.Parameter]:
        adams = [self.adam, self.adam_theta] if self.searches else [self.adam]
        return [parameter for adam in adams for group in adam.param_groups for parameter in group["params"]]

    @staticmethod
    def _plain(adam: torch.optim.Adam) -> torch.optim.Adam:
        group = adam.param_groups[0]
        return torch.optim.Adam(group["params"], lr=group["lr"], foreach=False)
