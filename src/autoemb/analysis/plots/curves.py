"""Figures of error against popularity: the levels of Fig. 1, and running popularity on the stream."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from autoemb.analysis.plots.panels import (
    METRIC_LABELS,
    SHORT_LABELS,
    curve,
    few_ticks,
    focus,
    grid,
    handle,
    legend,
    letter,
    popularity_axis,
)
from autoemb.analysis.plots.style import Mark, method_mark, size_mark
from autoemb.analysis.tables import AS_RELEASED, bin_centres, starts_of, supported
from autoemb.schema import NO_START


def levels(table: pd.DataFrame, crossings: pd.DataFrame, paper: pd.DataFrame) -> Figure:
    """Fig. 1: loss and accuracy against popularity, a row per start, a curve per embedding size, the anchors as lines.

    Rings are where a larger size overtakes a smaller one in every seed.

    Args:
        table: ``tables.levels`` of one data set.
        crossings: ``tables.crossings`` of the same data set.
        paper: ``published.figure1``; drawn dashed where the table is of its data set, side, task and start.
    """
    starts = starts_of(table)
    rows = [(side, task, start) for (side, task), _ in table.groupby(["side", "task"], sort=False) for start in starts]
    shows_paper = table["paper"].notna().any()
    with grid(len(rows), 2, 2.1) as (figure, panels):
        for number, (side, task, start) in enumerate(rows):
            of_task = table[(table["side"] == side) & (table["task"] == task)]
            for column, (metric, both) in enumerate(of_task.groupby("metric", sort=False)):
                axes, group = panels[number][column], both[both["start"] == start]
                for method, one in both[both["start"] == NO_START].groupby("method", sort=False):
                    axes.plot(one["level"], one["mean"], color=method_mark(str(method)).colour, **_DOTTED)
                for size, one in group.groupby("size"):
                    curve(axes, one["level"], one, size_mark(int(str(size))))
                if shows_paper and (side, task, start) == ("user", "regression", AS_RELEASED):
                    _paper_curves(axes, paper[paper["metric"] == metric])
                chosen = crossings[(crossings["side"] == side) & (crossings["task"] == task)]
                _rings(axes, group, chosen[(chosen["metric"] == metric) & (chosen["start"] == start)])
                popularity_axis(axes, group["level"], f"popularity (training interactions per {side})")
                axes.set_ylabel(METRIC_LABELS[str(metric)])
                focus(axes, both["mean"])  # the same in the rows of both starts
                few_ticks(axes, 6)
                letter(axes, 2 * number + column, f"{task}, {SHORT_LABELS[str(metric)]}, start {start}")
        handles = [handle(size_mark(size), f"size {size}") for size in sorted(set(table["size"]) - {0})]
        anchors = table.loc[table["start"] == NO_START, "method"].unique()
        handles += [Line2D([], [], color=method_mark(name).colour, **_DOTTED, label=name) for name in anchors]
        handles.append(Line2D([], [], **_RING, label="larger overtakes smaller, every seed"))
        if shows_paper:
            handles.append(Line2D([], [], color="#555555", **_DASHED, label="paper (digitised)"))
        legend(figure, handles)
    return figure


def running_popularity(table: pd.DataFrame, split: str = "test") -> Figure:
    """Loss and accuracy of the fixed-size runs against running popularity, per side and stream.

    Args:
        table: ``tables.running_popularity`` of one data set.
        split: which part of the stream.
    """
    fixed = supported(table[table["size"].notna() & (table["split"] == split)])
    rows = [cell for cell, _ in fixed.groupby(["task", "metric"], sort=False)]
    columns = [cell for cell, _ in fixed.groupby(["stream", "side"], sort=False)]
    marks = _fixed_marks(fixed)
    with grid(max(len(rows), 1), max(len(columns), 1), 1.55, sharey=True) as (figure, panels):
        for row, (task, metric) in enumerate(rows):
            table_row = fixed[(fixed["task"] == task) & (fixed["metric"] == metric)]
            for column, (stream, side) in enumerate(columns):
                axes = panels[row][column]
                cell = table_row[(table_row["stream"] == stream) & (table_row["side"] == side)]
                for method, one in cell.groupby("method", sort=False):
                    curve(axes, bin_centres(one), one, marks[str(method)][0])
                popularity_axis(axes, bin_centres(cell), f"{side} popularity\n(interactions so far)")
                focus(axes, table_row["mean"])
                few_ticks(axes, 5)
                if row < len(rows) - 1:
                    axes.set_xlabel("")
                letter(axes, row * len(columns) + column, f"{stream}, {side}")
                if column == 0:
                    axes.set_ylabel(f"{task}\n{SHORT_LABELS[str(metric)]}")
        legend(figure, [handle(mark, label) for mark, label in marks.values()])
    return figure


_RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 6.5,
    "markerfacecolor": "none",
    "markeredgecolor": "black",
    "linestyle": "none",
}
_DOTTED: dict[str, Any] = {"linestyle": ":", "linewidth": 1.0}
_DASHED: dict[str, Any] = {"linestyle": (0, (3, 2)), "linewidth": 0.9}


def _paper_curves(axes: Axes, paper: pd.DataFrame) -> None:
    for size, one in paper.groupby("size"):
        axes.plot(one["popularity"], one["value"], color=size_mark(int(str(size))).colour, **_DASHED)


def _rings(axes: Axes, curves: pd.DataFrame, crossings: pd.DataFrame) -> None:
    """A ring on the larger size's mean curve where it overtakes, if every seed says so."""
    decided = crossings[(crossings["seeds_crossing"] == crossings["seeds"]) & ~crossings["from_start"]]
    for row in decided.dropna(subset="crossing").to_dict("records"):
        one = curves[curves["size"] == row["larger"]].sort_values("level")
        axes.plot(row["crossing"], np.interp(row["crossing"], one["level"], one["mean"]), **_RING)


def _fixed_marks(fixed: pd.DataFrame) -> dict[str, tuple[Mark, str]]:
    """Look and label of every fixed-size run: its size's, or its own where two runs have one size."""
    runs = fixed[["method", "size"]].drop_duplicates().sort_values("size", kind="stable")
    shared = runs["size"].duplicated(keep=False)
    return {
        method: (method_mark(method), method) if twice else (size_mark(int(size)), f"size {int(size)}")
        for method, size, twice in zip(runs["method"], runs["size"], shared, strict=True)
    }
