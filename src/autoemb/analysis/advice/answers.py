"""What the tables decide on one data set, stream and task: was anything learnt, which sizes pay where, what to use."""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from autoemb.analysis.tables.differences import ALIKE, BETTER, UNDECIDED
from autoemb.analysis.tables.intervals import CONSTANT, LOSSES, fixed
from autoemb.analysis.tables.memory import BOTH
from autoemb.schema import SIDES

MEANS = "means"
NEEDED = ("comparison", "differences", "memory")
"""Tables without which there is no answer."""

ANSWERING = (*NEEDED, "popularity-differences")
"""Those that answers are made of."""

Tables = Mapping[str, pd.DataFrame]
Row = Mapping[Hashable, Any]


class Found(NamedTuple):
    """A difference of two losses, and what it says."""

    finding: str
    difference: float
    low: float
    high: float
    visible: float
    """The least difference that could have been told from none."""


class Step(NamedTuple):
    """From how many ratings on an id of a side is given a size."""

    ratings: int
    size: int


@dataclass(frozen=True)
class Answers:
    """All about one data set, stream and task."""

    dataset: str
    stream: str
    task: str
    metric: str
    options: pd.DataFrame
    """The methods, least loss first: ``method``, ``mean``, ``low``, ``high``, ``seeds``, ``n``, ``varies``, ``mib``,
    ``training_mib``, ``deployable_mib``, ``sizes``, ``all_candidates``."""
    differences: pd.DataFrame
    """Of these methods, ``tables.differences``."""
    classes: pd.DataFrame
    """``tables.popularity_differences`` of the methods of one fixed size, with ``size``, and of the anchors."""
    reference: str
    """The method of a fixed size that the classes are compared with; empty without one."""
    reference_size: int
    users: float
    """The share of the users that the stream is of."""

    @property
    def best(self) -> str:
        """The method that loses least in the mean."""
        return str(self.options["method"].iloc[0])

    @property
    def embedded(self) -> str | None:
        """Of those that hold embeddings, the one that loses least in the mean."""
        held = self.options.loc[self.options["mib"] > 0, "method"]
        return None if held.empty else str(held.iloc[0])

    def option(self, method: str) -> Row:
        """The row of a method."""
        (row,) = self.options[self.options["method"] == method].to_dict("records")
        return row

    def has(self, method: str) -> bool:
        """Whether it was run."""
        return bool((self.options["method"] == method).any())

    def found(self, method: str, other: str) -> Found:
        """What the loss of one method minus that of another says."""
        pair = self.differences[(self.differences["method"] == method) & (self.differences["other"] == other)]
        (row,) = pair.to_dict("records")
        return Found(*(row[name] for name in Found._fields))

    @property
    def learnt(self) -> bool:
        """Whether the best method is better than a constant, and that is decided."""
        if not self.has(CONSTANT) or self.best == CONSTANT:
            return False
        return self.found(self.best, CONSTANT).finding == BETTER

    @property
    def pays(self) -> str | None:
        """What the best embedding is against two running means; None where one of them was not run."""
        if self.embedded is None or not self.has(MEANS):
            return None
        return self.found(self.embedded, MEANS).finding

    @property
    def measured_against(self) -> str:
        """With whom what holds less is compared: the best that holds embeddings; where none does, the best of all."""
        return self.embedded or self.best

    def not_told_from(self, method: str) -> list[str]:
        """The methods of which it is undecided whether they lose as much as this one."""
        return [name for name in self._others(method) if self.found(name, method).finding == UNDECIDED]

    @property
    def simplest(self) -> str:
        """Of ``measured_against`` and those with embeddings decided to be as good, the one that holds least."""
        base = self.measured_against
        good = [name for name in self._others(base) if self.found(name, base).finding == ALIKE]
        good = [base, *(name for name in good if self.option(name)["mib"] > 0)]
        return min(good, key=lambda name: float(self.option(name)["mib"]))

    @property
    def halved(self) -> str | None:
        """With embeddings that hold half of what those of ``measured_against`` do at most, the one that loses least."""
        most = self.option(self.measured_against)["mib"] / 2
        small = self.options[(self.options["mib"] <= most) & (self.options["mib"] > 0)]
        return None if small.empty else str(small["method"].iloc[0])

    def _others(self, method: str) -> list[str]:
        return [str(name) for name in self.options["method"] if name != method]

    def steps(self, side: str) -> list[Step]:
        """The size that is decided for the ids of a side, by their ratings.

        0 where nothing was learnt, or no embedding is better than two running means and that is decided. Else, in
        every class by popularity, the fixed size that is better than the reference, and best of those; if there is
        none, the smallest that is alike; and where nothing is decided, the reference.
        """
        if not self.learnt or (self.pays is not None and self.pays not in (BETTER, UNDECIDED)):
            return [Step(0, 0)]
        steps = [Step(0, self.reference_size)]
        rows = self.classes[(self.classes["side"] == side) & (self.classes["size"] < self.reference_size)]
        for low, of_class in rows.groupby("popularity_low", sort=True):
            better, alike = (of_class[of_class["finding"] == finding] for finding in (BETTER, ALIKE))
            size = self.reference_size
            if len(better):
                size = int(better.sort_values("difference")["size"].iloc[0])
            elif len(alike):
                size = int(alike["size"].min())
            first = 0 if low == rows["popularity_low"].min() else int(str(low))
            if steps[-1].ratings == first:
                steps[-1] = Step(first, size)
            elif steps[-1].size != size:
                steps.append(Step(first, size))
        return steps


