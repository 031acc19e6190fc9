"""The contract of a method.

A method module holds its docstring (paper, equations, departures from the released code), a ``Config``
and a class ``Model(Method)``. It is named in the config by its module's name.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from autoemb.config import MethodConfig
from autoemb.data.columns import Columns, Ids, Key, Shape
from autoemb.learning.batch import Batch, Lookup, Optimizer, Use, Validation
from autoemb.learning.nn.chain import ChainModel
from autoemb.learning.nn.layers import Generators, Parameters, Running, generators
from autoemb.learning.nn.model import RawModel, SelectionModel
from autoemb.learning.nn.task import hits, losses, statistics
from autoemb.learning.optim.adam import Moving
from autoemb.learning.optim.group import Group, Rows, Values
from autoemb.learning.optim.rows import Fill, Table, catch_up, normal
from autoemb.learning.plan import CHUNK, Dice, Plan


class Prediction(NamedTuple):
    """What a method says of a batch before it sees the labels, the weights it said it with, and what it lost."""

    logits: Tensor
    """(S, C, B)"""
    weights: Tensor
    """Of users and of items, over ``Method.sizes``: (S, 2, K, B)."""
    losses: Tensor
    """(S, B)"""


class Outcome(NamedTuple):
    """What a step says of its batch, without gradient."""

    prediction: Prediction
    statistics: Tensor
    """(S, 2, 3 + 2K, B) float64: ``nn.task.statistics``."""
    learnt: Prediction
    """What was learnt from: the prediction itself, unless the method says another one."""


class Memory:
    """What is remembered of the ids of a batch, in the course of one step."""

    def __init__(self, rows: Tensor, batch: Batch, users: int) -> None:
        self.lookup, self.users = batch.lookups["id"], users
        distinct = len(self.lookup.rows)
        self.rows, self.others = rows[:, :distinct], rows[:, distinct:]
        """(S, R, M) of the batch's distinct ids, and (S, B, M) of the users with its items' numbers, if asked for."""

    def context(self) -> Tensor:
        """Of every interaction's user and item: (S, 2, M, B)."""
        s, n, m = self.rows.shape
        context = self.rows.index_select(1, self.lookup.inverse).reshape(s, 2, n // 2, m).transpose(2, 3)
        return self._with_users_losses(context) if self.others.shape[1] else context

    def _with_users_losses(self, context: Tensor) -> Tensor:
        """The items' last losses, the last of M, replaced by those of the users with the same numbers."""
        rows, numbers = self.lookup.rows, item_numbers(self.lookup, self.users)
        at = torch.searchsorted(rows, numbers).clamp(max=len(rows) - 1)
        here = rows[at] == numbers  # such a user is in the batch, and may have been stored since
        losses = torch.where(here, self.rows[:, at, -1], self.others[:, :, -1])  # (S, B)
        items = torch.cat([context[:, 1, :-1], losses[:, None]], dim=1)
        return torch.stack([context[:, 0], items], dim=1)

    def store(self, values: Tensor) -> None:
        """Remember (S, 2, M, B) of each id's last occurrence in the batch."""
        self.rows = values.transpose(2, 3).flatten(1, 2).index_select(1, self.lookup.last)


def item_numbers(ids: Lookup, users: int) -> Tensor:
    """The number of each interaction's item (B,)."""
    return ids.rows[ids.inverse[len(ids.inverse) // 2 :]] - users


Changes = tuple[Outcome, dict[str, Tensor], Tensor | None]
"""An outcome, the packed rows that moved (S, R, 3, W) by table, and what is remembered of the ids (S, R, M)."""

Core = Callable[[Any, dict[Optimizer, dict[str, Moving]], dict[str, Tensor], Tensor | None, Batch], Changes]


class Method(ABC):
    """S replicates of one method: parameters, optimisers and memory, each seed's own.

    Two optimisers move them: ``model`` W, ``weights`` what makes the weights of the candidates (or the
    first moves both). A step gathers the rows that a batch uses, computes with them alone, and puts
    them back.

    Attributes:
        sizes: the candidate sizes, ascending (K).
        model: W as a function of its parameters.
        rates: by optimiser, the learning rate.
        dense: by optimiser and name, parameters (S, ...) with their moments.
        tables: by name, tables of rows; ``uses`` says how, and ``widths`` of which embeddings they consist.
        memory: what is remembered of each id (S, V + 1, M), beside all parameters; or None.
        validation: what the weights' optimiser learns from; None if it makes no steps.
        draws: how many uniform numbers the method needs for each interaction (``Batch.noise``).
        unrolls: whether what is validated is W after one more step.
        reads_users_losses: whether an item's last loss is looked up among the users' (``Quirks``).
        running: BatchNorm's running statistics, if predictions go by them.
        apart: whether the recorded prediction is another than the one that is learnt from.
        eager: why a step of this method cannot be compiled; None if it can.
        core: the arithmetic of a step, ``compute``, as a function of the method (a method that held on to
            itself would keep its tables until Python looks for cycles); a compiled one may be put in its place.
    """

    sizes: tuple[int, ...]
    model: SelectionModel | RawModel | ChainModel
    rates: Mapping[Optimizer, float]
    validation: Validation | None = None
    draws: int = 0
    unrolls: bool = False
    reads_users_losses: bool = False
    apart: bool = False
    eager: str | None = None

    def __init__(
        self, config: MethodConfig, shape: Shape, seeds: Sequence[int], dtype: torch.dtype, device: str
    ) -> None:
        self.shape = shape
        self.seed_numbers = torch.tensor(list(seeds))
        self.dtype, self.device = dtype, device
        self.dense: dict[Optimizer, dict[str, Moving]] = {"model": {}, "weights": {}}
        self.tables: dict[str, Table] = {}
        self.uses: dict[str, Use] = {}
        self.widths: dict[str, tuple[int, ...]] = {}
        self.memory: Tensor | None = None
        self.core: Core = type(self).compute
        self.last_plan: Plan | None = None
        self.sparse, self.scaled = config.rows_optimizer == "sparse", config.embedding_init == "scaled"
        self.build(config, generators(seeds))
        self.running = self._running() if config.batch_norm_at_prediction == "running" else None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The replicates' seeds."""
        return tuple(self.seed_numbers.tolist())

    @abstractmethod
    def build(self, config: Any, dice: Generators) -> None:
        """Make everything, drawing from the dice in a fixed order: W first, so that all methods start alike."""

    @abstractmethod
    def weigh(self, values: Values, context: Tensor | None, batch: Batch) -> Tensor:
        """The candidates' weights (S, 2, K, B), from what makes them and the context (S, 2, M, B)."""

    def say(self, model: Values, weights: Values, context: Tensor | None, batch: Batch) -> Prediction:
        """The prediction that is recorded, where it is another than the one that is learnt from."""
        return self.predict(model, self.weigh(weights, context, batch), batch)

    @abstractmethod
    def learn(self, model: Group, weights: Group, memory: Memory | None, batch: Batch) -> Prediction:
        """Predict ``batch``, then learn from it; the labels of ``batch`` do not move the prediction."""

    def predict(self, model: Values, weights: Tensor, batch: Batch, shares: Tensor | None = None) -> Prediction:
        """The prediction of W at given weights, or at shares that were made of them."""
        logits = self.model.logits(model.dense, model.rows["candidates"], weights if shares is None else shares)
        return Prediction(logits, weights, losses(self.shape.task, logits, batch.label))

    def step(self, batch: Batch) -> Outcome:
        """Predict the plan's next batch, learn from it, and say what was predicted."""
        said = None if batch.validation is None else self._visit(batch.validation)
        outcome = self._visit(batch._replace(validation=None))
        if said is None or self.validation != "next_batch":
            return outcome
        # the batch was predicted before the weights learnt from it: that is what is recorded and remembered
        _, memory = self.gather(batch)
        if memory is not None:
            remembers = Memory(memory, batch, self.shape.users)
            self.remember(remembers, said.learnt)
            self.scatter(batch, (said, {}, remembers.rows))
        return said

    def remember(self, memory: Memory | None, prediction: Prediction) -> None:
        """Store what the method remembers of the batch's ids, if it remembers anything."""
        if memory is not None:
            raise NotImplementedError(f"{type(self).__name__} has a memory and does not say what it holds")

    def answer(self, batch: Batch) -> Prediction:
        """Predict a batch of a plan that does not learn; nothing is changed."""
        rows, memory = self.gather(batch)
        with torch.no_grad():
            model, weights = (self._group(name, self.dense, rows, batch) for name in self.dense)
            return self._said(model, weights, self._memory(memory, batch), batch)

    def plan(self, columns: Columns, batch_size: int, learns: bool = True, chunk: int = CHUNK) -> Plan:
        """The batches of some interactions, for this method to go through once and in order."""
        tables = {name: (self.uses[name], table) for name, table in self.tables.items()}
        offsets: dict[Key, int] = {"id": self.shape.users, "popularity": self.shape.user_popularity + 1}
        dice = Dice(self.seeds, self.draws)
        plan = Plan(columns, batch_size, tables, offsets, self.validation, learns, chunk, dice, self.unrolls)
        if learns:
            self.last_plan = plan
        return plan

    def compute(
        self, dense: dict[Optimizer, dict[str, Moving]], rows: dict[str, Tensor], memory: Tensor | None, batch: Batch
    ) -> Changes:
        """A step's arithmetic on packed rows (S, R, 3, W) and the memory (S, R, M) of the batch's ids.

        The dense parameters are moved in place; everything else comes back anew.
        """
        model, weights = (self._group(name, dense, rows, batch) for name in dense)
        remembers = self._memory(memory, batch)
        apart = self.apart and not (batch.asks and self.validation == "last_random")
        with torch.no_grad():
            said = self._said(model, weights, remembers, batch) if apart else None
        prediction = self.learn(model, weights, remembers, batch)
        remembered = None if remembers is None or batch.asks else remembers.rows
        with torch.no_grad():
            moved = {**(model.rows if model.moves else {}), **(weights.rows if weights.moves else {})}
            packed = {name: torch.stack(part.moving, dim=2) for name, part in moved.items()}
            learnt = Prediction(*(part.detach() for part in prediction))
            said = learnt if said is None else said
            right = hits(self.shape.task, said.logits, batch.label[: said.logits.shape[-1]])
            outcome = Outcome(said, statistics(said.losses, right, said.weights), learnt)
        return outcome, packed, remembered

    def flush(self) -> None:
        """Bring every row of every table up to the last step of the last plan, so that tables can be read whole."""
        if self.last_plan is not None:
            for name, table in self.tables.items():
                use = self.uses[name]
                if use.dense:
                    table.flush(self.last_plan.decay, self.last_plan.steps[use.optimizer], self.rates[use.optimizer])

    def held(self, users: Ids, items: Ids) -> Tensor:
        """How many of these distinct ids hold an embedding of each size, per side: (S, 2, K) float64."""
        counts = torch.tensor([[len(users)], [len(items)]], dtype=torch.float64)
        return counts.expand(len(self.seeds), 2, len(self.sizes)).clone()

    def state_dict(self) -> dict[str, Tensor]:
        """Everything that the next step depends on, by name; the tensors themselves, not copies.

        Tables know where their rows stand ahead of time, so a state holds between the plan's chunks.
        """
        state = {
            f"{optimizer}.{name}.{field}": tensor
            for optimizer, parameters in self.dense.items()
            for name, moving in parameters.items()
            for field, tensor in moving._asdict().items()
        }
        for name, table in self.tables.items():
            state |= {f"tables.{name}": table.packed, f"since.{name}": torch.from_numpy(table.since)}
        if self.draws:
            state["seeds"] = self.seed_numbers  # what a batch draws depends on them
        if self.running is not None:
            state |= {f"running.{name}": tensor for name, tensor in self.running.statistics.items()}
        return state if self.memory is None else {**state, "memory": self.memory}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put a state of ``state_dict`` back."""
        for name, tensor in self.state_dict().items():
            tensor.copy_(state[name])

    def add_dense(self, optimizer: Optimizer, parameters: Parameters) -> None:
        """Put dense parameters under an optimiser."""
        for name, value in parameters.items():
            start = value.to(self.device, self.dtype)
            self.dense[optimizer][name] = Moving(start, torch.zeros_like(start), torch.zeros_like(start))

    def add_table(
        self,
        name: str,
        use: Use,
        rows: int,
        widths: tuple[int, ...],
        dice: Generators,
        fill: Fill = normal,
        scale: Tensor | None = None,
    ) -> None:
        """Put a table under an optimiser: its embeddings of these widths side by side; ``Table`` has the rest."""
        self.uses[name], self.widths[name] = use._replace(dense=not self.sparse), widths
        self.tables[name] = Table(rows, sum(widths), dice, self.dtype, self.device, fill, scale)

    def add_candidates(self, dice: Generators) -> None:
        """W: the model's parameters, then a table of users' and items' embeddings of all sizes."""
        self.add_dense("model", self.model.parameters(dice))
        rows = self.shape.users + self.shape.items
        widths = torch.tensor([float(size) for size in self.sizes for _ in range(size)])
        scale = widths[None] ** -0.5 if self.scaled else None
        self.add_table("candidates", Use("id", "model"), rows, self.sizes, dice, scale=scale)

    def gather(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor | None]:
        """What ``core`` computes with: packed rows by table, and the memory of the batch's ids."""
        rows = {name: table.gather(batch.lookups[self.uses[name].key].rows) for name, table in self.tables.items()}
        ids = batch.lookups["id"]
        remembered = ids.rows
        if self.reads_users_losses:
            remembered = torch.cat([remembered, item_numbers(ids, self.shape.users)])
        return rows, None if self.memory is None else self.memory.index_select(1, remembered)

    def scatter(self, batch: Batch, changes: Changes) -> None:
        """Put what ``core`` returned back."""
        _, moved, remembered = changes
        for name, values in moved.items():
            self.tables[name].scatter(batch.lookups[self.uses[name].key].rows, values)
        if self.memory is not None and remembered is not None:
            self.memory.index_copy_(1, batch.lookups["id"].rows, remembered)

    def _memory(self, rows: Tensor | None, batch: Batch) -> Memory | None:
        return None if rows is None else Memory(rows, batch, self.shape.users)

    def _running(self) -> Running:
        self.apart, self.eager = True, "predictions by running statistics are not written for a compiler"
        return Running({name: moving.value for group in self.dense.values() for name, moving in group.items()})

    def _said(self, model: Group, weights: Group, memory: Memory | None, batch: Batch) -> Prediction:
        """What ``say`` says now of the batch, or of those of its interactions that are validated."""
        of = slice(batch.validated)
        fixed = {} if self.running is None else self.running.fixed
        w, theta = model.values(of), weights.values(of)
        w = w._replace(dense={**w.dense, **fixed})
        theta = Values({**w.dense, **theta.dense}, {**w.rows, **theta.rows})  # in SAM, one optimiser moves both
        context = None if memory is None else memory.context()[..., of]
        return self.say(w, theta, context, batch.cut(of))

    def _visit(self, batch: Batch) -> Outcome:
        rows, memory = self.gather(batch)
        changes = self.core(self, self.dense, rows, memory, batch)
        self.scatter(batch, changes)
        return changes[0]

    def _group(
        self, optimizer: Optimizer, dense: dict[Optimizer, dict[str, Moving]], rows: dict[str, Tensor], batch: Batch
    ) -> Group:
        """What an optimiser moves, caught up to this batch."""
        rate, caught_up = self.rates[optimizer], {}
        for name, packed in rows.items():
            use = self.uses[name]
            if use.optimizer == optimizer:
                moving = catch_up(Moving(*packed.unbind(2)), batch.coefficients[name], rate)
                caught_up[name] = Rows(moving, batch.lookups[use.key].inverse, self.widths[name])
        statistics = {} if self.running is None else self.running.moving
        return Group(
            dense[optimizer], caught_up, rate, batch.steps[optimizer], batch.corrections[optimizer], statistics
        )
