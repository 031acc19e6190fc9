"""Order the interactions into a labelled stream with running popularity and a test part."""

import argparse
from pathlib import Path

from autoemb.artifact.files import whole
from autoemb.artifact.parquet import StoredTable, read_table, write_blocks
from autoemb.artifact.record import add_argument, recorded
from autoemb.config import DatasetConfig, StreamConfig, parse
from autoemb.data.stream import stream_blocks
from autoemb.schema import INTERACTIONS, ITEMS, STREAM


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, output."""
    parser.add_argument("--interactions", type=Path, required=True, help="Parquet table of interactions")
    parser.add_argument("--items", type=Path, required=True, help="Parquet side table of the items")
    parser.add_argument("--settings", required=True, help="settings of the stream, as JSON")
    parser.add_argument("--labels", required=True, help="the data set's positive_from and class_edges, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="Parquet file to write")
    add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Interactions -> stream."""
    config = parse(StreamConfig, arguments.settings, "--settings")
    labels = parse(DatasetConfig, arguments.labels, "--labels")
    resolved = {"stream": config.model_dump(), "labels": labels.model_dump()}
    used = [arguments.interactions, arguments.items]
    with recorded(arguments.record, resolved, [__name__], used, [arguments.out]):
        interactions = StoredTable(arguments.interactions, INTERACTIONS)
        blocks = stream_blocks(interactions, read_table(arguments.items, ITEMS), config, labels)
        with whole(arguments.out) as temporary:
            write_blocks(blocks, temporary, STREAM)
