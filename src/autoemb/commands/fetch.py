"""Get a data set's archive, by download or from a local file, and check its checksum."""

import argparse
from pathlib import Path

from autoemb.data import datasets
from autoemb.data.fetch import fetch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("--dataset", required=True, help="name of the data set's module, such as ml-1m")
    parser.add_argument("--settings", default="{}", metavar="JSON", help="the data set's settings")
    parser.add_argument("--out", required=True, type=Path, metavar="PATH", help="where to put the archive")
    parser.add_argument("--store", type=Path, metavar="FOLDER", help="keeps what is downloaded, for the next time")


def run(arguments: argparse.Namespace) -> None:
    """Put the verified archive at ``--out``."""
    dataset = datasets.find(arguments.dataset)
    fetch(dataset, dataset.settings(arguments.settings), arguments.out, store=arguments.store)
