"""Write results, records, source, config and pins into one archive, an RO-Crate without the ratings."""

import argparse
import sys
from pathlib import Path

from autoemb.artifact import bundle
from autoemb.artifact.dependencies import PACKAGE
from autoemb.artifact.place import HELP, RESULTS, folders
from autoemb.artifact.record import commit
from autoemb.artifact.verify import Checksums, plain, problems, read_all
from autoemb.errors import InputError
from autoemb.experiment.explain import for_machines, sections


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The results, and where to write it."""
    parser.add_argument("results", type=Path, nargs="?", default=RESULTS, metavar="RESULTS", help=HELP)
    parser.add_argument("--out", type=Path, metavar="FILE", help="by default RESULTS/autoemb-<commit or version>.zip")


def run(arguments: argparse.Namespace) -> None:
    """Results -> archive, whose name is printed."""
    several = folders(plain(arguments.results))
    if len(several) > 1:
        names = ", ".join(map(str, several))
        raise InputError(f"{arguments.results}: holds the results of {len(several)} configs; expected one of {names}")
    results = several[0]
    found, lines = read_all(results)
    with Checksums(found) as checksums:
        lines += problems(found, results, checksums)
    if lines:
        first = f"{lines[0]}{f'; and {len(lines) - 1} more' if len(lines) > 1 else ''}"
        print(f"autoemb bundle: warning: {first}; autoemb verify has all; going on with what is there", file=sys.stderr)
    config = bundle.read_config(results)
    resolved = for_machines(sections(config, "config.yaml"))
    content = bundle.contents(results, PACKAGE.parents[1], found, config, resolved, commit())
    out = arguments.out or results / f"autoemb-{bundle.label(commit())}.zip"
    bundle.write(content, out)
    print(out)
