"""The slow twin: every method once more, for one seed, as a plain PyTorch program.

``nn.Embedding``, ``nn.Linear``, ``nn.BatchNorm1d``, ``torch.optim.Adam`` (fused) with its defaults and
``torch.autograd``: no replicate axis, no lazy row. Nothing is imported from ``autoemb.learning.nn``: the
tests hold the methods to it step for step, and it is the reading to compare with the papers.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from operator import attrgetter
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional


class Interactions(NamedTuple):
    """A mini-batch: five vectors (B,) of int64."""

    user: Tensor
    item: Tensor
    label: Tensor
    user_popularity: Tensor
    item_popularity: Tensor


class Turn(NamedTuple):
    """What one step of the stream looks at."""

    batch: Interactions
    """What is predicted and learnt."""
    validation: Interactions | None = None
    """What Theta learns from beforehand. If it is ``batch`` itself, the prediction is that before Theta's step."""
    before: Interactions | None = None
    """What W's unrolled step is made on: the batch before."""
    draws: Tensor | None = None
    """Uniform numbers for W's step on ``batch``: (2, K, B)."""
    validation_draws: Tensor | None = None
    """For Theta's step on ``validation``; ESAPN's are (2, B)."""
    before_draws: Tensor | None = None
    """For the unrolled step on ``before``."""


class Candidates(nn.Module):
    """tanh(BN(Linear_k(e_k))) for every candidate size of one side."""

    def __init__(self, rows: int, sizes: list[int], shared: bool, running: bool) -> None:
        super().__init__()
        width = max(sizes)
        self.tables = nn.ModuleList(nn.Embedding(rows, size) for size in sizes)
        self.transforms = nn.ModuleList(linear(size, width, running) for size in sizes)
        self.norms = nn.ModuleList(norm(width, running) for _ in sizes[: 1 if shared else None])

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
        running = config.batch_norm_at_prediction == "running"
        self.user = Candidates(shape.users, sizes, shared, running)
        self.item = Candidates(shape.items, sizes, shared, running)
        self.scale = 1 / len(sizes) if getattr(config, "mean", True) else 1.0
        self.head = head(2 * max(sizes), config.hidden, shape.outputs, running)

    def forward(self, batch: Interactions, alpha: Tensor, beta: Tensor) -> Tensor:
        """Weights (B, K) per side -> logits (B, C)."""
        user = self.scale * (self.user(batch.user) * alpha[:, :, None]).sum(1)
        item = self.scale * (self.item(batch.item) * beta[:, :, None]).sum(1)
        logits: Tensor = self.head(torch.cat([user, item], dim=1))
        return logits


class Chain(nn.Module):
    """One side of ESAPN: embeddings of all sizes, each mapped size by size up to the largest, BN, tanh, the chosen."""

    def __init__(self, rows: int, sizes: list[int], over: str, running: bool) -> None:
        super().__init__()
        self.tables: Any = nn.ModuleList(nn.Embedding(rows, size) for size in sizes)
        self.transforms: Any = nn.ModuleList(nn.Linear(size, above) for size, above in pairwise(sizes))
        self.norms = nn.ModuleList([norm(sizes[-1], running)])
        self.over = over
        for transform in self.transforms:
            transform.bias.requires_grad_(over == "chosen")  # BN over all takes a bias away again: no gradient

    def forward(self, ids: Tensor, weights: Tensor) -> Tensor:
        """(B,), one-hot (B, K) -> (B, D)."""
        vectors = []
        for k, table in enumerate(self.tables):
            h = table(ids)
            for transform in self.transforms[k:]:
                h = transform(h)
            vectors.append(self.norms[0](h) if self.over == "all" else h)
        chosen = (torch.stack(vectors, dim=1) * weights[:, :, None]).sum(1)
        return torch.tanh(chosen if self.over == "all" else self.norms[0](chosen))

    @torch.no_grad()
    def enlarge(self, numbers: Tensor, sizes: Tensor) -> None:
        """Make the next size's embeddings of the ids with these numbers from those of their sizes."""
        for number in numbers.tolist():
            k = int(sizes[number])
            self.tables[k + 1].weight[number] = self.transforms[k](self.tables[k].weight[number])


