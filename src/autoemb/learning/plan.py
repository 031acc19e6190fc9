"""A stream prepared for training: what every batch looks up, and how far behind each row is, in chunks.

Which rows a batch uses is known beforehand, so nothing has to be found out while the model learns.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autoemb.data.columns import Columns, Ints, Key, cut
from autoemb.learning.batch import Batch, Lookup, Optimizer, Use, Validation
from autoemb.learning.optim.adam import corrections
from autoemb.learning.optim.rows import COEFFICIENTS, Decay, Table
from autoemb.schema import popularity_bin

CHUNK = 64
"""Batches prepared at a time."""


class Dice(NamedTuple):
    """The uniform numbers that a method needs to go through a batch."""

    seeds: Sequence[int] = ()
    numbers: int = 0
    """Of each seed and interaction."""


class _Visit(NamedTuple):
    """n batches of equal length on their way to tensors."""

    places: Ints
    """(n, B): which interactions."""
    lookups: dict[Key, tuple[Ints, Ints, Ints]]
    """``Lookup``'s fields, each (n, 2B)."""
    before: dict[Optimizer, Ints]
    """(n,): steps made before the batch needs its rows."""
    moves: dict[Optimizer, npt.NDArray[np.bool_]]
    """(n,): whether it moves them."""


def distinct(keys: Ints, spare: int) -> tuple[Ints, Ints, Ints]:
    """The fields of ``Lookup`` for n batches of keys (n, M), each (n, M)."""
    order = np.argsort(keys, axis=1, kind="stable")
    ascending = np.take_along_axis(keys, order, axis=1)
    differs = ascending[:, 1:] != ascending[:, :-1]
    edge = np.ones((len(keys), 1), dtype=bool)
    is_first, is_last = np.hstack([edge, differs]), np.hstack([differs, edge])
    place = np.cumsum(is_first, axis=1) - 1
    rows, last, inverse = np.full_like(keys, spare), np.zeros_like(keys), np.empty_like(keys)
    batch = np.broadcast_to(np.arange(len(keys))[:, None], keys.shape)
    rows[batch[is_first], place[is_first]] = ascending[is_first]
    last[batch[is_last], place[is_last]] = order[is_last]  # equal keys are in the batch's order
    np.put_along_axis(inverse, order, place, axis=1)
    return rows, inverse, last


