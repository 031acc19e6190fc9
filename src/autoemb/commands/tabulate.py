"""Tabulate runs: one table as STEM.csv, and a reduced view of it as STEM.md and STEM.tex."""

import argparse
from contextlib import ExitStack
from pathlib import Path

from autoemb.analysis.catalogue import TABLES, build, compact, write_csv
from autoemb.analysis.tables import text
from autoemb.artifact.files import whole
from autoemb.artifact.record import add_argument, recorded


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The table, its input files, and where to write it."""
    captions = "; ".join(f"{name}: {entry.caption}" for name, entry in TABLES.items())
    parser.add_argument("table", choices=sorted(TABLES), help=captions)
    parser.add_argument(
        "--inputs",
        type=Path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="<dataset>/<stream>/<task>/<method>/{outcomes,sizes,progress,allocation,test-users}.parquet, "
        "<dataset>/<setting>/<task>/<method>/outcomes.parquet, "
        "<dataset>/<side>/<task>/*.parquet, <dataset>.counts.json, streams/<dataset>/<stream>.parquet or "
        "streams/<dataset>/<stream>/<replicate>.parquet; the folders name the run",
    )
    parser.add_argument(
        "--restarting",
        nargs="*",
        default=[],
        metavar="STREAM",
        help="streams whose counts restart at the test part: claims about frequency are not judged there",
    )
    parser.add_argument(
        "--permuted",
        nargs="*",
        default=[],
        metavar="STREAM",
        help="streams whose replicates have a permutation of their own: their intervals need no users",
    )
    parser.add_argument("--batch-size", type=int, default=500, help="interactions of a mini-batch of the streams")
    parser.add_argument("--out", type=Path, required=True, metavar="STEM", help="path without a suffix")
    add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Read, tabulate, write; all three files or none."""
    stem: Path = arguments.out
    paths = [stem.with_name(f"{stem.name}.{end}") for end in ("csv", "md", "tex")]
    names = ("restarting", "permuted", "batch_size")
    settings = {name: getattr(arguments, name) for name in names}
    resolved = {"table": arguments.table, **settings}
    with recorded(arguments.record, resolved, [__name__], arguments.inputs, paths), ExitStack() as stack:
        table = build(arguments.table, arguments.inputs, **settings)
        view = compact(arguments.table, table)
        csv, md, tex = (stack.enter_context(whole(path)) for path in paths)
        write_csv(table, csv)
        md.write_text(text.markdown(view))
        tex.write_text(text.latex(view))
