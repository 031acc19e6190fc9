"""Every table, once: what it is, what it is built from and how, what people are shown of it, and its columns.

``autoemb tabulate`` builds and writes these tables; the workflow gives each the files that it reads, and makes those
for which there are any; the explorer and the sheets read them back by their columns; the report has their captions.
Another table is a function of ``tables`` and an entry here. The workflow imports this module at every start, so what
takes long to import (``scipy.stats``, ``statsmodels``) is imported only once a table is built.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from autoemb.analysis import claims, tables
from autoemb.analysis.claims.judge import CLAIMS, COMPARISONS
from autoemb.analysis.claims.observations import levels_stream
from autoemb.analysis.claims.verdicts import VERDICT_TABLE
from autoemb.analysis.inputs import Kind, Source, sort
from autoemb.analysis.tables import views
from autoemb.analysis.tables.ablation import ABLATION, BASE_VALUE, trial_stream
from autoemb.analysis.tables.clusters import ORDER, START
from autoemb.analysis.tables.columns import Columns, numbers, texts
from autoemb.analysis.tables.counts import DATASETS
from autoemb.analysis.tables.differences import DIFFERENCES, POPULARITY_DIFFERENCES
from autoemb.analysis.tables.intervals import BIN, RUN, arrange
from autoemb.analysis.tables.levels import CROSSINGS
from autoemb.analysis.tables.memory import FRONTIER, MEMORY
from autoemb.analysis.tables.parity import PARITY
from autoemb.analysis.tables.ranking import RANKING
from autoemb.analysis.tables.streams import STREAMS
from autoemb.analysis.tables.tuning import CANDIDATES, TUNED
from autoemb.errors import InputError
from autoemb.schema import ALLOCATION, OUTCOMES, PROGRESS, SIZES, TEST_USERS


class Entry(NamedTuple):
    """All about one table."""

    caption: str
    """What it is, in one line."""
    reads: Sequence[Kind]
    """The kinds of files that it is built from. Without those of the first there is no such table; others may lack."""
    build: Callable[[Source], pd.DataFrame]
    view: Callable[[pd.DataFrame], pd.DataFrame]
    """What people are shown of a table that has rows: fewer columns and rows, every cell a string."""
    columns: Columns
    explored: bool = False
    """Whether the explorer shows it."""
    on_frequency: bool = False
    """Whether it says something of frequent and rare ids, which streams whose counts restart cannot tell apart."""


def build(
    name: str,
    paths: Sequence[Path],
    restarting: Sequence[str] = (),
    permuted: Sequence[str] = (),
    batch_size: int = 500,
) -> pd.DataFrame:
    """The table of this name.

    Args:
        name: one of ``TABLES``.
        paths: its input files.
        restarting: streams whose counts restart at the test part.
        permuted: streams whose replicates have a permutation of their own; so may the levels of a side
            (``levels_stream``) and the stream of a trial (``trial_stream``).
        batch_size: interactions of a mini-batch.

    Raises:
        InputError: a file is of none of the kinds that the table reads, is damaged, or is given twice.
    """
    return build_from(name, sort(paths, TABLES[name].reads, restarting, permuted, batch_size))


def build_from(name: str, source: Source) -> pd.DataFrame:
    """The table of this name, of numbers that may come from elsewhere than a run's files.

    Args:
        name: one of ``TABLES``.
        source: the numbers.
    """
    entry = TABLES[name]
    table = entry.build(source)
    if "varies" in entry.columns and "varies" not in table:
        table = table.assign(varies=np.where(_streams(table).isin(source.permuted), ORDER, START))
    return table


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as every csv file has it: eight digits."""
    table.to_csv(path, index=False, float_format="%.8g", lineterminator="\n")


