"""Train and test one model at every level of the splits by popularity level."""

import argparse
from pathlib import Path

from autoemb.artifact.files import write_json
from autoemb.artifact.parquet import read_table, write_table
from autoemb.artifact.record import add_argument, checksums
from autoemb.commands import _job
from autoemb.config import LevelModel, LevelsConfig, RunConfig, parse
from autoemb.learning.levels import run_levels
from autoemb.schema import LEVEL_SPLITS, LEVELS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, output."""
    parser.add_argument("--splits", type=Path, required=True, help="Parquet table of the splits")
    parser.add_argument("--model", required=True, help="method, size and start, as JSON")
    parser.add_argument("--settings", required=True, help="settings of the splits, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="Parquet file to write")
    _job.add_arguments(parser)
    add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Splits -> outcomes by popularity level."""
    config = parse(LevelsConfig, arguments.settings, "--settings")
    training = parse(RunConfig, arguments.training, "--run")
    model = parse(LevelModel, arguments.model, "--model")
    resolved = {"model": model.model_dump(), "levels": config.model_dump(), "run": training.model_dump()}
    with _job.begin(arguments, arguments.record, resolved, [__name__], [arguments.splits], training.device) as job:
        splits = read_table(arguments.splits, LEVEL_SPLITS)
        outcomes = run_levels(splits, model, config, training, job.device, job.checkpoint, arguments.chunk)
        job.check()
        write_table(outcomes, arguments.out, LEVELS)
        if arguments.record:
            write_json(job.record(checksums([arguments.out], arguments.record)), arguments.record)
