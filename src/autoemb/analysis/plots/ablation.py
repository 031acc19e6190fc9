"""The figure of the ablation: what each setting of the released code does to each method."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from autoemb.analysis.plots.panels import SHORT_LABELS, grid, legend, letter
from autoemb.analysis.plots.style import method_mark
from autoemb.analysis.tables import sort_methods
from autoemb.analysis.tables.student import excludes_zero

_ROW = 0.15
"""Height of a line, in inches."""

_DOT: dict[str, Any] = {"marker": "o", "markersize": 3.6, "markeredgewidth": 0.8, "linestyle": "none"}


def ablation(table: pd.DataFrame) -> Figure:
    """Effects as dots with 95 % intervals: a panel per task and method, a line per setting and value.

    A dot is filled where its interval excludes zero. Around zero the axis is linear, further away logarithmic, and its
    label says from where on: the order of the stream can move a loss a hundred times as far as a factor before a sum.

    Args:
        table: ``tables.ablation`` of one data set.
    """
    effects = table[table["effect"].notna()]
    lines = list(dict.fromkeys(zip(effects["setting"], effects["value"], strict=True)))
    cells = [cell for cell, _ in table.groupby(["task", "metric"], sort=False)]
    methods = sort_methods(table["method"].unique())
    with grid(len(cells), len(methods), 0.82 + _ROW * len(lines), sharey=True) as (figure, panels):
        for row, (task, metric) in enumerate(cells):
            here = effects[(effects["task"] == task) & (effects["metric"] == metric)]
            for column, method in enumerate(methods):
                axes = panels[row][column]
                _effects(axes, here[here["method"] == method], lines, method_mark(method).colour)
                axes.set_xlabel(f"Δ {SHORT_LABELS[str(metric)]}")
                _scale(axes, here)
                letter(axes, row * len(methods) + column, f"{method}\n{task}")
        legend(figure, _handles())
    return figure


def _effects(axes: Axes, effects: pd.DataFrame, lines: list[tuple[str, str]], colour: str) -> None:
    """A dot and its interval on each line that has one; the first line is at the top."""
    axes.axvline(0, color="#555555", linewidth=0.8)
    for row in effects.to_dict("records"):
        height = lines.index((row["setting"], row["value"]))
        axes.plot([row["low"], row["high"]], [height, height], color=colour)  # nothing where they are NaN
        clear = excludes_zero(row["low"], row["high"])
        axes.plot(row["effect"], height, color=colour, markerfacecolor=colour if clear else "white", **_DOT)
    axes.set_yticks(range(len(lines)), labels=[f"{setting}: {value}" for setting, value in lines])
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


def _scale(axes: Axes, effects: pd.DataFrame) -> None:
    """The same for all panels of a task: linear up to the middle one of the effects, within two decades of the end.

    Only the outer ticks and zero are labelled, as a tenth of them would stand too close; its grid line has no label.
    """
    sizes = effects["effect"].abs()[effects["effect"] != 0]
    if sizes.empty:
        return
    end = 1.5 * float(np.nanmax(np.abs(effects[["effect", "low", "high"]].to_numpy(dtype=np.float64))))
    top = 10.0 ** np.floor(np.log10(end))
    linear = np.clip(10.0 ** np.floor(np.log10(sizes.median())), top / 100, top / 10)
    axes.set_xscale("symlog", linthresh=linear, linscale=0.6)
    axes.set_xlim(-end, end)
    axes.set_xlabel(f"{axes.get_xlabel()},\nlog beyond ±{_short(linear)}")
    axes.set_xticks([-top, -top / 10, 0, top / 10, top], labels=[f"-{_short(top)}", "", "0", "", _short(top)])
    axes.xaxis.set_minor_locator(NullLocator())


def _short(value: float) -> str:
    """``.01``"""
    return f"{value:g}".replace("0.", ".", 1)


def _handles() -> list[Line2D]:
    """What the dots are."""
    filled = {"95 % interval excludes zero": "#555555", "includes zero": "white"}
    return [
        Line2D([], [], color="#555555", markerfacecolor=face, label=label, **_DOT) for label, face in filled.items()
    ]
