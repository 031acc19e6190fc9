"""The two tasks: loss and hit of every single prediction (ESAPN, sec. 4; released code)."""

import torch
from torch import Tensor
from torch.nn import functional

from autoemb.config import Task


def losses(task: Task, logits: Tensor, label: Tensor) -> Tensor:
    """Loss of each interaction: (S, C, B), (B,) -> (S, B).

    Regression (C = 1): (sigmoid(logit) - label)^2, label 0 or 1. Classification: cross-entropy in nats.
    """
    if task == "regression":
        return (torch.sigmoid(logits[:, 0]) - label.to(logits.dtype)) ** 2
    return functional.cross_entropy(logits, label.expand(len(logits), -1), reduction="none")


def hits(task: Task, logits: Tensor, label: Tensor) -> Tensor:
    """Whether each prediction is right (at 0.5, or by the largest logit): (S, C, B), (B,) -> (S, B) bool."""
    if task == "regression":
        return (logits[:, 0] >= 0) == (label > 0)
    return logits.argmax(1) == label


def statistics(losses: Tensor, hits: Tensor, weights: Tensor) -> Tensor:
    """What is summed of each interaction: (S, B), (S, B), (S, 2, K, B) -> (S, 2, 3 + 3K, B) float64.

    Per side: loss, squared loss, hit, the weight of each candidate size, which of them is the
    largest (of equal ones, the first), and how far each is from 1/K.
    """
    common = torch.stack([losses.double(), losses.double() ** 2, hits.double()], dim=1)  # (S, 3, B)
    largest = weights == weights.amax(2, keepdim=True)
    first = largest & (largest.cumsum(2) == 1)
    moved = (weights.double() - 1 / weights.shape[2]).abs()
    return torch.cat([common[:, None].expand(-1, 2, -1, -1), weights.double(), first.double(), moved], dim=2)
