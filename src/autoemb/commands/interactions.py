"""Read an archive into interactions: contiguous ids, and the original ids in side tables."""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from autoemb.artifact.files import whole
from autoemb.artifact.parquet import write_blocks
from autoemb.artifact.record import add_argument, recorded
from autoemb.data import datasets
from autoemb.data.datasets.base import Counts, Dataset
from autoemb.data.interactions import Interactions
from autoemb.schema import INTERACTIONS, ITEMS, USERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("--dataset", required=True, help="name of the data set's module, such as ml-1m")
    parser.add_argument("--settings", default="{}", metavar="JSON", help="the data set's settings")
    parser.add_argument("--archive", required=True, type=Path, metavar="PATH", help="what fetch wrote")
    for name, what in {
        "out": "interactions (Parquet)",
        "users": "original ids of the users (Parquet)",
        "items": "original ids of the items (Parquet)",
        "counts": "counts found and expected (JSON)",
    }.items():
        parser.add_argument(f"--{name}", required=True, type=Path, metavar="PATH", help=what)
    add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write the three tables and the counts; all of them or none."""
    dataset = datasets.find(arguments.dataset)
    config = dataset.settings(arguments.settings)
    paths = (arguments.counts, arguments.items, arguments.users, arguments.out)
    module = f"{datasets.__name__}.{arguments.dataset.replace('-', '_')}"
    resolved = {"dataset": arguments.dataset, "settings": config.model_dump()}
    with recorded(arguments.record, resolved, [__name__, module], [arguments.archive], paths), ExitStack() as stack:
        found = Interactions(dataset.read(arguments.archive, config), config.duplicates)
        counts = Counts(found.rows, len(found.users), len(found.items))
        matches = matching(dataset, counts)
        report_to, items, users, out = (stack.enter_context(whole(path)) for path in paths)
        write_blocks(found.blocks(), out, INTERACTIONS)
        write_blocks([found.users], users, USERS)
        write_blocks([found.items], items, ITEMS)
        report_to.write_text(json.dumps(report(dataset, counts, matches), indent=2, sort_keys=True) + "\n")
    if matches is False:
        print(f"autoemb interactions: warning: {difference(dataset, counts)}", file=sys.stderr)


def matching(dataset: Dataset[Any], found: Counts) -> bool | None:
    """Whether the counts are those expected and the paper's; None where neither is known.

    Items are compared with what is expected only: the paper's count rows of movies.csv, rated or not.
    """
    known = [(dataset.expected, found), (dataset.paper, found._replace(items=None))]
    pairs = [pair for ours, theirs in known if ours for pair in zip(ours, theirs, strict=True) if None not in pair]
    return all(one == other for one, other in pairs) if pairs else None


def report(dataset: Dataset[Any], found: Counts, matches: bool | None) -> dict[str, Any]:
    """What ``counts.json`` holds."""
    return {
        **found._asdict(),
        "expected": dataset.expected and dataset.expected._asdict(),
        "paper": dataset.paper and dataset.paper._asdict(),
        "matches": matches,
        "title": dataset.title,
        "licence": dataset.licence,
        "citation": dataset.citation,
    }


def difference(dataset: Dataset[Any], found: Counts) -> str:
    """One line: the counts found, those expected, those of the paper, and what to make of it."""
    parts = [f"{dataset.name} has {_words(found)}"]
    if dataset.expected is not None:
        parts.append(f"expected {_words(dataset.expected)}")
    if dataset.paper is not None:
        parts.append(f"the paper's Table 1 has {dataset.paper.ratings:,} ratings of {dataset.paper.users:,} users")
    if dataset.if_counts_differ:
        parts.append(dataset.if_counts_differ)
    return "; ".join(parts) + "; going on with what is there"


def _words(counts: Counts) -> str:
    items = "" if counts.items is None else f" for {counts.items:,} items"
    return f"{counts.ratings:,} ratings of {counts.users:,} users{items}"
