"""Every training job that a config asks for: which method, on what, how many batches; known before any data is read.

The workflow makes the same jobs (``workflow/rules``), and a test holds the two equal. Another stage that trains is a
function that yields its jobs, and a word in ``jobs``.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from autoemb.config import LevelModel, LevelsConfig, MethodConfig, RunConfig, StreamConfig
from autoemb.data.datasets.base import Counts
from autoemb.data.stream import test_count
from autoemb.experiment.grid import Grid
from autoemb.learning import methods

Stage = Literal["train", "tune", "train_tuned", "ablate", "levels"]
"""The workflow's rule; the folder of its benchmarks has the same name."""


class Batches(NamedTuple):
    """What one seed of a job goes through."""

    learnt: int
    """Batches that are predicted and learnt from: steps."""
    predicted: int = 0
    """Batches that are predicted alone."""


@dataclass(frozen=True)
class TrainingJob:
    """Some seeds of a method on the same data and task."""

    stage: Stage
    dataset: str
    place: str
    """The stream, the trial of the ablation, or the side of the levels."""
    name: str
    """Of the method, or of the levels' model, in the config."""
    module: str
    settings: MethodConfig
    training: RunConfig
    """Its seeds are those of the whole run."""
    through: StreamConfig | LevelsConfig
    part: str = ""
    """Which of the run's seeds the job has, as ``first-last``; all of them if empty."""
    model: LevelModel | None = None
    """Of the levels, the model; of the others None."""
    within: str = ""
    """Of the tuning, the replicate and the candidate, as the path has them."""
    held_out: float | None = None
    """Of the tuning's candidates, the share of the stream's train part that they are compared on; they go through that
    part alone. None of all others, which go through the whole stream."""

    @property
    def path(self) -> str:
        """Of its benchmark's file, below the folder ``benchmarks``, without the ending."""
        within = self.within or (f"parts/{self.part}" if self.part else "")
        path = f"{self.stage}/{self.dataset}/{self.place}/{self.training.task}/{self.name}"
        return f"{path}/{within}" if within else path

    @property
    def seeds(self) -> int:
        """How many seeds the job trains."""
        if not self.part:
            return self.training.seeds
        first, last = map(int, self.part.split("-"))
        return last - first + 1

    def batches(self, counts: Counts) -> Batches:
        """What one seed goes through: on data of so many ratings, users and items that occur.

        Three numbers are not exact until the data are read: of a stream without its rarest items, which have 1 % of
        the ratings; of one with a sample of the users, who are taken to have as many ratings each as all of them; and
        of the levels, where every id is taken to have ratings enough for the highest.

        Raises:
            InputError: the test part leaves nothing to train on.
        """
        if isinstance(self.through, StreamConfig):
            return _of_stream(self.through, counts, self.training.batch_size, self.held_out)
        if self.model is None:
            raise ValueError(f"{self.path}: expected the model of popularity levels")
        return _of_levels(self.through, self.model, counts, self.training.batch_size)


def jobs(grid: Grid) -> list[TrainingJob]:
    """All training jobs of a config, stage by stage."""
    return [*_runs(grid), *_tuning(grid), *_trials(grid), *_levels(grid)]


def _runs(grid: Grid) -> Iterator[TrainingJob]:
    for dataset in grid.datasets:
        for stream, through in grid.config.streams.items():
            for task in grid.config.tasks:
                training = grid.training(dataset, task)
                for name, entry in grid.methods.items():
                    for part in grid.parts() or [""]:
                        yield TrainingJob(
                            "train", dataset, stream, name, entry.module, entry.settings, training, through, part
                        )


def _tuning(grid: Grid) -> Iterator[TrainingJob]:
    """The candidates of each method and replicate, and the replicates of the chosen ones."""
    tuning = grid.tuning
    if tuning is None:
        return
    replicates = range(grid.config.seeds)
    for dataset in grid.datasets:
        for stream in tuning.streams:
            through = grid.config.streams[stream]
            for task in tuning.tasks:
                training, trying = grid.training(dataset, task), grid.candidate_training(dataset, task)
                for name, candidates in tuning.candidates.items():
                    module = grid.methods[name].module
                    for replicate in replicates if through.permuted else [0]:
                        for place, settings in enumerate(candidates):
                            within = f"seed_{replicate}/candidate_{place}"
                            yield TrainingJob(
                                "tune", dataset, stream, name, module, settings, trying, through,
                                within=within, held_out=tuning.config.last,
                            )  # fmt: skip
                    for replicate in replicates:  # of the settings that are not known yet, the configured ones
                        yield TrainingJob(
                            "train_tuned", dataset, stream, name, module, grid.methods[name].settings, training,
                            through, f"{replicate}-{replicate}", within=f"seed_{replicate}",
                        )  # fmt: skip


def _trials(grid: Grid) -> Iterator[TrainingJob]:
    ablation = grid.ablation
    if ablation is None:
        return
    for dataset in grid.datasets:
        for trial, entries in ablation.methods.items():
            through = ablation.streams[ablation.stream_of(trial)]
            for task in ablation.tasks[trial]:
                training = grid.trying(dataset, task)
                for name, entry in entries.items():
                    yield TrainingJob("ablate", dataset, trial, name, entry.module, entry.settings, training, through)


def _levels(grid: Grid) -> Iterator[TrainingJob]:
    levels = grid.config.levels
    if levels is None:
        return
    for dataset in grid.datasets:
        for task in grid.config.tasks:
            training = grid.training(dataset, task)
            for name, model in grid.level_models().items():
                settings = _settings_of(model, levels)
                yield TrainingJob(
                    "levels", dataset, levels.side, name, model.method, settings, training, levels, model=model
                )


def _settings_of(model: LevelModel, levels: LevelsConfig) -> MethodConfig:
    """What the cost of a levels' model goes by."""
    given = {"size": model.size, "path": levels.path} if model.method == "fse" else {}
    settings: MethodConfig = methods.find(model.method).Config(**given)
    return settings


def _of_stream(stream: StreamConfig, counts: Counts, batch_size: int, held_out: float | None) -> Batches:
    drawn = max(round(counts.ratings * stream.users), 2)
    n = min(drawn, stream.first or drawn)
    train = n - test_count(stream.test, n)
    if held_out is not None:
        train, n = train - test_count(held_out, train), train
    return Batches(math.ceil(train / batch_size) + math.ceil((n - train) / batch_size))


def _of_levels(levels: LevelsConfig, model: LevelModel, counts: Counts, batch_size: int) -> Batches:
    ids = counts.users if levels.side == "user" else counts.items or counts.ratings
    trained = [min(ids * level, counts.ratings) for level in levels.at]
    tested = round(counts.ratings * levels.test_share)
    learnt = sum(model.steps(level, n, batch_size) for level, n in zip(levels.at, trained, strict=True))
    return Batches(learnt, math.ceil(tested / batch_size) * len(levels.at))
