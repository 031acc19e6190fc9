"""From sums of runs to tables: every function takes DataFrames and returns one.

``mean`` is the mean over seeds, ``low`` and ``high`` its 95 % interval by Student's t (NaN with one
seed), ``sd`` the standard deviation over seeds, ``seeds`` their number; ``varies`` is what does between them: the start
alone where all seeds go through one stream, else start and order; where users are known, they are in the interval, too.
"""

from autoemb.analysis.tables.ablation import ablation
from autoemb.analysis.tables.counts import datasets
from autoemb.analysis.tables.differences import differences, popularity_differences
from autoemb.analysis.tables.intervals import (
    ANCHORS,
    SEARCHING,
    below_constant,
    bin_centres,
    fixed,
    lower_is_better,
    plain_methods,
    sort_methods,
    supported,
)
from autoemb.analysis.tables.levels import (
    AS_RELEASED,
    OVERTAKES,
    UNDECIDED,
    crossing,
    crossings,
    first_trained,
    levels,
    model_names,
    paper_crossings,
    starts_of,
    trainings_of,
)
from autoemb.analysis.tables.memory import frontier, lowest_for_less, memory
from autoemb.analysis.tables.outcomes import comparison, running_popularity, stream
from autoemb.analysis.tables.parity import parity
from autoemb.analysis.tables.ranking import ranking
from autoemb.analysis.tables.selection import candidates, mean_size, size_stream, sizes
from autoemb.analysis.tables.streams import streams
from autoemb.analysis.tables.tuning import tuned, tuning_candidates

__all__ = [
    "ANCHORS",
    "AS_RELEASED",
    "OVERTAKES",
    "SEARCHING",
    "UNDECIDED",
    "ablation",
    "below_constant",
    "bin_centres",
    "candidates",
    "comparison",
    "crossing",
    "crossings",
    "datasets",
    "differences",
    "first_trained",
    "fixed",
    "frontier",
    "levels",
    "lower_is_better",
    "lowest_for_less",
    "mean_size",
    "memory",
    "model_names",
    "paper_crossings",
    "parity",
    "plain_methods",
    "popularity_differences",
    "ranking",
    "running_popularity",
    "size_stream",
    "sizes",
    "sort_methods",
    "starts_of",
    "stream",
    "streams",
    "supported",
    "trainings_of",
    "tuned",
    "tuning_candidates",
]