def compact(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The reduced view of a table for people, every cell a string.

    Args:
        name: one of ``TABLES``.
        table: what ``build`` returned for this name; it may be empty.
    """
    return TABLES[name].view(table) if len(table) else pd.DataFrame(columns=list(table.columns), dtype="str")


def _streams(table: pd.DataFrame) -> "pd.Series[str]":
    """By row, the stream whose replicates are behind it, or what stands for it: a side's levels, or a trial."""
    if "stream" in table:
        return table["stream"]
    if "side" in table:
        return table["side"].map(levels_stream)
    trial = table["setting"].where(table["value"] == BASE_VALUE, table["setting"] + "." + table["value"])
    return trial.map(trial_stream)


def _datasets(inputs: Source) -> pd.DataFrame:
    try:
        return tables.datasets(inputs.counts())
    except KeyError as error:
        raise InputError(f"{inputs.where('counts')}: key {error} is missing in one of them") from error


def _of_sizes(table: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Source], pd.DataFrame]:
    """A table whose rows are each of one run."""
    return lambda inputs: arrange(inputs.runs(SIZES, table), RUN)


def _comparison(inputs: Source) -> pd.DataFrame:
    return tables.comparison(inputs.runs(OUTCOMES), inputs.runs(TEST_USERS), inputs.permuted)


def _comparisons(inputs: Source) -> pd.DataFrame:
    evidence = claims.Evidence(
        outcomes=inputs.runs(OUTCOMES),
        grown=inputs.runs(SIZES, claims.growth),
        progress=inputs.runs(PROGRESS),
        allocation=inputs.runs(ALLOCATION),
        users=inputs.runs(TEST_USERS),
        levels=inputs.levels(),
        restarting=inputs.restarting,
        permuted=inputs.permuted,
    )
    return claims.comparisons(evidence)


_RUN = texts(*RUN)
_METHOD = texts("dataset", "stream", "task", "metric", "method")
_BIN = numbers(*BIN)
_PART = texts("split", "side")
_INTERVAL = numbers("mean") | numbers("sd", "low", "high", may_lack=True) | numbers("seeds", "n")
_VARIES = texts("varies")
_EVERYTHING: Sequence[Kind] = ("outcomes", "sizes", "progress", "allocation", "test-users", "levels")

