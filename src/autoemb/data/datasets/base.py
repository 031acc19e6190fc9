"""What a data set declares."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from autoemb.config import DatasetConfig, parse
from autoemb.data.ratings import Ratings, Scale
from autoemb.errors import InputError

C = TypeVar("C", bound=DatasetConfig)


class Counts(NamedTuple):
    """How many ratings, users and items a data set has; ``items`` is None where no source that we could check says."""

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
    """Reads the archive by its settings. A bad row raises InputError, naming file, line, column and value."""

    url: str | None = None
    """The publisher's address, http or https, which is tried after the config's ``mirrors``."""

    shipped: str | None = None
    """Name of the archive in the package's folder ``shipped``."""

    generate: Callable[[C, Path], None] | None = None
    """Generates the archive from the settings, and writes it to a path."""

    how_to_get: str = ""
    archive_md5: str | None = None
    """Published checksum of the archive, hexadecimal."""

    member: str | None = None
    """Last part of the name of the ratings' member of a zip archive."""

    ratings_md5: str | None = None
    """Checksum of that member, which survives unpacking and packing again."""

    size: int | None = None
    """Bytes of the archive, where they are known."""

    scale: Scale | None = None
    """The ratings allowed; None where the config says it."""

    expected: Counts | None = None
    """What the data hold: the ratings, the users, and the items that have ratings."""

    paper: Counts | None = None
    """What AutoEmb's Table 1 says of the data. For MovieLens its items are the rows of movies.csv, rated or not."""

    if_counts_differ: str = ""
    """What to tell a person whose data do not have the expected counts."""

    @property
    def checksums(self) -> tuple[str, ...]:
        """The checksums that are known; an archive that has any of them is the expected one."""
        return tuple(md5 for md5 in (self.archive_md5, self.ratings_md5) if md5 is not None)

    def settings(self, text: str) -> C:
        """The settings of this data set from JSON text.

        Raises:
            InputError: one line per unknown key and per value that is not as expected.
        """
        where = f"settings of {self.name}"
        return self.checked(parse(self.config, text, where), where)

    def checked(self, settings: C, where: str) -> C:
        """The settings, if the labels that they make of the ratings allowed mean something.

        Raises:
            InputError: all ratings would be positive, or none; or one would be above the last class.
        """
        if self.scale is None:
            return settings  # the config says it, and holds itself to it
        low, high = self.scale.low, self.scale.high
        if not low < settings.positive_from <= high:
            raise InputError(
                f"{where}: positive_from = {settings.positive_from:g}: expected a rating above {low:g}, the lowest"
                f" of {self.name}, and up to {high:g}"
            )
        if settings.class_edges[-1] < high:
            raise InputError(
                f"{where}: class_edges = {list(settings.class_edges)}: expected {high:g}, the highest rating of"
                f" {self.name}, or more as the last"
            )
        return settings
