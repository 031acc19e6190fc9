"""The tables' csv files, read back and checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from autoemb.analysis.catalogue import TABLES
from autoemb.analysis.tables.columns import Columns
from autoemb.artifact.files import expect_file
from autoemb.artifact.parquet import one_line
from autoemb.errors import InputError
from autoemb.schema import SIDES, SPLITS, TASKS

EXPLORED: Mapping[str, Columns] = {name: entry.columns for name, entry in TABLES.items() if entry.explored}
"""The tables that the explorer shows, and their columns."""

_COLUMNS = {name: column for entry in TABLES.values() for name, column in entry.columns.items()}
"""What a column of this name holds, whichever table it stands in."""

_TEXT = [name for name, column in _COLUMNS.items() if column.kind == "text"]
_NUMBERS = [name for name, column in _COLUMNS.items() if column.kind == "number"]
_ONE_OF = {"task": TASKS, "side": SIDES, "split": SPLITS}


def read_csv(path: Path) -> pd.DataFrame:
    """A table as ``autoemb tabulate`` wrote it: names are text, also ``NA`` or ``007``; an empty cell is missing.

    Raises:
        InputError: the file is missing, no csv, or has other values than ``autoemb tabulate`` writes.
    """
    expect_file(path, "a table that `autoemb tabulate` wrote")
    try:
        frame = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=dict.fromkeys(_TEXT, "str"))
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise InputError(f"{path}: not a readable csv file ({one_line(error)}); remove it and run again") from error
    for name in frame.columns.intersection(_NUMBERS):
        _refuse(path, frame[name], pd.to_numeric(frame[name], errors="coerce").isna() & frame[name].notna(), "a number")
    for name, known in _ONE_OF.items():
        if name in frame.columns:
            _refuse(path, frame[name], ~frame[name].isin(known), f"one of {known}")
    return frame


def read_explored(path: Path) -> tuple[str, pd.DataFrame]:
    """One of ``EXPLORED`` and its name, which is the file's.

    Raises:
        InputError: as ``read_csv``, or the file is another table, or lacks a column.
    """
    if path.stem not in EXPLORED or path.suffix != ".csv":
        raise InputError(f"{path}: expected one of {', '.join(f'{name}.csv' for name in EXPLORED)}")
    frame = read_csv(path)
    columns = EXPLORED[path.stem]
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise InputError(f"{path}: column {missing[0]!r} is missing; expected {', '.join(columns)}")
    for name, column in columns.items():
        if not column.may_lack:
            _refuse(path, frame[name], frame[name].isna(), "a value")
    return path.stem, frame


def _refuse(path: Path, column: "pd.Series[Any]", wrong: "pd.Series[bool]", expected: str) -> None:
    """Raise an InputError that names the first wrong value, if there is one."""
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        value = "" if pd.isna(column.iloc[row]) else str(column.iloc[row])
        raise InputError(f"{path}: row {row + 1}: {column.name} = {value!r}: expected {expected}")
