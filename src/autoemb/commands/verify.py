"""Hash again what the records of the results name, and say what no longer matches; exit status 1 if anything does."""

import argparse
from pathlib import Path

from autoemb.artifact.place import HELP, RESULTS, folders
from autoemb.artifact.verify import Checksums, problems, read_all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The results, and how much to say."""
    parser.add_argument("results", type=Path, nargs="?", default=RESULTS, metavar="RESULTS", help=HELP)
    parser.add_argument("--present", action="store_true", help="pass over missing files, as in an unpacked archive")
    parser.add_argument("--quiet", action="store_true", help="print nothing; the exit status says it")


def run(arguments: argparse.Namespace) -> None:
    """Records -> a line for each thing that no longer matches, and for each folder of results one with counts."""
    wrong = 0
    for results in folders(arguments.results):
        records, lines = read_all(results)
        with Checksums(records) as checksums:
            lines += problems(records, results, checksums, arguments.present)
        wrong += len(lines)
        if not arguments.quiet:
            read = sum(now is not None for now in checksums.known.values())
            few = {0: "everything matches", 1: "1 thing no longer matches"}
            verdict = few.get(len(lines), f"{len(lines)} things no longer match")
            print(*lines, f"{results}: {len(records)} records, {read} files read: {verdict}", sep="\n")
    if wrong:
        raise SystemExit(1)
