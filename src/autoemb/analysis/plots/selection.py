"""Figures of the chosen sizes: against popularity, and along the stream."""

from collections.abc import Callable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autoemb.analysis.plots import findings
from autoemb.analysis.plots.panels import (
    curve,
    few_ticks,
    grid,
    handle,
    headline,
    legend,
    letter,
    popularity_axis,
    stream_axis,
)
from autoemb.analysis.plots.style import method_mark
from autoemb.analysis.tables import bin_centres, sort_methods, supported


def sizes(table: pd.DataFrame, split: str = "test") -> Figure:
    """Mean size that each searching method gives to ids of each popularity, per side, stream and task.

    Args:
        table: ``tables.mean_size`` of one data set.
        split: which part of the stream.
    """
    shown = supported(table[table["split"] == split])

    def draw(axes: Axes, cell: pd.DataFrame, side: str) -> None:
        for method in sort_methods(cell["method"].unique()):
            one = cell[cell["method"] == method].sort_values("popularity_low")
            curve(axes, bin_centres(one), one, method_mark(method))
        popularity_axis(axes, bin_centres(cell), f"{side} popularity\n(interactions so far)")

    return _panels(shown, draw, findings.growth(shown, "popularity_low", "from rare to frequent ids"))


def size_stream(table: pd.DataFrame) -> Figure:
    """Mean size over the stream, per side, stream and task; a dotted line where the test part begins.

    Args:
        table: ``tables.size_stream`` of one data set.
    """
    shown = table[table["measure"] == "mean_size"]

    def draw(axes: Axes, cell: pd.DataFrame, side: str) -> None:
        for method in sort_methods(cell["method"].unique()):
            one = cell[cell["method"] == method].sort_values("first")
            curve(axes, one["first"] + one["n"] / 2, one, method_mark(method))
        axes.axvline(cell.loc[cell["split"] == "test", "first"].min(), color="#555555", linestyle=":", linewidth=0.8)
        stream_axis(axes, int((cell["first"] + cell["n"]).max()))

    return _panels(shown, draw, findings.growth(shown, "first", "along the stream"))


def _panels(table: pd.DataFrame, draw: Callable[[Axes, pd.DataFrame, str], None], finding: str) -> Figure:
    """A row per task, a column per stream and side."""
    tasks = list(table["task"].unique())
    columns = [cell for cell, _ in table.groupby(["stream", "side"], sort=False)]
    with grid(max(len(tasks), 1), max(len(columns), 1), 2.0, sharey=True) as (figure, panels):
        for row, task in enumerate(tasks):
            for column, (stream, side) in enumerate(columns):
                axes = panels[row][column]
                cell = table[(table["task"] == task) & (table["stream"] == stream) & (table["side"] == side)]
                draw(axes, cell, str(side))
                few_ticks(axes, 6)
                letter(axes, row * len(columns) + column, f"{stream}, {side}")
                if row < len(tasks) - 1:
                    axes.set_xlabel("")
                if column == 0:
                    axes.set_ylabel(f"{task}\nmean size (dimensions)")
        for axes in figure.axes:  # once all panels that share an axis are drawn: this ends their autoscaling
            axes.set_ylim(bottom=max(axes.get_ylim()[0], 0))  # a band may reach below, a size cannot
        legend(figure, [handle(method_mark(name), name) for name in sort_methods(table["method"].unique())])
        headline(figure, finding, findings.about(table))
    return figure
