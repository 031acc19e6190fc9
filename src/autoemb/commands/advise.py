"""Which embedding size should your users and items get? From a file of ratings to a page that answers, in minutes."""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from autoemb.artifact.dependencies import PACKAGE
from autoemb.artifact.files import read_json, whole
from autoemb.artifact.place import RESULTS, name_of
from autoemb.artifact.yaml import dumped, read_yaml
from autoemb.commands import inspect as inspecting
from autoemb.data.inspection import name_of as name_of_file
from autoemb.errors import InputError
from autoemb.experiment.advice import ROWS, config_for

SNAKEFILE = PACKAGE.parents[1] / "Snakefile"
DONE = re.compile(r"(\d+) of (\d+) steps \(")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """As `autoemb inspect` has them, and how many jobs run at a time."""
    inspecting.add_arguments(parser)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="jobs at a time; all cores by default")


def run(arguments: argparse.Namespace) -> None:
    """Ratings -> config -> runs -> answers."""
    if arguments.cores < 1:
        raise InputError(f"--cores {arguments.cores}: expected 1 or more")
    if not SNAKEFILE.is_file():
        raise InputError(
            f"{SNAKEFILE}: no such file; expected the package inside of its checkout: `make install` there"
        )
    name = name_of(arguments.name or name_of_file(arguments.file), ["ratings"])
    folder = RESULTS / name
    print(f"1 of 3: looking at {arguments.file}", file=sys.stderr)
    found = inspecting.proposal(arguments)
    with whole(folder / "inspected.yaml") as temporary:
        temporary.write_text(found, encoding="utf-8")
    print(*(line for line in found.splitlines() if line.startswith("#")), sep="\n", file=sys.stderr)
    config = folder / "config.yaml"
    ratings = _ratings(found)
    settings = config_for(read_yaml(folder / "inspected.yaml"), name, ratings)
    with whole(config) as temporary:
        temporary.write_text(f"# Made by `autoemb advise` from {arguments.file.name}.\n{dumped(settings)}")
    if ratings > ROWS:
        print(
            f"Of {ratings:,} ratings, those of a random sample of the users are used: about {ROWS:,}.", file=sys.stderr
        )
    print("2 of 3: training every method, over several seeds", file=sys.stderr)
    _workflow(config, folder, arguments.cores)
    print("3 of 3: the answers\n", file=sys.stderr)
    for answers in read_json(folder / "advice.json")["answers"]:
        for answer in answers["answers"]:
            print(f"{answer['question']}\n  {answer['text']}")
    print(f"\nOpen {folder}/advice.html; {folder}/sizes.csv has a size for every id.", file=sys.stderr)


def _ratings(found: str) -> int:
    """How many ratings `autoemb inspect` counted."""
    rows = re.search(r"^#\s+rows\s+([\d,]+) rating", found, flags=re.MULTILINE)
    return int(rows[1].replace(",", "")) if rows else 0


def _workflow(config: Path, folder: Path, cores: int) -> None:
    """Run the workflow up to the answers, with a bar of its jobs; all that it says goes to a log.

    Raises:
        InputError: it did not come to its end.
    """
    log = folder / "logs" / "advise.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    words = ["--snakefile", str(SNAKEFILE), "--configfile", str(config), "--cores", str(cores), "--rerun-incomplete"]
    command = [sys.executable, "-m", "snakemake", *words, "--nocolor", "--", "advice"]
    began = time.monotonic()
    bar = tqdm(total=None, unit="job", disable=None, file=sys.stderr)
    with log.open("w", encoding="utf-8") as file, _started(command) as process, bar:
        for line in process.stdout or ():
            file.write(line)
            if done := DONE.match(line):
                bar.total = int(done[2])
                bar.update(int(done[1]) - bar.n)
    if process.returncode != 0:
        reasons = [line.strip() for line in log.read_text(encoding="utf-8").splitlines() if "rror" in line][:3]
        raise InputError(f"{log}: the workflow did not come to its end ({'; '.join(reasons) or 'no reason given'})")
    print(f"{time.monotonic() - began:.0f} s; the log is {log}", file=sys.stderr)


def _started(command: Sequence[str]) -> "subprocess.Popen[str]":
    """The command, whose lines are read as they come."""
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
