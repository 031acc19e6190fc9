"""The contract of a method.

A method module holds its docstring (paper, equations, departures from the released code), a ``Config``
and a class ``Model(Method)``. It is named in the config by its module's name.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from autoemb.nn.layers import Generators, Parameters, generators
from autoemb.nn.model import RawModel, SelectionModel, Shape
from autoemb.nn.task import hits, losses, statistics
from autoemb.optim.adam import Moving
from autoemb.optim.group import Group, Rows, Values
from autoemb.optim.rows import Table, catch_up
from autoemb.plan import CHUNK, Batch, Columns, Dice, Ids, Key, Optimizer, Plan, Use, Validation


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


class Memory:
    """What is remembered of the ids of a batch, in the course of one step."""

    def __init__(self, rows: Tensor, batch: Batch) -> None:
        self.rows = rows
        """(S, R, M) of the batch's distinct ids."""
        self.lookup = batch.lookups["id"]

    def context(self) -> Tensor:
        """Of every interaction's user and item: (S, 2, M, B)."""
        s, n, m = self.rows.shape
        return self.rows.index_select(1, self.lookup.inverse).reshape(s, 2, n // 2, m).transpose(2, 3)

    def store(self, values: Tensor) -> None:
        """Remember (S, 2, M, B) of each id's last occurrence in the batch."""
        self.rows = values.transpose(2, 3).flatten(1, 2).index_select(1, self.lookup.last)


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
        core: the arithmetic of a step, ``compute``, as a function of the method (a method that held on to
            itself would keep its tables until Python looks for cycles); a compiled one may be put in its place.
    """

    sizes: tuple[int, ...]
    model: SelectionModel | RawModel
    rates: Mapping[Optimizer, float]
    validation: Validation | None = None
    draws: int = 0

    def __init__(self, config: Any, shape: Shape, seeds: Sequence[int], dtype: torch.dtype, device: str) -> None:
        self.shape = shape
        self.seeds = tuple(seeds)
        self.dtype, self.device = dtype, device
        self.dense: dict[Optimizer, dict[str, Moving]] = {"model": {}, "weights": {}}
        self.tables: dict[str, Table] = {}
        self.uses: dict[str, Use] = {}
        self.widths: dict[str, tuple[int, ...]] = {}
        self.memory: Tensor | None = None
        self.core: Core = type(self).compute
        self.last_plan: Plan | None = None
        self.build(config, generators(seeds))

    @abstractmethod
    def build(self, config: Any, dice: Generators) -> None:
        """Make everything, drawing from the dice in a fixed order: W first, so that all methods start alike."""

    @abstractmethod
    def weigh(self, values: Values, context: Tensor | None, batch: Batch) -> Tensor:
        """The candidates' weights (S, 2, K, B), from what makes them and the context (S, 2, M, B)."""

    @abstractmethod
    def learn(self, model: Group, weights: Group, memory: Memory | None, batch: Batch) -> Prediction:
        """Predict ``batch``, then learn from it; the labels of ``batch`` do not move the prediction."""

    def predict(self, model: Values, weights: Tensor, batch: Batch) -> Prediction:
        """The prediction of W at given weights."""
        logits = self.model.logits(model.dense, model.rows["candidates"], weights)
        return Prediction(logits, weights, losses(self.shape.task, logits, batch.label))

    def step(self, batch: Batch) -> Outcome:
        """Predict the plan's next batch, learn from it, and say what was predicted."""
        if batch.validation is not None:
            self._visit(batch.validation)
        return self._visit(batch._replace(validation=None))

    def answer(self, batch: Batch) -> Prediction:
        """Predict a batch of a plan that does not learn; nothing is changed."""
        rows, memory = self.gather(batch)
        with torch.no_grad():
            model, weights = (self._group(name, self.dense, rows, batch).values() for name in self.dense)
            context = None if memory is None else Memory(memory, batch).context()
            return self.predict(model, self.weigh(weights, context, batch), batch)

    def plan(self, columns: Columns, batch_size: int, learns: bool = True, chunk: int = CHUNK) -> Plan:
        """The batches of some interactions, for this method to go through once and in order."""
        tables = {name: (self.uses[name], table) for name, table in self.tables.items()}
        offsets: dict[Key, int] = {"id": self.shape.users, "popularity": self.shape.user_popularity + 1}
        plan = Plan(columns, batch_size, tables, offsets, self.validation, learns, chunk, Dice(self.seeds, self.draws))
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
        remembers = None if memory is None else Memory(memory, batch)
        prediction = self.learn(model, weights, remembers, batch)
        remembered = None if remembers is None or batch.asks else remembers.rows
        with torch.no_grad():
            moved = {**(model.rows if model.moves else {}), **(weights.rows if weights.moves else {})}
            packed = {name: torch.stack(part.moving, dim=2) for name, part in moved.items()}
            said = Prediction(*(part.detach() for part in prediction))
            right = hits(self.shape.task, said.logits, batch.label)
            outcome = Outcome(said, statistics(said.losses, right, said.weights))
        return outcome, packed, remembered

    def flush(self) -> None:
        """Bring every row of every table up to the last step of the last plan, so that tables can be read whole."""
        if self.last_plan is not None:
            for name, table in self.tables.items():
                optimizer = self.uses[name].optimizer
                table.flush(self.last_plan.decay, self.last_plan.steps[optimizer], self.rates[optimizer])

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
        self, name: str, use: Use, rows: int, widths: tuple[int, ...], dice: Generators, start: float | None = None
    ) -> None:
        """Put a table under an optimiser: its embeddings of these widths side by side."""
        self.uses[name], self.widths[name] = use, widths
        self.tables[name] = Table(rows, sum(widths), dice, self.dtype, self.device, start)

    def add_candidates(self, dice: Generators) -> None:
        """W: the model's parameters, then a table of users' and items' embeddings of all sizes."""
        self.add_dense("model", self.model.parameters(dice))
        self.add_table("candidates", Use("id", "model"), self.shape.users + self.shape.items, self.sizes, dice)

    def gather(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor | None]:
        """What ``core`` computes with: packed rows by table, and the memory of the batch's ids."""
        rows = {name: table.gather(batch.lookups[self.uses[name].key].rows) for name, table in self.tables.items()}
        return rows, None if self.memory is None else self.memory.index_select(1, batch.lookups["id"].rows)

    def scatter(self, batch: Batch, changes: Changes) -> None:
        """Put what ``core`` returned back."""
        _, moved, remembered = changes
        for name, values in moved.items():
            self.tables[name].scatter(batch.lookups[self.uses[name].key].rows, values)
        if self.memory is not None and remembered is not None:
            self.memory.index_copy_(1, batch.lookups["id"].rows, remembered)

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
        return Group(dense[optimizer], caught_up, rate, batch.steps[optimizer], batch.corrections[optimizer])
