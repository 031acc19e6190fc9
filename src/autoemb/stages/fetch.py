"""Get a data set's archive, by download or from a local file, and check its checksum."""

import argparse
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

from autoemb import datasets
from autoemb.config import DatasetConfig
from autoemb.datasets._archive import verify
from autoemb.datasets._download import download
from autoemb.datasets.base import Dataset
from autoemb.errors import InputError
from autoemb.files import whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("--dataset", required=True, help="name of the data set's module, such as ml-1m")
    parser.add_argument("--settings", default="{}", metavar="JSON", help="the data set's settings")
    parser.add_argument("--out", required=True, type=Path, metavar="PATH", help="where to put the archive")


def run(arguments: argparse.Namespace) -> None:
    """Put the verified archive at ``--out``."""
    dataset = datasets.find(arguments.dataset)
    fetch(dataset, dataset.settings(arguments.settings), arguments.out)


def fetch(dataset: Dataset[Any], config: DatasetConfig, out: Path) -> None:
    """Put the verified archive at ``out``, whole or not at all.

    A download that was cut leaves its beginning in ``<out>.part``, and the next one goes on from there.

    Raises:
        InputError: no archive can be had, or it is not the expected one.
    """
    if config.archive is not None:
        _copy(dataset, Path(config.archive), out)
    elif dataset.generate is not None:
        with whole(out) as temporary:
            dataset.generate(config, temporary)
    elif dataset.shipped is not None:
        with resources.as_file(resources.files(datasets) / "shipped" / dataset.shipped) as shipped:
            _copy(dataset, shipped, out)
    elif dataset.url is not None:
        part = out.with_name(f"{out.name}.part")
        download(dataset.url, part, resume=dataset.archive_md5 is not None)
        try:
            verify(dataset, part, name=dataset.url)
        except InputError:
            part.unlink()
            raise
        part.replace(out)
    else:
        raise InputError(f"{dataset.name}: cannot be downloaded: {dataset.how_to_get}")


def _copy(dataset: Dataset[Any], source: Path, out: Path) -> None:
    verify(dataset, source)
    with whole(out) as temporary:
        # a copy, not a link: the original may be edited, or belong to somebody else
        shutil.copyfile(source, temporary)
