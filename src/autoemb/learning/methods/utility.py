"""Utility: within a budget of memory, the ids that are used most now have an embedding, the others lose theirs.

    g      = norm of the gradient of an interaction's loss by its logits
    u     <- u / 2^(1 / half_life) in every batch, then u + g for each of the id's interactions in it
    holds  = u is above that of all but ``room`` ids, users and items together; of equal ones all hold, or none. An id
             that has not occurred yet holds at once if there is room, by its turn in the batch
    e      = the id's row of ``size`` numbers if it holds, else its first ``evicted_size``; behind them zeros, put
             there after the BatchNorm
    W     <- Adam(grad_W L(batch; W)), FSE's of ``size`` by the ``raw`` path; masked numbers have no gradient

Ids are ranked after every batch, so what is held never exceeds the budget: ``room`` ids of ``size`` and all others of
``evicted_size`` need ``budget`` times the bytes of FSE. An id that is evicted forgets: when it comes back, its row is
at its start, and Adam has no moments of it. Sizes shrink as well as grow, where ESAPN's only grow. A budget of 1 is
FSE.

Sources: Lai et al., *AdaEmbed: Adaptive Embedding for Large-Scale Recommendation Models*, OSDI 2023 (importance by
accesses and gradients, a budget, eviction while training); *Fine-Grained Embedding Dimension Optimization During
Training for Recommender Systems*, arXiv 2401.04408. Of no paper that is reproduced here. Departures: the gradient is
that at the logits, as a row that is not held has none of its own; u is kept as a logarithm from which the decay is left
out, which ranks the same; ids are ranked after every batch, not now and then; rows come and go whole, not in chunks.
Memory is counted, not saved: this program keeps a row for every id, and what all rows begin with, which a seed could
draw again. A masked row takes part in the BatchNorm's statistics by the number it begins with.
"""

import math
from typing import Annotated

import torch
from pydantic import Field, model_validator
from torch import Tensor

from autoemb.config import Count, NetworkConfig, Width
from autoemb.data.columns import Ids
from autoemb.errors import InputError
from autoemb.learning.batch import Batch, Lookup
from autoemb.learning.methods._fixed import FixedMethod
from autoemb.learning.methods.contract import Outcome, Prediction
from autoemb.learning.methods.state import Memory
from autoemb.learning.nn.layers import Generators
from autoemb.learning.nn.model import PrefixModel
from autoemb.learning.nn.task import losses
from autoemb.learning.optim.group import Group, Values

NEVER = -1e9
"""The logarithm of the utility of an id that has not occurred."""

LEAST = 1e-30
"""A gradient below it counts as so much."""