TABLES: Mapping[str, Entry] = {
    "datasets": Entry(
        "The data sets, beside Table 1 of the paper", ["counts"], _datasets, views.plain, DATASETS, explored=True
    ),
    "streams": Entry(
        "The streams: their parts, how many users and items a batch holds, and the share of positive labels",
        ["streams"],
        lambda inputs: inputs.stream_table(),
        views.streams,
        STREAMS,
        explored=True,
    ),
    "comparison": Entry(
        "Loss and accuracy of every method on the test part, beside Table 2 of the paper",
        ["outcomes", "test-users"],
        _comparison,
        views.comparison,
        _METHOD | _INTERVAL | _VARIES | numbers("paper", "paper_plus_minus", "difference", may_lack=True),
        explored=True,
    ),
    "ranking": Entry(
        "Every method that ran, among the numbers that the papers print for theirs, run here or not: best first",
        ["outcomes", "test-users"],
        lambda inputs: tables.ranking(_comparison(inputs)),
        views.ranking,
        RANKING,
    ),
    "memory": Entry(
        "What the embeddings of every method hold in memory",
        ["allocation"],
        lambda inputs: tables.memory(inputs.runs(ALLOCATION)),
        views.memory,
        MEMORY,
    ),
    "frontier": Entry(
        "Loss and accuracy of every method against the memory of its embeddings, the least memory first",
        ["outcomes", "test-users", "allocation"],
        lambda inputs: tables.frontier(_comparison(inputs), tables.memory(inputs.runs(ALLOCATION))),
        views.frontier,
        FRONTIER,
        explored=True,
    ),
    "differences": Entry(
        "The loss of every method minus that of every other, paired by seed, and what that decides",
        ["outcomes", "test-users"],
        lambda inputs: tables.differences(inputs.runs(OUTCOMES), inputs.runs(TEST_USERS), inputs.permuted),
        views.differences,
        DIFFERENCES,
    ),
    "popularity-differences": Entry(
        "By running popularity, the loss of every method minus that of the fixed size, and what that decides",
        ["outcomes"],
        lambda inputs: tables.popularity_differences(inputs.runs(OUTCOMES)),
        views.popularity_differences,
        POPULARITY_DIFFERENCES | _VARIES,
    ),
    "running-popularity": Entry(
        "Loss and accuracy by running popularity",
        ["outcomes", "sizes"],
        lambda inputs: tables.running_popularity(inputs.runs(OUTCOMES), inputs.runs(SIZES, tables.candidates)),
        views.running_popularity,
        _METHOD | _PART | _BIN | _INTERVAL | numbers("size", may_lack=True) | _VARIES,
        explored=True,
    ),
    "stream": Entry(
        "Loss and accuracy along the stream, and the difference to the fixed size",
        ["progress"],
        lambda inputs: tables.stream(inputs.runs(PROGRESS)),
        views.stream,
        _METHOD
        | texts("split")
        | numbers("window", "first")
        | _INTERVAL
        | numbers("difference", "difference_low", "difference_high", may_lack=True)
        | _VARIES,
        explored=True,
    ),
    "sizes": Entry(
        "How much weight each candidate size gets, by running popularity",
        ["sizes"],
        _of_sizes(tables.sizes),
        views.sizes,
        _RUN | _PART | _BIN | numbers("size") | _INTERVAL | numbers("chosen") | _VARIES,
    ),
    "mean-size": Entry(
        "The mean chosen size, by running popularity",
        ["sizes"],
        _of_sizes(tables.mean_size),
        views.mean_size,
        _RUN | _PART | _BIN | _INTERVAL | _VARIES,
        explored=True,
    ),
    "size-stream": Entry(
        "The mean chosen size and the weight of each candidate size, along the stream",
        ["sizes"],
        _of_sizes(tables.size_stream),
        views.size_stream,
        _RUN
        | _PART
        | numbers("window", "first")
        | texts("measure")
        | numbers("size", may_lack=True)
        | _INTERVAL
        | _VARIES,
        explored=True,
    ),
    "levels": Entry(
        "Error against popularity for each embedding size, beside Fig. 1 of the paper",
        ["levels"],
        lambda inputs: tables.levels(inputs.levels()),
        views.levels,
        texts("dataset", "side", "task", "metric", "method", "start", "training")
        | numbers("size", "level")
        | _INTERVAL
        | numbers("paper", may_lack=True)
        | _VARIES,
        explored=True,
    ),
    "crossings": Entry(
        "Where a larger embedding size overtakes a smaller one for good, and whether the levels decide it",
        ["levels"],
        lambda inputs: tables.crossings(inputs.levels()),
        views.crossings,
        CROSSINGS | _VARIES,
    ),
    "claims": Entry(
        "The papers' claims and their verdicts",
        _EVERYTHING,
        lambda inputs: claims.claims(_comparisons(inputs)),
        views.claims,
        CLAIMS,
        explored=True,
        on_frequency=True,
    ),
    "verdicts": Entry(
        "One verdict per claim, with a sentence",
        _EVERYTHING,
        lambda inputs: claims.verdicts(claims.claims(_comparisons(inputs))),
        views.verdicts,
        VERDICT_TABLE,
        explored=True,
        on_frequency=True,
    ),
    "claim-details": Entry(
        "Every comparison behind the claims",
        _EVERYTHING,
        _comparisons,
        views.claim_details,
        COMPARISONS,
        on_frequency=True,
    ),
    "parity": Entry(
        "This project beside the authors' released code, on one fixed order",
        ["fixed"],
        lambda inputs: tables.parity(inputs.fixed()),
        views.parity,
        PARITY,
    ),
    "tuned": Entry(
        "Every method at its best of the same candidates, and what that changes",
        ["tuned", "tuned-users", "choices", "outcomes", "test-users"],
        lambda inputs: tables.tuned(
            {"tuned": inputs.tuned("tuned"), "configured": inputs.runs(OUTCOMES)},
            {"tuned": inputs.tuned("tuned-users"), "configured": inputs.runs(TEST_USERS)},
            inputs.choices(),
            inputs.permuted,
        ),
        views.tuned,
        TUNED,
    ),
    "candidates": Entry(
        "What each candidate of the tuning lost on the end of the train part",
        ["choices"],
        lambda inputs: tables.tuning_candidates(inputs.choices()),
        views.candidates,
        CANDIDATES,
    ),
    "ablation": Entry(
        "What each setting of the released code does to each method when it is changed alone",
        ["trials"],
        lambda inputs: tables.ablation(inputs.trials()),
        views.ablation,
        ABLATION | _VARIES,
    ),
}
"""By the name that a table has on the command line and as a file."""
