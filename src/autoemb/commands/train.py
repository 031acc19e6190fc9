"""Run one method over a stream for every seed, or for some of them, and record its outcomes."""

import argparse
import logging
import re
from collections.abc import Sequence
from pathlib import Path

import torch

from autoemb.artifact.files import whole_folder
from autoemb.artifact.parquet import write_table
from autoemb.artifact.record import checksums, write_record
from autoemb.commands import _job
from autoemb.config import RunConfig, parse
from autoemb.data.stored import StoredStream
from autoemb.errors import DivergedError, InputError
from autoemb.experiment.choice import changed, read_choice
from autoemb.learning.methods import find
from autoemb.learning.methods.contract import Method
from autoemb.learning.seeds import run_stream
from autoemb.schema import RUN_RECORD, RUN_TABLES

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, output."""
    streams = parser.add_mutually_exclusive_group(required=True)
    streams.add_argument("--stream", type=Path, help="Parquet table of the stream that all seeds go through")
    streams.add_argument(
        "--streams", type=Path, nargs="+", help="those of the seeds trained here, each its own, in order"
    )
    parser.add_argument("--method", required=True, help="module of the method")
    parser.add_argument("--settings", required=True, help="settings of the method, as JSON")
    parser.add_argument("--choice", type=Path, help="JSON file of a choice of the tuning, which replaces some of them")
    parser.add_argument(
        "--may-diverge", action="store_true", help="write tables without rows, and no error, if a loss is not finite"
    )
    parser.add_argument("--seeds", metavar="FIRST-LAST", help="those of the run's seeds to train; the rest elsewhere")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the run's files to")
    _job.add_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """Stream -> run."""
    module = find(arguments.method)
    settings = parse(module.Config, arguments.settings, "--settings")
    if arguments.choice:
        settings = changed(settings, read_choice(arguments.choice).changes, str(arguments.choice))
    training = parse(RunConfig, arguments.training, "--run")
    seeds = seeds_of(arguments.seeds, training.seeds)
    paths = dict.fromkeys(seeds, arguments.stream) if arguments.stream else of_seeds(arguments.streams, seeds)
    streams = {path: StoredStream(path, training.task) for path in dict.fromkeys(paths.values())}
    resolved = {"method": arguments.method, "settings": settings.model_dump(), "run": training.model_dump()}
    if arguments.seeds:
        resolved["seeds"] = arguments.seeds
    record, modules = arguments.out / RUN_RECORD, [__name__, module.__name__]
    used = [*streams, *([arguments.choice] if arguments.choice else [])]
    with _job.begin(arguments, record, resolved, modules, used, training.device) as job:
        config = training.model_copy(update={"device": job.device})

        def build(group: Sequence[int]) -> Method:
            shape = streams[paths[group[0]]].shape(training.classes)
            model: Method = module.Model(settings, shape, group, getattr(torch, config.dtype), config.device)
            return model

        shared = streams[arguments.stream].columns if arguments.stream else None
        columns = shared or {seed: streams[path].columns for seed, path in paths.items()}
        by_user = shared is not None
        try:
            tables = run_stream(build, columns, config, job.checkpoint, seeds, arguments.chunk, by_user).tables()
        except DivergedError as error:
            if not arguments.may_diverge:
                raise
            if job.checkpoint:
                job.checkpoint.path.unlink(missing_ok=True)
            log.info("diverged, which is recorded as tables without rows: %s", error)
            tables = tuple(table.empty() for table in RUN_TABLES)
        interactions = len(streams[paths[seeds.start]])
        log.info("%d interactions x %d seeds in %.1f s", interactions, len(seeds), job.seconds())
        with whole_folder(arguments.out, last=RUN_RECORD) as folder:
            for table, frame in zip(RUN_TABLES, tables, strict=True):
                write_table(frame.assign(seed=frame["seed"] + seeds.start), folder / table.file, table)
            generated = checksums(sorted(folder.iterdir()), folder / RUN_RECORD)
            inputs = dict(zip(map(named, used), job.begun.used.values(), strict=True))
            write_record({**job.record(generated), "inputs": inputs}, folder / RUN_RECORD)
            job.check()


def of_seeds(paths: Sequence[Path], seeds: range) -> dict[int, Path]:
    """The stream of each seed.

    Raises:
        InputError: they are not as many as the seeds, or one stands there twice.
    """
    if len(paths) != len(seeds):
        raise InputError(
            f"--streams: {len(paths)} files; expected {len(seeds)}, one for each seed that is trained here"
        )
    if len(set(paths)) < len(paths):
        raise InputError("--streams: a file stands there twice; expected a stream for each seed, or --stream for all")
    return dict(zip(seeds, paths, strict=True))


def named(path: Path) -> str:
    """What a record calls a stream: its file's name, after the folder's if it is a number, that of a replicate."""
    return f"{path.parent.name}/{path.name}" if path.stem.isdigit() else path.name


def seeds_of(text: str | None, of: int) -> range:
    """The seeds that ``--seeds`` names, of so many; all of them if it is left out.

    Raises:
        InputError: it is not a range of these seeds.
    """
    if text is None:
        return range(of)
    bounds = re.fullmatch(r"(\d+)-(\d+)", text)
    if bounds is None or not int(bounds[1]) <= int(bounds[2]) < of:
        raise InputError(f"--seeds {text}: expected FIRST-LAST, both among the run's seeds 0 to {of - 1}")
    return range(int(bounds[1]), int(bounds[2]) + 1)
