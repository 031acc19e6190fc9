"""The figure of the claims: a matrix of verdicts, with the effect and its interval in every cell."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from autoemb.analysis.plots import findings
from autoemb.analysis.plots.panels import grid, headline, legend, letter
from autoemb.analysis.plots.style import verdict_mark
from autoemb.analysis.tables.text import signed
from autoemb.schema import DESCRIPTIVE, TASKS, VERDICTS

_ROW = 0.38
_PANELS = 3
_LINE = 36
_HEADINGS = {"regression": ("MSE", "acc."), "classification": ("CE", "acc.")}


def claims(table: pd.DataFrame) -> Figure:
    """A row per claim, a panel per stream, a column per task and metric: the verdict, the effect of the comparison that
    decides it and the half-width of its 95 % interval. A claim about sizes or memory has one cell per task, which spans
    two. Accuracies have no verdict and no tint.

    Args:
        table: ``claims.claims`` of one data set; without rows the figure says that nothing can be judged.
    """  # fmt: skip
    streams = list(table["stream"].unique())
    tasks = [task for task in TASKS if (table["task"] == task).any()]
    statements = table.drop_duplicates("claim").set_index("claim")["statement"].sort_index()
    across = max(min(len(streams), _PANELS), 1)
    down = max(-(-len(streams) // across), 1)
    with grid(down, across, _ROW * len(statements) + 0.6, sharey=True) as (figure, rows):
        panels = [axes for row in rows for axes in row]
        for axes in panels[len(streams) :]:
            axes.set_axis_off()
        for number, (axes, stream) in enumerate(zip(panels, streams, strict=False)):
            for row in table[table["stream"] == stream].to_dict("records"):
                _cell(axes, row, tasks, list(statements.index).index(row["claim"]))
            _frame(axes, tasks, statements)
            letter(axes, number, stream)
        if not streams:
            panels[0].set_title("no claim can be judged from these runs")
        handles = [
            Line2D([], [], color=verdict_mark(name).colour, marker=verdict_mark(name).marker, linestyle="none",
                   markersize=4.5, markerfacecolor=_filling(name), label=name)
            for name in VERDICTS
        ]  # fmt: skip
        legend(figure, handles)
        more = "positive: as claimed; in a cell the effect of the comparison that decides, and half of its interval"
        headline(figure, findings.claims(table), findings.about(table, more))
    return figure


def _cell(axes: Axes, row: dict[str, object], tasks: list[str], height: int) -> None:
    """A tinted box with the verdict's mark and the numbers."""
    verdict, metric = str(row["verdict"]), str(row["metric"])
    task = str(row["task"])
    own = metric in ("mean_size", "memory_saved")
    left = 2 * tasks.index(task) + (0 if own or metric != "accuracy" else 1)
    width = 2 if own else 1
    colour = verdict_mark(verdict).colour
    box = (left - 0.46, height - 0.44)
    tint = 0.0 if verdict == DESCRIPTIVE else 0.13
    axes.add_patch(Rectangle(box, width - 0.08, 0.88, facecolor=colour, alpha=tint, linewidth=0))
    middle = left + (width - 1) / 2
    axes.plot(middle, height - 0.25, color=colour, marker=verdict_mark(verdict).marker, markersize=4.2,
              markerfacecolor=_filling(verdict), linestyle="none")  # fmt: skip
    effect, high = float(str(row["effect"])), float(str(row["high"]))
    numbers = [signed(effect, metric)]
    if np.isfinite(high):
        numbers.append(signed(high - effect, metric).replace("+", "±"))
    text = "\n".join(number.replace("0.", ".", 1) if number[1:3] == "0." else number for number in numbers)
    axes.text(middle, height + 0.14, text, fontsize=5.2, va="center", ha="center", linespacing=1.05)


def _filling(verdict: str) -> str:
    """Hollow where nothing is decided, so that the marks differ without colour too."""
    return "white" if verdict == VERDICTS[-1] else verdict_mark(verdict).colour


def _frame(axes: Axes, tasks: list[str], statements: "pd.Series[str]") -> None:
    """Claims at the left, metrics and tasks beneath, no grid."""
    axes.set_xlim(-0.55, 2 * len(tasks) - 0.45)
    axes.set_ylim(len(statements) - 0.4, -0.6)
    axes.set_xticks(range(2 * len(tasks)), labels=[name for task in tasks for name in _HEADINGS[task]])
    axes.set_xticks([2 * n + 0.5 for n in range(len(tasks))], labels=[f"{task}\n" for task in tasks], minor=True)
    labels = [textwrap.fill(f"{claim}  {text}", _LINE) for claim, text in statements.items()]
    axes.set_yticks(range(len(statements)), labels=labels, fontsize=6)
    axes.xaxis.tick_top()
    axes.tick_params(which="both", length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
