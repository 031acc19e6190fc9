"""Look at a person's file of ratings, and write the config with which they can be run.

``guess`` looks at the beginning of the file, with ``dialect``, ``column_names`` and ``times``; ``survey`` counts all of
it through the data set's own reader; ``proposal`` derives the settings; ``problems`` says what a person should know;
and ``report`` writes it all down, above the config of ``config_text``.
"""

import re
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from autoemb.config import LARGEST, LONGEST_NAME, Name, not_in_paths
from autoemb.data.datasets import csv
from autoemb.data.inspection.guess import Guess, Stated, guess
from autoemb.data.inspection.proposal import propose
from autoemb.data.inspection.report import text
from autoemb.data.inspection.survey import Survey, survey
from autoemb.errors import InputError

# a reader's settings must name a scale: this one allows every finite rating
_ANY = LARGEST


def inspect(path: Path, stated: Stated, name: str | None, now: int) -> str:
    """A config for the file, as YAML, with comments that say what is in it.

    Args:
        path: the file.
        stated: what a person states of it; the rest is guessed.
        name: of the data set in the config; left out, it is made from the file's.
        now: seconds UTC; ratings with a later time are counted as a problem.

    Raises:
        InputError: the file is of no kind that can be read, it is not clear which column is which, or the name is
            bad; or the reader refuses a row.
    """
    if problem := not_in_paths(str(path)):
        raise InputError(f"{str(path)!r}: {problem}; expected a path without: rename the file or its folder")
    name = _checked(name) if name is not None else name_of(path)
    guessed = guess(path, stated)
    try:
        anything, counted = _surveyed(path, guessed, now)
    except InputError as error:
        if not guessed.times_by_value:
            raise
        # a guess must not refuse a file that can be read without it; if it cannot, that is said of the file itself
        guessed = guessed.without_times(str(error).removeprefix(f"{path}: "))
        anything, counted = _surveyed(path, guessed, now)
    return text(name, guessed, counted, propose(anything, counted))


def _surveyed(path: Path, guessed: Guess, now: int) -> tuple[csv.Config, Survey]:
    """The settings by which the file is read, with any rating allowed, and what is counted in it.

    Raises:
        InputError: the reader refuses a row.
    """
    anything = csv.Config(
        archive=str(path),
        columns=guessed.columns,
        delimiter=guessed.delimiter,
        encoding=guessed.encoding,
        timestamp_unit=guessed.timestamp_unit,
        rating_range=(-_ANY, _ANY),
        positive_from=0.0,
        class_edges=(0.0, _ANY),
    )
    try:
        return anything, survey(csv.read(path, anything), now)
    except InputError as error:
        raise InputError(str(error).replace(str(anything.scale), "a number")) from error


def name_of(path: Path) -> str:
    """The file's name as that of an entry in a config."""
    stem = re.sub(r"(\.(csv|tsv|txt|dat|data|inter|parquet|gz|zst|zstd))+$", "", path.name.lower())
    return re.sub(r"[^a-z0-9]+", "-", stem)[:LONGEST_NAME].strip("-") or "mine"


def _checked(name: str) -> str:
    try:
        return TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        raise InputError(
            f"--name {name}: expected small letters and digits, with single '-' and '.' between them,"
            f" {LONGEST_NAME} at most"
        ) from error
