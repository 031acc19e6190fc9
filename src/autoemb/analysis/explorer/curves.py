"""From tables to what the explorer's charts draw: curves of points, and the look of each."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from autoemb.analysis.plots import Mark, level_mark, method_mark
from autoemb.analysis.tables import bin_centres, supported
from autoemb.analysis.tables.text import popularity_label
from autoemb.schema import NO_START

_WAYS = ["dataset", "stream", "task", "metric", "side", "start", "training"]
"""What a person chooses one of; a curve without such a column belongs to every choice."""

_SHAPES = {
    "o": "circle", "s": "square", "^": "triangle-up", "v": "triangle-down", "<": "triangle-left",
    ">": "triangle-right", "D": "diamond", "P": "cross",
    "d": "M0,-1L.6,0L0,1L-.6,0Z",
    "X": "M-.5,-1L0,-.5L.5,-1L1,-.5L.5,0L1,.5L.5,1L0,.5L-.5,1L-1,.5L-.5,0L-1,-.5Z",
    "p": "M0,-1L.95,-.31L.59,.81L-.59,.81L-.95,-.31Z",
    "h": "M0,-1L.87,-.5L.87,.5L0,1L-.87,.5L-.87,-.5Z",
    "8": "M-.4,-1L.4,-1L1,-.4L1,.4L.4,1L-.4,1L-1,.4L-1,-.4Z",
    "*": "M0,-1L.25,-.3L1,-.3L.4,.15L.6,.9L0,.45L-.6,.9L-.4,.15L-1,-.3L-.25,-.3Z",
}  # fmt: skip
"""matplotlib's markers as Vega's shapes."""


def curves(tables: Mapping[str, pd.DataFrame]) -> dict[str, list[dict[str, Any]]]:
    """The curves of every panel.

    Args:
        tables: those of ``reading.EXPLORED`` that there are.

    Returns:
        Panel -> curves. A curve has ``name`` (a method, or ``size 16``), ``colour`` and ``shape``, what it belongs to
        (``dataset``, ``stream``, ``task``, ``metric``, ``side``, ``start``, ``training``, as far as its table has
        them), ``seeds``, ``test`` (where the test part begins along the stream, else None), and lists of equal length:
        ``label`` (of each point), ``x``, ``mean``, ``low``, ``high`` (None where there is no interval), ``n``
        (interactions per seed). Those of ``frontier`` have one point each, at its MiB, which is 0 without embeddings,
        and ``beaten_by`` (the best of all methods that beat it with no more memory, else empty).
    """
    panels = {name: _along_popularity(tables.get(name)) for name in ("running-popularity", "mean-size")}
    panels["stream"] = _along_stream(tables.get("stream"))
    panels["difference"] = _along_stream(_differences(tables.get("stream")))
    sizes = tables.get("size-stream")
    panels["size-stream"] = _along_stream(None if sizes is None else sizes[sizes["measure"] == "mean_size"])
    panels["levels"] = _levels(tables.get("levels"))
    panels["frontier"] = _against_memory(tables.get("frontier"))
    return panels


def look(mark: Mark) -> dict[str, Any]:
    """A mark of the figures as Vega has it."""
    dash = [4, 3] if mark.line == "--" else [1, 0]
    return {"colour": mark.colour, "shape": _SHAPES[mark.marker], "dash": dash}


def _along_popularity(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Of the test part, and of the bins with enough interactions, as in the figures."""
    if table is None:
        return []
    test = table[table["split"] == "test"]
    # data set by data set: what a small one has would else be too little beside a large one
    shown = pd.concat([test.iloc[:0], *(supported(group) for _, group in test.groupby("dataset", sort=False))])
    bounds = zip(shown["popularity_low"], shown["popularity_high"], strict=True)
    labels = [popularity_label(int(low), int(high)) for low, high in bounds]
    return _curves(shown.assign(x=bin_centres(shown), label=labels, name=shown["method"]))


def _along_stream(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Each window at its middle."""
    if table is None:
        return []
    first, n = table["first"].astype("int64"), table["n"].astype("int64")
    labels = [f"{start + 1:,} to {start + many:,}" for start, many in zip(first, n, strict=True)]
    return _curves(table.assign(x=first + n / 2, label=labels, name=table["method"]))


def _differences(table: pd.DataFrame | None) -> pd.DataFrame | None:
    """``tables.stream`` with the difference to ``fse`` in the place of the mean, where there is one."""
    if table is None:
        return None
    kept = table[table["difference"].notna()].drop(columns=["mean", "low", "high"])
    return kept.rename(columns={"difference": "mean", "difference_low": "low", "difference_high": "high"})


def _levels(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    if table is None:
        return []
    labels = table["level"].astype("int64").astype("str")
    table = table.assign(x=table["level"].astype("float64"), label=labels)
    anchors = table["start"] == NO_START  # which belong to every start and length of training
    sized = table[~anchors].assign(name=[f"size {size}" for size in table.loc[~anchors, "size"].astype("int64")])
    plain = table[anchors].drop(columns=["start", "training"])
    return _curves(plain.assign(name=plain["method"]), level_mark) + _curves(sized, level_mark)


def _against_memory(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Each method as one point."""
    if table is None:
        return []
    beaten = table["beaten_by"].fillna("")  # an empty cell of a csv file is read as a missing one
    labels = [f"{mib:.3g}" for mib in table["mib"]]
    return _curves(table.assign(x=table["mib"], label=labels, name=table["method"], beaten_by=beaten), digits=6)


def _curves(table: pd.DataFrame, mark: Callable[[str], Mark] = method_mark, digits: int = 3) -> list[dict[str, Any]]:
    """One curve per name and choice, in the table's order, which is the figures'; ``x`` is rounded to ``digits``."""
    ways = [name for name in _WAYS if name in table.columns]
    drawn = []
    for cell, group in table.groupby([*ways, "name"], sort=False):
        points = group.sort_values("x", kind="stable")
        own = dict(zip([*ways, "name"], map(str, cell), strict=True))
        drawn.append(
            own
            | look(mark(own["name"]))
            | {"seeds": int(points["seeds"].max()), "test": _test(points), "label": list(points["label"])}
            | {"x": [round(float(x), digits) for x in points["x"]], "n": [int(n) for n in points["n"]]}
            | {name: _numbers(points[name]) for name in ("mean", "low", "high")}
            | ({"beaten_by": str(points["beaten_by"].iloc[0])} if "beaten_by" in points else {})
        )
    return drawn


def _test(points: pd.DataFrame) -> int | None:
    """Position in the stream of the test part's first interaction."""
    if "first" not in points.columns:
        return None
    test = points.loc[points["split"] == "test", "first"]
    return None if test.empty else int(test.min())


def _numbers(column: "pd.Series[float]") -> list[float | None]:
    """For JSON, which has no NaN."""
    return [float(value) if np.isfinite(value) else None for value in column.astype("float64")]
