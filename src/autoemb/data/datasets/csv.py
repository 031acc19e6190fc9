"""A person's own ratings: delimited text or Parquet, with a user, an item, a rating and perhaps a time in each row."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from autoemb.config import DatasetConfig, LocalFile, Rating, Settings
from autoemb.data.datasets.base import Dataset
from autoemb.data.ratings import Ratings, Scale
from autoemb.data.readers.archive import Source
from autoemb.data.readers.delimited import first_line, layout_by_header, read_delimited
from autoemb.data.readers.layout import Column, Layout
from autoemb.data.readers.parquet import UNITS, is_parquet, read_parquet
from autoemb.errors import InputError

LATEST = 4_102_444_800
"""Midnight of 2100-01-01 UTC. A later time is more likely one in another unit."""


class Columns(Settings):
    """Names of the columns in the file's first line; or their numbers, from 1, in a text file without such a line."""

    user: str | Annotated[int, Field(ge=1)]
    """Of the users, as text."""

    item: str | Annotated[int, Field(ge=1)]
    """Of the items, as text."""

    rating: str | Annotated[int, Field(ge=1)]
    """A number."""

    timestamp: str | Annotated[int, Field(ge=1)] | None = None
    """A time in ``timestamp_unit``, UTC, or a timestamp of Parquet; a number before 1970 is negative. Without it
    every timestamp is 0, and the temporal order is the file's."""

    @model_validator(mode="after")
    def _distinct(self) -> "Columns":
        names = list(self.named.values())
        if len(set(names)) < len(names):
            raise ValueError("expected another column for each")
        if len({type(name) for name in names}) > 1:
            raise ValueError("expected names for all columns, or numbers for all")
        return self

    @property
    def named(self) -> dict[Column, str | int]:
        """Those that there are."""
        named: dict[Column, str | int] = {"user": self.user, "item": self.item, "rating": self.rating}
        return named if self.timestamp is None else {**named, "timestamp": self.timestamp}


class Config(DatasetConfig):
    """Where the file is and what it looks like."""

    archive: LocalFile
    """The file, relative to the working folder: text, also compressed by gzip, zstd, bzip2 or xz, or Parquet."""

    columns: Columns
    """Which column is which."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """One character between two columns."""

    encoding: Literal["utf-8", "latin-1", "cp1252"] = "utf-8"
    """Of the text."""

    rating_range: Annotated[tuple[Rating, Rating], Field(strict=False)] = (0.5, 5.0)
    """Lowest and highest rating allowed, in the file's own unit."""

    rating_step: Annotated[float, Field(gt=0)] | None = None
    """Distance of the ratings from each other, in the same unit; left out, any rating in the range is allowed."""

    timestamp_unit: Literal["s", "ms", "us", "ns", "iso"] = "s"
    """Of the timestamps; parts of a second are cut off, and times within one second stay in the file's order. ``iso``:
    they are text by ISO 8601, such as 2024-03-01, 2024-03-01 12:30 or 2024-03-01T12:30:05.25+02:00; all have a zone, or
    none has one and they are UTC."""

    @model_validator(mode="after")
    def _covered(self) -> "Config":
        low, high = self.rating_range
        if not low < high:
            raise ValueError(f"rating_range {low:g} to {high:g}: expected the lower one first")
        if self.class_edges[-1] < high:
            raise ValueError(
                f"rating_range up to {high:g}, but the last of class_edges is {self.class_edges[-1]:g}:"
                " expected classes for every rating"
            )
        if not low < self.positive_from <= high:
            raise ValueError(
                f"positive_from {self.positive_from:g}: expected a rating above {low:g}, the lowest of rating_range,"
                f" and up to {high:g}"
            )
        return self

    @property
    def scale(self) -> Scale:
        """The ratings allowed."""
        return Scale(*self.rating_range, self.rating_step)


def read(archive: Path, config: Config) -> Ratings:
    """The ratings in file order; ids are kept as text."""
    per_second = UNITS.get(config.timestamp_unit)
    if is_parquet(archive):
        return Ratings(read_parquet(archive, config.columns.named, config.scale, per_second, LATEST))
    source = Source(archive, packed=True)
    units = f"the year 2100 in the timestamp_unit {config.timestamp_unit}"
    layout = replace(_layout(source, config), per_second=per_second, latest=LATEST, units=units)
    return Ratings(read_delimited(source, layout, config.scale))


def _layout(source: Source, config: Config) -> Layout:
    """By the names in the first line, or by the numbers of the columns where it holds none."""
    named = config.columns.named
    numbers = {column: number - 1 for column, number in named.items() if isinstance(number, int)}
    if not numbers:
        names = {column: str(name) for column, name in named.items()}
        return layout_by_header(source, names, config.delimiter, "str", config.encoding)
    width = len(first_line(source, config.delimiter, config.encoding))
    if max(numbers.values()) >= width:
        raise InputError(f"{source}: line 1: {width} fields; expected at least {max(numbers.values()) + 1}")
    return Layout(numbers, width, config.delimiter, "str", encoding=config.encoding)


dataset = Dataset(
    name="csv",
    title="your own ratings",
    licence="your own",
    citation="your own",
    config=Config,
    read=read,
    how_to_get="name the file in the config as `archive:`",
)
