"""What the figures share: a grid of labelled panels, a curve with its band, axes with units, one legend."""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from string import ascii_lowercase
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from autoemb.analysis.plots.style import WIDTH, Mark, styled

METRIC_LABELS = {
    "mse": "MSE\nlower is better",
    "cross_entropy": "cross-entropy (nats)\nlower is better",
    "accuracy": "accuracy\nhigher is better",
}
SHORT_LABELS = {
    "mse": "MSE",
    "cross_entropy": "cross-entropy",
    "accuracy": "accuracy",
    "mean_size": "mean size",
    "memory_saved": "memory saved",
}


_TITLE, _ABOUT = 100, 150
"""Characters of a line."""


class Grid(NamedTuple):
    """A figure and its panels, rows first."""

    figure: Figure
    axes: list[list[Axes]]


@contextmanager
def grid(rows: int, columns: int, row_height: float, sharey: bool = False) -> Iterator[Grid]:
    """An empty figure over the full width of a page, in the project's style.

    Args:
        rows: of panels.
        columns: of panels.
        row_height: of one row, in inches.
        sharey: whether the panels of a row share their vertical axis.
    """
    with styled():
        figure = Figure(figsize=(WIDTH, row_height * rows + 0.9))
        axes = figure.subplots(rows, columns, squeeze=False, sharey="row" if sharey else False)
        yield Grid(figure, [list(row) for row in axes])


def headline(figure: Figure, finding: str, about: str) -> None:
    """What the figure shows as its title, and beneath all panels, over the legend, what it was made of."""
    if finding:
        figure.suptitle(textwrap.fill(finding, _TITLE), x=0.01, ha="left", fontsize=8.5, fontweight="bold")
    if about:
        if not figure.legends:
            legend(figure, [])
        figure.legends[0].set_title(textwrap.fill(about, _ABOUT), prop=FontProperties(size=6.5))


def letter(axes: Axes, number: int, text: str, left: float = 0.0) -> None:
    """The panel's letter and what it shows, above it, starting at ``left`` (0: the axis, 1: the right edge)."""
    axes.set_title(f"$\\bf{{{ascii_lowercase[number % 26]}}}$  {text}", x=left)


def curve(
    axes: Axes,
    x: npt.ArrayLike,
    table: pd.DataFrame,
    mark: Mark,
    columns: tuple[str, str, str] = ("mean", "low", "high"),
    band: float = 0.15,
) -> None:
    """Means joined by a line, and the 95 % interval as a band of this opacity where there is one."""
    mean, low, high = (table[name].to_numpy(dtype=np.float64) for name in columns)
    every = max(1, len(mean) // 12)
    axes.plot(x, mean, color=mark.colour, marker=mark.marker, linestyle=mark.line, markeredgewidth=0, markevery=every)
    if band and np.isfinite(low).any():
        axes.fill_between(x, low, high, color=mark.colour, alpha=band, linewidth=0)


def handle(mark: Mark, label: str) -> Line2D:
    """The entry of a method or a size in the legend."""
    return Line2D([], [], color=mark.colour, marker=mark.marker, linestyle=mark.line, markeredgewidth=0, label=label)


def legend(figure: Figure, handles: list[Line2D], columns: int = 8) -> None:
    """One legend below all panels, off the data."""
    figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, max(len(handles), 1)))


def popularity_axis(axes: Axes, values: npt.ArrayLike, label: str = "popularity (interactions so far)") -> None:
    """Logarithmic where the values span more than a factor of 15."""
    numbers = np.asarray(values, dtype=np.float64)
    ratio = numbers.max() / numbers.min() if numbers.size else 1
    if ratio > 15:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1,) if ratio > 300 else (1, 3), numticks=6))
        axes.xaxis.set_major_formatter(FuncFormatter(_short))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel(label)


def memory_axis(axes: Axes, mib: npt.ArrayLike) -> None:
    """MiB of the embeddings, logarithmic; without any the axis has no ticks.

    Args:
        axes: the panel.
        mib: of the methods that have embeddings.
    """
    numbers = np.asarray(mib, dtype=np.float64)
    axes.set_xlabel("MiB of the embeddings, both sides")
    if not numbers.size:
        axes.xaxis.set_major_locator(NullLocator())
        return
    axes.set_xscale("log")
    ratio = numbers.max() / numbers.min()
    axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1, 3), numticks=6) if ratio > 10 else MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(_short))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.12)  # for the name at the leftmost dot


def _short(value: float, _: object) -> str:
    """100, 1k, 100k."""
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def stream_axis(axes: Axes, last: int) -> None:
    """Position in the stream, in thousands or millions."""
    unit, name = (1_000_000, "million") if last >= 2_000_000 else (1_000, "thousand")
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / unit:g}"))
    axes.set_xlabel(f"interactions so far\n({name})")


def focus(axes: Axes, means: npt.ArrayLike) -> None:
    """Show the range of the means and 30 % of it on either side: a wider band leaves the panel.

    Else the one bin with the widest interval decides the scale, and the curves become flat lines.
    """
    numbers = np.asarray(means, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if numbers.size and np.ptp(numbers) > 0:
        axes.set_ylim(numbers.min() - 0.3 * np.ptp(numbers), numbers.max() + 0.3 * np.ptp(numbers))


def few_ticks(axes: Axes, number: int = 4) -> None:
    """At most so many ticks on the vertical axis, written in full."""
    axes.yaxis.set_major_locator(MaxNLocator(number, steps=[1, 2, 2.5, 5, 10]))
    axes.ticklabel_format(axis="y", useOffset=False, style="plain")
