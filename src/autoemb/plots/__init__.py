"""One function per figure: a table of one data set in, a matplotlib Figure out; ``save`` writes it."""

from autoemb.plots.ablation import settings
from autoemb.plots.curves import popularity, running_popularity
from autoemb.plots.methods import comparison, stream
from autoemb.plots.selection import size_stream, sizes
from autoemb.plots.style import Mark, method_mark, save, size_mark, style
from autoemb.plots.verdicts import claims

__all__ = [
    "Mark",
    "claims",
    "comparison",
    "method_mark",
    "popularity",
    "running_popularity",
    "save",
    "settings",
    "size_mark",
    "size_stream",
    "sizes",
    "stream",
    "style",
]
