"""Train and test one model at every level of the splits by popularity level."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from autoemb.artifact.parquet import StoredTable, write_table
from autoemb.artifact.record import add_argument, checksums, write_record
from autoemb.commands import _job
from autoemb.config import LevelModel, LevelsConfig, RunConfig, parse
from autoemb.errors import InputError
from autoemb.learning.levels import run_levels
from autoemb.schema import LEVEL_SPLITS, LEVELS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, output."""
    parser.add_argument(
        "--splits",
        type=Path,
        nargs="+",
        required=True,
        help="Parquet tables: each seed's split, in order, or the one of all",
    )
    parser.add_argument("--model", required=True, help="method, size, start and length of training, as JSON")
    parser.add_argument("--settings", required=True, help="settings of the levels, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="Parquet file to write")
    _job.add_arguments(parser)
    add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Splits -> outcomes by popularity level."""
    config = parse(LevelsConfig, arguments.settings, "--settings")
    training = parse(RunConfig, arguments.training, "--run")
    model = parse(LevelModel, arguments.model, "--model")
    resolved = {"model": model.model_dump(), "levels": config.model_dump(), "run": training.model_dump()}
    splits = [StoredTable(path, LEVEL_SPLITS) for path in of_seeds(arguments.splits, config, training.seeds)]
    with _job.begin(arguments, arguments.record, resolved, [__name__], arguments.splits, training.device) as job:
        outcomes = run_levels(splits, model, config, training, job.device, job.checkpoint, arguments.chunk)
        job.check()
        write_table(outcomes, arguments.out, LEVELS)
        if arguments.record:
            write_record(job.record(checksums([arguments.out], arguments.record)), arguments.record)


def of_seeds(paths: Sequence[Path], config: LevelsConfig, seeds: int) -> list[Path]:
    """The split of each seed.

    Raises:
        InputError: they are not as many as the settings ask for, or one stands there twice.
    """
    shared = config.permutations == "one"
    if len(paths) != (1 if shared else seeds):
        expected = "1, which all seeds share" if shared else f"{seeds}, one for each of the run's seeds"
        raise InputError(f"--splits: {len(paths)} files; permutations = {config.permutations!r}: expected {expected}")
    if len(set(paths)) < len(paths):
        raise InputError("--splits: a file stands there twice; expected a split for each seed")
    return [paths[0]] * seeds if shared else list(paths)