class Chained(nn.Module):
    """W of ESAPN, and with a single size FSE's chain path."""

    def __init__(self, shape: Any, config: Any) -> None:
        super().__init__()
        sizes = list(config.sizes) if hasattr(config, "sizes") else [config.size]
        over, running = getattr(config, "batch_norm_over", "all"), config.batch_norm_at_prediction == "running"
        self.user = Chain(shape.users, sizes, over, running)
        self.item = Chain(shape.items, sizes, over, running)
        self.head = head(2 * sizes[-1], config.hidden, shape.outputs, running)

    def forward(self, batch: Interactions, alpha: Tensor, beta: Tensor) -> Tensor:
        """One-hot weights (B, K) per side -> logits (B, C)."""
        logits: Tensor = self.head(torch.cat([self.user(batch.user, alpha), self.item(batch.item, beta)], dim=1))
        return logits


class Raw(nn.Module):
    """FSE's raw path: table rows straight into the head."""

    def __init__(self, shape: Any, config: Any) -> None:
        super().__init__()
        self.user = nn.Embedding(shape.users, config.size)
        self.item = nn.Embedding(shape.items, config.size)
        self.head = head(2 * config.size, config.hidden, shape.outputs, config.batch_norm_at_prediction == "running")

    def forward(self, batch: Interactions, *_: Tensor) -> Tensor:
        """Logits (B, C)."""
        logits: Tensor = self.head(torch.cat([self.user(batch.user), self.item(batch.item)], dim=1))
        return logits


def norm(width: int, running: bool) -> nn.BatchNorm1d:
    """BatchNorm, with running statistics or without."""
    return nn.BatchNorm1d(width, track_running_stats=running)


def linear(inputs: int, outputs: int, running: bool) -> nn.Linear:
    """A map before a BatchNorm, which takes its bias away again; running statistics do so only once they know it."""
    return nn.Linear(inputs, outputs, bias=not running)


def head(width: int, hidden: int, outputs: int, running: bool) -> nn.Sequential:
    """BN -> Linear -> BN -> tanh -> Linear."""
    return nn.Sequential(
        norm(width, running),
        linear(width, hidden, running),
        norm(hidden, running),
        nn.Tanh(),
        nn.Linear(hidden, outputs),
    )


class Controller(nn.Module):
    """One side's controller."""

    def __init__(self, popularity: int, context: int, candidates: int, config: Any) -> None:
        super().__init__()
        running, hidden = config.batch_norm_at_prediction == "running", config.controller_hidden
        self.counts, self.one_hot = popularity + 1, getattr(config, "policy", 1) >= 3
        if not self.one_hot:
            self.popularity = nn.Embedding(self.counts, 32)
            self.norm_popularity = norm(32, running)
        self.first = linear((self.counts if self.one_hot else 32) + context, hidden, running)
        self.layers = nn.Sequential(
            self.first,
            norm(hidden, running),
            nn.Tanh(),
            nn.Linear(hidden, candidates),
            nn.Softmax(dim=1),
        )

    def forward(self, popularity: Tensor, context: Tensor) -> Tensor:
        """(B,), (B, context) -> weights (B, K)."""
        if self.one_hot:
            seen = functional.one_hot(popularity, self.counts).to(context.dtype)
        else:
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


class Table(NamedTuple):
    """A parameter of which a batch uses some rows, or, of a linear map over a one-hot vector, some columns."""

    parameter: Tensor
    used: Callable[[Interactions], Tensor]
    """The numbers of the rows or columns."""
    along: int = 0
    length: int | None = None
    """How many of them there are; those behind are used by every batch."""


