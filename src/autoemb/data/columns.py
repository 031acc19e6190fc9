"""A stream as training reads it: columns that are looked up by place, and the sizes that its tables need."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoemb.config import Task

Key = Literal["id", "popularity"]
"""What a table's rows are looked up by."""

Ids = npt.NDArray[np.integer]
Ints = npt.NDArray[np.int64]

WINDOW = 2**18
"""Interactions looked up at a time where a stream is gone through once more."""


class Column(Protocol):
    """Whole numbers (N,) that are looked up by place: an array, or a column that stays in its file (``stored.py``)."""

    def __len__(self) -> int: ...

    def __getitem__(self, places: Ints, /) -> npt.NDArray[np.integer]: ...

    def __array__(self) -> npt.NDArray[Any]: ...


class Columns(NamedTuple):
    """The N interactions of a stream, in its order, and the parts that it is cut into."""

    label: Column
    """(N,), the labels of one task."""
    sides: Mapping[Key, tuple[Column, Column]]
    """By key, the column of the users and that of the items, each (N,): their ids, and their running popularities."""
    parts: Sequence[slice]
    """The train part and the test part; of Fig. 1, the passes over a level. No batch spans two of them."""

    def whole(self) -> "Columns":
        """The same interactions with every column in memory as an array; one that is an array is not copied."""
        sides = {key: (np.asarray(user), np.asarray(item)) for key, (user, item) in self.sides.items()}
        return self._replace(label=np.asarray(self.label), sides=sides)


def columns_of(frame: pd.DataFrame, task: Task) -> Columns:
    """The columns of a stream in memory, a table of ``schema.STREAM``, with the labels of one task."""
    train = int((frame["split"] == 0).sum())
    return Columns(
        frame[task].to_numpy(),
        {
            "id": (frame["user"].to_numpy(), frame["item"].to_numpy()),
            "popularity": (frame["user_popularity"].to_numpy(), frame["item_popularity"].to_numpy()),
        },
        [slice(0, train), slice(train, len(frame))],
    )


class Shape(NamedTuple):
    """How many rows and classes the tables of a stream need."""

    task: Task
    users: int
    """Ids of users, from 0 to the largest in the stream."""
    items: int
    """Ids of items, likewise."""
    user_popularity: int
    """Largest running popularity of a user in the stream."""
    item_popularity: int
    """Largest running popularity of an item in the stream."""
    classes: int = 5
    """Classes of the rating; only classification predicts them."""

    @property
    def outputs(self) -> int:
        """Channels C of the prediction: one logit, or one per class."""
        return 1 if self.task == "regression" else self.classes


def shape_of(frame: pd.DataFrame, task: Task, classes: int) -> Shape:
    """The shape of a stream in memory, a table of ``schema.STREAM``."""
    largest = frame[["user", "item", "user_popularity", "item_popularity"]].max()
    return Shape(
        task,
        int(largest["user"]) + 1,
        int(largest["item"]) + 1,
        int(largest["user_popularity"]),
        int(largest["item_popularity"]),
        classes,
    )


def cut(part: slice, batch_size: int) -> list[slice]:
    """The batches of a part of the stream, in order; the last one may be short."""
    return [slice(start, min(start + batch_size, part.stop)) for start in range(part.start, part.stop, batch_size)]


def occurring(columns: Columns, shape: Shape) -> tuple[Ints, Ints]:
    """The ids of the users and of the items that occur in a stream, ascending, each once."""
    occurs = np.zeros(shape.users, dtype=bool), np.zeros(shape.items, dtype=bool)
    for window in cut(slice(0, len(columns.label)), WINDOW):
        places = np.arange(window.start, window.stop)
        for of_side, ids in zip(occurs, columns.sides["id"], strict=True):
            of_side[ids[places]] = True
    return np.flatnonzero(occurs[0]), np.flatnonzero(occurs[1])
