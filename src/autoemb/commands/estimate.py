"""Estimate what a config will cost before it is run: jobs, steps, core-hours, wall time, disk and memory."""

import argparse
import os
from pathlib import Path
from typing import Any

import pandas as pd

from autoemb.artifact.files import expect_file, read_json
from autoemb.artifact.place import RESULTS, name_of
from autoemb.artifact.yaml import read_yaml
from autoemb.commands._job import positive
from autoemb.config import DatasetConfig
from autoemb.data import datasets
from autoemb.data.datasets import synthetic
from autoemb.data.datasets.base import Counts
from autoemb.data.interactions import Interactions
from autoemb.errors import InputError
from autoemb.experiment import grid
from autoemb.experiment.entries import Entry
from autoemb.experiment.estimate import Found, estimate, text
from autoemb.experiment.jobs import TrainingJob


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The config, and the machine."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="a config, as YAML")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser.add_argument(
        "--cores", type=positive, default=cores, help="jobs that run at a time, as of snakemake; all cores by default"
    )
    parser.add_argument(
        "--results", type=Path, help="what the config has made so far; by default results/ and its name"
    )


def run(arguments: argparse.Namespace) -> None:
    """Config -> text."""
    file: Path = arguments.config
    resolved = grid.load(read_yaml(file), str(file))
    results = arguments.results or RESULTS / name_of(resolved.config.name, [str(file)])
    try:
        found = {
            name: counted(entry, results / "interactions" / f"{name}.counts.json", f"{file}: datasets.{name}")
            for name, entry in resolved.datasets.items()
        }
        of = estimate(resolved, found, arguments.cores, lambda job: seconds_of(job, results))
    except InputError as error:
        raise InputError(str(error) if str(file) in str(error) else f"{file}: {error}") from error
    print(text(of, str(file), arguments.cores), end="")


def counted(entry: Entry[DatasetConfig], counts: Path, where: str) -> Found:
    """How many ratings, users and items a data set has, as far as this is known without a download.

    Args:
        entry: the data set.
        counts: what ``autoemb interactions`` wrote of it, if it has been read.
        where: the entry's name in the config.

    Raises:
        InputError: nothing says it, and there is no archive to count.
    """
    dataset = datasets.find(entry.module)
    if counts.is_file():
        return Found(_read(counts), str(counts))
    if isinstance(entry.settings, synthetic.Config):
        settings = entry.settings
        return Found(Counts(settings.rows, settings.users, settings.items), "the config")
    if dataset.expected is not None:
        return Found(dataset.expected, "its publisher")
    archive = Path(entry.settings.archive or "")
    expect_file(archive, "the ratings, which are counted", f"{where}.archive: {archive}")
    read_here = Interactions(dataset.read(archive, entry.settings), entry.settings.duplicates)
    return Found(Counts(read_here.rows, len(read_here.users), len(read_here.items)), f"{archive}, counted now")


def seconds_of(job: TrainingJob, results: Path) -> float | None:
    """Processor seconds of a job that has been run, as Snakemake's benchmark has them; None where there are none."""
    benchmark = results / "benchmarks" / f"{job.path}.tsv"
    if not benchmark.is_file():
        return None
    seconds = pd.to_numeric(pd.read_csv(benchmark, sep="\t")["cpu_time"], errors="coerce")
    return None if seconds.isna().any() or seconds.empty else float(seconds.iloc[-1])


def _read(counts: Path) -> Counts:
    try:
        content: dict[str, Any] = read_json(counts, "ratings, users and items")
        return Counts(*(int(content[name]) for name in Counts._fields))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{counts}: cannot be read ({error!r}); expected ratings, users and items") from error
