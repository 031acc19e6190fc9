"""What a method holds for S seeds: parameters under their optimisers, tables of rows, and a memory of every id."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from autoemb.data.columns import Shape
from autoemb.learning.batch import Batch, Optimizer, Use
from autoemb.learning.clock import Clock
from autoemb.learning.nn.layers import Generators, Parameters, Running
from autoemb.learning.optim.adam import Slot
from autoemb.learning.optim.group import Group, Rates, Rows
from autoemb.learning.optim.rows import Fill, Table, catch_up, normal

Dense = dict[Optimizer, dict[str, Slot]]
"""By optimiser and name, parameters (S, ...) with their moments."""


class Memory:
    """What is remembered of the ids of a batch, in the course of one step: M numbers of each, which may be none."""

    def __init__(self, rows: Tensor, batch: Batch) -> None:
        self.lookup = batch.lookups["id"]
        self.rows = rows
        """(S, R, M), of the batch's distinct ids."""

    def context(self) -> Tensor:
        """Of every interaction's user and item: (S, 2, M, B)."""
        s, n, m = self.rows.shape
        return self.rows.index_select(1, self.lookup.inverse).reshape(s, 2, n // 2, m).transpose(2, 3)

    def store(self, values: Tensor) -> None:
        """Remember (S, 2, M, B) of each id's last occurrence in the batch."""
        self.rows = values.transpose(2, 3).flatten(1, 2).index_select(1, self.lookup.last)

    def add(self, values: Tensor) -> None:
        """Add (S, 2, M, B) to what is remembered, of all of an id's occurrences in the batch."""
        self.rows = self.rows.index_add(1, self.lookup.inverse, values.transpose(2, 3).flatten(1, 2))


class State:
    """Parameters, optimisers and memory of S replicates, each seed's own.

    Attributes:
        rates: by optimiser, the learning rate.
        own_rates: by name of a dense parameter or a table, the learning rate where it is not its optimiser's.
        shape: the rows that the stream needs.
        seed_numbers: the replicates' seeds (S,).
        dense: parameters that every batch uses.
        tables: by name, tables of rows; ``uses`` says how, and ``widths`` of which embeddings they consist.
        memory: what is remembered of each id beside all parameters (S, V + 1, M); M is 0 where nothing is.
        clock: how far behind the tables' rows are.
        running: BatchNorm's running statistics, if predictions go by them.
    """

    rates: Mapping[Optimizer, float]

    def __init__(self, shape: Shape, seeds: Sequence[int], dtype: torch.dtype, device: str) -> None:
        self.shape, self.dtype, self.device = shape, dtype, device
        self.seed_numbers = torch.tensor(list(seeds))
        self.dense: Dense = {"w": {}, "theta": {}}
        self.own_rates: dict[str, float] = {}
        self.tables: dict[str, Table] = {}
        self.uses: dict[str, Use] = {}
        self.widths: dict[str, tuple[int, ...]] = {}
        self.remember_of_every_id(torch.empty(0))
        self.clock = Clock()
        self.running: Running | None = None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The replicates' seeds."""
        return tuple(self.seed_numbers.tolist())

    def add_dense(self, optimizer: Optimizer, parameters: Parameters) -> None:
        """Put dense parameters under an optimiser."""
        for name, value in parameters.items():
            start = value.to(self.device, self.dtype)
            self.dense[optimizer][name] = Slot(start, torch.zeros_like(start), torch.zeros_like(start))

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
        self.uses[name], self.widths[name] = use, widths
        self.tables[name] = Table(rows, sum(widths), dice, self.dtype, self.device, fill, scale)
        self.clock.add(name, rows)

    def remember_of_every_id(self, start: Tensor) -> None:
        """Begin to remember the same M numbers of every user and every item."""
        rows = len(self.seed_numbers), self.shape.users + self.shape.items + 1, len(start)
        self.memory = start.to(self.device, self.dtype).expand(rows).clone()

    def remembered_rows(self, batch: Batch) -> Tensor:
        """Which rows of the memory a step on this batch reads (R,): those of its distinct ids."""
        return batch.lookups["id"].rows

    def memory_of(self, rows: Tensor, batch: Batch) -> Memory:
        """The memory of the batch's ids, made of what ``remembered_rows`` named (S, R, M)."""
        return Memory(rows, batch)

    def gather(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
        """By table, the packed rows (S, R, 3, W) that a step computes with, and the memory of its ids (S, R, M)."""
        rows = {name: table.gather(batch.lookups[self.uses[name].key].rows) for name, table in self.tables.items()}
        return rows, self.memory.index_select(1, self.remembered_rows(batch))

    def scatter(self, batch: Batch, rows: Mapping[str, Tensor], memory: Tensor | None) -> None:
        """Put packed rows back, and what is remembered of the batch's distinct ids (S, R, M), if it changed."""
        for name, values in rows.items():
            self.tables[name].scatter(batch.lookups[self.uses[name].key].rows, values)
        if memory is not None:
            self.memory.index_copy_(1, batch.lookups["id"].rows, memory)

    def group(self, optimizer: Optimizer, dense: Dense, rows: Mapping[str, Tensor], batch: Batch) -> Group:
        """What an optimiser moves: its dense parameters, and its tables' packed rows caught up to this batch."""
        rates, caught_up = Rates(self.rates[optimizer], self.own_rates), {}
        for name, packed in rows.items():
            use = self.uses[name]
            if use.optimizer == optimizer:
                slot = catch_up(Slot(*packed.unbind(2)), batch.coefficients[name], rates.of(name))
                caught_up[name] = Rows(slot, batch.lookups[use.key].inverse, self.widths[name])
        statistics = {} if self.running is None else self.running.tracked
        return Group(
            dense[optimizer], caught_up, rates, batch.steps[optimizer], batch.corrections[optimizer], statistics
        )

    def flush(self) -> None:
        """Bring every row of every table up to its optimiser's last step, so that tables can be read whole.

        Raises:
            RuntimeError: a plan is under way, so that the clock is ahead of the rows.
        """
        if self.clock.is_open:
            raise RuntimeError("a plan that learns is under way; expected it to be gone through before tables are read")
        for name, table in self.tables.items():
            use = self.uses[name]
            if use.dense:
                steps = self.clock.steps[use.optimizer]
                rate = Rates(self.rates[use.optimizer], self.own_rates).of(name)
                table.flush(self.clock.decay, self.clock.since[name], steps, rate)

    def state_dict(self) -> dict[str, Tensor]:
        """Everything that the next step depends on, by name; the tensors themselves, not copies.

        The clock is ahead of the rows while a chunk of a plan is gone through, so a state holds between two chunks.
        """
        state = {
            f"{optimizer}.{name}.{field}": tensor
            for optimizer, parameters in self.dense.items()
            for name, slot in parameters.items()
            for field, tensor in slot._asdict().items()
        }
        for name, table in self.tables.items():
            state |= {f"tables.{name}": table.packed, f"since.{name}": torch.from_numpy(self.clock.since[name])}
        if self.running is not None:
            state |= {f"running.{name}": tensor for name, tensor in self.running.statistics.items()}
        return {**state, "memory": self.memory, "seeds": self.seed_numbers}  # what a batch draws depends on the seeds

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put a state of ``state_dict`` back."""
        for name, tensor in self.state_dict().items():
            tensor.copy_(state[name])
