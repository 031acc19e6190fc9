"""Say how a table or a figure was made: its job, the jobs that made what that read, and so on back to the archive."""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from autoemb.artifact.files import digest, expect_file
from autoemb.artifact.place import HELP, RESULTS, folders
from autoemb.artifact.verify import Record, read_all
from autoemb.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and the results with the records."""
    parser.add_argument("file", type=Path, metavar="FILE", help="known by its content, wherever it lies")
    parser.add_argument("results", type=Path, nargs="?", default=RESULTS, metavar="RESULTS", help=HELP)


def run(arguments: argparse.Namespace) -> None:
    """File -> text."""
    expect_file(arguments.file, "one that a job made")
    found = [record for results in folders(arguments.results) for record in read_all(results)[0]]
    sha = digest(arguments.file)
    own = [record for record in found if sha in record.generated.values()]
    if not own:
        raise InputError(f"{arguments.file}: no record in {arguments.results} names a file with its content")
    # two jobs can make the same bytes: the one that names this very file goes before
    file = arguments.file.resolve()
    itself = [record for record in own if file in (path.resolve() for path in record.generated)]
    for record in behind((itself or own)[0], found):
        print(text(record))


def behind(record: Record, found: Sequence[Record]) -> list[Record]:
    """This record, and those of the jobs that made what it used, directly or not: the nearest first, each once."""
    makers = {(path, sha): other for other in found for path, sha in other.generated.items()}
    chain = [record]
    for one in chain:  # it grows
        made_by = (makers.get(file) for file in one.used.items())
        chain += {str(other.path): other for other in made_by if other and other not in chain}.values()
    return chain


def text(record: Record) -> str:
    """A few lines: when and on what, by which code, with which settings, from which files."""
    return "\n".join([str(record.path), *(f"    {line}" for line in _lines(record))])


def _lines(record: Record) -> Iterator[str]:
    content = record.content
    packages = ", ".join(f"{name} {version}" for name, version in sorted(content["packages"].items()))
    yield f"ran      {content['start']} to {content['end']} on {content['device']}"
    yield f"code     autoemb {content['autoemb']}, commit {content['commit'] or 'unknown'}"
    yield f"packages {packages}"
    yield f"config   {json.dumps(content['config'])}"
    for word, files in (("used", record.used), ("made", record.generated)):
        for path, sha in files.items():
            yield f"{word:8} {path} (sha256 {sha[:12]})"
