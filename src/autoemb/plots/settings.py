"""The figure of the settings ablation: what each setting does to each method's loss."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from autoemb.plots.panels import METRIC_LABELS, grid, letter
from autoemb.plots.style import method_mark
from autoemb.tables import sort_methods

_ROW = 0.16


def settings(table: pd.DataFrame) -> Figure:
    """Change of the mean loss with its 95 % interval: a row per setting and value, a panel per task and method.

    Filled where the interval does not hold 0. Effects of more than three times the size that most have are written
    out at the panel's edge: on their scale, nothing else could be seen.

    Args:
        table: ``tables.settings`` of one data set.
    """
    tasks, methods = list(table["task"].unique()), sort_methods(table["method"].unique())
    labels = list(dict.fromkeys(_labels(table)))
    with grid(max(len(tasks), 1), max(len(methods), 1), 0.5 + _ROW * len(labels), sharey=True) as (figure, panels):
        for row, task in enumerate(tasks):
            for column, method in enumerate(methods):
                axes = panels[row][column]
                cell = table[(table["task"] == task) & (table["method"] == method) & table["touched"]]
                _effects(axes, cell.assign(label=_labels(cell)), labels, method)
                letter(axes, row * len(methods) + column, f"{method}, {task}" if len(tasks) > 1 else method)
                axes.set_xlabel(f"Δ {METRIC_LABELS[str(cell['metric'].iloc[0])]}" if len(cell) else "")
    return figure


def _labels(table: pd.DataFrame) -> list[str]:
    return [f"{setting}: {value}" for setting, value in zip(table["setting"], table["value"], strict=True)]


def _effects(axes: Axes, cell: pd.DataFrame, labels: list[str], method: str) -> None:
    """A dot and its interval per setting that touches the method."""
    mark = method_mark(method)
    sizes = cell["effect"].abs().to_numpy()
    limit = 3 * np.quantile(sizes, 0.75) if len(sizes) > 4 else np.inf
    limit = np.inf if (sizes <= limit).all() else limit
    for row in cell.to_dict("records"):
        height = labels.index(row["label"])
        if abs(row["effect"]) > limit:
            edge = np.sign(row["effect"]) * 1.15 * limit
            axes.text(edge, height, f"{row['effect']:+.4f}", ha="right" if edge > 0 else "left", va="center", size=6)
            continue
        clear = row["low"] > 0 or row["high"] < 0
        axes.plot([row["low"], row["high"]], [height, height], color=mark.colour)  # nothing where they are NaN
        axes.plot(
            row["effect"],
            height,
            color=mark.colour,
            marker=mark.marker,
            markersize=4,
            markerfacecolor=mark.colour if clear else "white",
            markeredgewidth=0.8,
        )
    if np.isfinite(limit):
        axes.set_xlim(-1.2 * limit, 1.2 * limit)
    axes.axvline(0, color="#555555", linewidth=0.8)
    axes.set_yticks(range(len(labels)), labels=labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.ticklabel_format(axis="x", useOffset=False, style="plain")
