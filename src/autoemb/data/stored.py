"""A stream that stays in its file: training reads it a few row groups at a time."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoemb.artifact.parquet import one_line, open_table
from autoemb.config import Task
from autoemb.data.columns import Columns, Ints, Shape
from autoemb.errors import InputError
from autoemb.schema import STREAM

Values = npt.NDArray[np.integer]


class StoredStream:
    """A Parquet file of ``schema.STREAM`` whose columns a plan can look up.

    In memory are the columns that training reads, of the row groups that were looked up last: 17 bytes an
    interaction. Training goes forward, so a seed reads every group once, and once more for the ids that occur.
    """

    def __init__(self, path: Path, task: Task) -> None:
        """Open the file; its interactions are read when they are looked up.

        Args:
            path: the file. Whoever looks up a row group that cannot be read gets an InputError.
            task: the one whose labels are read.

        Raises:
            InputError: the file is missing, is not Parquet, has other columns or types, or no rows.
        """
        self.path, self.task = path, task
        self.file = open_table(path, STREAM)
        self.groups = [n for n in range(self.file.num_row_groups) if self.file.metadata.row_group(n).num_rows]
        """Numbers of the row groups that hold anything."""
        if not self.groups:
            raise InputError(f"{path}: no rows; expected the interactions of a stream")
        lengths = [self.file.metadata.row_group(n).num_rows for n in self.groups]
        self.edges = np.cumsum([0, *lengths])
        """The place in the stream at which each of these row groups begins, and the end of the last one."""
        self.held: dict[int, dict[str, Values]] = {}

    def __len__(self) -> int:
        return int(self.edges[-1])

    @property
    def columns(self) -> Columns:
        """The interactions as training reads them."""
        train = sum(self._train(n) for n in range(len(self.groups)))
        return Columns(
            StoredColumn(self, self.task),
            {
                "id": (StoredColumn(self, "user"), StoredColumn(self, "item")),
                "popularity": (StoredColumn(self, "user_popularity"), StoredColumn(self, "item_popularity")),
            },
            [slice(0, train), slice(train, len(self))],
        )

    def shape(self, classes: int) -> Shape:
        """How many rows and classes the tables of the stream need."""
        largest = {
            name: max(self._range(n, name)[1] for n in range(len(self.groups)))
            for name in ("user", "item", "user_popularity", "item_popularity")
        }
        return Shape(
            self.task,
            largest["user"] + 1,
            largest["item"] + 1,
            largest["user_popularity"],
            largest["item_popularity"],
            classes,
        )

    def window(self, first: int, last: int) -> tuple[int, list[dict[str, Values]]]:
        """The row groups that hold the interactions from ``first`` to ``last``, after the place at which they begin.

        Row groups outside of this window are let go.
        """
        start, stop = np.searchsorted(self.edges, [first, last], side="right")
        names = (self.task, "user", "item", "user_popularity", "item_popularity")
        wanted = range(int(start) - 1, int(stop))
        self.held = {n: group for n, group in self.held.items() if n in wanted}
        for n in wanted:
            if n not in self.held:
                self.held[n] = self.read(n, names)
        return int(self.edges[wanted.start]), [self.held[n] for n in wanted]

    def read(self, n: int, names: Sequence[str]) -> dict[str, Values]:
        """Columns of the n-th of ``groups``, by name.

        Raises:
            InputError: the row group cannot be read, or a value is missing.
        """
        where = f"{self.path}: row group {self.groups[n]}"
        try:
            table = self.file.read_row_group(self.groups[n], columns=list(names), use_threads=False)
        except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
            raise InputError(f"{where}: cannot be read ({one_line(error)}); remove the file and run again") from error
        for name in names:
            if table[name].null_count:
                raise InputError(f"{where}: {name}: a value is missing; expected {STREAM.columns[name]}")
        return {name: table[name].to_numpy() for name in names}

    def _range(self, n: int, name: str) -> tuple[int, int]:
        """Least and largest value of a column in the n-th of ``groups``, from the file's statistics if it has them."""
        column = self.file.metadata.row_group(self.groups[n]).column(list(STREAM.columns).index(name))
        if column.is_stats_set and column.statistics.has_min_max and not column.statistics.null_count:
            return column.statistics.min, column.statistics.max
        values = self.read(n, [name])[name]
        return int(values.min()), int(values.max())

    def _train(self, n: int) -> int:
        """How many interactions of the train part the n-th of ``groups`` holds."""
        if self._range(n, "split") == (0, 0):
            return int(self.edges[n + 1] - self.edges[n])
        return int((self.read(n, ["split"])["split"] == 0).sum())


class StoredColumn:
    """A column of a stored stream, looked up by place like an array (N,)."""

    def __init__(self, stream: StoredStream, name: str) -> None:
        self.stream, self.name = stream, name

    def __len__(self) -> int:
        return len(self.stream)

    def __getitem__(self, places: Ints) -> Values:
        """The values at some places of the stream, in the shape of ``places``.

        All row groups from the first place to the last are read.
        """
        start, groups = self.stream.window(int(places.min()), int(places.max()))
        held = [group[self.name] for group in groups]
        return (held[0] if len(held) == 1 else np.concatenate(held))[places - start]

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """The whole column in memory; it is read a row group at a time."""
        values = np.empty(len(self), dtype or STREAM.columns[self.name])
        for n, (start, stop) in enumerate(itertools.pairwise(self.stream.edges)):
            values[start:stop] = self.stream.read(n, [self.name])[self.name]
        return values
