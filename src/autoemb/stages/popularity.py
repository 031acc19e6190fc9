"""Train and test one embedding size at every level of the popularity-bucket splits."""

import argparse
import logging
from contextlib import nullcontext
from pathlib import Path

from autoemb.checkpoint import Checkpoint, identity
from autoemb.config import PopularityConfig, RunConfig
from autoemb.device import choose
from autoemb.files import read_table, write_table
from autoemb.popularity import run_levels
from autoemb.provenance import record
from autoemb.schema import BUCKETS, POPULARITY
from autoemb.settings import parse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, output."""
    parser.add_argument("--buckets", type=Path, required=True, help="Parquet table of the splits")
    parser.add_argument("--size", type=int, required=True, help="embedding size")
    parser.add_argument("--settings", required=True, help="settings of the splits, as JSON")
    parser.add_argument("--run", dest="training", required=True, help="settings of the run, as JSON")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--checkpoint", type=Path, help="file to leave finished models' sums in, and to go on from")
    parser.add_argument("--checkpoint-seconds", type=float, default=300, help="seconds between two states")
    parser.add_argument("--out", type=Path, required=True, help="Parquet file to write")


def run(arguments: argparse.Namespace) -> None:
    """Splits -> outcomes by popularity level."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = parse(PopularityConfig, arguments.settings, "--settings")
    training = parse(RunConfig, arguments.training, "--run")
    device = choose(training.device, arguments.threads)
    buckets = read_table(arguments.buckets, BUCKETS)
    checkpoint = None
    if arguments.checkpoint:
        asked = {"size": arguments.size, "settings": config.model_dump(), "run": training.model_dump()}
        made = {**record(asked, [__name__], [arguments.buckets], device), "threads": arguments.threads}
        key = identity({key: value for key, value in made.items() if key != "commit"})
        checkpoint = Checkpoint(arguments.checkpoint, key, arguments.checkpoint_seconds)
    with checkpoint.heeding_signals() if checkpoint else nullcontext():
        result = run_levels(buckets, arguments.size, config, training, device, checkpoint)
        write_table(result, arguments.out, POPULARITY)
