"""The whole workflow's config: what is run on what, resolved and checked before any job.

A value is the config's own; else its protocol's, if it names one; else the field's default.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from autoemb.config import (
    MOST_SEEDS,
    AblationConfig,
    Computation,
    DatasetConfig,
    LevelModel,
    LevelsConfig,
    MethodConfig,
    Name,
    RunConfig,
    Settings,
    StepsLike,
    StreamConfig,
    Task,
    TuningConfig,
    parse,
)
from autoemb.data import datasets
from autoemb.errors import InputError
from autoemb.experiment import protocols
from autoemb.experiment.entries import Entry, dataset, method
from autoemb.experiment.layers import Layer, Layers
from autoemb.experiment.protocols import Protocol
from autoemb.experiment.trials import Ablation, resolve_ablation
from autoemb.experiment.tuning import Tuning, resolve_tuning
from autoemb.names import expect

Entries = Annotated[dict[Name, dict[str, Any]], Field(min_length=1)]


COLUMNS = ("dataset", "metric", "order", "setting", "stream", "task", "value", "varies")
"""What stands beside the methods in tables that have a column for each: no method can be called so."""

ENDINGS = (".counts", ".items", ".users")
"""With which the files beside a data set's interactions end: no data set can be called so."""


def _no_column(methods: dict[str, Any]) -> dict[str, Any]:
    if taken := sorted(set(methods) & set(COLUMNS)):
        raise ValueError(f"{taken[0]!r} is the name of a column of the tables; expected another for the method")
    return methods


def _no_ending(datasets: dict[str, Any]) -> dict[str, Any]:
    if taken := sorted(name for name in datasets if name.endswith(ENDINGS)):
        raise ValueError(f"{taken[0]!r} ends as a file beside a data set's does; expected another name")
    return datasets


class Contents(Settings):
    """What is run on what. Data sets and methods have further keys, those of their modules."""

    name: Name | None = None
    """Of the folder of ``results`` that everything is written to; left out, the config file's without its ending."""

    seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS)]
    """Replicates of every method: seeds 0 .. seeds-1."""

    protocol: str | None = None
    """The protocol that gives the settings, streams and methods that the config leaves out; without one, settings have
    their defaults."""

    datasets: Annotated[Entries, AfterValidator(_no_ending)]
    """The data sets' names, and the settings of each. ``source`` among them is the data set, by default the name."""

    streams: Annotated[dict[Name, StreamConfig], Field(min_length=1)]
    """The streams' names, and the settings of each. A config that names a protocol may have none."""

    tasks: Annotated[tuple[Task, ...], Field(min_length=1)] = ("regression", "classification")
    """``regression`` (binarised rating, MSE of the sigmoid), ``classification`` (classes, cross-entropy)."""

    methods: Annotated[Entries, AfterValidator(_no_column)]
    """The methods' names, and the settings of each. ``method`` among them is the method, by default the name. A config
    that names a protocol may have none."""

    levels: LevelsConfig | None = None
    """The settings of Fig. 1's popularity levels; left out, they are not made."""

    ablation: AblationConfig | None = None
    """The settings of the ablation, in which each setting of the released code is changed alone; left out, there is
    none."""

    tuning: TuningConfig | None = None
    """The settings of the tuning, which compares every method at its best of the same candidates; left out, there is
    none."""


class GridConfig(Computation, Contents):
    """The keys of a config file: what is run on what, how, and in which jobs."""

    seeds_per_job: Annotated[int, Field(ge=1)] | None = None
    """Seeds that one training job has, so that several machines or GPUs share the seeds of a method; the jobs' files
    are put together to those of one job. Left out, one job has all of them."""

    gpu_share: Annotated[int, Field(ge=1)] = 1
    """Training jobs that share one GPU at a time. A cluster assigns GPUs by its own rules."""

    @field_validator("seeds_per_job")
    @classmethod
    def _whole_groups(cls, value: int | None, info: ValidationInfo) -> int | None:
        """Else other seeds would be trained together than in one job, which can change the last bits."""
        at_once = info.data.get("seeds_at_once")
        if value and at_once and value % at_once:
            raise ValueError(f"expected a multiple of seeds_at_once, {at_once}")
        return value


