"""What a data set declares, and what its reader hands back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from autoemb.config import DatasetConfig
from autoemb.settings import parse

C = TypeVar("C", bound=DatasetConfig)


class Counts(NamedTuple):
    """How many ratings, users and items; ``items`` is None where no source that we could check states it."""

    ratings: int
    users: int
    items: int | None


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
            rounding = 2 * np.finfo(np.float32).eps * max(abs(self.low), abs(self.high))
            allowed &= np.abs(above - np.rint(above / self.step) * self.step) <= rounding
        return allowed

    def __str__(self) -> str:
        steps = "" if self.step is None else f" in steps of {self.step:g}"
        return f"a rating from {self.low:g} to {self.high:g}{steps}"


class Block(NamedTuple):
    """Ratings that follow one another in file order, already checked; n of them, far fewer than the file may have."""

    user: Any
    """The publisher's own ids: (n,) int32, or text as a pyarrow DictionaryArray of n."""
    item: Any
    rating: npt.NDArray[np.float32]
    """(n,) stars."""
    timestamp: npt.NDArray[np.int64]
    """(n,) seconds UTC; 0 where there is none."""


class Ratings(NamedTuple):
    """What a reader hands back."""

    blocks: Iterator[Block]
    """All ratings in file order, once. Reading them raises InputError where the file is not as expected."""

    genome: npt.NDArray[np.int32] | None = None
    """Item ids of the archive's tag genome, or None where it has none."""


@dataclass(frozen=True, kw_only=True)
class Dataset(Generic[C]):
    """A data set: where it comes from, what is known about it, and how it is read.

    At most one of ``url``, ``shipped`` and ``generate`` says where its archive comes from; a data set
    with none of them needs ``archive`` or ``mirrors`` in its config, and ``how_to_get`` tells a person what to bring.
    """

    name: str
    """The module's name with '-' for '_'."""

    title: str
    licence: str
    """One line: what the publisher allows."""

    citation: str
    config: type[C]
    read: Callable[[Path, C], Ratings]
    """Reads the archive. Raises InputError, naming file, line, column and value."""

    url: str | None = None
    """The publisher's address, http or https, which is tried after the config's ``mirrors``."""

    shipped: str | None = None
    """Name of the archive in the package's folder ``shipped``."""

    generate: Callable[[C, Path], None] | None = None
    """Writes the archive to a path."""

    how_to_get: str = ""
    archive_md5: str | None = None
    """Published checksum of the archive, hexadecimal."""

    member: str | None = None
    """Last part of the name of the ratings' member of a zip archive."""

    ratings_md5: str | None = None
    """Checksum of that member, which survives unpacking and packing again."""

    size: int | None = None
    """Bytes of the archive, where known."""

    scale: Scale | None = None
    """None where the config gives it."""

    expected: Counts | None = None
    """Ratings, users, and items that have ratings."""

    paper: Counts | None = None
    """AutoEmb's Table 1. For MovieLens its items are the rows of movies.csv, rated or not."""

    if_counts_differ: str = ""
    """What to tell a person whose fresh data do not match."""

    @property
    def checksums(self) -> tuple[str, ...]:
        """The published ones, any of which is enough."""
        return tuple(md5 for md5 in (self.archive_md5, self.ratings_md5) if md5 is not None)

    def settings(self, text: str) -> C:
        """The settings from JSON text.

        Raises:
            InputError: one line per unknown key and per value that is not as expected.
        """
        return parse(self.config, text, f"settings of {self.name}")
