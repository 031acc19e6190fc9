"""The figure of the ablation: what each setting of the released code does to each method."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from autoemb.analysis.plots import findings
from autoemb.analysis.plots.panels import SHORT_LABELS, grid, headline, legend, letter
from autoemb.analysis.plots.style import method_mark
from autoemb.analysis.tables import sort_methods
from autoemb.analysis.tables.student import excludes_zero

_ROW = 0.15
"""Height of a line, in inches."""

_DOT: dict[str, Any] = {"marker": "o", "markersize": 3.6, "markeredgewidth": 0.8, "linestyle": "none"}


def ablation(table: pd.DataFrame) -> Figure:
    """Effects as dots with 95 % intervals: a panel per task and method, a line per setting and value, largest first.

    A dot is filled where its interval excludes zero. The axis is linear; an effect beyond it stands at its edge, with
    its size. A line without a dot is a setting that the method does not have.

    Args:
        table: ``tables.ablation`` of one data set.
    """
    effects = table[table["effect"].notna()]
    lines = _lines(effects)
    cells = [cell for cell, _ in table.groupby(["task", "metric"], sort=False)]
    methods = sort_methods(table["method"].unique())
    with grid(len(cells), len(methods), 0.82 + _ROW * len(lines), sharey=True) as (figure, panels):
        for row, (task, metric) in enumerate(cells):
            here = effects[(effects["task"] == task) & (effects["metric"] == metric)]
            end = _end(here)
            for column, method in enumerate(methods):
                axes = panels[row][column]
                _effects(axes, here[here["method"] == method], lines, method_mark(method).colour, end)
                axes.set_xlabel(f"Δ {SHORT_LABELS[str(metric)]} (positive: worse)" if column == 0 else "")
                letter(axes, row * len(methods) + column, f"{method}\n{task}")
        legend(figure, _handles())
        headline(
            figure, findings.ablation(table), findings.about(table, "each setting alone, against the released code")
        )
    return figure


def _lines(effects: pd.DataFrame) -> list[tuple[str, str]]:
    """Settings and values, those with the largest effect on any method first."""
    largest = effects.assign(size=effects["effect"].abs()).groupby(["setting", "value"], sort=False)["size"].max()
    return [(str(setting), str(value)) for setting, value in largest.sort_values(ascending=False, kind="stable").index]


def _end(effects: pd.DataFrame) -> float:
    """Where the axis of a task ends: a little beyond the effect that nine of ten are smaller than."""
    sizes = effects["effect"].abs()[effects["effect"] != 0]
    return 1.4 * float(sizes.quantile(0.9)) if len(sizes) else 1.0


def _effects(axes: Axes, effects: pd.DataFrame, lines: list[tuple[str, str]], colour: str, end: float) -> None:
    """A dot and its interval on each line that has one; the first line is at the top."""
    axes.axvline(0, color="#555555", linewidth=0.8)
    for row in effects.to_dict("records"):
        height = lines.index((row["setting"], row["value"]))
        clear = excludes_zero(row["low"], row["high"])
        face = colour if clear else "white"
        if abs(row["effect"]) > end:
            side = 1 if row["effect"] > 0 else -1
            axes.plot(
                side * end, height, **_DOT | {"marker": ">" if side > 0 else "<"}, color=colour, markerfacecolor=face
            )
            axes.text(side * end * 0.9, height, _short(row["effect"]), fontsize=5.5, va="center",
                      ha="right" if side > 0 else "left")  # fmt: skip
            continue
        axes.plot(np.clip([row["low"], row["high"]], -end, end), [height, height], color=colour)  # nothing where NaN
        axes.plot(row["effect"], height, color=colour, markerfacecolor=face, **_DOT)
    axes.set_yticks(range(len(lines)), labels=[f"{setting}: {value}" for setting, value in lines])
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(-1.08 * end, 1.08 * end)
    axes.xaxis.set_major_locator(MaxNLocator(3, symmetric=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value) if value else "0"))


def _short(value: float) -> str:
    """``+.012``"""
    return f"{value:+.2g}".replace("0.", ".", 1)


def _handles() -> list[Line2D]:
    """What the dots are."""
    filled = {"95 % interval excludes zero": "#555555", "includes zero": "white"}
    handles = [
        Line2D([], [], color="#555555", markerfacecolor=face, label=label, **_DOT) for label, face in filled.items()
    ]
    beyond = Line2D([], [], color="#555555", label="beyond the axis, with its size", **_DOT | {"marker": ">"})
    return [*handles, beyond]
