"""Look at your own ratings: print what is in the file, and a config that is ready to run."""

import argparse
import time
from pathlib import Path
from typing import get_args

from autoemb.data.inspection import inspect
from autoemb.data.inspection.column_names import USUAL
from autoemb.data.inspection.dialect import Encoding
from autoemb.data.inspection.guess import Stated


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and what cannot be guessed of it."""
    parser.add_argument("file", type=Path, metavar="FILE", help="delimited text, also in gzip or zstd, or Parquet")
    for column in USUAL:
        also = ", or none" if column == "timestamp" else ""
        parser.add_argument(
            f"--{column}", metavar="COLUMN", help=f"its name; or, without a line of names, its number from 1{also}"
        )
    parser.add_argument("--delimiter", metavar="C", help=r"one character between two columns; \t is a tab")
    parser.add_argument("--encoding", choices=get_args(Encoding), help="of the text")
    parser.add_argument("--name", help="of the data set in the config; by default made from the file's")


def run(arguments: argparse.Namespace) -> None:
    """File -> config."""
    print(proposal(arguments), end="")


def proposal(arguments: argparse.Namespace) -> str:
    """What is in the file, as comments, and beneath it a config."""
    texts = {column: getattr(arguments, column) for column in USUAL}
    stated = Stated(
        {column: text for column, text in texts.items() if text is not None},
        "\t" if arguments.delimiter == r"\t" else arguments.delimiter,
        arguments.encoding,
    )
    return inspect(arguments.file, stated, arguments.name, int(time.time()))
