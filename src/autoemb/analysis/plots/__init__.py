"""One function per figure: a table of one data set in, a matplotlib Figure out; ``save`` writes it."""

from autoemb.analysis.plots.ablation import ablation
from autoemb.analysis.plots.curves import levels
from autoemb.analysis.plots.differences import frontier, popularity_differences
from autoemb.analysis.plots.methods import comparison, stream, tuned
from autoemb.analysis.plots.selection import size_stream, sizes
from autoemb.analysis.plots.style import Mark, level_mark, method_mark, save, size_mark, style
from autoemb.analysis.plots.verdicts import claims

__all__ = [
    "Mark",
    "ablation",
    "claims",
    "comparison",
    "frontier",
    "level_mark",
    "levels",
    "method_mark",
    "popularity_differences",
    "save",
    "size_mark",
    "size_stream",
    "sizes",
    "stream",
    "style",
    "tuned",
]
