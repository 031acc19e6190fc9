"""Make of a stream's train part the stream that settings are chosen on; its test part is left out."""

import argparse
from pathlib import Path

from autoemb.artifact.files import whole
from autoemb.artifact.parquet import StoredTable, write_blocks
from autoemb.artifact.record import add_argument, recorded
from autoemb.data.validation import validation_blocks
from autoemb.schema import STREAM


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Input, settings, output."""
    parser.add_argument("--stream", type=Path, required=True, help="Parquet table of the stream")
    parser.add_argument("--last", type=float, required=True, help="share of its train part to compare candidates on")
    parser.add_argument("--restart", action="store_true", help="count popularity anew there")
    parser.add_argument("--out", type=Path, required=True, help="Parquet file to write")
    add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Stream -> validation stream."""
    resolved = {"validation": {"last": arguments.last, "restart": arguments.restart}}
    with recorded(arguments.record, resolved, [__name__], [arguments.stream], [arguments.out]):
        blocks = validation_blocks(StoredTable(arguments.stream, STREAM), arguments.last, arguments.restart)
        with whole(arguments.out) as temporary:
            write_blocks(blocks, temporary, STREAM)