class Twin:
    """One seed of one method: ``step(turn)`` -> logits (B, C) and the weights of both sides."""

    def __init__(self, method: str, config: Any, shape: Any, dtype: torch.dtype) -> None:
        self.method, self.config, self.shape = method, config, shape
        self.sizes = [config.size] if method == "fse" else list(config.sizes)
        path = getattr(config, "path", "chain" if method == "esapn" else "transform")
        kind: type[nn.Module] = {"raw": Raw, "transform": Selection, "chain": Chained}[path]
        self.model: Any = kind(shape, config).to(dtype)
        self.controllers: list[Controller] = []
        model_parameters, theta = [p for p in self.model.parameters() if p.requires_grad], self._theta(dtype)
        if method == "sam":
            model_parameters += theta
        self.adam = torch.optim.Adam(model_parameters, lr=config.learning_rate, fused=True)
        self.searches = method in ("darts", "autoemb", "esapn")
        self.theta = theta if self.searches else []
        if self.searches:
            self.adam_theta = torch.optim.Adam(theta, lr=config.weights_learning_rate, fused=True)
        self.selection = getattr(config, "selection", "soft")
        self.running = config.batch_norm_at_prediction == "running"

    def step(self, turn: Turn) -> tuple[Tensor, Tensor, Tensor]:
        """One batch as in Algorithm 1."""
        batch, validation = turn.batch, turn.validation if self.searches else None
        if validation is not None and validation is not batch:
            self._learn_theta(validation, turn)
        said = self._say(batch) if self.running or self.selection != "soft" else None
        learnt = None
        if validation is not None and validation is batch:
            learnt = self._losses(batch, turn.validation_draws)
            self._learn_theta(validation, turn)
        losses = self._losses(batch, turn.draws, moving=True)
        w = [p for group in self.adam.param_groups for p in group["params"]]
        self._descend(self.adam, w, torch.autograd.grad(losses[0].sum(), w), [batch])
        loss, logits, alpha, beta = (x.detach() for x in learnt or losses)
        if self.method in ("sam", "autoemb"):
            last = last_occurrences(batch.user)
            self.user_weights[batch.user[last]], self.user_loss[batch.user[last]] = alpha[last], loss[last]
            last = last_occurrences(batch.item)
            self.item_weights[batch.item[last]], self.item_loss[batch.item[last]] = beta[last], loss[last]
        return said or (logits, alpha, beta)

    def _say(self, batch: Interactions) -> tuple[Tensor, Tensor, Tensor]:
        """The prediction that is recorded, where it is another than the one that is learnt from."""
        modules = [self.model, *self.controllers]
        with torch.no_grad():
            for module in modules:
                module.train(not self.running)
            alpha, beta = self._weights(batch)
            if self.selection != "soft":
                alpha, beta = (functional.one_hot(x.argmax(1), len(self.sizes)).to(x.dtype) for x in (alpha, beta))
            logits = self.model(batch, alpha, beta)
            for module in modules:
                module.train()
        return logits, alpha, beta

    def _learn_theta(self, validation: Interactions, turn: Turn) -> None:
        """Theta's step on the validation batch, along the hypergradient of the settings."""
        if self.config.hypergradient == "first-order":
            losses = self._losses(validation, turn.validation_draws)[0]
            self._descend(self.adam_theta, self.theta, torch.autograd.grad(losses.sum(), self.theta), [validation])
        elif turn.before is not None:
            found = self._hypergradient(validation, turn.before, turn)
            self._descend(self.adam_theta, self.theta, found, [validation, turn.before])

    def _hypergradient(self, validation: Interactions, before: Interactions, turn: Turn) -> Sequence[Tensor]:
        """With W unrolled by one step on the batch before."""
        names = [name for name, _ in self.model.named_parameters()]
        w = [p.detach().clone().requires_grad_() for p in self.model.parameters()]

        def train(w: Sequence[Tensor]) -> Tensor:
            return self._losses(before, turn.before_draws, dict(zip(names, w, strict=True)))[0].sum()

        def validate(w: Sequence[Tensor]) -> Tensor:
            return self._losses(validation, turn.validation_draws, dict(zip(names, w, strict=True)))[0].sum()

        if self.config.hypergradient == "exact":
            gradients = torch.autograd.grad(train(w), w, create_graph=True)
            unrolled = [p - move for p, move in zip(w, self._moves(gradients), strict=True)]
            return torch.autograd.grad(validate(unrolled), self.theta)
        gradients = tuple(g.requires_grad_() for g in torch.autograd.grad(train(w), w))
        moves = self._moves(gradients)
        unrolled = [(p - move).detach().requires_grad_() for p, move in zip(w, moves, strict=True)]
        v = torch.autograd.grad(moves, gradients, torch.autograd.grad(validate(unrolled), unrolled))
        eps = 0.01 / torch.cat([x.flatten() for x in v]).norm()
        plus, minus = (
            torch.autograd.grad(train([p + sign * eps * x for p, x in zip(w, v, strict=True)]), self.theta)
            for sign in (1, -1)
        )
        direct = torch.autograd.grad(validate(unrolled), self.theta)
        return [d - (p - m) / (2 * eps) for d, p, m in zip(direct, plus, minus, strict=True)]

    def _moves(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        """The unrolled step of W: of plain descent, or the next one of its Adam."""
        xi = self.config.learning_rate if self.config.xi is None else self.config.xi
        if self.config.unrolled_step == "sgd":
            return [xi * g for g in gradients]
        moves = []
        for p, g in zip(self.model.parameters(), gradients, strict=True):
            t = self.adam.state[p]["step"].item() + 1
            v = 0.999 * self.adam.state[p]["exp_avg_sq"] + 0.001 * g**2
            m = 0.9 * self.adam.state[p]["exp_avg"] + 0.1 * torch.where(v > 0, g, 0)
            root = torch.where(v > 0, v, 1).sqrt() * (v > 0)  # without a gradient so far, no slope
            moves.append(xi / (1 - 0.9**t) * m / (root / (1 - 0.999**t) ** 0.5 + 1e-8))
        return moves

    def _descend(
        self,
        adam: torch.optim.Adam,
        parameters: Sequence[nn.Parameter],
        gradients: Sequence[Tensor],
        batches: Sequence[Interactions],
    ) -> None:
        """One step of ``parameters`` alone; with sparse rows, those that no batch uses are put back as they were."""
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        sparse = self.config.rows_optimizer == "sparse"
        tables = [each for each in self._tables() if sparse and any(each.parameter is p for p in parameters)]
        old = [[x.clone() for x in self._moving(adam, table.parameter)] for table in tables]
        adam.step()
        for table, then in zip(tables, old, strict=True):
            unused = torch.ones(table.length or table.parameter.shape[table.along], dtype=torch.bool)
            for batch in batches:
                unused[table.used(batch)] = False
            numbers = unused.nonzero()[:, 0]
            for now, before in zip(self._moving(adam, table.parameter), then, strict=True):
                now.index_copy_(table.along, numbers, before.index_select(table.along, numbers))

    def _moving(self, adam: torch.optim.Adam, parameter: Tensor) -> list[Tensor]:
        """A parameter and its moments, which are 0 before the first step."""
        state, value = adam.state.get(parameter, {}), parameter.data
        return [value, *(state.get(name, torch.zeros_like(value)) for name in ("exp_avg", "exp_avg_sq"))]

    def _tables(self) -> list[Table]:
        """Everything that is looked up."""
        found = []
        for name in ("user", "item"):
            side, ids, counts = getattr(self.model, name), attrgetter(name), attrgetter(f"{name}_popularity")
            tables = [p for key, p in side.named_parameters() if key == "weight" or key.startswith("tables.")]
            found += [Table(table, ids) for table in tables]
            if self.method == "darts" and self.config.weights == "per-id":
                found.append(Table(getattr(self, f"{name}_free"), ids))
            if self.controllers:
                controller = self.controllers[name == "item"]
                if controller.one_hot:
                    found.append(Table(controller.first.weight, counts, 1, controller.counts))
                else:
                    found.append(Table(controller.popularity.weight, counts))
        return found

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
        self.context = {0: 0, 1: k, 2: k + 1}[config.policy % 3]
        counts = (shape.user_popularity, shape.item_popularity)
        self.controllers = [Controller(n, self.context, k, config).to(dtype) for n in counts]
        first = torch.eye(k, dtype=dtype)[:1]
        if config.released_code_quirks.classification_start and shape.task == "classification":
            first = 1.5 * first
        self.user_weights, self.item_weights = first.repeat(shape.users, 1), first.repeat(shape.items, 1)
        self.user_loss, self.item_loss = torch.ones(shape.users, dtype=dtype), torch.ones(shape.items, dtype=dtype)
        return [p for controller in self.controllers for p in controller.parameters()]

    def _weights(self, batch: Interactions) -> tuple[Tensor, Tensor]:
        if self.method == "fse":
            ones = torch.ones(len(batch.user), 1, dtype=next(self.model.parameters()).dtype)
            return ones, ones
        if self.method == "darts":
            shared = self.config.weights == "global"
            rows = [torch.zeros_like(ids) if shared else ids for ids in (batch.user, batch.item)]
            return torch.softmax(self.user_free[rows[0]], dim=1), torch.softmax(self.item_free[rows[1]], dim=1)
        user_loss = self.user_loss[batch.user]
        bug = self.config.released_code_quirks.item_context_loss
        item_loss = self.user_loss[batch.item] if bug else self.item_loss[batch.item]
        user_context = torch.cat([self.user_weights[batch.user], user_loss[:, None]], dim=1)
        item_context = torch.cat([self.item_weights[batch.item], item_loss[:, None]], dim=1)
        users, items = self.controllers
        return (
            users(batch.user_popularity, user_context[:, : self.context]),
            items(batch.item_popularity, item_context[:, : self.context]),
        )

    def _select(self, weights: Tensor, draws: Tensor | None) -> Tensor:
        """What is learnt with: the weights (B, K), or a size drawn by them, straight-through; draws (K, B)."""
        if self.selection != "gumbel" or draws is None:
            return weights
        noise = -torch.log(-torch.log(draws.T))
        soft = torch.softmax((torch.log(weights) + noise) / self.config.temperature, dim=1)
        return soft + (functional.one_hot(soft.argmax(1), len(self.sizes)) - soft).detach()

    def _losses(
        self,
        batch: Interactions,
        draws: Tensor | None,
        w: Mapping[str, Tensor] | None = None,
        moving: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Loss of each interaction, logits and weights, with other parameters ``w`` of the model if given.

        Only where ``moving`` says so are BatchNorm's running statistics moved.
        """
        self._let_move(moving)
        alpha, beta = self._weights(batch)
        shares = [self._select(x, None if draws is None else draws[side]) for side, x in enumerate((alpha, beta))]
        logits = self.model(batch, *shares) if w is None else functional_call(self.model, dict(w), (batch, *shares))
        return loss_of(self.shape.task, logits, batch.label), logits, alpha, beta

    def _let_move(self, moving: bool) -> None:
        """Whether BatchNorm's running statistics move from here on."""
        for module in [self.model, *self.controllers]:
            for part in module.modules():
                if isinstance(part, nn.BatchNorm1d):
                    part.momentum = 0.1 if moving else 0.0


class Reinforced(Twin):
    """ESAPN: every id has a size of its own, which a policy lets grow."""

    def step(self, turn: Turn) -> tuple[Tensor, Tensor, Tensor]:
        """The policy's step on the batch before, then W's on the batch."""
        if turn.validation is not None and turn.validation_draws is not None:
            self._let_move(False)
            self._reinforce(turn.validation, turn.validation_draws)
        said = self._say(turn.batch) if self.running else None
        self._let_move(True)
        batch, actions = turn.batch, [p[:, 1] > p[:, 0] for p in self._policy(turn.batch)]
        alpha, beta = self._act(batch, actions)
        logits = self.model(batch, alpha, beta)
        losses = loss_of(self.shape.task, logits, batch.label)
        w = [p for group in self.adam.param_groups for p in group["params"]]
        self._descend(self.adam, w, torch.autograd.grad(losses.sum(), w), [batch])
        for side, (ids, weights) in enumerate([(batch.user, alpha), (batch.item, beta)]):
            for position in last_occurrences(ids).tolist():
                number = int(ids[position])
                self.sizes_of[side][number] = weights[position].argmax()
                self.losses_of[side][number].append(losses[position].detach())
        return said or (logits.detach(), alpha, beta)

    def _theta(self, dtype: torch.dtype) -> list[nn.Parameter]:
        """The policy's parameters; beside it, each id's size and its losses, one per batch that it was in."""
        shape, context = self.shape, len(self.sizes) + self.config.last_loss
        counts, numbers = (shape.user_popularity, shape.item_popularity), (shape.users, shape.items)
        self.controllers = [Controller(n, context, 2, self.config).to(dtype) for n in counts]
        self.sizes_of = [torch.zeros(n, dtype=torch.int64) for n in numbers]
        self.losses_of: list[list[list[Tensor]]] = [[[] for _ in range(n)] for n in numbers]
        return [p for controller in self.controllers for p in controller.parameters()]

    def _policy(self, batch: Interactions) -> list[Tensor]:
        """Of both sides, the probabilities of unchanged and enlarge (B, 2); never enlarge at the largest size."""
        popularities, said = (batch.user_popularity, batch.item_popularity), []
        for side, ids in enumerate((batch.user, batch.item)):
            dtype = next(self.model.parameters()).dtype
            shown = functional.one_hot(self.sizes_of[side][ids], len(self.sizes)).to(dtype)
            if self.config.last_loss:
                last = [self.losses_of[side][n][-1:] or [torch.ones((), dtype=dtype)] for n in ids.tolist()]
                shown = torch.cat([shown, torch.stack([each[0] for each in last])[:, None]], dim=1)
            said.append(self.controllers[side](popularities[side], shown))
        return said

    def _act(self, batch: Interactions, actions: list[Tensor]) -> list[Tensor]:
        """Enlarge by the actions (B,) bool of both sides; the one-hot sizes (B, K) that come of it."""
        said = []
        for side, (ids, chain) in enumerate([(batch.user, self.model.user), (batch.item, self.model.item)]):
            sizes = self.sizes_of[side]
            enlarge = actions[side] & (sizes[ids] < len(self.sizes) - 1)
            chain.enlarge(torch.unique(ids[enlarge]), sizes)
            dtype = next(self.model.parameters()).dtype
            said.append(functional.one_hot(sizes[ids] + enlarge, len(self.sizes)).to(dtype))
        return said

    @torch.no_grad()
    def _try(self, batch: Interactions, actions: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Logits and sizes by these actions; the rows that they enlarge are put back."""
        tables = [table.weight for side in (self.model.user, self.model.item) for table in side.tables]
        old = [table.clone() for table in tables]
        alpha, beta = self._act(batch, actions)
        logits = self.model(batch, alpha, beta)
        for table, values in zip(tables, old, strict=True):
            table.copy_(values)
        return logits, alpha, beta

    def _say(self, batch: Interactions) -> tuple[Tensor, Tensor, Tensor]:
        """The prediction by running statistics."""
        modules = [self.model, *self.controllers]
        for module in modules:
            module.eval()
        with torch.no_grad():
            actions = [p[:, 1] > p[:, 0] for p in self._policy(batch)]
        said = self._try(batch, actions)
        for module in modules:
            module.train()
        return said

    def _reinforce(self, batch: Interactions, draws: Tensor) -> None:
        """One step of the policy on actions drawn from it."""
        probabilities = self._policy(batch)
        largest = len(self.sizes) - 1
        actions = [
            (draws[side] < p[:, 1].detach()) & (self.sizes_of[side][ids] < largest)
            for side, (p, ids) in enumerate(zip(probabilities, (batch.user, batch.item), strict=True))
        ]
        losses = loss_of(self.shape.task, self._try(batch, actions)[0], batch.label)
        total = torch.zeros((), dtype=losses.dtype)
        for side, ids in enumerate((batch.user, batch.item)):
            reward = (1 - losses) - self._baseline([self.losses_of[side][n] for n in ids.tolist()], losses)
            surprise = functional.nll_loss(probabilities[side].log(), actions[side].long(), reduction="none")
            total = total + (surprise * reward).sum()
        self._descend(self.adam_theta, self.theta, torch.autograd.grad(total, self.theta), [batch])

    def _baseline(self, past: list[list[Tensor]], losses: Tensor) -> Tensor:
        """What the rewards (B,) are compared with, of the ids' past losses."""
        if self.config.baseline == "none":
            return torch.zeros_like(losses)
        window = self.config.reward_window if self.config.baseline == "mean-of-last" else 1
        return torch.stack([1 - torch.stack(each[-window:]).mean() for each in past])
