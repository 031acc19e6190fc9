"""Train and test one embedding size at every level of the popularity-bucket splits."""

import argparse
import logging
from contextlib import nullcontext
from pathlib import Path

from autoemb.artifact.parquet import read_table, write_table
from autoemb.artifact.record import Alone, add_argument, checksums, record, recorded
from autoemb.config import PopularityConfig, RunConfig, parse
from autoemb.learning.checkpoint import Checkpoint, identity
from autoemb.learning.levels import run_levels
from autoemb.learning.machine.device import chosen
from autoemb.schema import BUCKETS, POPULARITY


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, output."""
    parser.add_argument("--buckets", type=Path, required=True, help="Parquet table of the splits")
    parser.add_argument("--size", type=int, required=True, help="embedding size")
    parser.add_argument("--settings", required=True, help="settings of the splits, as JSON")
    parser.add_argument("--run", dest="training", required=True, help="settings of the run, as JSON")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--gpu-share", type=int, default=1, help="jobs that may use one GPU at a time")
    parser.add_argument("--checkpoint", type=Path, help="file to leave finished models' sums in, and to go on from")
    parser.add_argument("--checkpoint-seconds", type=float, default=300, help="seconds between two states")
    parser.add_argument("--out", type=Path, required=True, help="Parquet file to write")
    add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Splits -> outcomes by popularity level."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    alone = Alone(arguments.record)
    config = parse(PopularityConfig, arguments.settings, "--settings")
    training = parse(RunConfig, arguments.training, "--run")
    resolved = {"size": arguments.size, "popularity": config.model_dump(), "run": training.model_dump()}
    with (
        chosen(training.device, arguments.threads, arguments.gpu_share) as device,
        recorded(arguments.record, resolved, [__name__], [arguments.buckets], [arguments.out], device) as own,
    ):
        buckets = read_table(arguments.buckets, BUCKETS)
        checkpoint = None
        if arguments.checkpoint:
            made = {**record(resolved, [__name__], device), "threads": arguments.threads}
            made |= {"inputs": checksums([arguments.buckets], arguments.out)}
            key = identity({name: value for name, value in made.items() if name != "commit"})
            checkpoint = Checkpoint(arguments.checkpoint, key, arguments.checkpoint_seconds)
        with checkpoint.heeding_signals() if checkpoint else nullcontext():
            result = run_levels(buckets, arguments.size, config, training, device, checkpoint)
            alone.check(own)
            write_table(result, arguments.out, POPULARITY)
