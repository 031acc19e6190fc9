"""The contract of a method.

A method module holds its docstring (paper, equations, departures from the released code), a ``Config``
and a class ``Model(Method)``. It is named in the config by its module's name.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from autoemb.config import AdamConfig, MethodConfig, NetworkConfig
from autoemb.data.columns import Columns, Ids, Shape
from autoemb.learning.batch import Batch, Holdout, Use, Validation
from autoemb.learning.methods.state import Dense, Memory, State
from autoemb.learning.nn.layers import Generators, Parameters, Running, generators
from autoemb.learning.nn.task import hits, losses, statistics
from autoemb.learning.optim.group import Group, Values
from autoemb.learning.plan import CHUNK, Plan
from autoemb.learning.schedule import Dice, Schedule


class Scorer(Protocol):
    """W as a function of its parameters: from the embeddings of a batch's users and items to logits."""

    def parameters(self, dice: Generators, /) -> Parameters:
        """Initial values of the dense parameters, each (S, ...)."""

    def logits(self, parameters: Parameters, rows: Sequence[Tensor], weights: Tensor, /) -> Tensor:
        """Rows of all sizes, K of (S, 2, d_k, B), and the sizes' weights (S, 2, K, B) -> logits (S, C, B)."""


class Prediction(NamedTuple):
    """What a method predicts of a batch before it uses the labels, by which weights, and what it lost."""

    logits: Tensor
    """(S, C, B)"""
    weights: Tensor
    """Of users and of items, over ``Method.sizes``: (S, 2, K, B)."""
    losses: Tensor
    """(S, B)"""


class Outcome(NamedTuple):
    """What a step leaves of its batch, without gradient."""

    prediction: Prediction
    """The prediction that is recorded."""
    statistics: Tensor
    """(S, 2, 3 + 3K, B) float64: ``nn.task.statistics`` of it."""
    learnt: Prediction
    """The prediction whose loss moved W; it differs from the recorded one with running BatchNorm or hard selection."""


class Changes(NamedTuple):
    """What the arithmetic of a step gives back; the dense parameters it has moved in place."""

    outcome: Outcome
    rows: dict[str, Tensor]
    """By table, the packed rows that moved (S, R, 3, W)."""
    memory: Tensor | None
    """What is remembered of the batch's distinct ids (S, R, M); None where nothing was learnt of them."""


class Compute(Protocol):
    """The arithmetic of a step: on packed rows (S, R, 3, W) by table, and the memory (S, R, M) of the batch's ids."""

    def __call__(self, method: Any, dense: Dense, rows: dict[str, Tensor], memory: Tensor, batch: Any, /) -> Changes:
        """What changes with a batch, or with a holdout."""