class Plan:
    """The batches of a stream for one method."""

    def __init__(
        self,
        columns: Columns,
        batch_size: int,
        tables: Mapping[str, tuple[Use, Table]],
        offsets: Mapping[Key, int],
        validation: Validation | None,
        learns: bool = True,
        chunk: int = CHUNK,
        dice: Dice | None = None,
        unrolls: bool = False,
    ) -> None:
        """Cut the stream and count the steps.

        Args:
            columns: the interactions.
            batch_size: B.
            tables: the method's tables. They are told, ahead of time, at which step their rows will stand.
            offsets: by key, the first row of the items.
            validation: what the weights' optimiser learns from; None if it makes no steps. ``last_random`` looks
                anywhere in the past, so the columns are then held in memory whole (17 bytes an interaction).
            learns: whether the batches will be learnt from. If not, rows are taken as they stand: flush first.
            chunk: batches prepared at a time.
            dice: what the method draws; nothing if left out.
            unrolls: whether the hypergradient looks at the batch before as well.
        """
        self.dice, self.unrolls = dice or Dice(), unrolls
        self.columns = columns.whole() if validation == "last_random" else columns
        self.tables, self.offsets = tables, offsets
        self.validation, self.learns, self.chunk = validation, learns, chunk
        parts = [cut(part, batch_size) for part in columns.parts]
        self.batches = [rows for part in parts for rows in part]
        self.history = [part.start for part, cuts in zip(columns.parts, parts, strict=True) for _ in cuts]
        first = np.array([i == 0 for part in parts for i in range(len(part))], dtype=bool)
        last = np.append(first[1:], True)
        never = np.zeros_like(first)
        held_out = ~first if unrolls else ~never  # before the first batch of a part, no step can be unrolled
        self.validates = {"last_batch": ~last, "last_random": ~first, "next_batch": held_out, None: never}[validation]
        self.made = np.cumsum(self.validates)
        self.steps: dict[Optimizer, int] = {"model": len(self.batches), "weights": int(self.made[-1])}
        """Steps that each optimiser will have made in the end."""
        self.decay = Decay(len(self.batches))
        self.spare = {use.key: table.rows for use, table in tables.values()}

    def chunks(self, start: int = 0) -> Iterator[list[Batch]]:
        """The batches from number ``start`` on, at most ``chunk`` at a time, those of a chunk equally long."""
        while start < len(self.batches):
            stop = start + 1
            while stop < min(start + self.chunk, len(self.batches)) and self._length(stop) == self._length(start):
                stop += 1
            yield self._chunk(np.arange(start, stop))
            start = stop

    def _chunk(self, numbers: Ints) -> list[Batch]:
        places = np.stack([np.arange(self.batches[n].start, self.batches[n].stop) for n in numbers])
        made, validates = self.made[numbers], self.validates[numbers]
        always, never = np.ones_like(validates), np.zeros_like(validates)
        before: dict[Optimizer, Ints] = {"model": numbers, "weights": made - validates}
        apart = self.validation == "last_random" or (self.validation == "next_batch" and self.unrolls)
        if not apart:
            visit = self._visit(places, before, {"model": always, "weights": validates})
            return self._batches([visit], numbers)[0]
        asked, validated = places, None
        if self.validation == "last_random":
            asked = np.stack([self.draw(n, places.shape[1]) for n in numbers])
        if self.unrolls:
            learnt = np.stack([self._before(n) for n in numbers])
            asked, validated = np.hstack([asked, learnt]), places.shape[1]
        asks = self._visit(asked, before, {"model": never, "weights": validates})
        visit = self._visit(places, {"model": numbers, "weights": made}, {"model": always, "weights": never})
        validations, batches = self._batches([asks, visit], numbers)
        return [
            batch._replace(
                validates=False,
                validation=asked_of._replace(asks=True, validated=validated) if asked_of.validates else None,
            )
            for asked_of, batch in zip(validations, batches, strict=True)
        ]

    def _before(self, number: int) -> Ints:
        """The interactions of the batch before; of the first of a part, which is not validated, any."""
        batch = self.batches[max(number - 1, 0)]
        return np.resize(np.arange(batch.start, batch.stop), self.batches[0].stop - self.batches[0].start)

    def _visit(
        self, places: Ints, before: dict[Optimizer, Ints], moves: dict[Optimizer, npt.NDArray[np.bool_]]
    ) -> _Visit:
        lookups = {}
        for key, spare in self.spare.items():
            users, items = (side[places].astype(np.int64) for side in self.columns.sides[key])
            lookups[key] = distinct(np.hstack([users, items + self.offsets[key]]), spare)
        return _Visit(places, lookups, before, moves)

    def _batches(self, visits: list[_Visit], numbers: Ints) -> list[list[Batch]]:
        """The batches of each visit; of every batch number, the visits come one after the other."""
        since: list[dict[str, Ints]] = [{} for _ in visits]
        for name, (use, table) in self.tables.items():
            for visit, gaps in zip(visits, since, strict=True):
                gaps[name] = np.empty_like(visit.lookups[use.key][0])
            for i in range(len(numbers)):
                for visit, gaps in zip(visits, since, strict=True):
                    rows = visit.lookups[use.key][0][i]
                    gaps[name][i] = table.since[rows]
                    if self.learns and visit.moves[use.optimizer][i]:
                        table.since[rows] = visit.before[use.optimizer][i] + 1
        return [
            self._tensors(visit, gaps, numbers, order)
            for order, (visit, gaps) in enumerate(zip(visits, since, strict=True))
        ]

    def _tensors(self, visit: _Visit, since: dict[str, Ints], numbers: Ints, order: int) -> list[Batch]:
        n = len(numbers)
        like = next(table.packed for _, table in self.tables.values())

        def put(values: npt.NDArray[np.generic], kind: torch.dtype = torch.int64) -> tuple[Tensor, ...]:
            return torch.from_numpy(values).to(like.device, kind, non_blocking=True).unbind(0)

        label = put(self.columns.label[visit.places])
        sides = [popularity_bin(side[visit.places]) for side in self.columns.sides["popularity"]]
        bins = put(np.stack(sides, axis=1))
        lookups = {
            key: [Lookup(*fields) for fields in zip(*map(put, arrays), strict=True)]
            for key, arrays in visit.lookups.items()
        }
        coefficients = {}
        for name, (use, _) in self.tables.items():
            stands = since[name].ravel()
            until = np.broadcast_to(visit.before[use.optimizer][:, None], since[name].shape).ravel()
            if not (self.learns and use.dense):  # as they stand: any step to itself
                stands, until = np.zeros_like(stands), np.zeros_like(stands)
            rows = self.decay.coefficients(stands, until)
            coefficients[name] = put(rows.reshape(n, -1, COEFFICIENTS), like.dtype)
        steps = {name: put(before + 1.0, torch.float32) for name, before in visit.before.items()}
        factors = {name: put(corrections(before + 1), like.dtype) for name, before in visit.before.items()}
        noise: Sequence[Tensor | None] = [None] * n
        if self.dice.numbers:
            noise = put(np.stack([self.roll(number, order, visit.places.shape[1]) for number in numbers]), like.dtype)
        return [
            Batch(
                label[i],
                bins[i],
                {key: found[i] for key, found in lookups.items()},
                {name: found[i] for name, found in coefficients.items()},
                {name: found[i] for name, found in steps.items()},
                {name: found[i] for name, found in factors.items()},
                bool(self.validates[numbers[i]]),
                noise[i],
            )
            for i in range(n)
        ]

    def roll(self, number: int, order: int, size: int) -> npt.NDArray[np.float64]:
        """Uniform numbers (S, N, B) for a visit of a batch: each seed's own, wherever a run begins or ends."""
        shape = (self.dice.numbers, size)
        return np.stack([np.random.default_rng([seed, number, order]).random(shape) for seed in self.dice.seeds])

    def draw(self, number: int, size: int) -> Ints:
        """As many interactions as the batch has, with replacement, from its part before it (released code).

        The dice are those of the batch's number, so that all seeds and methods validate on the same draws.
        """
        start, stop = self.history[number], self.batches[number].start
        if start == stop:
            return np.arange(stop, stop + size)  # the first of a part is not validated
        return np.random.default_rng(number).integers(start, stop, size)

    def _length(self, number: int) -> int:
        return int(self.batches[number].stop - self.batches[number].start)
