"""Ratings from delimited text: one vectorised pass, and a slow one that finds the bad row where that fails."""

import csv
import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd

from autoemb.datasets._archive import Source
from autoemb.datasets.base import Scale
from autoemb.errors import InputError

Column = Literal["user", "item", "rating", "timestamp"]


@dataclass(frozen=True)
class Layout:
    """Where the columns stand in the lines of a text file."""

    columns: dict[Column, int]
    """Position of each column, from 0; ``timestamp`` may be left out."""

    width: int
    """Fields of a line."""

    separator: str = ","
    ids: Literal["int32", "str"] = "int32"
    header: tuple[str, ...] = ()
    """The names in the first line, if it holds names."""

    @property
    def dtypes(self) -> dict[Column, str]:
        """The dtype that each column is read as."""
        kinds: dict[Column, str] = {"user": self.ids, "item": self.ids, "rating": "float32", "timestamp": "int64"}
        return {column: kinds[column] for column in self.columns}


def layout_by_header(source: Source, names: dict[Column, str], separator: str, ids: Literal["int32", "str"]) -> Layout:
    """The layout of a file whose first line names its columns.

    Raises:
        InputError: the file is empty, or a column is missing; the message lists those there are.
    """
    with _lines(source, separator) as lines:
        header = next(lines, [])
    if not header:
        raise InputError(f"{source}: line 1 is empty; expected a header with the columns {', '.join(names.values())}")
    for name in names.values():
        if header.count(name) != 1:
            found = ", ".join(map(repr, header))
            raise InputError(f"{source}: line 1: expected one column {name!r}; found the columns {found}")
    return Layout(
        {column: header.index(name) for column, name in names.items()}, len(header), separator, ids, tuple(header)
    )


def read_delimited(source: Source, layout: Layout, scale: Scale) -> pd.DataFrame:
    """The ratings in file order: columns of ``Ratings.frame``; without timestamps in the file they are 0.

    Raises:
        InputError: a value is missing, of another type, or off the scale (the message names the line,
            the column, the value, what was expected, and how many more such rows there are); or no rows.
    """
    dtypes = dict.fromkeys(range(layout.width), "category")  # fields of no use; the cheapest type to hold them
    dtypes |= {layout.columns[column]: dtype for column, dtype in layout.dtypes.items()}
    try:
        with source.open(f"reading {source.member or source.path.name}") as stream, warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # pandas only warns of fields it drops
            fields = pd.read_csv(
                stream,
                sep=layout.separator,
                header=None,
                skiprows=1 if layout.header else 0,
                names=list(range(layout.width)),
                index_col=False,
                dtype=dtypes,
                keep_default_na=False,
                na_values=[""],
                encoding="utf-8-sig",
            )
    except (ValueError, OverflowError, pd.errors.ParserWarning) as error:
        raise locate(source, layout, scale) or InputError(f"{source}: cannot be parsed: {error}") from error
    frame = pd.DataFrame({column: fields[position] for column, position in layout.columns.items()})
    if frame.empty:
        raise InputError(f"{source}: holds no ratings; expected at least one row")
    if frame.isna().any(axis=None) or not scale.allows(frame["rating"].to_numpy()).all():
        raise locate(source, layout, scale) or InputError(f"{source}: a value is missing or off the scale")
    if "timestamp" not in frame:
        frame["timestamp"] = np.int64(0)
    return frame


def locate(source: Source, layout: Layout, scale: Scale) -> InputError | None:
    """Read line by line in plain Python and name the first bad row and the number of others."""
    checks = {column: _check(dtype, scale) for column, dtype in layout.dtypes.items()}
    first, more = "", 0
    with _lines(source, layout.separator) as lines:
        for number, fields in enumerate(lines, start=1):
            blank = len(fields) < 2 and not "".join(fields).strip()
            if blank or (layout.header and number == 1):
                continue
            problem = ""
            if len(fields) != layout.width:
                problem = f"{len(fields)} fields; expected {layout.width}"
            for column, position in layout.columns.items() if not problem else ():
                expected = checks[column](fields[position])
                if expected:
                    name = layout.header[position] if layout.header else column
                    problem = f"column {name}: {fields[position]!r}; expected {expected}"
                    break
            more += bool(problem and first)
            first = first or (problem and f"line {number}: {problem}")
    return InputError(f"{source}: {first}{others(more)}") if first else None


def others(count: int) -> str:
    """How a message ends that names the first bad row of several."""
    return f" ({count} more such row{'s' * (count > 1)})" if count else ""


@contextmanager
def _lines(source: Source, separator: str) -> Iterator[Iterator[list[str]]]:
    """The fields of each line; no field of the supported files spans lines."""
    with source.open() as stream, io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
        try:
            yield csv.reader(text, delimiter=separator)
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{source}: not delimited text in UTF-8 ({error})") from error


def _check(dtype: str, scale: Scale) -> Callable[[str], str]:
    """A function that returns what was expected of a value, or nothing where the value is good."""
    if dtype == "str":
        return lambda value: "" if value else "an id"
    if dtype == "float32":
        return lru_cache(lambda value: "" if scale.allows(_rating(value)).all() else str(scale))
    limits = np.iinfo(dtype)
    whole = re.compile(r"\s*[+-]?[0-9]+(\.0*)?\s*", re.ASCII)  # what pandas takes for a whole number
    expected = f"a whole number of type {dtype}"
    return lambda value: "" if whole.fullmatch(value) and limits.min <= float(value) <= limits.max else expected


def _rating(value: str) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    try:
        return np.array([float(value)], np.float32)
    except ValueError:
        return np.array([np.nan], np.float32)