def answers(tables: Tables, users: Mapping[str, float] | None = None) -> list[Answers]:
    """Of every data set, stream and task that the tables have, in their order, but those by time first.

    Args:
        tables: by name, those of ``ANSWERING``; the last may lack.
        users: of the streams that are of a sample of the users, their share of all.
    """
    compared = tables["comparison"]
    compared = compared[compared["metric"].isin(list(LOSSES.values()))]
    cells = compared[["dataset", "stream", "task", "metric"]].drop_duplicates()
    order = cells.assign(later=cells["stream"] != "temporal").sort_values("later", kind="stable")
    rows = ([str(row[name]) for name in cells] for row in order.to_dict("records"))
    return [_of_cell(tables, cell, (users or {}).get(cell[1], 1.0)) for cell in rows]


def _of_cell(tables: Tables, cell: Sequence[str], users: float) -> Answers:
    dataset, stream, task, metric = cell
    here = {"dataset": dataset, "stream": stream, "task": task}
    options = _where(tables["comparison"], {**here, "metric": metric}).sort_values("mean", kind="stable")
    held = _where(tables["memory"], {**here, "embeddings_of": BOTH})
    columns = ["method", "mib", "training_mib", "deployable_mib", "sizes", "all_candidates"]
    options = options.merge(held[columns], on="method", how="left").fillna(
        {"mib": 0.0, "training_mib": 0.0, "deployable_mib": 0.0, "sizes": "0", "all_candidates": False}
    )
    by_name = {str(row["method"]): _only_size(row) for row in options.to_dict("records")}
    reference = fixed(options)
    size = by_name.get(reference)
    if size is None or size == 0:
        reference, size = "", 0
    classes = tables.get("popularity-differences")
    if classes is None or not reference:
        classes = pd.DataFrame(columns=["side", "method", "popularity_low", "finding", "difference", "size"])
    else:
        family = {name: of for name, of in by_name.items() if of is not None and _is_plain(name)}
        rows = _where(classes, {**here, "metric": metric})
        classes = rows.assign(size=rows["method"].map(family)).dropna(subset=["size"]).astype({"size": "int64"})
    differences = _where(tables["differences"], {**here, "metric": metric})
    return Answers(dataset, stream, task, metric, options, differences, classes, reference, size, users)


def _is_plain(name: str) -> bool:
    """Whether a method is an anchor, or of a fixed size and nothing else: a variant of it has another start."""
    return name in (CONSTANT, MEANS) or re.fullmatch(r"fse(-\d+)?", name) is not None


def _only_size(row: Row) -> int | None:
    """The size that every id of both sides has; None where there are several."""
    sizes = str(row["sizes"])
    return int(sizes) if sizes.isdigit() else None


def _where(table: pd.DataFrame, values: Mapping[str, str]) -> pd.DataFrame:
    kept = np.logical_and.reduce([table[name] == value for name, value in values.items()])
    return table[kept]


def shares(counts: Mapping[str, "np.ndarray[tuple[int], np.dtype[np.int64]]"], low: int, high: int) -> dict[str, float]:
    """By side, which share of its ids has so many ratings in all.

    Args:
        counts: by side, the ratings of every id.
        low: least ratings, and ``high``, the most, both included.
    """
    return {side: float(((counts[side] >= low) & (counts[side] <= high)).mean()) for side in SIDES}
