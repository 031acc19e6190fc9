"""Tables of the prequential runs: the comparison (Table 2), loss by running popularity, loss along the stream."""

from collections.abc import Sequence

import pandas as pd

from autoemb.analysis import published
from autoemb.analysis.tables.clusters import over_users, with_users
from autoemb.analysis.tables.intervals import BIN, RUN, arrange, by_metric, coarse_bins, over_seeds, per_seed


def comparison(outcomes: pd.DataFrame, users: pd.DataFrame, permuted: Sequence[str] = ()) -> pd.DataFrame:
    """Table 2: every method on the test part of every stream, beside the paper's numbers.

    Args:
        outcomes: ``schema.OUTCOMES`` of every run, with ``dataset``, ``stream``, ``task``, ``method``.
        users: ``schema.TEST_USERS`` of every run, likewise; they are in the intervals where seeds share a stream.
        permuted: streams whose replicates have a permutation of their own.

    Returns:
        One row per data set x stream x task x metric x method: ``mean``, ``sd``, ``low``, ``high``, ``seeds``,
        ``n`` (test interactions per seed), ``varies`` (what does in the interval); ``paper``, ``paper_plus_minus``
        (Table 2 of the paper, NaN where it has no such cell; the same for every stream) and ``difference``
        (mean - paper). Accuracies are shares, cross-entropy is in nats.
    """
    # each interaction is counted once per side, so one side has them all
    test = outcomes[(outcomes["split"] == "test") & (outcomes["side"] == "user")]
    keys = ["dataset", "stream", "task", "metric", "method"]
    people = over_users(by_metric(users).rename(columns={"value": "total"}), keys)
    table = with_users(over_seeds(per_seed(test, RUN), keys), people, keys, permuted)
    paper = published.table2().rename(columns={"value": "paper", "plus_minus": "paper_plus_minus"})
    table = table.merge(paper, on=["dataset", "task", "metric", "method"], how="left")
    return table.assign(difference=table["mean"] - table["paper"])


def running_popularity(outcomes: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
    """Loss and accuracy by running popularity, two bins an octave.

    Args:
        outcomes: ``schema.OUTCOMES`` of every run, with ``dataset``, ``stream``, ``task``, ``method``.
        candidates: ``dataset``, ``stream``, ``task``, ``method``, ``size``: the candidate sizes of every run.

    Returns:
        One row per data set x stream x task x metric x method x split x side x popularity bin
        (``popularity_low``, ``popularity_high``, both included): ``mean``, ``sd``, ``low``, ``high``, ``seeds``,
        ``n`` (interactions per seed) and ``size`` (Int64): the embedding size of a fixed-size run, else NA.
    """
    keys = [*RUN, "split", "side", *BIN]
    values = per_seed(coarse_bins(outcomes), keys)
    table = over_seeds(values, ["dataset", "stream", "task", "metric", "method", "split", "side", *BIN])
    sizes = candidates.drop_duplicates([*RUN, "size"])
    fixed = sizes[~sizes.duplicated(RUN, keep=False)]
    table = table.merge(fixed[[*RUN, "size"]], on=RUN, how="left")
    return table.astype({"size": "Int64"})


def stream(progress: pd.DataFrame) -> pd.DataFrame:
    """Loss and accuracy along the stream, and the difference to ``fse`` of the same seed.

    Args:
        progress: ``schema.PROGRESS`` of every run, with ``dataset``, ``stream``, ``task``, ``method``.

    Returns:
        One row per data set x stream x task x metric x method x split x window: ``first`` (position in the
        stream of the window's first interaction), ``mean``, ``sd``, ``low``, ``high``, ``seeds``, ``n``, and
        ``difference``, ``difference_low``, ``difference_high`` (method minus ``fse``, paired by seed; NaN
        for ``fse`` itself and where there is none).
    """
    keys = ["dataset", "stream", "task", "metric", "method", "split", "window", "first"]
    values = per_seed(progress, [*RUN, "split", "window", "first"])
    table = over_seeds(values, keys)
    paired = _minus_fse(values)
    differences = over_seeds(paired, keys).rename(
        columns={"mean": "difference", "low": "difference_low", "high": "difference_high"}
    )
    columns = [*keys, "difference", "difference_low", "difference_high"]
    return arrange(table.merge(differences[columns], on=keys, how="left"), keys)


def _minus_fse(values: pd.DataFrame) -> pd.DataFrame:
    """Value of every other method minus that of ``fse``, on the same stream, window and seed."""
    cell = ["dataset", "stream", "task", "metric", "split", "window", "first", "seed"]
    fse = values.loc[values["method"] == "fse", [*cell, "value"]].rename(columns={"value": "fse"})
    others = values[values["method"] != "fse"].merge(fse, on=cell)
    return others.assign(value=others["value"] - others["fse"]).drop(columns="fse")
