"""What a twin is shown, and what those that learn by Adam share."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

Recorded = tuple[Tensor, Tensor, Tensor]
"""A prediction: logits (B, C), and the weights of the users' and of the items' candidates, alpha and beta (B, K)."""


class Interactions(NamedTuple):
    """A mini-batch: five vectors (B,) of int64, and the random numbers of the step that is made on it."""

    user: Tensor
    item: Tensor
    label: Tensor
    user_popularity: Tensor
    item_popularity: Tensor
    draws: Tensor | None = None
    """Uniform numbers: (2, K, B), or ESAPN's (2, B). None where the method draws nothing."""


class Turn(NamedTuple):
    """What one step of the stream looks at."""

    batch: Interactions
    """What is predicted and learnt."""
    validation: Interactions | None = None
    """What Theta learns from beforehand; None if it makes no step."""
    before: Interactions | None = None
    """What W's unrolled step is made on: the batch before."""


class Table(NamedTuple):
    """A parameter of which a batch uses some rows, or, of a linear map over a one-hot vector, some columns."""

    parameter: Tensor
    used: Callable[[Interactions], Tensor]
    """The numbers of the rows or columns that a batch uses."""
    along: int = 0
    length: int | None = None
    """How many rows or columns can go unused; every batch uses those behind them."""


class Learner(nn.Module):
    """A method whose parameters (``w`` and, if it has it, ``theta``) are moved by Adam.

    Every module among its children lists what is looked up in it: ``tables()``.
    """

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        super().__init__()
        self.config, self.shape, self.dtype = config, shape, dtype

    def weights(self, batch: Interactions) -> tuple[Tensor, Tensor]:
        """Weights of the candidates, alpha and beta (B, K)."""
        raise NotImplementedError

    def predict(self, w: Callable[..., Tensor], batch: Interactions) -> tuple[Tensor, Recorded]:
        """Losses (B,) of L(batch; W, Theta), and the prediction; ``w`` is W, or W after a step of its own."""
        alpha, beta = self.weights(batch)
        logits = w(batch, alpha, beta)
        return loss_of(self.shape.task, logits, batch.label), (logits, alpha, beta)

    def descend(self, adam: torch.optim.Adam, losses: Tensor, batch: Interactions) -> None:
        """The parameters of ``adam`` <- Adam(grad of the summed losses (B,) of the batch)."""
        self.move(adam, torch.autograd.grad(losses.sum(), parameters_of(adam)), [batch])

    def remember(self, batch: Interactions, losses: Tensor, prediction: Recorded) -> None:
        """Keep something of the batch's ids, if the method has a memory."""

    def move(self, adam: torch.optim.Adam, gradients: Sequence[Tensor], batches: Sequence[Interactions]) -> None:
        """One step of ``adam`` along these gradients, which were taken on these batches."""
        for parameter, gradient in zip(parameters_of(adam), gradients, strict=True):
            parameter.grad = gradient
        adam.step()


def adam(learning_rate: float, *modules: nn.Module) -> torch.optim.Adam:
    """Adam of the modules' parameters, with PyTorch's defaults."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    return torch.optim.Adam(parameters, lr=learning_rate, fused=True)


def parameters_of(adam: torch.optim.Adam) -> list[Tensor]:
    """What an optimiser moves."""
    return [parameter for group in adam.param_groups for parameter in group["params"]]


def loss_of(task: str, logits: Tensor, label: Tensor) -> Tensor:
    """Loss of each interaction (B,)."""
    if task == "regression":
        return functional.mse_loss(torch.sigmoid(logits[:, 0]), label.to(logits.dtype), reduction="none")
    return functional.cross_entropy(logits, label, reduction="none")


def detached(prediction: Recorded) -> Recorded:
    """The same without gradient."""
    logits, alpha, beta = prediction
    return logits.detach(), alpha.detach(), beta.detach()


def last_occurrences(ids: Tensor) -> Tensor:
    """Where each of the distinct ``ids`` (B,) stands last."""
    unique, inverse = torch.unique(ids, return_inverse=True)
    return torch.zeros_like(unique).scatter_reduce(0, inverse, torch.arange(len(ids)), "amax")


def head(width: int, hidden: int, outputs: int, running: bool) -> nn.Sequential:
    """BN -> Linear -> BN -> tanh -> Linear."""
    return nn.Sequential(
        norm(width, running),
        linear(width, hidden, running),
        norm(hidden, running),
        nn.Tanh(),
        nn.Linear(hidden, outputs),
    )


def norm(width: int, running: bool) -> nn.BatchNorm1d:
    """BatchNorm, with running statistics, which stay until ``_settings.moving`` lets them move, or without."""
    return nn.BatchNorm1d(width, momentum=0.0, track_running_stats=running)


def linear(inputs: int, outputs: int, running: bool) -> nn.Linear:
    """A map before a BatchNorm, which takes its bias away again; running statistics do so only once they know it."""
    return nn.Linear(inputs, outputs, bias=not running)


def has_running_statistics(config: Any) -> bool:
    """Whether the recorded prediction goes by running statistics (not by default)."""
    return bool(config.batch_norm_at_prediction == "running")


def embeddings(w: Any) -> list[tuple[str, list[nn.Embedding]]]:
    """The embeddings of either side of W, in the order of their sizes."""
    return [
        (side, [module for module in getattr(w, side).modules() if isinstance(module, nn.Embedding)])
        for side in ("user", "item")
    ]


class TwoSided(nn.Module):
    """A W with embeddings of users (``user``) and of items (``item``)."""

    def tables(self) -> list[Table]:
        """The embeddings, looked up by their ids."""
        return [Table(each.weight, attrgetter(side)) for side, found in embeddings(self) for each in found]