class Config(NetworkConfig):
    """Settings of the budget."""

    size: Width = 128
    """Of the ids that hold an embedding."""

    evicted_size: Annotated[int, Field(ge=0, le=2**16)] = 0
    """Of all others; 0: none."""

    budget: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Memory, as a share of what FSE of ``size`` needs (assumption)."""

    half_life: Count = 1000
    """Batches after which an access counts half (assumption)."""

    @model_validator(mode="after")
    def _leaves_room(self) -> "Config":
        if self.evicted_size >= self.size:
            raise ValueError(f"evicted_size {self.evicted_size}: expected less than size, {self.size}")
        if self.budget * self.size <= self.evicted_size:
            numbers = self.budget * self.size
            raise ValueError(
                f"budget {self.budget} of size {self.size} is {numbers:g} numbers for every id: expected more than"
                f" evicted_size, {self.evicted_size}"
            )
        return self

    def room(self, ids: int) -> int:
        """How many of so many ids may hold ``size``."""
        share = (self.budget * self.size - self.evicted_size) / (self.size - self.evicted_size)
        return math.floor(share * ids + 1e-9)  # a share of 1 / 3 of 3 ids is 1


class Model(FixedMethod):
    """W of one size, and of every id the logarithm of its utility, whether it holds, and whether it begins anew."""

    def build(self, config: Config, dice: Generators) -> None:
        """W only; no id holds anything yet.

        Raises:
            InputError: the budget holds no id.
        """
        ids = self.shape.users + self.shape.items
        self.room, self.half_life = config.room(ids), config.half_life
        if self.room < 1:
            raise InputError(f"budget = {config.budget}: holds no embedding of {ids} ids; expected a larger one")
        self.rates = {"w": config.learning_rate, "theta": 0.0}
        self.sizes = (config.size,)
        self.model = PrefixModel.of(
            (config.evicted_size, config.size), config.hidden, self.shape.outputs, self.device, self.dtype
        )
        self.add_candidates(config, dice)
        self.sizes = (config.evicted_size, config.size)
        self.start = self.tables["candidates"].packed[:, :, 0].clone()
        """(S, V + 1, D): rows as they begin."""
        self.tail = torch.arange(config.size, device=self.device) >= config.evicted_size
        self.remember_of_every_id(torch.tensor([NEVER, 0.0, 0.0]))

    def memory_of(self, rows: Tensor, batch: Batch) -> Memory:
        """As ever; new ids for which there is room hold already in this batch."""
        utility, _, anew = rows.unbind(2)
        return Memory(torch.stack([utility, self._held_now(rows, batch.lookups["id"]), anew], dim=2), batch)

    def weigh(self, theta: Values, context: Tensor, batch: Batch) -> Tensor:
        """1 for the size that the id has."""
        return torch.cat([1 - context[:, :, 1:2], context[:, :, 1:2]], dim=2)

    def learn(self, w: Group, theta: Group, memory: Memory, batch: Batch) -> Prediction:
        """Predict, W's step, and what the batch adds to the utilities."""
        prediction = super().learn(w, theta, memory, batch)
        logits = prediction.logits.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(losses(self.shape.task, logits, batch.label).sum(), [logits])
        norms = gradient.square().sum(1).sqrt()  # (S, B)
        utility, holds, _ = memory.rows.unbind(2)
        used = torch.zeros_like(utility).index_add(1, memory.lookup.inverse, norms.repeat(1, 2))
        now = batch.steps["w"].to(used.dtype) * (math.log(2) / self.half_life)
        utility = torch.logaddexp(utility, torch.log(used.clamp(min=LEAST)) + now)
        memory.rows = torch.stack([utility, holds, torch.zeros_like(holds)], dim=2)
        return prediction

    def step(self, batch: Batch) -> Outcome:
        """Predict and learn; then rank all ids."""
        outcome = super().step(batch)
        utility, holds, anew = self.memory[:, :-1].unbind(2)  # without the spare row
        best = utility.sort(dim=1, descending=True).values
        beyond = best[:, self.room :][:, :1]  # the first for which there is no room; none if all have room
        now = (utility > beyond.clamp(min=NEVER) if beyond.numel() else utility > NEVER).to(holds.dtype)
        anew = torch.maximum(anew, holds * (1 - now))
        self.memory[:, :-1, 1:] = torch.stack([now, anew], dim=2)
        return outcome

    def gather(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
        """As ever, but rows that were evicted since they were used are at their start."""
        rows, memory = super().gather(batch)
        start = self.start.index_select(1, batch.lookups["id"].rows)
        return {"candidates": self._begun_anew(rows["candidates"], start, memory)}, memory

    def flush(self) -> None:
        """As ever; rows that were evicted go back to their start."""
        super().flush()
        table = self.tables["candidates"].packed
        table.copy_(self._begun_anew(table, self.start, self.memory))
        self.memory[:, :, 2] = 0

    def held(self, users: Ids, items: Ids) -> Tensor:
        """How many of these distinct ids hold an embedding of each size: (S, 2, K) float64."""
        holds = self.memory[:, :, 1].double().cpu()
        of_side = []
        for ids in (users, items + self.shape.users):
            full = holds[:, torch.from_numpy(ids).long()].sum(1)
            of_side.append(torch.stack([len(ids) - full, full], dim=1))
        return torch.stack(of_side, dim=1)

    def state_dict(self) -> dict[str, Tensor]:
        """With the rows as they begin."""
        return {**super().state_dict(), "start": self.start}

    def _held_now(self, remembered: Tensor, ids: Lookup) -> Tensor:
        """Which of a batch's distinct ids hold in it, by what is remembered of them (S, R, 3): (S, R), 0 or 1."""
        b = len(ids.inverse) // 2
        turn = torch.arange(2 * b, device=ids.inverse.device)
        turn = turn % b * 2 + turn // b  # of an interaction, the user goes first
        first = torch.full_like(ids.rows, 2 * b).scatter_reduce(0, ids.inverse, turn, "amin")
        new = (remembered[:, :, 0] <= NEVER) & (ids.rows < self.shape.users + self.shape.items)  # not the spare row
        order = first.argsort()
        before = torch.zeros_like(new, dtype=torch.int64).index_copy(1, order, new[:, order].cumsum(1))
        free = self.room - self.memory[:, :-1, 1].sum(1, keepdim=True)
        return torch.maximum(remembered[:, :, 1], (new & (before <= free)).to(remembered.dtype))

    def _begun_anew(self, rows: Tensor, start: Tensor, memory: Tensor) -> Tensor:
        """Packed rows (S, R, 3, D), those that begin anew at their start (S, R, D), but for what every id keeps."""
        fresh = torch.zeros_like(rows)
        fresh[:, :, 0] = start
        return torch.where((memory[:, :, 2] > 0)[:, :, None, None] & self.tail, fresh, rows)
