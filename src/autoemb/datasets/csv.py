"""A person's own ratings: a delimited text file whose first line names its columns."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from autoemb.config import DatasetConfig, Settings
from autoemb.datasets._archive import Source
from autoemb.datasets._delimited import Column, layout_by_header, read_delimited
from autoemb.datasets.base import Dataset, Ratings, Scale


class Columns(Settings):
    """Names of the columns in the file's first line."""

    user: str
    """Of the users, as text."""

    item: str
    """Of the items, as text."""

    rating: str
    """A number, in stars."""

    timestamp: str | None = None
    """Whole seconds UTC; without it every timestamp is 0, and the temporal order is the file's."""

    @model_validator(mode="after")
    def _distinct(self) -> "Columns":
        names = [name for name in (self.user, self.item, self.rating, self.timestamp) if name is not None]
        if len(set(names)) < len(names):
            raise ValueError("expected another column for each")
        return self


class Config(DatasetConfig):
    """Where the file is and what it looks like."""

    archive: str
    """The file, UTF-8; relative to the working folder."""

    columns: Columns
    """Which column is which."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """One character between two columns."""

    rating_range: Annotated[tuple[float, float], Field(strict=False)] = (0.5, 5.0)
    """Lowest and highest rating allowed, in the file's own unit."""

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
        return self


def read(archive: Path, config: Config) -> Ratings:
    """The ratings in file order; ids are kept as text."""
    named = config.columns
    names: dict[Column, str] = {"user": named.user, "item": named.item, "rating": named.rating}
    if named.timestamp is not None:
        names["timestamp"] = named.timestamp
    source = Source(archive)
    layout = layout_by_header(source, names, config.delimiter, "str")
    return Ratings(read_delimited(source, layout, Scale(*config.rating_range)))


dataset = Dataset(
    name="csv",
    title="your own ratings",
    licence="your own",
    citation="your own",
    config=Config,
    read=read,
    how_to_get="name the file in the config as `archive:`",
)
