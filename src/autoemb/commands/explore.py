"""Make the page on which a person chooses data set, task, side and methods, and sees their curves."""

import argparse
from pathlib import Path

from autoemb.analysis.explorer.pages import explorer, opening, said_of
from autoemb.analysis.reading import EXPLORED, read_explored
from autoemb.artifact.files import whole
from autoemb.artifact.record import add_argument, recorded
from autoemb.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The tables, and where to write the page."""
    names = ", ".join(f"{name}.csv" for name in EXPLORED)
    parser.add_argument(
        "--inputs", type=Path, nargs="+", required=True, metavar="FILE", help=f"{names}: those that there are"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the page, html")
    parser.add_argument(
        "--findings", type=Path, metavar="FILE", help="what the page opens with, as reStructuredText, for the report"
    )
    add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Tables -> page."""
    made = [path for path in (arguments.out, arguments.findings) if path is not None]
    with recorded(arguments.record, {}, [__name__], arguments.inputs, made):
        tables = {}
        for path in arguments.inputs:
            name, table = read_explored(path)
            if name in tables:
                raise InputError(f"{path}: there are two tables {name}; expected each once")
            tables[name] = table
        page = explorer(tables)
        with whole(arguments.out) as temporary:
            temporary.write_text(page, encoding="utf-8")
        if arguments.findings is not None:
            with whole(arguments.findings) as temporary:
                temporary.write_text(opening(said_of(tables)), encoding="utf-8")
