"""Train and test one embedding size at every level of the popularity-bucket splits."""

import argparse
from pathlib import Path

from autoemb.artifact.files import write_json
from autoemb.artifact.parquet import read_table, write_table
from autoemb.artifact.record import add_argument, checksums
from autoemb.commands import _job
from autoemb.config import PopularityConfig, RunConfig, parse
from autoemb.learning.levels import run_levels
from autoemb.schema import BUCKETS, POPULARITY


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, output."""
    parser.add_argument("--buckets", type=Path, required=True, help="Parquet table of the splits")
    parser.add_argument("--size", type=int, required=True, help="embedding size")
    parser.add_argument("--settings", required=True, help="settings of the splits, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="Parquet file to write")
    _job.add_arguments(parser)
    add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Splits -> outcomes by popularity level."""
    config = parse(PopularityConfig, arguments.settings, "--settings")
    training = parse(RunConfig, arguments.training, "--run")
    resolved = {"size": arguments.size, "popularity": config.model_dump(), "run": training.model_dump()}
    with _job.begin(arguments, arguments.record, resolved, [__name__], [arguments.buckets], training.device) as job:
        buckets = read_table(arguments.buckets, BUCKETS)
        outcomes = run_levels(buckets, arguments.size, config, training, job.device, job.checkpoint, arguments.chunk)
        job.check()
        write_table(outcomes, arguments.out, POPULARITY)
        if arguments.record:
            write_json(job.record(checksums([arguments.out], arguments.record)), arguments.record)
