"""The figure of the answers: differences of the fixed sizes by popularity, on both sides, and error against memory."""

import io

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autoemb.analysis.advice.answers import Answers
from autoemb.analysis.advice.words import SEVERAL
from autoemb.analysis.plots.differences import draw_differences, draw_frontier
from autoemb.analysis.plots.panels import METRIC_LABELS, few_ticks, focus, grid, handle, legend, letter, popularity_axis
from autoemb.analysis.plots.style import method_mark, styled
from autoemb.analysis.tables import bin_centres, sort_methods, supported
from autoemb.schema import SIDES


def draw(of: Answers) -> Figure:
    """Three panels: items, users, memory."""
    with grid(1, 3, 2.3) as (figure, ((items, users, memory),)):
        for number, (axes, side) in enumerate(zip((items, users), reversed(SIDES), strict=True)):
            _classes(axes, of, side)
            letter(axes, number, f"{SEVERAL[side]}, by their ratings so far")
        _memory(memory, of)
        letter(memory, 2, "error against memory")
        methods = sort_methods({*of.options["method"], *of.classes["method"]})
        legend(figure, [handle(method_mark(name), name) for name in methods], columns=7)
    return figure


def _classes(axes: Axes, of: Answers, side: str) -> None:
    """The fixed sizes' differences to the reference, with their intervals and what counts as none."""
    rows = supported(of.classes[of.classes["side"] == side])
    sizes = rows[rows["size"] > 0]
    if sizes.empty:
        axes.text(0.5, 0.5, "no fixed sizes to compare", ha="center", va="center", transform=axes.transAxes)
        return
    draw_differences(axes, rows)
    focus(axes, [*sizes["difference"], 0.0])
    few_ticks(axes)
    popularity_axis(axes, bin_centres(sizes), "ratings so far")
    axes.set_ylabel(f"loss minus that of size {of.reference_size}\nbelow 0: better; grey: alike")


def _memory(axes: Axes, of: Answers) -> None:
    """Every option's loss with its interval against its MiB."""
    draw_frontier(axes, of.options)
    axes.set_xlabel("MiB of the embeddings,\nboth sides")  # in one line it is wider than a third of the page
    axes.set_ylabel(METRIC_LABELS[of.metric])


def svg(of: Answers) -> str:
    """The figure as an SVG element, the same bytes for the same answers."""
    file = io.StringIO()
    with styled():
        figure = draw(of)
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    return text[text.index("<svg") :]
