"""AutoEmb's architecture, which SAM shares: controllers Theta that weigh an id's candidates by what is known of it."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from autoemb.config import Settings, Width
from autoemb.errors import InputError
from autoemb.learning.batch import Batch, Lookup, Optimizer, Use
from autoemb.learning.methods._selection import SelectionConfig, SelectionMethod
from autoemb.learning.methods.contract import Prediction
from autoemb.learning.methods.state import Memory
from autoemb.learning.nn.controller import Controllers
from autoemb.learning.nn.layers import Generators
from autoemb.learning.optim.group import Values
from autoemb.learning.optim.rows import uniform_signed


class Quirks(Settings):
    """What is taken for a mistake in the released code, to measure what it does."""

    item_context_loss: bool = False
    """An item's last loss (policies 2 and 5) is read from the users' losses, at the item's number. With fewer users
    than items there is no such number, and the run is refused."""

    classification_start: bool = False
    """The stored weights of the classification start at (1.5, 0, ..., 0) instead of (1, 0, ..., 0)."""


class ControllerConfig(SelectionConfig):
    """Settings of the methods with controllers."""

    policy: Annotated[int, Field(ge=0, le=5)] = 1
    """The controller's context: 0 popularity only, 1 and the id's previous weights (released code's default),
    2 and its last loss as well (the paper's text); 3, 4 and 5 the same, with a one-hot popularity instead of its
    embedding (released code). With 2 (or 5), AutoEmb's validation batch, having just been learnt,
    shows each id its loss on the very interaction that is validated, and so its label: on MovieLens 1M
    (shuffled, regression, seed 0) the test MSE was .1974 with 2 against .1886 with 1."""

    controller_hidden: Width = 512
    """Width of the controller's hidden layer (released code)."""

    released_code_quirks: Quirks = Quirks()
    """Off by default."""


class ControlledMethod(SelectionMethod):
    """W, the controllers Theta, and the memory of each id's last weights and loss.

    The weights start at (1, 0, ..., 0) and the losses at 1 (released code).
    """

    controllers_optimizer: Optimizer = "theta"

    def build_controlled(self, config: ControllerConfig, dice: Generators) -> None:
        """W first, then Theta, then the memory."""
        self.build_model(config, dice)
        k, shape = len(config.sizes), self.shape
        context, one_hot = (0, k, k + 1)[config.policy % 3], config.policy >= 3
        self.controllers = Controllers(context, k, config.controller_hidden, one_hot)
        counts = shape.user_popularity + 1, shape.item_popularity + 1  # a row 0 each, for an id not yet seen
        parameters = self.controllers.parameters(counts, dice)
        self.add_dense(self.controllers_optimizer, parameters)
        self.of_controllers = ["popularity", *parameters]
        use = Use("popularity", self.controllers_optimizer, config.moves_unused_rows)
        width = self.controllers.popularity_width
        if one_hot:  # the columns of a linear map, looked up
            scale = torch.cat([torch.full((n, 1), (n + context) ** -0.5) for n in counts])
            self.add_table("popularity", use, sum(counts), (width,), dice, uniform_signed, scale)
        else:
            self.add_table("popularity", use, sum(counts), (width,), dice)
        quirks = config.released_code_quirks
        first = 1.5 if quirks.classification_start and shape.task == "classification" else 1.0
        self.remember_of_every_id(torch.tensor([first, *[0.0] * (k - 1), 1.0][:context]))
        self.reads_users_losses = quirks.item_context_loss and context > k
        if self.reads_users_losses and shape.items > shape.users:
            raise InputError(
                f"released_code_quirks.item_context_loss: {shape.items} items and {shape.users} users; the released "
                "code looks the users' losses up by the items' numbers, and expects at least as many users"
            )

    def weigh(self, theta: Values, context: Tensor, batch: Batch) -> Tensor:
        """alpha and beta: what the controllers make of the batch's ids."""
        return self.controllers.weights(theta.dense, theta.rows["popularity"][0], context)

    def remember(self, memory: Memory, prediction: Prediction) -> None:
        """Store the batch's weights and, if the context shows them, losses; of repeated ids, the last wins."""
        losses = prediction.losses[:, None, None, :].expand(-1, 2, -1, -1)
        shown = torch.cat([prediction.weights, losses], dim=2)[:, :, : self.controllers.context]
        memory.store(shown.detach())

    def remembered_rows(self, batch: Batch) -> Tensor:
        """Those of the batch's distinct ids; with the quirk, behind them those of the users with its items' numbers."""
        ids = batch.lookups["id"]
        return torch.cat([ids.rows, item_numbers(ids, self.shape.users)]) if self.reads_users_losses else ids.rows

    def memory_of(self, rows: Tensor, batch: Batch) -> Memory:
        """The memory of the batch's ids."""
        return MisreadMemory(rows, batch, self.shape.users) if self.reads_users_losses else Memory(rows, batch)


class MisreadMemory(Memory):
    """As the released code reads it: an item's last loss is that of the user with the item's number.

    ``others`` (S, B, M) are the users with the numbers of the batch's items.
    """

    def __init__(self, rows: Tensor, batch: Batch, users: int) -> None:
        distinct = len(batch.lookups["id"].rows)
        super().__init__(rows[:, :distinct], batch)
        self.others, self.users = rows[:, distinct:], users

    def context(self) -> Tensor:
        """Of every interaction's user and item (S, 2, M, B); the losses are the last of M."""
        context = super().context()
        rows, numbers = self.lookup.rows, item_numbers(self.lookup, self.users)
        at = torch.searchsorted(rows, numbers).clamp(max=len(rows) - 1)
        here = rows[at] == numbers  # such a user is in the batch, and may have been stored since
        losses = torch.where(here, self.rows[:, at, -1], self.others[:, :, -1])  # (S, B)
        items = torch.cat([context[:, 1, :-1], losses[:, None]], dim=1)
        return torch.stack([context[:, 0], items], dim=1)


def item_numbers(ids: Lookup, users: int) -> Tensor:
    """The number of each interaction's item (B,)."""
    return ids.rows[ids.inverse[len(ids.inverse) // 2 :]] - users
