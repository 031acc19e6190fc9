"""Every method that ran, among the numbers that the papers print for theirs, run here or not: best first."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoemb.analysis import published
from autoemb.analysis.tables.columns import Columns, numbers, texts
from autoemb.analysis.tables.intervals import arrange, lower_is_better

CELL = ["dataset", "task", "metric"]

RUN_HERE = "run here"
"""The source of a method's value that is no paper's."""

RANKING: Columns = (
    texts("dataset", "task", "metric", "method", "source")
    | texts("stream", may_lack=True)
    | numbers("mean")
    | numbers("plus_minus", "seeds", "n", may_lack=True)
    | texts("varies", may_lack=True)
)


def ranking(comparison: pd.DataFrame) -> pd.DataFrame:
    """Ours beside the papers'.

    The papers do not say in which order their streams were, nor, the first of them, what its test part was: their
    values stand beside those of every stream here, and are no verdict on any.

    Args:
        comparison: what ``outcomes.comparison`` returned.

    Returns:
        One row per data set x task x metric x method x source, best first: ``source`` (``run here``, or the paper's
        table), ``stream`` (of what ran here, else NaN), ``mean``, ``plus_minus`` (half of the 95 % interval, or the
        paper's own ±; NaN where there is none), ``seeds``, ``n`` and ``varies`` (of what ran here, else NaN). Of equal
        values, the methods stand in their own order. Cells of which only a paper has values are left out.
    """
    ours = comparison.assign(source=RUN_HERE, plus_minus=comparison["high"] - comparison["mean"])
    papers = [
        published.table2().assign(source="Zhao et al., Table 2"),
        published.esapn_table1().assign(source="Liu et al., Table 1"),
    ]
    theirs = pd.concat(papers, ignore_index=True).rename(columns={"value": "mean"})
    theirs = theirs.merge(ours[CELL].drop_duplicates(), on=CELL)
    rows = pd.concat([ours, theirs], ignore_index=True)[list(RANKING)]
    rows = arrange(rows.assign(rank=_ranks(rows)), [*CELL, "rank", "method", "source"])
    return rows.drop(columns="rank")


def _ranks(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """By which the rows of a cell ascend, the best first."""
    values = rows["mean"].to_numpy(np.float64)
    return np.where([lower_is_better(metric) for metric in rows["metric"]], values, -values)
