"""What a data set declares."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from autoemb.config import DatasetConfig, parse
from autoemb.data.ratings import Ratings, Scale

C = TypeVar("C", bound=DatasetConfig)


class Counts(NamedTuple):
    """How many ratings, users and items; ``items`` is None where no source that we could check states it."""

    ratings: int
    users: int
    items: int | None


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
