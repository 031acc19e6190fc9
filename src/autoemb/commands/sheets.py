"""Make a page of each table, whose rows can be sorted by every column and searched."""

import argparse
from contextlib import ExitStack
from pathlib import Path

from autoemb.analysis.explorer.pages import sheet
from autoemb.analysis.reading import read_csv
from autoemb.artifact.files import whole
from autoemb.artifact.record import add_argument, recorded


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The tables, and where to write their pages."""
    parser.add_argument(
        "--inputs", type=Path, nargs="+", required=True, metavar="FILE", help="csv files that `autoemb tabulate` wrote"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="of the pages, <table>.html")
    add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Tables -> pages; all of them or none."""
    pages = [arguments.out / f"{path.stem}.html" for path in arguments.inputs]
    with recorded(arguments.record, {}, [__name__], arguments.inputs, pages), ExitStack() as stack:
        sheets = [sheet(path.stem, read_csv(path)) for path in arguments.inputs]
        for content, out in zip(sheets, pages, strict=True):
            page = stack.enter_context(whole(out))
            page.write_text(content, encoding="utf-8")