class Method(State, ABC):
    """S replicates of one method, and what it does with a batch: predict, record, learn, validate, remember.

    Two optimisers move its parameters: ``w`` those of the model, W, and ``theta`` those that make the weights of the
    candidate sizes, Theta (or the first moves both). A step gathers the rows that a batch uses, computes with them
    alone, and puts them back.

    Attributes:
        sizes: the candidate sizes, ascending (K).
        model: W as a function of its parameters.
        validation: what Theta learns from; None if it makes no steps.
        draws: how many uniform numbers the method needs for each interaction (``Batch.noise``).
        unrolls: whether what is validated is W after one more step.
        records_apart: whether the recorded prediction (``record``) is another than the one that is learnt from.
        seedless: whether all seeds do the same, because nothing is drawn.
        eager: why a step of this method cannot be compiled; None if it can.
        on_batch: the arithmetic of a step on a batch, ``compute``, as a function of the method (a method that held on
            to itself would keep its tables until Python looks for cycles); a compiled one may be put in its place.
        on_holdout: the same for a holdout, ``compute_holdout``.
    """

    sizes: tuple[int, ...]
    model: Scorer
    validation: Validation | None = None
    draws: int = 0
    unrolls: bool = False
    records_apart: bool = False
    seedless: bool = False
    eager: str | None = None

    def __init__(
        self, config: MethodConfig, shape: Shape, seeds: Sequence[int], dtype: torch.dtype, device: str
    ) -> None:
        super().__init__(shape, seeds, dtype, device)
        self.on_batch: Compute = type(self).compute
        self.on_holdout: Compute = type(self).compute_holdout
        self.build(config, generators(seeds))
        if isinstance(config, AdamConfig) and config.rows_learning_rate is not None:
            self.own_rates["candidates"] = config.rows_learning_rate
        if isinstance(config, NetworkConfig) and config.batch_norm_at_prediction == "running":
            self._track_running_statistics()

    @abstractmethod
    def build(self, config: Any, dice: Generators) -> None:
        """Make everything, drawing from the dice in a fixed order: W first, so that all methods start alike."""

    @abstractmethod
    def weigh(self, theta: Values, context: Tensor, batch: Batch) -> Tensor:
        """The candidates' weights (S, 2, K, B), from what makes them and the ids' context (S, 2, M, B)."""

    @abstractmethod
    def learn(self, w: Group, theta: Group, memory: Memory, batch: Batch) -> Prediction:
        """Predict ``batch``, then learn from it; the labels of ``batch`` do not move the prediction.

        Where ``batch.theta_learns``, this includes Theta's step.
        """

    def validate(self, w: Group, theta: Group, memory: Memory, holdout: Holdout) -> Prediction:
        """Make a step of Theta on interactions from which W does not learn meanwhile; the prediction before it."""
        raise NotImplementedError(f"{type(self).__name__} has no Theta that learns from a holdout")

    def record(self, w: Values, theta: Values, context: Tensor, batch: Batch) -> Prediction:
        """The prediction that is recorded, where it is another than the one that is learnt from."""
        return self.predict(w, self.weigh(theta, context, batch), batch)

    def predict(self, w: Values, weights: Tensor, batch: Batch, shares: Tensor | None = None) -> Prediction:
        """The prediction of W at given weights, or at shares that were made of them."""
        logits = self.model.logits(w.dense, w.rows["candidates"], weights if shares is None else shares)
        return Prediction(logits, weights, losses(self.shape.task, logits, batch.label))

    def remember(self, memory: Memory, prediction: Prediction) -> None:
        """Store what the method remembers of the batch's ids: nothing, unless it says otherwise."""

    def step(self, batch: Batch) -> Outcome:
        """Predict the plan's next batch, learn from it, and give what is to be recorded."""
        if batch.holdout is None:
            return self._on(self.on_batch, batch, batch)
        validated = self._on(self.on_holdout, batch.holdout, batch.holdout.batch)
        outcome = self._on(self.on_batch, batch, batch)
        if self.validation != "next_batch":
            return outcome
        # the batch was predicted before Theta learnt from it: that is what is recorded and remembered
        memory = self.memory_of(self.gather(batch)[1], batch)
        self.remember(memory, validated.learnt)
        self.scatter(batch, {}, memory.rows)
        return validated

    def predict_only(self, batch: Batch) -> Prediction:
        """Predict a batch of a plan that does not learn; nothing is changed."""
        rows, memory = self.gather(batch)
        with torch.no_grad():
            w, theta = self._groups(self.dense, rows, batch)
            return self._recorded(w, theta, self.memory_of(memory, batch), Holdout(batch))

    def plan(self, columns: Columns, batch_size: int, learns: bool = True, chunk: int = CHUNK) -> Plan:
        """The batches of some interactions, for this method to go through once and in order."""
        dice = Dice(self.seeds, self.draws)
        schedule = Schedule(columns.parts, batch_size, self.validation, self.unrolls, dice)
        like = torch.empty(0, dtype=self.dtype, device=self.device)
        return Plan(columns, schedule, self.shape, self.uses, like, self.clock if learns else None, chunk)

    def compute(self, dense: Dense, rows: dict[str, Tensor], memory: Tensor, batch: Batch) -> Changes:
        """The arithmetic of a step on a batch; see ``Compute``."""
        w, theta = self._groups(dense, rows, batch)
        remembered = self.memory_of(memory, batch)
        recorded = self._recorded_apart(w, theta, remembered, Holdout(batch)) if self.records_apart else None
        learnt = self.learn(w, theta, remembered, batch)
        return Changes(self._outcome(recorded, learnt, batch), _packed(w, theta), remembered.rows)

    def compute_holdout(self, dense: Dense, rows: dict[str, Tensor], memory: Tensor, holdout: Holdout) -> Changes:
        """The arithmetic of Theta's step on a holdout; see ``Compute``. Of its ids nothing is remembered."""
        w, theta = self._groups(dense, rows, holdout.batch)
        remembered = self.memory_of(memory, holdout.batch)
        apart = self.records_apart and self.validation == "next_batch"  # of random interactions nothing is recorded
        recorded = self._recorded_apart(w, theta, remembered, holdout) if apart else None
        learnt = self.validate(w, theta, remembered, holdout)
        return Changes(self._outcome(recorded, learnt, holdout.batch), _packed(w, theta), None)

    def held(self, users: Ids, items: Ids) -> Tensor:
        """How many of these distinct ids hold an embedding of each size, per side: (S, 2, K) float64."""
        counts = torch.tensor([[len(users)], [len(items)]], dtype=torch.float64)
        return counts.expand(len(self.seeds), 2, len(self.sizes)).clone()

    def add_candidates(self, config: AdamConfig, dice: Generators) -> None:
        """W: the model's parameters, then a table of users' and items' embeddings of all sizes."""
        self.add_dense("w", self.model.parameters(dice))
        rows = self.shape.users + self.shape.items
        starts = [config.start_of(size) for size in self.sizes for _ in range(size)]
        scale = None if config.embedding_init == "normal" else torch.tensor([starts])
        use = Use("id", "w", config.moves_unused_rows)
        self.add_table("candidates", use, rows, self.sizes, dice, scale=scale)

    def _on(self, compute: Compute, what: Batch | Holdout, batch: Batch) -> Outcome:
        rows, memory = self.gather(batch)
        changes = compute(self, self.dense, rows, memory, what)
        self.scatter(batch, changes.rows, changes.memory)
        return changes.outcome

    def _groups(self, dense: Dense, rows: dict[str, Tensor], batch: Batch) -> tuple[Group, Group]:
        """W's and Theta's."""
        return self.group("w", dense, rows, batch), self.group("theta", dense, rows, batch)

    def _recorded_apart(self, w: Group, theta: Group, memory: Memory, holdout: Holdout) -> Prediction:
        with torch.no_grad():
            return self._recorded(w, theta, memory, holdout)

    def _recorded(self, w: Group, theta: Group, memory: Memory, holdout: Holdout) -> Prediction:
        """What ``record`` predicts now of the batch, or of those of its interactions that are validated."""
        of = slice(holdout.validated)
        fixed = {} if self.running is None else self.running.fixed
        w_values, theta_values = w.values(of), theta.values(of)
        w_values = w_values._replace(dense={**w_values.dense, **fixed})
        # in SAM, one optimiser moves both
        both = Values({**w_values.dense, **theta_values.dense}, {**w_values.rows, **theta_values.rows})
        return self.record(w_values, both, memory.context()[..., of], holdout.batch.cut(of))

    def _outcome(self, recorded: Prediction | None, learnt: Prediction, batch: Batch) -> Outcome:
        with torch.no_grad():
            learnt = Prediction(*(part.detach() for part in learnt))
            recorded = learnt if recorded is None else recorded
            right = hits(self.shape.task, recorded.logits, batch.label[: recorded.logits.shape[-1]])
            return Outcome(recorded, statistics(recorded.losses, right, recorded.weights), learnt)

    def _track_running_statistics(self) -> None:
        self.records_apart, self.eager = True, "predictions by running statistics are not written for a compiler"
        parameters = {name: slot.value for group in self.dense.values() for name, slot in group.items()}
        self.running = Running(parameters)


def _packed(*groups: Group) -> dict[str, Tensor]:
    """By table, the rows (S, R, 3, W) of those groups that made a step."""
    with torch.no_grad():
        return {
            name: torch.stack(part.slot, dim=2)
            for group in groups
            if group.stepped
            for name, part in group.rows.items()
        }
