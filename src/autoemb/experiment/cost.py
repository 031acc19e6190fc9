"""What training jobs will cost, estimated from steps that were timed on one machine (``measured``).

A step's time lies on the line through the two sizes of the method that were timed (``measured.extent``), and goes with
the batch size; other settings, such as ``hidden``, are taken to be as they were. It does not depend on the tables' rows
(docs/performance.md). A run that has steps enough to be compiled has the time of a compiled step, and of compiling.
"""

import heapq
import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from autoemb.config import LevelsConfig, MethodConfig, RunConfig, StreamConfig, Task
from autoemb.data.columns import Shape
from autoemb.data.datasets.base import Counts
from autoemb.experiment import measured
from autoemb.experiment.jobs import TrainingJob
from autoemb.learning import methods
from autoemb.learning.machine.engine import PAYS_FROM
from autoemb.learning.methods.contract import Method

TIMED_BATCH = 500
"""Interactions of the batches that were timed."""

FEW = (3, 1, 1, 1)
"""Users, items and popularities of the tables from whose bytes those of large ones are told. One more item is still no
more than there are users, which a quirk of the released code asks for (``item_context_loss``)."""

MIB = 2**20


class Cost(NamedTuple):
    """Of one training job."""

    steps: int
    """Batches that its seeds learn from, together."""
    ms: float | None
    """Milliseconds of a step on one core; None where the method was not timed."""
    as_timed: bool
    """Whether its steps were timed in this task, and compiled or not as here; else those that were stand for them."""
    hours: float | None
    """On one core."""
    gpu_hours: float | None
    """On the GPU that was measured; None where such steps were not timed on it."""
    mib: float
    """Memory of its process at its most."""
    state_mib: float
    """Of that, what one seed of the method holds; a checkpoint has it on disk."""


def cost(job: TrainingJob, counts: Counts) -> Cost:
    """What a job costs on data of so many ratings, users and items.

    Raises:
        InputError: the test part leaves nothing to train on.
    """
    batches, probe = job.batches(counts), _made(job.module, job.settings, job.training)
    of_run = batches.learnt * job.training.seeds
    compiled = job.stage != "levels" and _compiles(job.training, of_run, probe.eager)
    timed = _timed(job.module, job.training.task, compiled)
    apart = isinstance(job.through, LevelsConfig) or job.through.permuted
    seeds = 1 if probe.seedless and not apart else job.seeds  # as ``learning.seeds`` goes through a stream
    steps = batches.learnt * seeds
    state = _state_mib(job, counts)
    stream_mib = 17 * counts.ratings / MIB if probe.validation == "last_random" else 0.0
    base = float(timed["base_mib"].max()) if len(timed) else float(measured.steps()["base_mib"].max())
    mib = base + stream_mib + state
    if not len(timed):
        return Cost(steps, None, False, None, None, mib, state)
    share, extent = job.training.batch_size / TIMED_BATCH, measured.extent(job.settings)
    ms, predict_ms = (_at(extent, timed, of) * share for of in ("cpu_ms", "predict_ms"))
    start = measured.start_seconds() + (float(timed["start_s"].max()) if compiled else 0.0)
    seconds = (steps * ms + batches.predicted * seeds * predict_ms) / 1e3 + start
    as_timed = bool(((timed["task"] == job.training.task) & (timed["compiled"] == compiled)).all())
    return Cost(steps, ms, as_timed, seconds / 3600, _gpu_hours(job, batches.learnt), mib, state)


def wall_hours(hours: Sequence[float], cores: int) -> float:
    """How long jobs of these hours take on so many cores: the longest first, each on the core that is free first."""
    busy = [0.0] * cores
    for each in sorted(hours, reverse=True):
        heapq.heapreplace(busy, busy[0] + each)
    return max(busy)


def data_cost(ratings: int) -> tuple[float, float]:
    """Reading so many ratings and making one stream of them: seconds, and MiB of the larger of the two processes.

    Interpolated between the numbers of ratings that were measured; of the formats, the slowest.
    """
    stages = measured.data()
    table = stages[stages["stage"] == "archive to stream"].groupby("ratings")[["seconds", "peak_mib"]].max()
    at = table.index.to_numpy(float)
    if ratings > at[-1]:
        seconds, mib = (float(table[name].iloc[-1]) * ratings / at[-1] for name in ("seconds", "peak_mib"))
        return seconds, mib
    seconds, mib = (float(np.interp(ratings, at, table[name])) for name in ("seconds", "peak_mib"))
    return seconds, mib


