"""The slow twin: every method once more, for one seed, as a plain PyTorch program.

``nn.Embedding``, ``nn.Linear``, ``nn.BatchNorm1d``, ``torch.optim.Adam`` (fused) with its defaults and
``torch.autograd``: no replicate axis, no lazy row. Nothing is imported from ``autoemb.nn``: the
tests hold the methods to it step for step, and it is the reading to compare with the papers.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Interactions(NamedTuple):
    """A mini-batch: five vectors (B,) of int64."""

    user: Tensor
    item: Tensor
    label: Tensor
    user_popularity: Tensor
    item_popularity: Tensor


class Candidates(nn.Module):
    """tanh(BN(Linear_k(e_k))) for every candidate size of one side."""

    def __init__(self, rows: int, sizes: list[int], shared: bool) -> None:
        super().__init__()
        width = max(sizes)
        self.tables = nn.ModuleList(nn.Embedding(rows, size) for size in sizes)
        self.transforms = nn.ModuleList(nn.Linear(size, width) for size in sizes)
        self.norms = nn.ModuleList(
            nn.BatchNorm1d(width, track_running_stats=False) for _ in sizes[: 1 if shared else None]
        )

    def forward(self, ids: Tensor) -> Tensor:
        """(B,) -> (B, K, D)."""
        vectors = []
        for k, (table, transform) in enumerate(zip(self.tables, self.transforms, strict=True)):
            norm = self.norms[min(k, len(self.norms) - 1)]
            vectors.append(torch.tanh(norm(transform(table(ids)))))
        return torch.stack(vectors, dim=1)


class Selection(nn.Module):
    """W of the searching methods."""

    def __init__(self, shape: Any, config: Any) -> None:
        super().__init__()
        sizes = list(config.sizes) if hasattr(config, "sizes") else [config.size]
        shared = getattr(config, "batch_norm", "per-candidate") == "shared"
        self.user = Candidates(shape.users, sizes, shared)
        self.item = Candidates(shape.items, sizes, shared)
        self.scale = 1 / len(sizes) if getattr(config, "mean", True) else 1.0
        self.head = head(2 * max(sizes), config.hidden, shape.outputs)

    def forward(self, batch: Interactions, alpha: Tensor, beta: Tensor) -> Tensor:
        """Weights (B, K) per side -> logits (B, C)."""
        user = self.scale * (self.user(batch.user) * alpha[:, :, None]).sum(1)
        item = self.scale * (self.item(batch.item) * beta[:, :, None]).sum(1)
        logits: Tensor = self.head(torch.cat([user, item], dim=1))
        return logits


class Raw(nn.Module):
    """FSE's raw path: table rows straight into the head."""

    def __init__(self, shape: Any, config: Any) -> None:
        super().__init__()
        self.user = nn.Embedding(shape.users, config.size)
        self.item = nn.Embedding(shape.items, config.size)
        self.head = head(2 * config.size, config.hidden, shape.outputs)

    def forward(self, batch: Interactions) -> Tensor:
        """Logits (B, C)."""
        logits: Tensor = self.head(torch.cat([self.user(batch.user), self.item(batch.item)], dim=1))
        return logits


def head(width: int, hidden: int, outputs: int) -> nn.Sequential:
    """BN -> Linear -> BN -> tanh -> Linear."""
    return nn.Sequential(
        nn.BatchNorm1d(width, track_running_stats=False),
        nn.Linear(width, hidden),
        nn.BatchNorm1d(hidden, track_running_stats=False),
        nn.Tanh(),
        nn.Linear(hidden, outputs),
    )


class Controller(nn.Module):
    """One side's controller."""

    def __init__(self, popularity: int, context: int, candidates: int, hidden: int) -> None:
        super().__init__()
        self.popularity = nn.Embedding(popularity + 1, 32)
        self.norm_popularity = nn.BatchNorm1d(32, track_running_stats=False)
        self.layers = nn.Sequential(
            nn.Linear(32 + context, hidden),
            nn.BatchNorm1d(hidden, track_running_stats=False),
            nn.Tanh(),
            nn.Linear(hidden, candidates),
            nn.Softmax(dim=1),
        )

    def forward(self, popularity: Tensor, context: Tensor) -> Tensor:
        """(B,), (B, context) -> weights (B, K)."""
        seen = self.norm_popularity(self.popularity(popularity))
        weights: Tensor = self.layers(torch.cat([seen, context], dim=1))
        return weights


def loss_of(task: str, logits: Tensor, label: Tensor) -> Tensor:
    """Loss of each interaction (B,)."""
    if task == "regression":
        return functional.mse_loss(torch.sigmoid(logits[:, 0]), label.to(logits.dtype), reduction="none")
    return functional.cross_entropy(logits, label, reduction="none")


def last_occurrences(ids: Tensor) -> Tensor:
    """Where each of the distinct ``ids`` (B,) stands last."""
    unique, inverse = torch.unique(ids, return_inverse=True)
    return torch.zeros_like(unique).scatter_reduce(0, inverse, torch.arange(len(ids)), "amax")


