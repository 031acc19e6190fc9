"""Which interactions every batch has, what Theta learns from, and how many steps each optimiser makes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from autoemb.data.columns import Ints, cut
from autoemb.learning.batch import Optimizer, Validation


class Dice(NamedTuple):
    """The uniform numbers that a method needs to go through a batch."""

    seeds: Sequence[int] = ()
    numbers: int = 0
    """Of each seed and interaction."""


class Schedule:
    """The batches of some parts of a stream, in order.

    Attributes:
        batches: the interactions of each batch.
        theta_learns: whether Theta makes a step with each batch (n,).
        theta_steps: Theta's steps up to each batch, that one's own counted (n,).
        steps: by optimiser, its steps in the end.
        apart: whether what Theta learns from has to be looked up apart from the batch.
    """

    def __init__(
        self,
        parts: Sequence[slice],
        batch_size: int,
        validation: Validation | None = None,
        unrolls: bool = False,
        dice: Dice | None = None,
    ) -> None:
        """Cut the parts and count the steps.

        Args:
            parts: of the stream. The first batch of a part has no validation batch (released code).
            batch_size: B.
            validation: what Theta learns from; None if it makes no steps.
            unrolls: whether the hypergradient looks at the batch before as well.
            dice: what the method draws; nothing if left out.
        """
        self.validation, self.unrolls, self.dice = validation, unrolls, dice or Dice()
        batches_of_parts = [cut(part, batch_size) for part in parts]
        self.batches = [batch for batches in batches_of_parts for batch in batches]
        self.history = [part.start for part, batches in zip(parts, batches_of_parts, strict=True) for _ in batches]
        first = np.array([i == 0 for batches in batches_of_parts for i in range(len(batches))], dtype=bool)
        last = np.append(first[1:], True)
        never = np.zeros_like(first)
        held_out = ~first if unrolls else ~never  # before the first batch of a part, no step can be unrolled
        by_kind = {"last_batch": ~last, "last_random": ~first, "next_batch": held_out, None: never}
        self.theta_learns: npt.NDArray[np.bool_] = by_kind[validation]
        self.theta_steps = np.cumsum(self.theta_learns)
        self.steps: dict[Optimizer, int] = {"w": len(self.batches), "theta": int(self.theta_steps[-1])}
        self.apart = validation == "last_random" or (validation == "next_batch" and unrolls)

    def runs(self, start: int, most: int) -> Iterator[Ints]:
        """Numbers of batches that follow one another from ``start`` on: equally long ones, at most so many."""
        while start < len(self.batches):
            stop = start + 1
            while stop < min(start + most, len(self.batches)) and self._length(stop) == self._length(start):
                stop += 1
            yield np.arange(start, stop)
            start = stop

    def places(self, numbers: Ints) -> Ints:
        """The interactions of equally long batches (n,): (n, B)."""
        return np.stack([np.arange(self.batches[n].start, self.batches[n].stop) for n in numbers])

    def held_out(self, numbers: Ints) -> tuple[Ints, int | None]:
        """The interactions that are looked up apart for Theta's steps with these batches, and how many are validated.

        Those are the first of each; with an unrolled step, the interactions of the batch before follow them.
        """
        places = self.places(numbers)
        if self.validation == "last_random":
            places = np.stack([self.draw(n, places.shape[1]) for n in numbers])
        if not self.unrolls:
            return places, None
        return np.hstack([places, np.stack([self._before(n) for n in numbers])]), places.shape[1]

    def roll(self, number: int, order: int, size: int) -> npt.NDArray[np.float64]:
        """Uniform numbers (S, N, B) for a visit of a batch: each seed's own, wherever a run begins or ends."""
        shape = (self.dice.numbers, size)
        seeds = self.dice.seeds
        if not self.dice.numbers:
            return np.empty((len(seeds), *shape))
        return np.stack([np.random.default_rng([seed, number, order]).random(shape) for seed in seeds])

    def draw(self, number: int, size: int) -> Ints:
        """As many interactions as the batch has, with replacement, from its part before it (released code).

        The dice are those of the batch's number, so that all seeds and methods validate on the same draws.
        """
        start, stop = self.history[number], self.batches[number].start
        if start == stop:
            return np.arange(stop, stop + size)  # the first of a part is not validated
        return np.random.default_rng(number).integers(start, stop, size)

    def _before(self, number: int) -> Ints:
        """The interactions of the batch before; of the first of a part, which is not validated, any."""
        batch = self.batches[max(number - 1, 0)]
        return np.resize(np.arange(batch.start, batch.stop), self.batches[0].stop - self.batches[0].start)

    def _length(self, number: int) -> int:
        return int(self.batches[number].stop - self.batches[number].start)
