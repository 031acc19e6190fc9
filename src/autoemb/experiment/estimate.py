"""What a config will cost before anything of it is run: jobs, steps, core-hours, wall time, disk and memory."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from autoemb.data import datasets
from autoemb.data.datasets.base import Counts
from autoemb.experiment import measured
from autoemb.experiment.cost import MIB, Cost, cost, data_cost, wall_hours
from autoemb.experiment.grid import Grid
from autoemb.experiment.jobs import TrainingJob, jobs

Measured = Callable[[TrainingJob], float | None]
"""Processor seconds of a job that has been run, as its benchmark has them; None where there is none."""


class Found(NamedTuple):
    """What is known of a data set."""

    counts: Counts
    source: str
    """Who says so, in words."""


class Line(NamedTuple):
    """All jobs of one method."""

    stage: str
    name: str
    jobs: int
    steps: int
    ms: tuple[float, float] | None
    """The least and the most that a step of its jobs takes on one core; None where a job's was not timed."""
    hours: float | None
    gpu_hours: float | None
    measured_hours: float
    """Of those of its jobs that have been run."""
    measured_share: float
    """What was measured, over what was estimated of the same jobs; NaN where none has been run."""


class Estimate(NamedTuple):
    """Of a config."""

    found: Mapping[str, Found]
    lines: Sequence[Line]
    hours: Sequence[float]
    """Of every training job whose steps were timed, on one core."""
    untimed: Sequence[str]
    """Methods whose steps were not timed; their jobs are missing from all hours."""
    stood_for: Sequence[str]
    """Methods some of whose steps were timed in another task, or compiled where here they are not, or the reverse."""
    data_hours: float
    """Of reading the data sets and making the streams, one after the other."""
    disk_mib: float
    """Archives, interactions, streams, and one checkpoint for each core."""
    job_mib: Sequence[float]
    """Memory of every training job at its most, the largest first."""
    data_mib: float
    """Memory of reading the largest data set."""


def estimate(grid: Grid, found: Mapping[str, Found], cores: int, known: Measured = lambda job: None) -> Estimate:
    """Estimate a config.

    Args:
        grid: the config, resolved.
        found: of every data set, its counts.
        cores: jobs that run at a time.
        known: what was measured of jobs that have been run.

    Raises:
        InputError: a test part leaves nothing to train on.
    """
    every = [(job, cost(job, found[job.dataset].counts)) for job in jobs(grid)]
    groups: dict[tuple[str, str], list[tuple[TrainingJob, Cost]]] = {}
    for job, of in every:
        groups.setdefault((job.stage, job.name), []).append((job, of))
    ratings = {name: each.counts.ratings for name, each in found.items()}
    memory = sorted((of.mib for _, of in every), reverse=True)
    data = {name: data_cost(n) for name, n in ratings.items()}
    made = {name: _streams(grid, name) for name in ratings}
    reading = sum(seconds * made[name] for name, (seconds, _) in data.items())
    states = sorted((of.state_mib for _, of in every), reverse=True)[:cores]
    return Estimate(
        found=found,
        lines=[_line(*key, group, known) for key, group in groups.items()],
        hours=[of.hours for _, of in every if of.hours is not None],
        untimed=sorted({job.module for job, of in every if of.hours is None}),
        stood_for=sorted({job.module for job, of in every if of.hours is not None and not of.as_timed}),
        data_hours=reading / 3600,
        disk_mib=sum(_disk_mib(grid, name, n, made[name]) for name, n in ratings.items()) + sum(states),
        job_mib=memory,
        data_mib=max(mib for _, mib in data.values()),
    )


def _line(stage: str, name: str, group: Sequence[tuple[TrainingJob, Cost]], known: Measured) -> Line:
    costs = [of for _, of in group]
    ms = [of.ms for of in costs if of.ms is not None]
    hours = [of.hours for of in costs if of.hours is not None]
    gpu = [of.gpu_hours for of in costs if of.gpu_hours is not None]
    run = [(seconds, of.hours) for job, of in group if (seconds := known(job)) is not None and of.hours is not None]
    seconds, estimated = (math.fsum(each) for each in zip(*run, strict=True)) if run else (0.0, math.nan)
    return Line(
        stage=stage,
        name=name,
        jobs=len(group),
        steps=sum(of.steps for of in costs),
        ms=(min(ms), max(ms)) if len(ms) == len(costs) else None,
        hours=math.fsum(hours) if len(hours) == len(costs) else None,
        gpu_hours=math.fsum(gpu) if len(gpu) == len(costs) else None,
        measured_hours=seconds / 3600,
        measured_share=seconds / 3600 / estimated,
    )


def _streams(grid: Grid, dataset: str) -> int:
    """How many streams are made of a data set."""
    streams = [(stream, grid.config.seeds) for stream in grid.config.streams.values()]
    if grid.ablation is not None:
        seeds = grid.trying(dataset, "regression").seeds
        streams += [(stream, seeds) for stream in grid.ablation.streams.values()]
    return sum(seeds if stream.permuted else 1 for stream, seeds in streams)


