"""Ratings as a reader hands them on: in blocks, checked, with the publisher's own ids."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Scale:
    """The ratings that a data set allows: ``low`` to ``high``, both included, and from ``low`` in steps of ``step``."""

    low: float
    high: float
    step: float | None = None

    def allows(self, ratings: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Whether each rating is on the scale; NaN is not. Same shape as the input."""
        allowed = (ratings >= np.float32(self.low)) & (ratings <= np.float32(self.high))
        if self.step is not None:
            # only where allowed: there are no steps to an infinity
            above = np.where(allowed, ratings, self.low).astype(np.float64) - self.low
            kind = np.finfo(np.float32)
            rounding = 2 * kind.eps * max(abs(self.low), abs(self.high)) + float(kind.smallest_subnormal)
            allowed &= np.abs(above - np.rint(above / self.step) * self.step) <= rounding
        return allowed

    def __str__(self) -> str:
        steps = "" if self.step is None else f" in steps of {self.step:g}"
        return f"a rating from {self.low:g} to {self.high:g}{steps}"


class Block(NamedTuple):
    """Ratings that follow one another in file order, already checked; n of them, far fewer than the file may have."""

    user: Any
    """The publisher's own ids of the users: (n,) int32, or text as a pyarrow DictionaryArray of n."""
    item: Any
    """The publisher's own ids of the items, likewise."""
    rating: npt.NDArray[np.float32]
    """(n,) stars."""
    timestamp: npt.NDArray[np.int64]
    """(n,) seconds UTC; 0 where the file has no times."""


class Ratings(NamedTuple):
    """What a reader hands back."""

    blocks: Iterator[Block]
    """All ratings in file order, once. Reading them raises InputError where the file is not as expected."""

    genome: npt.NDArray[np.int32] | None = None
    """Item ids of the archive's tag genome, or None where it has none."""
