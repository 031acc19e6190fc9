"""The tables' csv files, read back and checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from autoemb.artifact.parquet import one_line
from autoemb.errors import InputError
from autoemb.schema import SIDES, SPLITS, TASKS

_INTERVAL = ("mean", "low", "high", "seeds", "n")
_BIN = ("popularity_low", "popularity_high")
_RUN = ("dataset", "stream", "task", "method")
_CLAIM = ("dataset", "stream", "task", "metric", "claim", "statement", "verdict")

EXPLORED: Mapping[str, tuple[str, ...]] = {
    "datasets": ("dataset", "title", "users", "items", "ratings"),
    "comparison": (*_RUN, "metric", *_INTERVAL, "paper"),
    "running-popularity": (*_RUN, "metric", "split", "side", *_BIN, *_INTERVAL),
    "stream": (*_RUN, "metric", "split", "first", *_INTERVAL, "difference", "difference_low", "difference_high"),
    "mean-size": (*_RUN, "split", "side", *_BIN, *_INTERVAL),
    "size-stream": (*_RUN, "split", "side", "first", "measure", *_INTERVAL),
    "popularity": ("dataset", "side", "task", "metric", "size", "level", *_INTERVAL),
    "claims": (*_CLAIM, "effect", "low", "high", "seeds"),
}
"""The tables that the explorer shows, and the columns that it needs of each."""

_TEXT = (*_RUN, *_CLAIM, "split", "side", "measure", "comparison", "title", "setting", "value", "against")
_NUMBERS = (*_INTERVAL, *_BIN, "first", "difference", "difference_low", "difference_high", "level", "size", "effect",
            "paper", "users", "items", "ratings")  # fmt: skip
_MAY_LACK = ("low", "high", "difference", "difference_low", "difference_high", "effect", "paper")
_ONE_OF = {"task": TASKS, "side": SIDES, "split": SPLITS}


def read_csv(path: Path) -> pd.DataFrame:
    """A table as ``autoemb tabulate`` wrote it: names are text, also ``NA`` or ``007``; an empty cell is missing.

    Raises:
        InputError: the file is missing, no csv, or has other values than ``autoemb tabulate`` writes.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a table that `autoemb tabulate` wrote")
    try:
        frame = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=dict.fromkeys(_TEXT, "str"))
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise InputError(f"{path}: not a readable csv file ({one_line(error)}); remove it and run again") from error
    for name in frame.columns.intersection(list(_NUMBERS)):
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
    missing = [name for name in EXPLORED[path.stem] if name not in frame.columns]
    if missing:
        raise InputError(f"{path}: column {missing[0]!r} is missing; expected {', '.join(EXPLORED[path.stem])}")
    for name in EXPLORED[path.stem]:
        if name not in _MAY_LACK:
            _refuse(path, frame[name], frame[name].isna(), "a value")
    return path.stem, frame


def _refuse(path: Path, column: "pd.Series[Any]", wrong: "pd.Series[bool]", expected: str) -> None:
    """Raise an InputError that names the first wrong value, if there is one."""
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        value = "" if pd.isna(column.iloc[row]) else str(column.iloc[row])
        raise InputError(f"{path}: row {row + 1}: {column.name} = {value!r}: expected {expected}")