def _disk_mib(grid: Grid, name: str, ratings: int, streams: int) -> float:
    """The archive where its size is known, the interactions, and the streams, none of them cut short."""
    archive = datasets.find(grid.datasets[name].module).size or 0
    each = measured.files().groupby("kind")["bytes_per_rating"].max()
    return float(archive + ratings * (each["interactions"] + streams * each["stream"])) / MIB


def text(of: Estimate, config: str, cores: int) -> str:
    """The estimate in words and tables.

    Args:
        of: the estimate.
        config: its file.
        cores: jobs that run at a time.
    """
    timed = measured.steps()
    about = sorted({f"{row.cpu} ({row.capability}), torch {row.torch}, {row.date}" for row in timed.itertuples()})
    total, wall = math.fsum(of.hours), wall_hours(of.hours, cores) if of.hours else 0.0
    lines = [
        f"estimate of {config}",
        "",
        f"From steps timed on one core of: {'; '.join(about)} (`make bench-steps`). On another machine, or beside other"
        " work, it may be half or twice as long.",
        "",
        *_table(
            ["data set", "ratings", "users", "items", "from"],
            [[name, *(_number(n) for n in found.counts), found.source] for name, found in of.found.items()],
        ),
        "",
        *_table(
            ["stage", "method", "jobs", "steps", "ms a step", "core-hours", "GPU-hours", "measured so far"],
            [*(_cells(line) for line in of.lines), _total(of, total)],
        ),
        "",
        f"wall time      {_hours(wall + of.data_hours)} with --cores {cores}:"
        f" {_hours(of.data_hours)} for data and streams, the rest for training;"
        " tables, figures and the report take minutes more",
        f"disk           {_size(of.disk_mib)} in results: archives, interactions, streams, checkpoints",
        f"memory         {_size(max(sum(of.job_mib[:cores]), of.data_mib))} at most with --cores {cores};"
        f" one training job at most {_size(of.job_mib[0])}, reading the data {_size(of.data_mib)}",
        f"with a GPU     {_on_gpu(of)}",
    ]
    if of.stood_for:
        lines.append(
            f"taken over     {', '.join(of.stood_for)}: some steps were timed only in the other task, or only compiled,"
            " or only eagerly; those times stand for them"
        )
    if of.untimed:
        lines.append(f"not included   {', '.join(of.untimed)}: not timed, so all times above are too short")
    return "\n".join(lines) + "\n"


def _on_gpu(of: Estimate) -> str:
    gpu = measured.gpu()
    named = [line for line in of.lines if line.gpu_hours is not None]
    timed = gpu.groupby(["device", "task"])
    of_each = "; ".join(f"on one {device}: {_listed(rows)} ({task})" for (device, task), rows in timed)
    told = f"only steps with six sizes were timed, {of_each}"
    if not named:
        return f"not measured: {told}"
    core = math.fsum(line.hours or 0 for line in named)
    return (
        f"{_hours(math.fsum(line.gpu_hours or 0 for line in named))} instead of {_hours(core)} on one core for"
        f" {', '.join(dict.fromkeys(line.name for line in named))}; the rest is not measured ({told})"
    )


def _listed(rows: pd.DataFrame) -> str:
    return ", ".join(sorted(set(rows["method"])))


def _cells(line: Line) -> list[str]:
    ms = "not timed"
    if line.ms is not None:
        ms = " to ".join(dict.fromkeys(f"{each:.1f}" for each in line.ms))
    share = "" if math.isnan(line.measured_share) else f"{_hours(line.measured_hours)}, {line.measured_share:.2f} of it"
    return [
        line.stage,
        line.name,
        str(line.jobs),
        f"{line.steps:,}",
        ms,
        "not timed" if line.hours is None else f"{line.hours:.2f}",
        "not measured" if line.gpu_hours is None else f"{line.gpu_hours:.2f}",
        share,
    ]


def _total(of: Estimate, hours: float) -> list[str]:
    run = [line for line in of.lines if not math.isnan(line.measured_share)]
    seconds = math.fsum(line.measured_hours for line in run)
    estimated = math.fsum(line.measured_hours / line.measured_share for line in run)
    share = f"{_hours(seconds)}, {seconds / estimated:.2f} of it" if run else ""
    steps = sum(line.steps for line in of.lines)
    return ["total", "", str(sum(line.jobs for line in of.lines)), f"{steps:,}", "", f"{hours:.2f}", "", share]


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (names, *rows)
    ]


def _number(n: int | None) -> str:
    return "unknown" if n is None else f"{n:,}"


def _size(mib: float) -> str:
    return f"{mib:.0f} MiB" if mib < 1024 else f"{mib / 1024:.1f} GiB"


def _hours(hours: float) -> str:
    if hours < 1.5 / 60:
        return f"{hours * 3600:.0f} s"
    return f"{hours * 60:.0f} min" if hours < 1.5 else f"{hours:.1f} h"
