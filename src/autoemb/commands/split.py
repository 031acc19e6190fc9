"""Cut the splits by popularity level of Fig. 1 from the interactions."""

import argparse
from pathlib import Path

from autoemb.artifact.parquet import StoredTable, write_table
from autoemb.artifact.record import add_argument, recorded
from autoemb.config import DatasetConfig, LevelsConfig, parse
from autoemb.data.stream import level_splits
from autoemb.schema import INTERACTIONS, LEVEL_SPLITS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, output."""
    parser.add_argument("--interactions", type=Path, required=True, help="Parquet table of interactions")
    parser.add_argument("--settings", required=True, help="settings of the splits, as JSON")
    parser.add_argument("--labels", required=True, help="the data set's positive_from and class_edges, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="Parquet file to write")
    add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Interactions -> splits by popularity level."""
    config = parse(LevelsConfig, arguments.settings, "--settings")
    labels = parse(DatasetConfig, arguments.labels, "--labels")
    resolved = {"levels": config.model_dump(), "labels": labels.model_dump()}
    with recorded(arguments.record, resolved, [__name__], [arguments.interactions], [arguments.out]):
        splits = level_splits(StoredTable(arguments.interactions, INTERACTIONS), config, labels)
        write_table(splits, arguments.out, LEVEL_SPLITS)
