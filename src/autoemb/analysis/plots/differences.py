"""Figures of what is decided: differences to the fixed size by popularity, and error against memory."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from autoemb.analysis.plots import findings
from autoemb.analysis.plots.panels import (
    METRIC_LABELS,
    SHORT_LABELS,
    few_ticks,
    focus,
    grid,
    handle,
    headline,
    legend,
    letter,
    memory_axis,
    popularity_axis,
)
from autoemb.analysis.plots.style import Mark, method_mark
from autoemb.analysis.tables import bin_centres, lowest_for_less, plain_methods, sort_methods, supported


def popularity_differences(table: pd.DataFrame) -> Figure:
    """The loss of each method minus that of the fixed size by popularity, per side and stream; grey: alike.

    Shown are the methods under their own names and the fixed sizes, not their variants.

    Args:
        table: ``tables.popularity_differences`` of one data set.
    """
    shown = supported(table[table["method"].isin(plain_methods(table["method"].unique()))])
    rows = [cell for cell, _ in shown.groupby(["task", "metric"], sort=False)]
    columns = [cell for cell, _ in shown.groupby(["stream", "side"], sort=False)]
    methods = sort_methods(shown["method"].unique())
    with grid(max(len(rows), 1), max(len(columns), 1), 1.75, sharey=True) as (figure, panels):
        for row, (task, metric) in enumerate(rows):
            of_task = shown[(shown["task"] == task) & (shown["metric"] == metric)]
            for column, (stream, side) in enumerate(columns):
                axes = panels[row][column]
                cell = of_task[(of_task["stream"] == stream) & (of_task["side"] == side)]
                draw_differences(axes, cell)
                popularity_axis(axes, bin_centres(cell), f"{side} popularity\n(interactions so far)")
                # most of the curves decide the scale, not those that are far from all others
                focus(axes, of_task.loc[of_task["method"] != "constant", "difference"].quantile([0.05, 0.85]))
                few_ticks(axes, 5)
                if row < len(rows) - 1:
                    axes.set_xlabel("")
                letter(axes, row * len(columns) + column, f"{stream}, {side}")
                if column == 0:
                    axes.set_ylabel(f"{task}\n{SHORT_LABELS[str(metric)]}, difference")
        legend(figure, [handle(method_mark(name), name) for name in methods])
        what = "below 0 is better; grey: alike; the intervals of a curve hold together"
        headline(figure, findings.popularity_differences(table), findings.about(shown, what))
    return figure


def draw_differences(axes: Axes, cell: pd.DataFrame) -> None:
    """The differences of one panel with their intervals, and the band in which they count as none.

    Args:
        axes: the panel.
        cell: ``tables.popularity_differences`` of one stream, task and side.
    """
    for name in sort_methods(cell["method"].unique()):
        one, mark = cell[cell["method"] == name].sort_values("popularity_low"), method_mark(name)
        _points(axes, bin_centres(one), one["difference"], one["visible"], mark)
    if cell["visible"].notna().any():
        band = cell.drop_duplicates("popularity_low").sort_values("popularity_low")
        edge = band["tolerance"]
        axes.fill_between(bin_centres(band), -edge, edge, color="#000000", alpha=0.12, linewidth=0)
    axes.axhline(0, color="#000000", linewidth=0.6)


def frontier(table: pd.DataFrame) -> Figure:
    """Loss against the memory of the embeddings, per task and stream; joined and named: those that none beats for less.

    Only these are named at their dots, and the lines of those without embeddings: most others hold all candidate sizes
    of every id, so that their dots stand in one place, and the legend has their names.

    Args:
        table: ``tables.frontier`` of one data set.
    """
    losses = table[table["metric"] != "accuracy"]
    rows = [cell for cell, _ in losses.groupby(["task", "metric"], sort=False)]
    streams = list(losses["stream"].unique())
    with grid(max(len(rows), 1), max(len(streams), 1), 2.3) as (figure, panels):
        for row, (task, metric) in enumerate(rows):
            for column, stream in enumerate(streams):
                axes = panels[row][column]
                cell = losses[(losses["task"] == task) & (losses["stream"] == stream)]
                draw_frontier(axes, cell)
                _name_front(axes, cell)
                axes.set_ylabel(METRIC_LABELS[str(metric)])
                if row < len(rows) - 1:
                    axes.set_xlabel("")
                letter(axes, row * len(streams) + column, f"{stream}, {task}")
        legend(figure, _frontier_handles(losses), columns=6)
        what = "lower left is better; line: those with embeddings whose mean none beats that needs as little"
        about = findings.about(losses, findings.tested(losses), what) if len(losses) else ""
        headline(figure, findings.frontier(losses), about)
    return figure


_DOTTED: dict[str, Any] = {"linestyle": ":", "linewidth": 0.9}
_NAME: dict[str, Any] = {"fontsize": 5.8, "textcoords": "offset points"}
_ASLANT: dict[str, Any] = {"ha": "right", "va": "top", "rotation": 40, "rotation_mode": "anchor"}
_HALO = (withStroke(linewidth=1.5, foreground="#FFFFFF"),)


def _frontier_handles(losses: pd.DataFrame) -> list[Line2D]:
    """Dots for the methods, dotted lines for those without embeddings."""
    bare = set(losses.loc[losses["mib"] == 0, "method"])
    return [
        Line2D([], [], color=method_mark(name).colour, **_DOTTED, label=name)
        if name in bare
        else handle(method_mark(name), name)
        for name in sort_methods(losses["method"].unique())
    ]


def draw_frontier(axes: Axes, cell: pd.DataFrame) -> None:
    """One panel: the methods with their intervals, those without embeddings as lines, and the line through the front.

    Args:
        axes: the panel.
        cell: ``mib``, ``mean``, ``high`` and ``method`` of one stream and task.
    """
    held = cell[cell["mib"] > 0].sort_values(["mib", "mean"])
    for row in cell.to_dict("records"):
        mark = method_mark(str(row["method"]))
        if row["mib"] == 0:
            axes.axhline(row["mean"], color=mark.colour, **_DOTTED)
            continue
        _points(axes, [row["mib"]], [row["mean"]], [row["high"] - row["mean"]], mark, size=4.5)
    best = lowest_for_less(cell)
    axes.step(best["mib"], best["mean"], where="post", color="#000000", linewidth=0.6, zorder=1.5)  # beneath the dots
    focus(axes, cell.loc[cell["method"] != "constant", "mean"])
    few_ticks(axes, 5)
    memory_axis(axes, held["mib"])


def _name_front(axes: Axes, cell: pd.DataFrame) -> None:
    """The names of the front at its dots; right of the panel those of the methods without embeddings, at their lines.

    To the lower left of a dot of the front there is no other dot, or it would not be on it; aslant, the names of
    neighbours that are alike in error do not run into each other.
    """
    bottom, top = axes.get_ylim()
    bottom -= 0.1 * (top - bottom)  # room for a long name at the lowest dot
    axes.set_ylim(bottom, top)
    for row in lowest_for_less(cell).to_dict("records"):
        dot = (row["mib"], row["mean"])
        axes.annotate(str(row["method"]), dot, (-2.5, -2.5), path_effects=_HALO, **_NAME, **_ASLANT)
    for row in cell[cell["mib"] == 0].to_dict("records"):
        name, height = str(row["method"]), float(row["mean"])
        look = _NAME | {"color": method_mark(name).colour, "va": "center"}
        if bottom <= height <= top:
            axes.annotate(name, (1, height), (3, 0), xycoords=axes.get_yaxis_transform(), **look)
        else:  # a line beyond the panel is said, or it would seem forgotten
            above = height > top
            text = f"{name} {'↑' if above else '↓'}\n{height:.3f}"
            axes.annotate(text, (1, float(above)), (3, 0), xycoords="axes fraction", **look)


def _points(axes: Axes, x: npt.ArrayLike, y: npt.ArrayLike, half: npt.ArrayLike, mark: Mark, size: float = 3.2) -> None:
    """Points joined by a line, with half of their intervals up and down where there are any."""
    halves = np.asarray(half, dtype=np.float64)
    axes.errorbar(
        np.asarray(x), np.asarray(y), yerr=np.nan_to_num(halves) if np.isfinite(halves).any() else None,
        color=mark.colour, marker=mark.marker, markersize=size, linestyle=mark.line, markeredgewidth=0, elinewidth=0.7,
    )  # fmt: skip
