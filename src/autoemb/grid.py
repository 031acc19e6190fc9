"""The whole workflow's config: what is run on what, resolved and checked before any job."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal

from pydantic import Field

from autoemb import datasets, methods
from autoemb.config import DatasetConfig, MethodConfig, Name, PopularityConfig, RunConfig, Settings, StreamConfig, Task
from autoemb.errors import InputError
from autoemb.settings import AnySettings, parse

Entries = Annotated[dict[Name, dict[str, Any]], Field(min_length=1)]


class GridConfig(Settings):
    """The keys of a config file. Data sets and methods have further keys, those of their modules."""

    seeds: Annotated[int, Field(ge=1)]
    """Replicates of every method: seeds 0 .. seeds-1."""

    datasets: Entries
    """Name -> settings. ``source`` is the data set's module, by default the name itself."""

    streams: Annotated[dict[Name, StreamConfig], Field(min_length=1)]
    tasks: Annotated[tuple[Task, ...], Field(min_length=1)] = ("regression", "classification")

    methods: Entries
    """Name -> settings. ``method`` is the method's module, by default the name itself."""

    popularity: PopularityConfig | None = None
    """The popularity-bucket splits of Fig. 1; left out, they are not made."""

    batch_size: Annotated[int, Field(ge=1)] = 500
    windows: Annotated[int, Field(ge=1)] = 40
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["float32", "float64"] = "float32"
    compile: Literal["auto", "always", "never"] = "auto"
    seeds_at_once: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True)
class Entry(Generic[AnySettings]):
    """A named data set or method: the module behind it and its settings."""

    module: str
    settings: AnySettings


@dataclass(frozen=True)
class Grid:
    """A config with every entry resolved."""

    config: GridConfig
    datasets: Mapping[str, Entry[DatasetConfig]]
    methods: Mapping[str, Entry[MethodConfig]]

    def training(self, dataset: str, task: Task) -> RunConfig:
        """How every method is run on this data set and task."""
        config = self.config
        return RunConfig(
            task=task,
            seeds=config.seeds,
            classes=len(self.datasets[dataset].settings.class_edges),
            batch_size=config.batch_size,
            windows=config.windows,
            device=config.device,
            dtype=config.dtype,
            compile=config.compile,
            seeds_at_once=config.seeds_at_once,
        )

    def labels(self, dataset: str) -> DatasetConfig:
        """The part of a data set's settings that its streams depend on."""
        settings = self.datasets[dataset].settings
        return DatasetConfig(positive_from=settings.positive_from, class_edges=settings.class_edges)


def load(raw: Mapping[str, Any], where: str) -> Grid:
    """Validate a config as it was read from YAML.

    Args:
        raw: the config's content.
        where: its name, for error messages.

    Raises:
        InputError: an unknown key, data set or method, or a value out of its range.
    """
    config = parse(GridConfig, json.dumps(raw, default=str), where)
    found_datasets = {
        name: _entry(entry, "source", name, lambda module: datasets.find(module).config, f"{where}: datasets.{name}")
        for name, entry in config.datasets.items()
    }
    found_methods = {
        name: _entry(entry, "method", name, lambda module: methods.find(module).Config, f"{where}: methods.{name}")
        for name, entry in config.methods.items()
    }
    return Grid(config, found_datasets, found_methods)


def _entry(
    entry: dict[str, Any], key: str, name: str, settings_of: Callable[[str], type[AnySettings]], where: str
) -> Entry[AnySettings]:
    """An entry's module, which ``key`` names if it is not the entry's own name, and its checked settings."""
    module = str(entry.get(key, name))
    try:
        kind = settings_of(module)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    rest = {field: value for field, value in entry.items() if field != key}
    return Entry(module, parse(kind, json.dumps(rest, default=str), where))
