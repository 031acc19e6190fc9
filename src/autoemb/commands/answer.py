"""Say which embedding size users and items should get: a page, the same for programs, and a size for every id."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from autoemb.analysis.advice.answers import ANSWERING, NEEDED, answers
from autoemb.analysis.advice.page import for_programs, page
from autoemb.analysis.advice.sizes import Rated, rated, sizes
from autoemb.analysis.catalogue import write_csv
from autoemb.analysis.reading import read_csv
from autoemb.artifact.files import whole, write_json
from autoemb.artifact.parquet import read_table
from autoemb.artifact.record import add_argument, recorded
from autoemb.errors import InputError
from autoemb.schema import INTERACTIONS, ITEMS, USERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The tables, the data sets, and where to write."""
    parser.add_argument(
        "--tables", type=Path, nargs="+", required=True, metavar="FILE",
        help=f"{', '.join(f'{name}.csv' for name in ANSWERING)}; the last may lack",
    )  # fmt: skip
    parser.add_argument(
        "--interactions", type=Path, nargs="+", required=True, metavar="FILE",
        help="<data set>.parquet, beside which lie <data set>.users.parquet and <data set>.items.parquet",
    )  # fmt: skip
    parser.add_argument(
        "--sampled",
        nargs="*",
        default=[],
        metavar="STREAM=SHARE",
        help="streams of a sample of the users, and which share",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the page, html")
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="the same for programs")
    parser.add_argument("--sizes", type=Path, required=True, metavar="FILE", help="a size for every id, csv")
    add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Tables and data sets -> page, JSON and sizes."""
    made = [arguments.out, arguments.json, arguments.sizes]
    data = {path.stem: (path, *_ids(path)) for path in arguments.interactions}
    used = [*arguments.tables, *(path for paths in data.values() for path in paths)]
    sampled = dict(map(_share, arguments.sampled))
    with recorded(arguments.record, {"sampled": sampled}, [__name__], used, made):
        tables = {path.stem: read_csv(path) for path in arguments.tables}
        for name in NEEDED:
            if name not in tables:
                raise InputError(f"{name}.csv: is not among the tables; expected {', '.join(NEEDED)}")
        found = answers(tables, sampled)
        if not found:
            raise InputError(f"{_path(arguments.tables, 'comparison')}: no rows; expected a method that was run")
        who = {name: _rated(paths) for name, paths in data.items()}
        for each in found:
            if each.dataset not in who:
                raise InputError(f"{each.dataset}.parquet: is not among the interactions; expected every data set's")
        counts = {name: rated.counts for name, rated in who.items()}
        write_json({"answers": for_programs(found, counts)}, arguments.json)
        with whole(arguments.out) as temporary:
            temporary.write_text(page(found, counts), encoding="utf-8")
        first = {each.dataset: each for each in reversed(found)}  # of each data set, what is answered first
        with whole(arguments.sizes) as temporary:
            write_csv(sizes([(first[name], who[name]) for name in who if name in first]), temporary)


def _share(text: str) -> tuple[str, float]:
    """Such as ``temporal=0.1``.

    Raises:
        InputError: it is none.
    """
    stream, _, share = text.rpartition("=")
    try:
        return stream, float(share)
    except ValueError as error:
        raise InputError(f"--sampled {text}: expected a stream and its share, such as temporal=0.1") from error


def _ids(path: Path) -> tuple[Path, Path]:
    """Where the publisher's own ids lie."""
    return path.with_suffix(".users.parquet"), path.with_suffix(".items.parquet")


def _rated(paths: Sequence[Path]) -> Rated:
    interactions, users, items = paths
    ids = {"user": read_table(users, USERS), "item": read_table(items, ITEMS)}
    return rated(read_table(interactions, INTERACTIONS), ids)


def _path(tables: Sequence[Path], name: str) -> Path:
    return next(path for path in tables if path.stem == name)
