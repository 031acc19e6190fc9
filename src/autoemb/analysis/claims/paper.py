"""The papers' own effects: the same comparisons, made of the numbers that they print; and what effect would matter."""

import numpy as np
import pandas as pd

from autoemb.analysis import published
from autoemb.analysis.claims.observations import of_levels, oriented, over, pairs
from autoemb.analysis.claims.sizes import RELEVANT
from autoemb.analysis.claims.statements import OURS
from autoemb.analysis.tables import AS_RELEASED, fixed
from autoemb.schema import TASKS

ELSEWHERE = "ml-20m"
"""The data set whose effects stand for those of one that the papers do not have."""

TENTH = 0.1
"""Share of the paper's whole distance from FSE to AutoEmb that is the least effect that matters."""

_KEYS = ["claim", "comparison", "task", "metric"]
_AS_RELEASED = ("A3", "A4", "A5")
"""Claims whose effects are those of AutoEmb's Table 2; at equal rates it has none."""


def effects(levels: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Every effect that the papers' numbers give.

    Args:
        levels: ``start``, ``size`` and ``level`` of the popularity levels that were run; the effects of Fig. 1 are
            taken at those levels.
        outcomes: of every run: they say which run stands for FIXED, and what the claims compare.

    Returns:
        ``claim``, ``comparison``, ``task``, ``metric``, ``paper_dataset`` (str), ``paper_effect`` and
        ``paper_plus_minus`` (float64; 0 where the paper prints none).
    """
    baseline = fixed(outcomes)
    table2, table1 = published.table2(), published.esapn_table1()
    table1 = table1.assign(method=table1["method"].replace("fse-128", baseline), plus_minus=0.0)
    frames = [_figure1(levels[levels["start"] == AS_RELEASED]), _saved()]
    for claim, compared in pairs(outcomes).items():
        if claim in OURS or claim == "A4r":  # the papers have no numbers for them
            continue
        printed = table2 if claim in _AS_RELEASED else table1
        values, errors = _wide(oriented(printed), "value"), _wide(printed, "plus_minus")
        for better, other in compared:
            effect = (values[better] - values[other]).rename("paper_effect").to_frame()
            effect = effect.assign(paper_plus_minus=np.hypot(errors[better], errors[other])).reset_index()
            frames.append(effect.assign(claim=claim, comparison=over(better, other)))
    table = pd.concat([frame for frame in frames if not frame.empty], ignore_index=True)
    table = table.rename(columns={"dataset": "paper_dataset"}).fillna({"paper_plus_minus": 0.0})
    return table[[*_KEYS, "paper_dataset", "paper_effect", "paper_plus_minus"]]


def beside(compared: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """``compared`` with ``paper_effect``, ``paper_plus_minus`` and ``paper_dataset``: of the same data set if the paper
    has it, else of ml-20m; NaN and empty where the paper gives no number.

    Args:
        compared: with ``claim``, ``comparison``, ``dataset``, ``task``, ``metric``.
        known: ``effects``.
    """  # fmt: skip
    has = pd.MultiIndex.from_frame(known[["claim", "paper_dataset"]])
    own = pd.MultiIndex.from_frame(compared[["claim", "dataset"]]).isin(has)
    named = compared.assign(paper_dataset=compared["dataset"].where(own, ELSEWHERE))
    table = named.merge(known, on=[*_KEYS, "paper_dataset"], how="left")
    return table.assign(paper_dataset=table["paper_dataset"].where(table["paper_effect"].notna(), ""))


def tolerances(compared: pd.DataFrame, grown: pd.DataFrame) -> "pd.Series[float]":
    """By row of ``compared``, the least effect that matters, in the unit of its effect.

    Of a loss or accuracy: a tenth of the paper's whole distance from FSE to AutoEmb, on ml-20m. Of a growth of the mean
    size: a tenth of the candidates' range; per doubling of popularity or as a share of memory there is none (NaN).

    Args:
        compared: with ``claim``, ``comparison``, ``dataset``, ``stream``, ``task``, ``metric``.
        grown: ``sizes.growth`` of every run, with the ranges.
    """
    wide = _wide(published.table2(), "value").loc[ELSEWHERE]
    whole = (TENTH * (wide["autoemb"] - wide["fse"]).abs()).rename("tolerance").reset_index()
    found = compared[["task", "metric"]].merge(whole, on=["task", "metric"], how="left")["tolerance"]
    ranges = grown[grown["method"] == "autoemb"].groupby(["dataset", "stream", "task"])["range"].max()
    cells = pd.MultiIndex.from_frame(compared[["dataset", "stream", "task"]])
    of_sizes = RELEVANT * ranges.reindex(cells).to_numpy(dtype=np.float64)
    return pd.Series(np.where(compared["claim"] == "A6", of_sizes, found), index=compared.index)


def _wide(values: pd.DataFrame, of: str) -> pd.DataFrame:
    return values.pivot_table(of, index=["dataset", "task", "metric"], columns="method")


def _figure1(levels: pd.DataFrame) -> pd.DataFrame:
    """A1, A2: of the users, in the regression task, at the paper's levels, if it has the sizes and both ends."""
    ends = {levels["level"].min(), levels["level"].max()}
    paper = published.figure1().rename(columns={"popularity": "level"})
    paper = paper[paper["level"].isin(levels["level"]) & paper["size"].isin(levels["size"])]
    whole = ends <= set(paper["level"]) and paper["size"].nunique() == levels["size"].nunique()
    drawn = paper.assign(side="user", task="regression", start=AS_RELEASED, training="", seed=0)
    observed = of_levels(drawn if whole else drawn[:0])
    return observed.rename(columns={"value": "paper_effect"}).drop(columns=["stream", "seed"])


def _saved() -> pd.DataFrame:
    """E5: the same for both tasks, as the paper does not say which it measured.

    Of the items it counts those too that never occur, at the smallest size, so that its number is rather too large.
    """
    kept = published.esapn_table2().merge(pd.DataFrame({"task": TASKS}), how="cross")
    return kept.assign(
        claim="E5", comparison=kept["side"] + " side", metric="memory_saved", paper_effect=1 - kept["kept"]
    )
