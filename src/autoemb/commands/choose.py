"""Choose among the candidates of a method the one that lost least on the validation part."""

import argparse
import json
import logging
from pathlib import Path

from autoemb.artifact.files import write_json
from autoemb.artifact.parquet import read_table
from autoemb.artifact.record import add_argument, recorded
from autoemb.config import TuningConfig, parse
from autoemb.errors import InputError
from autoemb.experiment.choice import choose, spelt_changes
from autoemb.schema import OUTCOMES

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, output."""
    parser.add_argument("--candidates", required=True, help="what each candidate replaces, as a JSON list")
    parser.add_argument(
        "--outcomes", type=Path, nargs="+", required=True, help="Parquet tables of what they came to, in this order"
    )
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Outcomes of candidates -> choice."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given = f'{{"candidates": {arguments.candidates}}}'
    candidates = parse(TuningConfig, given, "--candidates").candidates
    if len(candidates) != len(arguments.outcomes):
        raise InputError(f"--outcomes: {len(arguments.outcomes)} files; expected {len(candidates)}, one per candidate")
    with recorded(
        arguments.record, {"candidates": json.loads(arguments.candidates)}, [__name__], arguments.outcomes,
        [arguments.out],
    ):  # fmt: skip
        choice = choose(candidates, [read_table(path, OUTCOMES) for path in arguments.outcomes])
        write_json(choice.model_dump(), arguments.out)
    for place, one in enumerate(choice.candidates):
        loss = "diverged" if one.loss is None else f"{one.loss:.4f}"
        log.info("%s %s: %s", "->" if place == choice.chosen else "  ", spelt_changes(one.changes), loss)
