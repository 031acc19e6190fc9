"""From a reader's ratings to interactions: contiguous ids, and the original ids in side tables."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoemb.data.ratings import Ratings
from autoemb.schema import INTERACTIONS, ITEMS, USERS

Duplicates = Literal["all", "first", "last"]


class Numbering:
    """Contiguous numbers for the ids of one side, which come block by block."""

    def __init__(self) -> None:
        self.blocks: list[npt.NDArray[np.int32]] = []
        """The ids of each block; of ids that are text, their values in ``texts``."""
        self.texts: dict[str, int] = {}
        """By id that is text, how many others had come before it first came."""

    def add(self, ids: Any) -> None:
        """Take in the ids of the next block (``ratings.Block``)."""
        if isinstance(ids, np.ndarray):
            self.blocks.append(ids)
            return
        known = self.texts
        codes = [known.setdefault(text, len(known)) for text in ids.dictionary.to_pylist()]
        self.blocks.append(np.array(codes, np.int32)[ids.indices.to_numpy()])

    def ascending(self) -> "pd.Index[Any]":
        """Every id once. Whole numbers ascend as numbers even where they were read as text, so 2 comes before 10."""
        if not self.texts:
            distinct = [pd.unique(block) for block in self.blocks]
            return pd.Index(np.unique(np.concatenate(distinct)))
        index = pd.Index(list(self.texts), dtype="str")
        keys = index.astype("int64") if index.str.fullmatch(r"0|[1-9][0-9]{0,17}").all() else index
        return index[keys.argsort()]

    def numbered(self, ascending: "pd.Index[Any]") -> Iterator[npt.NDArray[np.int32]]:
        """Each block's ids as places in ``ascending``; a block is let go once it is numbered."""
        if self.texts:
            order = np.array([self.texts[text] for text in ascending], np.int32)
            rank = np.empty(len(order), np.int32)
            rank[order] = np.arange(len(order), dtype=np.int32)
        while self.blocks:
            block = self.blocks.pop(0)
            yield rank[block] if self.texts else ascending.get_indexer(pd.Index(block)).astype(np.int32)


class Interactions:
    """The ratings with contiguous int32 ids in ascending order of the publisher's; the rows keep their order.

    In memory are 20 bytes for each rating, and the ids.
    """

    def __init__(self, ratings: Ratings, duplicates: Duplicates = "all") -> None:
        """Read all the ratings; ``duplicates`` says which ones stay (``DatasetConfig.duplicates``).

        Raises:
            InputError: the reader refuses a row.
        """
        sides, self._rest = (Numbering(), Numbering()), []
        for block in ratings.blocks:
            for side, ids in zip(sides, block[:2], strict=True):
                side.add(ids)
            self._rest.append(block[2:])
        user_ids, item_ids = (side.ascending() for side in sides)
        self._numbers = [list(side.numbered(ids)) for side, ids in zip(sides, (user_ids, item_ids), strict=True)]
        in_genome = np.zeros(len(item_ids), bool) if ratings.genome is None else item_ids.isin(ratings.genome)
        self.users = USERS.check(pd.DataFrame({"id": _text(user_ids)}))
        """A table of ``schema.USERS``: row n holds the publisher's id of user n."""
        self.items = ITEMS.check(pd.DataFrame({"id": _text(item_ids), "tag_genome": in_genome}))
        """A table of ``schema.ITEMS``: row n holds the publisher's id of item n."""
        self.rows = sum(len(rating) for rating, _ in self._rest)
        self._keep = None if duplicates == "all" else self._one_of_each(duplicates)
        if self._keep is not None:
            self.rows = int(self._keep.sum())

    def blocks(self) -> Iterator[pd.DataFrame]:
        """The interactions in file order, as tables of ``schema.INTERACTIONS`` that follow one another."""
        start = 0
        for user, item, (rating, timestamp) in zip(*self._numbers, self._rest, strict=True):
            frame = pd.DataFrame({"user": user, "item": item, "rating": rating, "timestamp": timestamp}, copy=False)
            if self._keep is not None:
                frame = frame[self._keep[start : start + len(frame)]].reset_index(drop=True)
            start += len(user)
            yield INTERACTIONS.check(frame)

    def frame(self) -> pd.DataFrame:
        """All interactions as one table of ``schema.INTERACTIONS``."""
        return pd.concat(self.blocks(), ignore_index=True)

    def _one_of_each(self, which: Literal["first", "last"]) -> npt.NDArray[np.bool_]:
        """Whether each row stays. (rows,) Of several ratings of an item by a user, the first or the last one does.

        They are ordered by time, and at equal times by their place in the file.
        """
        pairs = np.concatenate(
            [user * np.int64(len(self.items)) + item for user, item in zip(*self._numbers, strict=True)]
        )
        order = np.argsort(np.concatenate([timestamp for _, timestamp in self._rest]), kind="stable")
        keep = np.empty(len(pairs), bool)
        keep[order] = ~pd.Series(pairs[order]).duplicated(keep=which).to_numpy()
        return keep


def _text(ids: "pd.Index[Any]") -> "pd.Series[str]":
    return pd.Series(ids).astype("str")
