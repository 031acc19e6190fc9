"""The whole workflow's config: what is run on what, resolved and checked before any job."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal

from pydantic import Field

from autoemb import datasets, methods
from autoemb.config import DatasetConfig, MethodConfig, Name, PopularityConfig, RunConfig, Settings, StreamConfig, Task
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
    found_datasets, found_methods = {}, {}
    for name, entry in config.datasets.items():
        source = str(entry.get("source", name))
        kind = datasets.find(source).config
        found_datasets[name] = Entry(source, _settings(kind, entry, "source", f"{where}: datasets.{name}"))
    for name, entry in config.methods.items():
        module = str(entry.get("method", name))
        kind = methods.find(module).Config
        found_methods[name] = Entry(module, _settings(kind, entry, "method", f"{where}: methods.{name}"))
    return Grid(config, found_datasets, found_methods)


def _settings(kind: type[AnySettings], entry: dict[str, Any], reserved: str, where: str) -> AnySettings:
    rest = {key: value for key, value in entry.items() if key != reserved}
    return parse(kind, json.dumps(rest, default=str), where)