def _compiles(training: RunConfig, steps: int, eager: str | None) -> bool:
    """As ``engine.decide`` on a CPU that can compile."""
    if eager is not None or training.compile == "never":
        return False
    return training.compile == "always" or steps >= PAYS_FROM["cpu"]


@cache
def _timed(module: str, task: Task, compiled: bool) -> pd.DataFrame:
    """The rows of a method's steps; none of a method that was never timed.

    Where this task was not timed, those of the other one; where this way to run was not, those of the other way.
    """
    table = measured.steps()
    of_method = table[table["method"] == module].sort_values("extent")
    same_way, same_task = of_method["compiled"] == compiled, of_method["task"] == task
    for rows in (of_method[same_way & same_task], of_method[same_way], of_method[same_task]):
        if len(rows):
            return rows
    return of_method


def _at(extent: int, timed: pd.DataFrame, of: str) -> float:
    """A time at some extent, on the line through what was timed: it grows with the extent, and is never below half."""
    x, y = timed["extent"].to_numpy(float), timed[of].to_numpy(float)
    slope = max((y[-1] - y[0]) / (x[-1] - x[0]), 0.0) if x[-1] > x[0] else 0.0
    return float(max(y[0] + slope * (extent - x[0]), y[0] / 2))


def _gpu_hours(job: TrainingJob, steps: int) -> float | None:
    """Of seeds that go together where they share a stream; without what reading and recording take on the CPU.

    What would be compiled and was timed uncompiled alone has that time, which is longer.
    """
    table = measured.gpu()
    table = table[(table["method"] == job.module) & (table["task"] == job.training.task)]
    compiled = job.training.compile == "always" or (
        job.training.compile == "auto" and steps * job.training.seeds >= PAYS_FROM["cuda"]
    )
    way = "compiled" if compiled and "compiled" in set(table["step"]) else "captured"
    rows = table[table["step"] == way]
    rows = rows[rows["device"] == rows["device"].max()]  # one of those that timed it, always the same
    if not len(rows) or job.stage == "levels" or job.training.batch_size != TIMED_BATCH:
        return None
    rows = rows.sort_values("seeds")
    apart = isinstance(job.through, StreamConfig) and job.through.permuted
    together = 1 if apart else min(job.training.seeds_at_once or job.seeds, int(rows["seeds"].max()))
    groups = math.ceil(job.seeds / together)
    microseconds = float(np.interp(together, rows["seeds"].to_numpy(float), rows["us_per_step"].to_numpy(float)))
    return (groups * steps * microseconds / 1e6 + float(rows["start_s"].max())) / 3600


@cache
def _made(module: str, settings: MethodConfig, training: RunConfig, *more: int) -> Method:
    """One seed of a method with tables of ``FEW`` rows, or of so many more users, items and popularities."""
    rows = more or (0, 0, 0, 0)
    users, items, user_popularity, item_popularity = (few + each for few, each in zip(FEW, rows, strict=True))
    shape = Shape(training.task, users, items, user_popularity, item_popularity, training.classes)
    dtype = getattr(torch, training.dtype)
    made: Method = methods.find(module).Model(settings, shape, [0], dtype, "cpu")
    return made


def _state_mib(job: TrainingJob, counts: Counts) -> float:
    """What one seed holds at most: it grows evenly with the rows of each kind.

    The largest popularity is not known before the data are read: of a user, it is at most the number of items.
    """
    items = counts.items or counts.ratings
    rows = counts.users, items, items, counts.users
    if job.stage == "levels":
        rows = *rows[:2], 0, 0
    start = _bytes(job, ())
    each = [_bytes(job, tuple(int(i == n) for i in range(4))) - start for n in range(4)]
    return (start + sum((n - few) * one for n, few, one in zip(rows, FEW, each, strict=True) if n)) / MIB


def _bytes(job: TrainingJob, more: tuple[int, ...]) -> int:
    state: Mapping[str, torch.Tensor] = _made(job.module, job.settings, job.training, *more).state_dict()
    storages = {x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in state.values()}
    return sum(storages.values())
