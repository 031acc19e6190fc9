"""What settings other than the defaults change, over a class that has the defaults alone.

A ``Twin`` lists them before the plain class: ``class Twin(SelectionSettings, SAM)``. With the default settings every
method here hands on to the plain one's. They follow the methods' ``Config`` classes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ._common import Interactions, Learner, Recorded, has_running_statistics


class AdamSettings(Learner):
    """Of every method that Adam moves: a learning rate of the rows' own, and sparse rows."""

    w: Any

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        super().__init__(config, shape, dtype)
        if config.rows_learning_rate is not None:
            self.apart([table.parameter for table in self.w.tables()], config.rows_learning_rate)

    def apart(self, parameters: Sequence[Tensor], learning_rate: float) -> None:
        """Give some parameters another learning rate."""
        moved = {id(parameter) for parameter in parameters}
        for adam in (each for each in vars(self).values() if isinstance(each, torch.optim.Adam)):
            group = adam.param_groups[0]
            mine = [p for p in group["params"] if id(p) in moved]
            if mine:
                group["params"] = [p for p in group["params"] if id(p) not in moved]
                adam.add_param_group({"params": mine, "lr": learning_rate})

    def move(self, adam: torch.optim.Adam, gradients: Sequence[Tensor], batches: Sequence[Interactions]) -> None:
        """One step; with sparse rows, those that no batch uses are put back as they were."""
        tables = [table for child in self.children() for table in child.tables()]
        own = {id(p) for group in adam.param_groups for p in group["params"]}
        kept = [table for table in tables if self.config.rows_optimizer == "sparse" and id(table.parameter) in own]
        old = [[x.clone() for x in with_moments(adam, table.parameter)] for table in kept]
        super().move(adam, gradients, batches)
        for table, then in zip(kept, old, strict=True):
            unused = torch.ones(table.length or table.parameter.shape[table.along], dtype=torch.bool)
            for batch in batches:
                unused[table.used(batch)] = False
            numbers = unused.nonzero()[:, 0]
            for now, before in zip(with_moments(adam, table.parameter), then, strict=True):
                now.index_copy_(table.along, numbers, before.index_select(table.along, numbers))


class MethodSettings(AdamSettings):
    """Of every method with a head: running statistics of BatchNorm, too. Asks for ``learn_w(batch)``."""

    def learn_w(self, batch: Interactions) -> Recorded:
        """W learns from the batch, and so do running statistics; the prediction is the one that is to be recorded."""
        recorded = self.recorded(batch)
        with moving(self):
            prediction: Recorded = super().learn_w(batch)
        return recorded or prediction

    def recorded(self, batch: Interactions) -> Recorded | None:
        """The prediction to record, made before W learns from the batch; None if it is the one that W learns from."""
        if not has_running_statistics(self.config):
            return None
        with predicting(self):
            return self.predict(self.w, batch)[1]


class SelectionSettings(MethodSettings):
    """Of the searching methods: one size an id, the largest in what is recorded, or drawn in what is learnt from."""

    def recorded(self, batch: Interactions) -> Recorded | None:
        """The prediction with the size of the largest weight alone."""
        if self.config.selection == "soft":
            return super().recorded(batch)
        with predicting(self):
            alpha, beta = (functional.one_hot(x.argmax(1), x.shape[1]).to(x.dtype) for x in self.weights(batch))
            return self.w(batch, alpha, beta), alpha, beta

    def predict(self, w: Callable[..., Tensor], batch: Interactions) -> tuple[Tensor, Recorded]:
        """The losses at a size drawn for each id, if the settings draw one."""
        if self.config.selection != "gumbel" or batch.draws is None:
            return super().predict(w, batch)
        of_users, of_items = batch.draws
        temperature = self.config.temperature

        def drawn(batch: Interactions, alpha: Tensor, beta: Tensor) -> Tensor:
            shares = straight_through(alpha, of_users, temperature), straight_through(beta, of_items, temperature)
            return w(batch, *shares)

        return super().predict(drawn, batch)


class ControllerSettings(Learner):
    """Of SAM and AutoEmb: the context that the controllers see, and two mistakes of the released code."""

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        super().__init__(config, shape, dtype)
        if config.released_code_quirks.classification_start and shape.task == "classification":
            for side in self.memory:
                side.weights *= 1.5

    def weights(self, batch: Interactions) -> tuple[Tensor, Tensor]:
        """By the popularity and, by ``policy % 3``, nothing else, the previous weights, or these and the last loss."""
        shown = self.config.policy % 3
        if shown == 1:
            return super().weights(batch)
        users, items = self.memory
        losses_of_items = users if self.config.released_code_quirks.item_context_loss else items
        of_user = torch.cat([users.weights[batch.user], users.losses[batch.user, None]], dim=1)
        of_item = torch.cat([items.weights[batch.item], losses_of_items.losses[batch.item, None]], dim=1)
        width = shown and of_user.shape[1]
        return (
            self.theta.user(batch.user_popularity, of_user[:, :width]),
            self.theta.item(batch.item_popularity, of_item[:, :width]),
        )


def straight_through(weights: Tensor, draws: Tensor, temperature: float) -> Tensor:
    """One size each (B, K), drawn by the weights (B, K) and the uniform numbers (K, B); a softmax's gradient."""
    noise = -torch.log(-torch.log(draws.T))
    soft = torch.softmax((torch.log(weights) + noise) / temperature, dim=1)
    return soft + (functional.one_hot(soft.argmax(1), weights.shape[1]) - soft).detach()


def with_moments(adam: torch.optim.Adam, parameter: Tensor) -> list[Tensor]:
    """A parameter and its moments, which are 0 before the first step."""
    state, value = adam.state.get(parameter, {}), parameter.data
    return [value, *(state.get(name, torch.zeros_like(value)) for name in ("exp_avg", "exp_avg_sq"))]


@contextmanager
def moving(model: nn.Module) -> Iterator[None]:
    """Meanwhile what passes through BatchNorm moves its running statistics."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm1d)]
    for norm in norms:
        norm.momentum = 0.1
    yield
    for norm in norms:
        norm.momentum = 0.0


@contextmanager
def predicting(model: Learner) -> Iterator[None]:
    """Meanwhile there are no gradients, and BatchNorm goes by its running statistics, if it has them."""
    model.train(not has_running_statistics(model.config))
    with torch.no_grad():
        yield
    model.train()
