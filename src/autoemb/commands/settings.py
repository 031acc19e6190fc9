"""Show every setting of a config: its value, who set it, what it is and where that is from."""

import argparse
import json
import shutil
from pathlib import Path

from autoemb.artifact.files import whole
from autoemb.artifact.yaml import read_yaml
from autoemb.errors import InputError
from autoemb.experiment.explain import for_machines, sections, text
from autoemb.experiment.reference import document


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The config, another protocol, and for whom; or the page to put the reference of all keys into."""
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--config", type=Path, metavar="FILE", help="a config, as YAML")
    wanted.add_argument(
        "--document", type=Path, metavar="FILE", help="a page to put the tables of all keys into, between their markers"
    )
    parser.add_argument("--protocol", metavar="NAME", help="the protocol to use instead of the one that it names")
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")


def run(arguments: argparse.Namespace) -> None:
    """Config -> text; or fields -> page."""
    if arguments.document is not None:
        write(arguments.document)
        return
    tables = sections(read_yaml(arguments.config), str(arguments.config), arguments.protocol)
    if arguments.json:
        print(json.dumps(for_machines(tables), indent=2))
    else:
        print(text(tables, shutil.get_terminal_size((120, 24)).columns), end="")


def write(page: Path) -> None:
    """Make a page's tables of all keys anew.

    Raises:
        InputError: the page cannot be read, or does not mark every place.
    """
    try:
        content = page.read_text()
    except OSError as error:
        raise InputError(f"{page}: cannot be read ({error.strerror}); expected a page with marked places") from error
    content = document(content, str(page))
    with whole(page) as temporary:
        temporary.write_text(content)
