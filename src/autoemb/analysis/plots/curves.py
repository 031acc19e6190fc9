"""The figure of error against popularity: the levels of Fig. 1."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from autoemb.analysis.plots import findings
from autoemb.analysis.plots.panels import (
    METRIC_LABELS,
    SHORT_LABELS,
    curve,
    few_ticks,
    focus,
    grid,
    handle,
    headline,
    legend,
    letter,
    popularity_axis,
)
from autoemb.analysis.plots.style import method_mark, size_mark
from autoemb.analysis.tables import AS_RELEASED, OVERTAKES, starts_of, trainings_of
from autoemb.schema import NO_START


def levels(table: pd.DataFrame, crossings: pd.DataFrame, paper: pd.DataFrame) -> Figure:
    """Fig. 1: loss and accuracy against popularity, a row per start and length of training, a curve per embedding size,
    the anchors, which have neither, as lines in each.

    Rings are where a larger size overtakes a smaller one, as far as the levels decide it; the line through a ring is
    the 95 % interval of where.

    Args:
        table: ``tables.levels`` of one data set.
        crossings: ``tables.crossings`` of the same data set.
        paper: ``published.figure1``; drawn dashed where the table is of its data set, side, task and start, and its
            models are trained as shortly as any.
    """  # fmt: skip
    trainings = trainings_of(table)
    tasks = [cell for cell, _ in table.groupby(["side", "task"], sort=False)]
    rows = list(itertools.product(tasks, trainings, starts_of(table)))
    papers = ("user", "regression", trainings[0], AS_RELEASED) if table["paper"].notna().any() else None
    with grid(len(rows), 2, 2.1) as (figure, panels):
        for number, ((side, task), training, start) in enumerate(rows):
            of_task = table[(table["side"] == side) & (table["task"] == task)]
            shown = of_task[(of_task["start"] == NO_START) | (of_task["training"] == training)]
            marks = crossings[(crossings["side"] == side) & (crossings["task"] == task)]
            marks = marks[(marks["start"] == start) & (marks["training"] == training)]
            for column, (metric, both) in enumerate(shown.groupby("metric", sort=False)):
                axes = panels[number][column]
                _level_curves(axes, both, start)
                if (side, task, training, start) == papers:
                    _paper_curves(axes, paper[paper["metric"] == metric])
                _rings(axes, both[both["start"] == start], marks[marks["metric"] == metric])
                popularity_axis(axes, both["level"], f"popularity (training interactions per {side})")
                axes.set_ylabel(METRIC_LABELS[str(metric)])
                focus(axes, both["mean"])  # the same in the rows of both starts
                few_ticks(axes, 6)
                words = [str(task), SHORT_LABELS[str(metric)], f"start {start}", *[training] * (len(trainings) > 1)]
                letter(axes, 2 * number + column, ", ".join(words))
        legend(figure, _level_handles(table, shows_paper=papers is not None))
        headline(figure, findings.levels(table, crossings), findings.about(table))
    return figure


_RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 6.5,
    "markerfacecolor": "none",
    "markeredgecolor": "black",
    "linestyle": "none",
}
_REACH: dict[str, Any] = {"linestyle": "-", "linewidth": 0.8, "color": "black"}
_DOTTED: dict[str, Any] = {"linestyle": ":", "linewidth": 1.0}
_DASHED: dict[str, Any] = {"linestyle": (0, (3, 2)), "linewidth": 0.9}


def _level_curves(axes: Axes, table: pd.DataFrame, start: str) -> None:
    """The anchors as lines, and the sizes of one start as curves with their bands."""
    for method, one in table[table["start"] == NO_START].groupby("method", sort=False):
        axes.plot(one["level"], one["mean"], color=method_mark(str(method)).colour, **_DOTTED)
    for size, one in table[table["start"] == start].groupby("size"):
        curve(axes, one["level"], one, size_mark(int(str(size))))


def _level_handles(table: pd.DataFrame, shows_paper: bool) -> list[Line2D]:
    """The legend of ``levels``: sizes, anchors, and what the marks are."""
    handles = [handle(size_mark(size), f"size {size}") for size in sorted(set(table["size"]) - {0})]
    anchors = table.loc[table["start"] == NO_START, "method"].unique()
    handles += [Line2D([], [], color=method_mark(name).colour, **_DOTTED, label=name) for name in anchors]
    handles.append(Line2D([], [], **{**_RING, **_REACH}, label="larger overtakes smaller, 95 % interval"))
    if shows_paper:
        handles.append(Line2D([], [], color="#555555", **_DASHED, label="paper (digitised)"))
    return handles


def _paper_curves(axes: Axes, paper: pd.DataFrame) -> None:
    for size, one in paper.groupby("size"):
        axes.plot(one["popularity"], one["value"], color=size_mark(int(str(size))).colour, **_DASHED)


def _rings(axes: Axes, curves: pd.DataFrame, crossings: pd.DataFrame) -> None:
    """A ring on the larger size's mean curve where it overtakes, and the interval of where, if that is decided."""
    for row in crossings[crossings["finding"] == OVERTAKES].to_dict("records"):
        one = curves[curves["size"] == row["larger"]].sort_values("level")
        height = np.interp(row["crossing"], one["level"], one["mean"])
        axes.plot([row["low"], row["high"]], [height, height], **_REACH)
        axes.plot(row["crossing"], height, **_RING)