class Twin:
    """One seed of one method: ``step(batch, validation)`` -> logits (B, C) and the weights of both sides."""

    def __init__(self, method: str, config: Any, shape: Any, dtype: torch.dtype) -> None:
        self.method, self.config, self.shape = method, config, shape
        self.sizes = [config.size] if method == "fse" else list(config.sizes)
        raw = method == "fse" and config.path == "raw"
        self.model: nn.Module = (Raw(shape, config) if raw else Selection(shape, config)).to(dtype)
        model_parameters, theta = list(self.model.parameters()), self._theta(dtype)
        if method == "sam":
            model_parameters += theta
        self.adam = torch.optim.Adam(model_parameters, lr=config.learning_rate, fused=True)
        self.searches = method in ("darts", "autoemb")
        self.theta = theta if self.searches else []
        if self.searches:
            self.adam_theta = torch.optim.Adam(theta, lr=config.weights_learning_rate, fused=True)

    def step(self, batch: Interactions, validation: Interactions | None) -> tuple[Tensor, Tensor, Tensor]:
        """One batch as in Algorithm 1 with xi = 0.

        Args:
            batch: what is predicted and learnt.
            validation: what Theta learns from beforehand. If it is ``batch`` itself, the prediction is
                that before Theta's step.
        """
        said = None
        if validation is not None and self.searches:
            losses, *said_of_validation = self._losses(validation)
            said = (losses, *said_of_validation) if validation is batch else None
            self._descend(self.adam_theta, self.theta, losses)
        losses, *rest = self._losses(batch)
        self._descend(self.adam, [p for group in self.adam.param_groups for p in group["params"]], losses)
        losses, logits, alpha, beta = (x.detach() for x in (said or (losses, *rest)))
        if self.method in ("sam", "autoemb"):
            last = last_occurrences(batch.user)
            self.user_weights[batch.user[last]], self.user_loss[batch.user[last]] = alpha[last], losses[last]
            last = last_occurrences(batch.item)
            self.item_weights[batch.item[last]], self.item_loss[batch.item[last]] = beta[last], losses[last]
        return logits, alpha, beta

    def _descend(self, adam: torch.optim.Adam, parameters: list[nn.Parameter], losses: Tensor) -> None:
        """One step of ``parameters`` alone."""
        for parameter, gradient in zip(parameters, torch.autograd.grad(losses.sum(), parameters), strict=True):
            parameter.grad = gradient
        adam.step()

    def _theta(self, dtype: torch.dtype) -> list[nn.Parameter]:
        """Whatever makes the weights of the candidates, and its parameters."""
        shape, k, config = self.shape, len(self.sizes), self.config
        if self.method == "darts":
            users, items = (shape.users, shape.items) if config.weights == "per-id" else (1, 1)
            self.user_free = nn.Parameter(torch.full((users, k), 1 / k, dtype=dtype))
            self.item_free = nn.Parameter(torch.full((items, k), 1 / k, dtype=dtype))
            return [self.user_free, self.item_free]
        if self.method == "fse":
            return []
        context = {0: 0, 1: k, 2: k + 1}[config.policy]
        self.user_controller = Controller(shape.user_popularity, context, k, config.controller_hidden).to(dtype)
        self.item_controller = Controller(shape.item_popularity, context, k, config.controller_hidden).to(dtype)
        first = torch.eye(k, dtype=dtype)[:1]
        self.user_weights, self.item_weights = first.repeat(shape.users, 1), first.repeat(shape.items, 1)
        self.user_loss, self.item_loss = torch.ones(shape.users, dtype=dtype), torch.ones(shape.items, dtype=dtype)
        return [*self.user_controller.parameters(), *self.item_controller.parameters()]

    def _weights(self, batch: Interactions) -> tuple[Tensor, Tensor]:
        if self.method == "fse":
            ones = torch.ones(len(batch.user), 1, dtype=next(self.model.parameters()).dtype)
            return ones, ones
        if self.method == "darts":
            shared = self.config.weights == "global"
            rows = [torch.zeros_like(ids) if shared else ids for ids in (batch.user, batch.item)]
            return torch.softmax(self.user_free[rows[0]], dim=1), torch.softmax(self.item_free[rows[1]], dim=1)
        user_context = torch.cat([self.user_weights, self.user_loss[:, None]], dim=1)[batch.user]
        item_context = torch.cat([self.item_weights, self.item_loss[:, None]], dim=1)[batch.item]
        width = {0: 0, 1: len(self.sizes), 2: len(self.sizes) + 1}[self.config.policy]
        return (
            self.user_controller(batch.user_popularity, user_context[:, :width]),
            self.item_controller(batch.item_popularity, item_context[:, :width]),
        )

    def _losses(self, batch: Interactions) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        alpha, beta = self._weights(batch)
        logits = self.model(batch) if isinstance(self.model, Raw) else self.model(batch, alpha, beta)
        return loss_of(self.shape.task, logits, batch.label), logits, alpha, beta
