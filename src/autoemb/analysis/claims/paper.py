"""The papers' own effects: the same comparisons, made of the numbers that they print."""

import pandas as pd

from autoemb.analysis import published
from autoemb.analysis.claims.observations import fixed, of_levels, oriented, over, pairs
from autoemb.analysis.claims.statements import OURS
from autoemb.analysis.tables import AS_RELEASED
from autoemb.schema import TASKS

ELSEWHERE = "ml-20m"
"""The data set whose effects stand for those of one that the papers do not have."""

_KEYS = ["claim", "comparison", "task", "metric"]


def effects(levels: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Every effect that the papers' numbers give.

    Args:
        levels: ``start``, ``size`` and ``level`` of the popularity levels that were run; the effects of Fig. 1 are
            taken between their lowest and highest.
        outcomes: of every run: they say which run stands for FIXED, and what the claims compare.

    Returns:
        ``claim``, ``comparison``, ``task``, ``metric``, ``paper_dataset`` (str) and ``paper_effect`` (float64).
    """
    baseline = fixed(outcomes)
    table2, table1 = published.table2(), published.esapn_table1()
    table1 = table1.assign(method=table1["method"].replace("fse-128", baseline))
    frames = [_figure1(levels[levels["start"] == AS_RELEASED]), _saved()]
    for claim, compared in pairs(outcomes).items():
        if claim in OURS:  # the papers have no numbers for them
            continue
        values = _oriented(table1 if claim == "E1" else table2)
        for better, other in compared:
            effect = (values[better] - values[other]).rename("paper_effect").reset_index()
            frames.append(effect.assign(claim=claim, comparison=over(better, other)))
    table = pd.concat([frame for frame in frames if not frame.empty], ignore_index=True)
    table = table.rename(columns={"dataset": "paper_dataset"})
    return table[[*_KEYS, "paper_dataset", "paper_effect"]]


def beside(compared: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """``compared`` with ``paper_effect`` and ``paper_dataset``: of the same data set if the paper has it, else of
    ml-20m; NaN and empty where the paper gives no number.

    Args:
        compared: with ``claim``, ``comparison``, ``dataset``, ``task``, ``metric``.
        known: ``effects``.
    """  # fmt: skip
    has = pd.MultiIndex.from_frame(known[["claim", "paper_dataset"]])
    own = pd.MultiIndex.from_frame(compared[["claim", "dataset"]]).isin(has)
    named = compared.assign(paper_dataset=compared["dataset"].where(own, ELSEWHERE))
    table = named.merge(known, on=[*_KEYS, "paper_dataset"], how="left")
    return table.assign(paper_dataset=table["paper_dataset"].where(table["paper_effect"].notna(), ""))


def _oriented(values: pd.DataFrame) -> pd.DataFrame:
    signed = oriented(values)
    return signed.pivot_table("value", index=["dataset", "task", "metric"], columns="method")


def _figure1(levels: pd.DataFrame) -> pd.DataFrame:
    """A1, A2: of the users, in the regression task, where the paper has the sizes and the two levels."""
    at = [levels["level"].min(), levels["level"].max()]
    paper = published.figure1().rename(columns={"popularity": "level"})
    paper = paper[paper["level"].isin(at) & paper["size"].isin(levels["size"])]
    whole = paper["level"].nunique() == len(set(at)) and paper["size"].nunique() == levels["size"].nunique()
    drawn = paper.assign(side="user", task="regression", start=AS_RELEASED, training="", seed=0)
    observed = of_levels(drawn if whole else drawn[:0])
    return observed.rename(columns={"value": "paper_effect"}).drop(columns=["stream", "seed"])


def _saved() -> pd.DataFrame:
    """E5, the users: the same for both tasks, as the paper does not say which it measured.

    Of the items it counts those too that never occur, at the smallest size, so its number is of another quantity.
    """
    kept = published.esapn_table2().query("side == 'user'").merge(pd.DataFrame({"task": TASKS}), how="cross")
    return kept.assign(claim="E5", comparison="user side", metric="memory_saved", paper_effect=1 - kept["kept"])
