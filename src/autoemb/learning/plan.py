"""A stream prepared for training: what every batch looks up, and how far behind each row is, in chunks.

Which rows a batch uses is known beforehand, so nothing has to be found out while the model learns.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autoemb.data.columns import WINDOW, Columns, Ints, Key, Shape, cut
from autoemb.learning.batch import Batch, Holdout, Lookup, Optimizer, Use
from autoemb.learning.clock import Clock
from autoemb.learning.optim.adam import corrections
from autoemb.learning.optim.rows import COEFFICIENTS
from autoemb.learning.schedule import Schedule
from autoemb.schema import popularity_bin

CHUNK = 64
"""Batches prepared at a time."""


class _Visit(NamedTuple):
    """n batches of equal length on their way to tensors."""

    places: Ints
    """(n, B): which interactions."""
    lookups: dict[Key, tuple[Ints, Ints, Ints]]
    """``Lookup``'s fields, each (n, 2B)."""
    before: dict[Optimizer, Ints]
    """(n,): steps made before the batch needs its rows."""
    steps: dict[Optimizer, npt.NDArray[np.bool_]]
    """(n,): whether the optimiser makes a step with the batch."""


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
        schedule: Schedule,
        shape: Shape,
        uses: Mapping[str, Use],
        like: Tensor,
        clock: Clock | None,
        chunk: int = CHUNK,
    ) -> None:
        """Lay out what is looked up.

        Args:
            columns: the interactions. If Theta learns from random ones (``last_random``), which may be anywhere in
                the past, they are held in memory whole (17 bytes an interaction).
            schedule: of the same interactions.
            shape: rows of the tables.
            uses: by name, how the method uses its tables.
            like: a tensor of the device and the dtype of the tables.
            clock: the method's, which is told, ahead of time, at which step the rows will stand. Without one the
                batches are not learnt from, and rows are taken as they stand.
            chunk: batches prepared at a time.
        """
        self.columns = columns.whole() if schedule.validation == "last_random" else columns
        self.schedule, self.shape, self.uses, self.like = schedule, shape, uses, like
        self.learns, self.clock, self.chunk = clock is not None, clock or Clock(), chunk
        popularities = shape.user_popularity + 1, shape.item_popularity + 1
        self.offsets: dict[Key, int] = {"id": shape.users, "popularity": popularities[0]}
        """By key, the first row of the items."""
        self.spare: dict[Key, int] = {"id": shape.users + shape.items}
        """By key that is looked up, the spare row."""
        if any(use.key == "popularity" for use in uses.values()):
            self.spare["popularity"] = sum(popularities)
        self.seen = [np.zeros(rows, dtype=np.int64) for rows in (shape.users, shape.items)]
        """Interactions of each user and of each item in the batches that were prepared."""

    def chunks(self, start: int = 0) -> Iterator[list[Batch]]:
        """The batches from number ``start`` on, at most ``chunk`` at a time, those of a chunk equally long.

        Raises:
            RuntimeError: another plan, of the same method, that learns is under way.
        """
        if self.learns:
            self.clock.begin(self.schedule.steps)
        self._count_before(start)
        for numbers in self.schedule.runs(start, self.chunk):
            yield self._chunk(numbers)
        if self.learns:
            self.clock.end(self.schedule.steps)

    def _chunk(self, numbers: Ints) -> list[Batch]:
        schedule, places = self.schedule, self.schedule.places(numbers)
        theta_learns, theta_steps = schedule.theta_learns[numbers], schedule.theta_steps[numbers]
        always, never = np.ones_like(theta_learns), np.zeros_like(theta_learns)
        w, theta = self.clock.steps["w"], self.clock.steps["theta"]
        before: dict[Optimizer, Ints] = {"w": w + numbers, "theta": theta + theta_steps - theta_learns}
        if not schedule.apart:
            return self._batches([self._visit(places, before, {"w": always, "theta": theta_learns})], numbers)[0]
        held_out, validated = schedule.held_out(numbers)
        first = self._visit(held_out, before, {"w": never, "theta": theta_learns})
        then = self._visit(places, {**before, "theta": theta + theta_steps}, {"w": always, "theta": never})
        return [
            batch._replace(holdout=Holdout(other, validated) if other.theta_learns else None)
            for other, batch in zip(*self._batches([first, then], numbers), strict=True)
        ]

    def _visit(
        self, places: Ints, before: dict[Optimizer, Ints], steps: dict[Optimizer, npt.NDArray[np.bool_]]
    ) -> _Visit:
        lookups = {}
        for key, spare in self.spare.items():
            users, items = (side[places].astype(np.int64) for side in self.columns.sides[key])
            lookups[key] = distinct(np.hstack([users, items + self.offsets[key]]), spare)
        return _Visit(places, lookups, before, steps)

    def _batches(self, visits: list[_Visit], numbers: Ints) -> list[list[Batch]]:
        """The batches of each visit; of every batch number, the visits come one after the other, the batch last."""
        since: list[dict[str, Ints]] = [{} for _ in visits]
        for name, use in self.uses.items():
            for visit, stands in zip(visits, since, strict=True):
                stands[name] = np.zeros_like(visit.lookups[use.key][0])
            for i in range(len(numbers)):
                for visit, stands in zip(visits, since, strict=True):
                    if self.learns:
                        rows = visit.lookups[use.key][0][i]
                        stands[name][i] = self.clock.since[name][rows]
                        if visit.steps[use.optimizer][i]:
                            self.clock.since[name][rows] = visit.before[use.optimizer][i] + 1
        seen = self._count([visit.places for visit in visits])
        return [
            self._tensors(visit, since[order], seen[order], self._noise(visit, numbers, order))
            for order, visit in enumerate(visits)
        ]

    def _count(self, visits: Sequence[Ints]) -> list[Ints]:
        """Of each visit's interactions (n, M), those of their ids in the batches before (n, 2, M).

        Then the interactions of the last visit, which are the batches' own, are counted.
        """
        ids = [np.stack([side[places] for side in self.columns.sides["id"]], axis=1) for places in visits]
        seen = [np.empty(each.shape, dtype=np.int64) for each in ids]
        for i in range(len(visits[0])):
            for side, counts in enumerate(self.seen):
                for each, into in zip(ids, seen, strict=True):
                    into[i, side] = counts[each[i, side]]
                np.add.at(counts, ids[-1][i, side], 1)
        return seen

    def _count_before(self, start: int) -> None:
        """Count the interactions of the batches before number ``start``."""
        for counts, side in zip(self.seen, self.columns.sides["id"], strict=True):
            counts[:] = 0
            for batch in self.schedule.batches[:start]:
                for window in cut(batch, WINDOW):
                    np.add.at(counts, side[np.arange(window.start, window.stop)], 1)

    def _noise(self, visit: _Visit, numbers: Ints, order: int) -> npt.NDArray[np.float64]:
        """(n, S, N, B)"""
        return np.stack([self.schedule.roll(number, order, visit.places.shape[1]) for number in numbers])

    def _tensors(
        self, visit: _Visit, since: dict[str, Ints], seen: Ints, noise: npt.NDArray[np.float64]
    ) -> list[Batch]:
        def put(values: npt.NDArray[np.generic], kind: torch.dtype = torch.int64) -> tuple[Tensor, ...]:
            return torch.from_numpy(values).to(self.like.device, kind, non_blocking=True).unbind(0)

        n = len(visit.places)
        popularity = np.stack([side[visit.places] for side in self.columns.sides["popularity"]], axis=1)
        lookups = {
            key: [Lookup(*fields) for fields in zip(*map(put, arrays), strict=True)]
            for key, arrays in visit.lookups.items()
        }
        coefficients = {
            name: put(self._coefficients(use, since[name], visit.before[use.optimizer]), self.like.dtype)
            for name, use in self.uses.items()
        }
        steps = {name: put(before + 1.0, torch.float32) for name, before in visit.before.items()}
        factors = {name: put(corrections(before + 1), self.like.dtype) for name, before in visit.before.items()}
        label, bins = put(self.columns.label[visit.places]), put(popularity_bin(popularity))
        popularities, counts, rolled = put(popularity), put(seen), put(noise, self.like.dtype)
        return [
            Batch(
                label[i],
                popularities[i],
                counts[i],
                bins[i],
                {key: lookup[i] for key, lookup in lookups.items()},
                {name: rows[i] for name, rows in coefficients.items()},
                {name: step[i] for name, step in steps.items()},
                {name: factor[i] for name, factor in factors.items()},
                bool(visit.steps["theta"][i]),
                rolled[i],
            )
            for i in range(n)
        ]

    def _coefficients(self, use: Use, since: Ints, before: Ints) -> npt.NDArray[np.float64]:
        """Of rows that stand at ``since`` (n, R), ``Decay.coefficients`` up to their batch's step: (n, R, 6)."""
        until = np.broadcast_to(before[:, None], since.shape)
        if not (self.learns and use.dense):  # as they stand: any step to itself
            since = until = np.zeros_like(since)
        return self.clock.decay.coefficients(since.ravel(), until.ravel()).reshape(*since.shape, COEFFICIENTS)
