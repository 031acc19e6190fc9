"""One style for every figure: sizes for a printed page, colours by Okabe and Ito, reproducible files."""

import importlib.metadata
import os
import re
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from autoemb.artifact.files import whole
from autoemb.schema import DESCRIPTIVE, VERDICTS

WIDTH = 7.2
"""Width of a two-column figure in inches; half of it is one column."""

POINTER = "AUTOEMB_IDENTITY"
"""Environment variable with the identity of the job that draws (``record.identity``), for the figures' metadata."""

_BLACK, _ORANGE, _SKY, _GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
_BLUE, _VERMILLION, _PURPLE, _GREY = "#0072B2", "#D55E00", "#CC79A7", "#7F7F7F"


class Mark(NamedTuple):
    """How a method or an embedding size looks in every figure."""

    colour: str
    marker: str


_METHODS = {
    "constant": Mark(_GREY, "D"),
    "means": Mark(_GREEN, "*"),
    "mf": Mark(_BLUE, "d"),
    "uniform": Mark(_GREY, "<"),
    "fse": Mark(_BLACK, "o"),
    "sam": Mark(_ORANGE, "s"),
    "darts": Mark(_SKY, "D"),
    "darts-global": Mark(_GREY, "P"),
    "autoemb": Mark(_VERMILLION, "^"),
    "esapn": Mark(_PURPLE, "X"),
}
_SIZES = {
    2: Mark(_BLUE, "v"),
    4: Mark(_ORANGE, "d"),
    8: Mark(_SKY, "<"),
    16: Mark(_GREEN, "p"),
    32: Mark(_GREY, "8"),
    64: Mark(_VERMILLION, ">"),
    128: Mark(_PURPLE, "h"),
    146: Mark(_BLACK, "o"),
}
_OF_VERDICTS = (
    Mark(_BLUE, "o"),
    Mark(_VERMILLION, "X"),
    Mark(_ORANGE, "v"),
    Mark(_PURPLE, "_"),
    Mark(_GREEN, "s"),
    Mark(_GREY, "o"),
)
_VERDICTS = dict(zip(VERDICTS, _OF_VERDICTS, strict=True)) | {DESCRIPTIVE: Mark(_GREY, "")}


def style() -> dict[RcKeyType, Any]:
    """matplotlib's settings for every figure: for ``matplotlib.rc_context``."""
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
    """Colour and marker of a method; a fixed-size one (``fse-16``) looks like its size, an unknown one by its name.

    A variant (``sam-slow``, ``fse-16-scaled``) has the colour of what it is one of, and a marker by its name.
    """
    if known := _known(name):
        return known
    base = name
    while base := base.rpartition("-")[0]:
        if known := _known(base):
            return Mark(known.colour, _unknown(name).marker)
    return _unknown(name)


def _known(name: str) -> Mark | None:
    family, _, number = name.partition("-")
    return size_mark(int(number)) if family == "fse" and number.isdigit() else _METHODS.get(name)


def size_mark(size: int) -> Mark:
    """Colour and marker of an embedding size."""
    return _SIZES[size] if size in _SIZES else _unknown(str(size))


def level_mark(name: str) -> Mark:
    """Colour and marker of a model of Fig. 1's levels, by its name in ``tables.model_names``."""
    size = re.match(r"size (\d+)", name)
    return size_mark(int(size[1])) if size else method_mark(name)


def verdict_mark(verdict: str) -> Mark:
    """Colour and marker of a verdict; what is described has no marker."""
    return _VERDICTS[verdict]


def _unknown(name: str) -> Mark:
    """The same look in every figure and on every machine, whatever else is drawn."""
    colours = (_GREEN, _BLUE, _PURPLE, _ORANGE, _VERMILLION, _SKY)
    markers = ("*", "<", ">", "v", "d", "p", "h")
    number = zlib.crc32(name.encode())
    return Mark(colours[number % len(colours)], markers[number // len(colours) % len(markers)])


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
    with mpl.rc_context(style()), ExitStack() as stack:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for end, path in zip(formats, paths, strict=True):
            temporary = stack.enter_context(whole(path))
            figure.savefig(temporary, format=end, metadata=metadata.get(end, {}))
    return paths[-1]