@dataclass(frozen=True)
class Grid:
    """A config with every entry resolved."""

    config: GridConfig
    sources: Layers
    """Who set the values of ``config``."""
    datasets: Mapping[str, Entry[DatasetConfig]]
    methods: Mapping[str, Entry[MethodConfig]]
    ablation: Ablation | None = None
    tuning: Tuning | None = None

    def training(self, dataset: str, task: Task) -> RunConfig:
        """How every method is run on this data set and task."""
        shared = self.config.model_dump(include=set(RunConfig.model_fields))
        return RunConfig(task=task, classes=len(self.datasets[dataset].settings.class_edges), **shared)

    def level_models(self) -> dict[str, LevelModel]:
        """Fig. 1's models by name; none if the config has no levels."""
        levels = self.config.levels
        return {} if levels is None else levels.models(_steps_like(levels))

    def trying(self, dataset: str, task: Task) -> RunConfig:
        """How every method of the ablation is run on this data set and task."""
        training = self.training(dataset, task)
        if self.ablation is None:
            return training
        seeds = self.ablation.config.seeds or self.config.seeds
        return training.model_copy(update={"seeds": seeds, "batch_size": self.ablation.batch_size})

    def candidate_training(self, dataset: str, task: Task) -> RunConfig:
        """How a candidate of the tuning is run: one seed, as every stream has candidates of its own."""
        return self.training(dataset, task).model_copy(update={"seeds": 1})

    def parts(self) -> list[str]:
        """Seeds of each training job, as ``first-last``; none if one job has them all."""
        each = self.config.seeds_per_job or self.config.seeds
        if each >= self.config.seeds:
            return []
        return [f"{first}-{min(first + each, self.config.seeds) - 1}" for first in range(0, self.config.seeds, each)]

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
        InputError: an unknown key, data set, method, protocol or setting, or a value out of its range.
    """
    return resolve(Layers((Layer(where, raw),)), where)


def resolve(layers: Layers, where: str) -> Grid:
    """Validate a config over the protocol that it names.

    Args:
        layers: the config's content, perhaps under options of the command line.
        where: the config's name, for error messages.

    Raises:
        InputError: as ``load``.
    """
    protocol = _protocol(layers, where)
    if protocol is not None:
        layers = protocol.beneath(layers)
    config = parse(GridConfig, json.dumps(layers.values(), default=str), where)
    if config.levels is not None:
        _steps_like(config.levels, f"{where}: ")
    datasets = {
        name: dataset(name, layers.inside("datasets", name), f"{where}: datasets.{name}") for name in config.datasets
    }
    methods = {
        name: method(name, layers.inside("methods", name), protocol, f"{where}: methods.{name}")
        for name in config.methods
    }
    tuning = None
    if config.tuning is not None:
        tuning = resolve_tuning(config.tuning, methods, config.streams, config.tasks, where)
    return Grid(
        config=config,
        sources=layers,
        datasets=datasets,
        methods=methods,
        ablation=resolve_ablation(config.ablation, config.tasks, where) if config.ablation else None,
        tuning=tuning,
    )


def _steps_like(levels: LevelsConfig, where: str = "") -> StepsLike | None:
    """The data set whose steps the levels are given, if they are.

    Raises:
        InputError: it is unknown, or nobody says how many users or items it has.
    """
    name = levels.steps_like
    if name is None:
        return None
    published = {}
    for one in datasets.names():
        if counts := datasets.find(one).expected:
            published[one] = counts.users if levels.side == "user" else counts.items
    known = {one: ids for one, ids in published.items() if ids is not None}
    expect(name, known, f"{where}levels.steps_like = {name!r}")
    return StepsLike(dataset=name, ids=known[name])


def _protocol(layers: Layers, where: str) -> Protocol | None:
    """The protocol that a config names, if it does."""
    name = layers.values().get("protocol")
    try:
        return None if name is None else protocols.find(str(name))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
