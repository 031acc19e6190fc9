"""One style for every figure: sizes for a printed page, colours by Okabe and Ito, reproducible files."""

import importlib.metadata
import math
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from autoemb.artifact.files import whole
from autoemb.schema import DESCRIPTIVE, VERDICTS

WIDTH = 7.2
"""Width of a two-column figure in inches; half of it is one column."""

POINTER = "AUTOEMB_IDENTITY"
"""Environment variable with the identity of the job that draws (``record.identity``), for the figures' metadata."""

_INK, _GREY = "#000000", "#7F7F7F"


class Mark(NamedTuple):
    """How a method, an embedding size or a verdict looks in every figure."""

    colour: str
    marker: str
    line: Literal["-", "--"] = "-"
    """Style of its curve: a variant of a method is dashed."""


# hues are methods, after Okabe and Ito; sizes are one ramp, from light to dark blue; verdicts are black
_METHODS = {
    "constant": Mark(_GREY, "D"),
    "means": Mark(_INK, "*"),
    "mf": Mark("#7A5195", "d"),
    "mask": Mark("#B2182B", ">"),
    "utility": Mark("#1B7837", "P"),
    "uniform": Mark("#8C6D31", "<"),
    "sam": Mark("#E69F00", "s"),
    "darts": Mark("#009E73", "D"),
    "autoemb": Mark("#D55E00", "^"),
    "esapn": Mark("#CC79A7", "X"),
}
_FIXED_SIZE = 146
"""Of the run called ``fse``, unless a config says otherwise."""
_RAMP = ("#A6CDE8", "#7FB5DB", "#5A9CCB", "#3A82B8", "#2468A0", "#134F86", "#08376A", "#041F45")
"""Of sizes 2, 4, ..., 256, each twice the one before."""
_OTHERS = ("#A6761D", "#666600", "#8B2252", "#5F9E9F", "#B8860B", "#6B8E23")
"""Of methods that are not known here."""
_MARKERS_OF_SIZES = "vd<p8>hoP"

_OF_VERDICTS = ("o", "X", "v", "_", "s", "o")
_VERDICTS = {verdict: Mark(_INK, marker) for verdict, marker in zip(VERDICTS, _OF_VERDICTS, strict=True)} | {
    DESCRIPTIVE: Mark(_GREY, "")
}


@contextmanager
def styled() -> Iterator[None]:
    """Inside, matplotlib has its own defaults and ``style``, and nothing of what a person's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(style())
        yield


def style() -> dict[RcKeyType, Any]:
    """matplotlib's settings for every figure, where they are not its defaults: see ``styled``."""
    return {
        "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same
        "font.size": 7.5,
        "axes.titlesize": 7.5,
        "axes.labelsize": 7.5,
        "xtick.labelsize": 6.5,
        "ytick.labelsize": 6.5,
        "legend.fontsize": 7,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "axes.titlelocation": "left",
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "lines.linewidth": 1.1,
        "lines.markersize": 3.2,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#E6E6E6",
        "grid.linewidth": 0.5,
        "figure.constrained_layout.use": True,
        "savefig.dpi": 160,  # of the png; pdf and svg are for print
        "pdf.fonttype": 42,
        "svg.hashsalt": "autoemb",  # else every drawing gets other ids
    }


def method_mark(name: str) -> Mark:
    """Colour, marker and line of a method; a fixed-size one (``fse-16``) looks like its size, others by their names.

    A variant (``sam-slow``, ``fse-16-scaled``) has the colour of what it is one of, dashed, and a marker by its name.
    """
    if known := _known(name):
        return known
    base = name
    while base := base.rpartition("-")[0]:
        if known := _known(base):
            marker = _unknown(name).marker
            return Mark(known.colour, "P" if marker == known.marker else marker, "--")
    return _unknown(name)


def _known(name: str) -> Mark | None:
    family, _, number = name.partition("-")
    if family == "fse" and (number.isdigit() or not number):
        return size_mark(int(number or _FIXED_SIZE))
    return _METHODS.get(name)


def size_mark(size: int) -> Mark:
    """Colour and marker of an embedding size: the darker the larger."""
    step = math.log2(max(size, 1)) - 1
    place = min(max(round(step), 0), len(_RAMP) - 1)
    exact = step == place
    return Mark(_RAMP[place], _MARKERS_OF_SIZES[place if exact else -2])


def level_mark(name: str) -> Mark:
    """Colour and marker of a model of Fig. 1's levels, by its name in ``tables.model_names``."""
    size = re.match(r"size (\d+)", name)
    return size_mark(int(size[1])) if size else method_mark(name)


def verdict_mark(verdict: str) -> Mark:
    """Colour and marker of a verdict; what is described has no marker."""
    return _VERDICTS[verdict]


def _unknown(name: str) -> Mark:
    """The same look in every figure and on every machine, whatever else is drawn."""
    markers = ("*", "<", ">", "v", "d", "p", "h")
    number = zlib.crc32(name.encode())
    return Mark(_OTHERS[number % len(_OTHERS)], markers[number // len(_OTHERS) % len(markers)])


def save(figure: Figure, stem: Path | str, formats: Sequence[str] = ("pdf", "svg", "png")) -> Path:
    """Write ``stem``.pdf, .svg and .png, all or none, the same bytes for the same figure.

    The layout of the panels is settled here, once for all formats, and kept. In a job that keeps a record, the files'
    metadata (``Keywords``, ``dc:identifier``, ``Source``) hold its identity, which is the same from run to run.

    Returns:
        Path of the last format, the png.

    Raises:
        InputError: the folder cannot be written.
    """
    metadata: dict[str, dict[str, str | None]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}
    if identity := os.environ.get(POINTER):
        pointer = f"autoemb {importlib.metadata.version('autoemb')}, made as {identity}"
        for end, key in (("pdf", "Keywords"), ("svg", "Identifier"), ("png", "Source")):
            metadata[end][key] = pointer
    stem = Path(stem)
    paths = [stem.with_name(f"{stem.name}.{end}") for end in formats]
    with styled(), ExitStack() as stack:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for end, path in zip(formats, paths, strict=True):
            temporary = stack.enter_context(whole(path))
            figure.savefig(temporary, format=end, metadata=metadata.get(end, {}))
    return paths[-1]
