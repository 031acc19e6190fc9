"""Figures that compare the methods: the numbers of Table 2, and the curves along the stream."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

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
    stream_axis,
)
from autoemb.analysis.plots.style import method_mark
from autoemb.analysis.tables import ANCHORS, sort_methods

_PAPER: dict[str, Any] = {
    "marker": "|",
    "markersize": 8,
    "markeredgewidth": 1.3,
    "color": "#555555",
    "linestyle": "none",
}


def comparison(table: pd.DataFrame) -> Figure:
    """Table 2 as dots with 95 % intervals: a row per stream, a panel per metric, the paper's values as bars.

    Args:
        table: ``tables.comparison`` of one data set.
    """
    streams = list(table["stream"].unique())
    metrics = [cell for cell, _ in table.groupby(["task", "metric"], sort=False)]
    methods = sort_methods(table["method"].unique())
    with grid(len(streams), len(metrics), 0.55 + 0.17 * len(methods), sharey=True) as (figure, panels):
        for row, stream in enumerate(streams):
            for column, (task, metric) in enumerate(metrics):
                axes = panels[row][column]
                cell = table[(table["stream"] == stream) & (table["task"] == task) & (table["metric"] == metric)]
                _dots(axes, cell, methods)
                axes.xaxis.set_major_locator(MaxNLocator(3))
                axes.ticklabel_format(axis="x", useOffset=False, style="plain")
                letter(axes, row * len(metrics) + column, f"{stream}, {task}")
                if row == len(streams) - 1:
                    axes.set_xlabel(METRIC_LABELS[str(metric)])
        if table["paper"].notna().any():
            legend(figure, [Line2D([], [], **_PAPER, label="paper's Table 2")])
        headline(
            figure, findings.comparison(table), findings.about(table, findings.tested(table), "dotted: the anchors")
        )
    return figure


def tuned(table: pd.DataFrame) -> Figure:
    """What tuning changes: of each method a hollow dot as configured and a full one, with its 95 % interval, tuned.

    A row per task, a panel per stream; the methods stand in the same order in all of them.

    Args:
        table: ``tables.tuned`` of one data set.
    """
    cells = [cell for cell, _ in table.groupby(["task", "metric"], sort=False)]
    streams = list(table["stream"].unique())
    methods = sort_methods(table["method"].unique())
    with grid(len(cells), len(streams), 0.7 + 0.2 * len(methods), sharey=True) as (figure, panels):
        for row, (task, metric) in enumerate(cells):
            for column, stream in enumerate(streams):
                axes = panels[row][column]
                here = table[(table["stream"] == stream) & (table["task"] == task)]
                for line in here.to_dict("records"):
                    _changed(axes, line, methods.index(line["method"]))
                axes.set_yticks(range(len(methods)), labels=methods)
                axes.set_ylim(len(methods) - 0.5, -0.5)
                axes.tick_params(axis="y", length=0)
                axes.xaxis.set_major_locator(MaxNLocator(4))
                axes.ticklabel_format(axis="x", useOffset=False, style="plain")
                axes.set_xlabel(METRIC_LABELS[str(metric)])
                letter(axes, row * len(streams) + column, f"{stream}, {task}")
        hollow = {"markerfacecolor": "white", "markeredgewidth": 0.9}
        dots = {"as configured": hollow, "tuned, 95 % interval": {}}
        shared: dict[str, Any] = {"color": "#555555", "marker": "o", "markersize": 4, "linestyle": "none"}
        legend(figure, [Line2D([], [], label=label, **shared | look) for label, look in dots.items()])
        headline(
            figure,
            findings.tuned(table),
            findings.about(table, findings.tested(table), "chosen on the end of the train part"),
        )
    return figure


def stream(table: pd.DataFrame) -> Figure:
    """The losses along the stream as differences to ``fse``, paired by seed; without any, the losses themselves.

    Beside the changes of level along the stream the methods lie too close to be told apart.

    Args:
        table: ``tables.stream`` of one data set; a dotted line marks where the test part begins.
    """
    streams = list(table["stream"].unique())
    table = table[table["metric"] != "accuracy"]
    metrics = [cell for cell, _ in table.groupby(["task", "metric"], sort=False)]
    paired = table["difference"].notna().any()
    rows = [(name, "difference" if paired else "mean") for name in streams]
    with grid(len(rows), len(metrics), 2.4) as (figure, panels):
        for row, (name, what) in enumerate(rows):
            for column, (task, metric) in enumerate(metrics):
                axes = panels[row][column]
                cell = table[(table["stream"] == name) & (table["task"] == task) & (table["metric"] == metric)]
                _along(axes, cell, what)
                label = SHORT_LABELS[str(metric)]
                axes.set_ylabel(f"Δ {label} to fse (below 0: better)" if what == "difference" else label)
                letter(axes, row * len(metrics) + column, f"{name}, {task}", left=0)
                if row < len(rows) - 1:
                    axes.set_xlabel("")
        shown = table[table["difference"].notna()] if paired else table
        legend(figure, [handle(method_mark(name), name) for name in sort_methods(shown["method"].unique())])
        more = "dotted: the test part begins; a method beyond a panel's edge leaves it"
        headline(figure, findings.along(table), findings.about(table, more))
    return figure


def _dots(axes: Axes, cell: pd.DataFrame, methods: list[str]) -> None:
    """One line per method, the first at the top; the anchors' go through the panel."""
    for row in cell[cell["method"].isin(ANCHORS)].to_dict("records"):
        axes.axvline(row["mean"], color=method_mark(row["method"]).colour, linestyle=":", linewidth=0.9)
    for row in cell.to_dict("records"):
        height = methods.index(row["method"])
        mark = method_mark(row["method"])
        ends = [row["low"], row["high"]]
        axes.plot(ends, [height, height], color=mark.colour, linestyle=mark.line)  # nothing where they are NaN
        axes.plot(row["mean"], height, color=mark.colour, marker=mark.marker, markersize=4.5, markeredgewidth=0)
        axes.plot(row["paper"], height, **_PAPER)
    axes.set_yticks(range(len(methods)), labels=methods)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


def _changed(axes: Axes, line: Mapping[Hashable, Any], height: int) -> None:
    """One method's two dots, joined."""
    colour = method_mark(line["method"]).colour
    axes.plot([line["configured"], line["mean"]], [height, height], color=colour, linestyle=":", linewidth=0.8)
    axes.plot([line["low"], line["high"]], [height, height], color=colour)  # nothing where they are NaN
    axes.plot(line["configured"], height, color=colour, marker="o", markersize=4, markerfacecolor="white")
    axes.plot(line["mean"], height, color=colour, marker="o", markersize=4, markeredgewidth=0)


def _along(axes: Axes, cell: pd.DataFrame, what: str) -> None:
    """One curve per method over the stream, each window at its middle."""
    names = ("mean", "low", "high") if what == "mean" else ("difference", "difference_low", "difference_high")
    for method in sort_methods(cell["method"].unique()):
        one = cell[cell["method"] == method].sort_values("first")
        if one[what].notna().any():
            curve(
                axes, one["first"] + one["n"] / 2, one, method_mark(method), names, band=0.06 * (what == "difference")
            )
    if what == "difference":
        focus(axes, cell.loc[~cell["method"].isin(ANCHORS), what])
        axes.axhline(0, color=method_mark("fse").colour, linewidth=0.8)
    axes.axvline(cell.loc[cell["split"] == "test", "first"].min(), color="#555555", linestyle=":", linewidth=0.8)
    stream_axis(axes, int((cell["first"] + cell["n"]).max()))
    few_ticks(axes)
