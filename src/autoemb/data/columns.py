"""A stream as training reads it: columns that are looked up by place, and how many rows the tables need for it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoemb.config import Task

Key = Literal["id", "popularity"]


Ids = npt.NDArray[np.integer]


Ints = npt.NDArray[np.int64]


class Column(Protocol):
    """Whole numbers (N,) that are looked up by place: an array, or a column that stays in its file (``stored.py``)."""

    def __len__(self) -> int: ...

    def __getitem__(self, places: Ints, /) -> npt.NDArray[np.integer]: ...

    def __array__(self) -> npt.NDArray[Any]: ...


class Columns(NamedTuple):
    """Interactions in stream order, and how they are cut."""

    label: Column
    """(N,)"""
    sides: Mapping[Key, tuple[Column, Column]]
    """Users' and items' ids, and their running popularities, each (N,)."""
    parts: Sequence[slice]
    """Train and test part. The first batch of a part has no validation batch (released code)."""

    def whole(self) -> "Columns":
        """With every column in memory as an array; one that is an array already is not copied."""
        sides = {key: (np.asarray(user), np.asarray(item)) for key, (user, item) in self.sides.items()}
        return self._replace(label=np.asarray(self.label), sides=sides)


def cut(part: slice, batch_size: int) -> list[slice]:
    """A part of the stream in batches, in order; the last one may be short."""
    return [slice(start, min(start + batch_size, part.stop)) for start in range(part.start, part.stop, batch_size)]


class Shape(NamedTuple):
    """What the tables' sizes depend on."""

    task: Task
    users: int
    items: int
    user_popularity: int
    """Largest running popularity of a user in the stream."""
    item_popularity: int
    classes: int = 5

    @property
    def outputs(self) -> int:
        """Channels C of the prediction: one logit, or one per class."""
        return 1 if self.task == "regression" else self.classes


WINDOW = 2**18
"""Interactions looked up at a time where a stream is gone through once more."""


def columns_of(frame: pd.DataFrame, task: Task) -> Columns:
    """A stream (``schema.STREAM``) as a plan reads it."""
    train = int((frame["split"] == 0).sum())
    return Columns(
        frame[task].to_numpy(),
        {
            "id": (frame["user"].to_numpy(), frame["item"].to_numpy()),
            "popularity": (frame["user_popularity"].to_numpy(), frame["item_popularity"].to_numpy()),
        },
        [slice(0, train), slice(train, len(frame))],
    )


def shape_of(frame: pd.DataFrame, task: Task, classes: int) -> Shape:
    """Rows that the tables need for a stream (``schema.STREAM``)."""
    largest = frame[["user", "item", "user_popularity", "item_popularity"]].max()
    return Shape(
        task,
        int(largest["user"]) + 1,
        int(largest["item"]) + 1,
        int(largest["user_popularity"]),
        int(largest["item_popularity"]),
        classes,
    )


def occurring(columns: Columns, shape: Shape) -> tuple[Ints, Ints]:
    """The users and the items that occur in a stream, ascending, each once."""
    seen = np.zeros(shape.users, dtype=bool), np.zeros(shape.items, dtype=bool)
    for rows in cut(slice(0, len(columns.label)), WINDOW):
        places = np.arange(rows.start, rows.stop)
        for of, side in zip(seen, columns.sides["id"], strict=True):
            of[side[places]] = True
    return np.flatnonzero(seen[0]), np.flatnonzero(seen[1])
