"""What a data set declares, and how its ratings become interactions with contiguous ids."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoemb.config import DatasetConfig
from autoemb.schema import INTERACTIONS, ITEMS, USERS
from autoemb.settings import parse

C = TypeVar("C", bound=DatasetConfig)


class Counts(NamedTuple):
    """How many ratings, users and items; ``items`` is None where no source that we could check states it."""

    ratings: int
    users: int
    items: int | None


@dataclass(frozen=True)
class Scale:
    """The ratings, in stars, that a data set allows: ``low`` to ``high``, both included, in steps of ``step``."""

    low: float
    high: float
    step: float | None = None

    def allows(self, ratings: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Whether each rating is on the scale; NaN is not. Same shape as the input."""
        allowed = (ratings >= np.float32(self.low)) & (ratings <= np.float32(self.high))
        if self.step is not None:
            # only where allowed: the remainder of an infinity is a warning
            allowed &= np.remainder(np.where(allowed, ratings, np.float32(self.low)), np.float32(self.step)) == 0
        return allowed

    def __str__(self) -> str:
        steps = "" if self.step is None else f" in steps of {self.step:g}"
        return f"a rating from {self.low:g} to {self.high:g}{steps}"


class Ratings(NamedTuple):
    """What a reader hands back, already checked.

    ``frame`` has one row per rating in file order: ``user`` and ``item`` (the publisher's own ids, int32
    or str), ``rating`` (float32, stars) and ``timestamp`` (int64, seconds UTC; 0 where there is none).
    ``genome`` holds the item ids of the archive's tag genome, or None where it has none.
    """

    frame: pd.DataFrame
    genome: npt.NDArray[np.int32] | None = None


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


class Interactions(NamedTuple):
    """Tables of schema.INTERACTIONS, USERS and ITEMS; row n of the side tables is the contiguous id n."""

    interactions: pd.DataFrame
    users: pd.DataFrame
    items: pd.DataFrame


def to_interactions(ratings: Ratings) -> Interactions:
    """Replace the publisher's ids by contiguous int32 ids in ascending order; the rows keep their order."""
    users, user_ids = contiguous(ratings.frame["user"])
    items, item_ids = contiguous(ratings.frame["item"])
    interactions = pd.DataFrame(
        {
            "user": users,
            "item": items,
            "rating": ratings.frame["rating"].to_numpy(),
            "timestamp": ratings.frame["timestamp"].to_numpy(),
        }
    )
    in_genome = np.zeros(len(item_ids), bool) if ratings.genome is None else item_ids.isin(ratings.genome)
    return Interactions(
        INTERACTIONS.check(interactions),
        USERS.check(pd.DataFrame({"id": _text(user_ids)})),
        ITEMS.check(pd.DataFrame({"id": _text(item_ids), "tag_genome": in_genome})),
    )


def contiguous(ids: "pd.Series[Any]") -> tuple[npt.NDArray[np.int32], "pd.Index[Any]"]:
    """Contiguous ids (int32, shape of ``ids``) and the original ids, ascending, each once.

    Whole numbers ascend as numbers even where they were read as text, so 2 comes before 10.
    """
    codes, unique = pd.factorize(ids)
    index = pd.Index(unique)
    keys = index
    if index.dtype == "str" and index.str.fullmatch(r"0|[1-9][0-9]{0,17}").all():
        keys = index.astype("int64")
    order = keys.argsort()
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[codes], index[order]


def _text(ids: "pd.Index[Any]") -> "pd.Series[str]":
    return pd.Series(ids).astype("str")
