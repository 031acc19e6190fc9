"""Show every setting of a config: its value, who set it, what it is and where that is from."""

import argparse
import json
import shutil
from pathlib import Path

from autoemb.experiment.explain import for_machines, read, sections, text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The config, another protocol, and for whom."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="a config, as YAML")
    parser.add_argument("--protocol", metavar="NAME", help="the protocol to use instead of the one that it names")
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")


def run(arguments: argparse.Namespace) -> None:
    """Config -> text."""
    tables = sections(read(arguments.config), str(arguments.config), arguments.protocol)
    if arguments.json:
        print(json.dumps(for_machines(tables), indent=2))
    else:
        print(text(tables, shutil.get_terminal_size((120, 24)).columns), end="")
