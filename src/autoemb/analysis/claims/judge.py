"""From one number per seed to effects with intervals, and from these to verdicts."""

from collections.abc import Callable, Collection

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from autoemb.analysis.claims import observations, paper
from autoemb.analysis.claims.observations import CELL
from autoemb.analysis.claims.statements import OURS, STATEMENTS
from autoemb.analysis.claims.windows import window_intervals
from autoemb.analysis.tables.columns import numbers, texts
from autoemb.analysis.tables.intervals import arrange, per_seed
from autoemb.analysis.tables.student import agree, half_width
from autoemb.schema import LEVEL_MODEL, VERDICTS

LEVEL = 0.05
POWER = 0.8
LEAST_SEEDS = 3

_HOLDS, _FAILS, _UNDECIDED = VERDICTS
_KEYS = ["claim", "comparison", *CELL]
_WINDOW = numbers("window_low", "window_high", may_lack=True)

COMPARISONS = (
    texts("claim", "comparison", "dataset", "task")
    | numbers("effect", "low", "high", "detectable", may_lack=True)
    | numbers("seeds")
    | numbers("paper_effect", may_lack=True)
    | texts("finding", "stream", "metric")
    | numbers("sd", "p", may_lack=True)
    | _WINDOW
    | texts("paper_dataset", may_lack=True)
)
"""The columns of ``comparisons``."""

CLAIMS = (
    texts("claim", "dataset", "task")
    | numbers("effect", "low", "high", "detectable", may_lack=True)
    | numbers("seeds")
    | numbers("paper_effect", may_lack=True)
    | texts("verdict", "stream", "metric", "comparison")
    | numbers("comparisons")
    | numbers("p", "p_holm", may_lack=True)
    | _WINDOW
    | texts("paper_dataset", may_lack=True)
    | texts("statement", "source")
)
"""The columns of ``claims``."""

_AS_CLAIMED, _REVERSED, _SMALLER, _OPEN = "as claimed", "the other way round", "smaller than the paper's", "open"


def t_tests(observed: pd.DataFrame) -> pd.DataFrame:
    """Mean, spread and t-test of every comparison; with fewer than ``LEAST_SEEDS`` seeds the mean and the spread alone.

    Args:
        observed: the observations of one or more claims.

    Returns:
        One row per claim x comparison x data set x stream x task x metric: ``effect``, ``sd``, ``low``, ``high``,
        ``detectable``, ``p`` (float64) and ``seeds`` (int64).
    """
    wide = observed.pivot_table("value", index=_KEYS, columns="seed")  # (comparisons, S)
    values = wide.to_numpy(dtype=np.float64)
    seeds = np.isfinite(values).sum(axis=1)
    enough = seeds >= LEAST_SEEDS
    effect, sd = wide.mean(axis=1), wide.std(axis=1).mask(enough & agree(values), 0.0)
    error = (sd / np.sqrt(seeds)).where(enough)
    t = (effect / error).abs().mask((effect == 0) & (error == 0), 0.0)  # seeds that agree on an effect: infinite
    half = half_width(error, seeds - 1)
    table = pd.DataFrame({"effect": effect, "sd": sd, "low": effect - half, "high": effect + half, "seeds": seeds})
    p = 2 * scipy.stats.t.sf(t, np.maximum(seeds - 1, 1))
    return table.assign(detectable=sd * _detectable(seeds), p=p).reset_index()


def comparisons(
    outcomes: pd.DataFrame,
    grown: pd.DataFrame,
    progress: pd.DataFrame,
    allocation: pd.DataFrame,
    levels: pd.DataFrame,
    generator: np.random.Generator,
    restarting: Collection[str] = (),
    test: Callable[[pd.DataFrame], pd.DataFrame] = t_tests,
) -> pd.DataFrame:
    """Every comparison behind the claims for which there are all inputs.

    Args:
        outcomes: ``schema.OUTCOMES`` of every run, with ``dataset``, ``stream``, ``task``, ``method``.
        grown: ``growth`` of every run.
        progress: ``schema.PROGRESS`` of every run, with the same four columns.
        allocation: ``schema.ALLOCATION`` of every run, with the same four columns.
        levels: ``schema.LEVELS``, with ``dataset``, ``side``, ``task``.
        generator: draws the windows of the bootstrap.
        restarting: streams whose counts restart at the test part; there, claims about frequency have no rows.
        test: makes effects, intervals and p of the observations, as ``t_tests`` does.

    Returns:
        One row per claim x comparison x data set x stream x task x metric: ``effect`` (mean over seeds, in the
        metric's unit; positive: as claimed), ``sd``, ``low``, ``high``, ``detectable``, ``p`` (two-sided; with
        ``LEAST_SEEDS`` or more seeds, else NaN), ``seeds``, ``window_low``, ``window_high`` (NaN but for
        differences of two methods' means), ``paper_effect``, ``paper_dataset`` (empty: no such number), and
        ``finding``: ``as claimed`` (p below 5 %), ``the other way round``, ``smaller than the paper's``
        (a claim with one of these two does not hold), or ``open``.
    """
    values = per_seed(levels, ["dataset", "side", "task", *LEVEL_MODEL, "level"])
    observed = observations.stack([
        observations.of_levels(values),
        observations.of_means(outcomes),
        observations.of_frequency(outcomes[~outcomes["stream"].isin(restarting)]),
        observations.of_sizes(grown, restarting),
        observations.of_memory(allocation),
    ])  # fmt: skip
    if observed.empty:
        return pd.DataFrame(columns=list(COMPARISONS))
    table = test(observed)
    compared = observations.pairs(outcomes)
    once = list(dict.fromkeys(pair for several in compared.values() for pair in several))
    windows = window_intervals(progress, once, generator)
    table = table.merge(windows, on=[*CELL, "comparison"], how="left")
    table = paper.beside(table, paper.effects(levels, outcomes))
    return _arranged(table.assign(finding=_findings(table)))[list(COMPARISONS)]


def claims(compared: pd.DataFrame) -> pd.DataFrame:
    """The verdicts.

    Args:
        compared: ``comparisons``.

    Returns:
        One row per claim x data set x stream x task x metric, showing the weakest ``comparison`` (one that refutes
        the claim, else the one with the least support) of its ``comparisons`` (their number): ``effect`` to
        ``paper_effect`` as in ``comparisons``, ``verdict`` (one of ``schema.VERDICTS``), ``p`` and ``p_holm`` of
        the claim, its ``statement`` and ``source``.
    """
    if compared.empty:
        return pd.DataFrame(columns=list(CLAIMS))
    cell = ["claim", *CELL]
    wrong = compared["effect"] <= 0
    table = compared.assign(
        refuted=compared["finding"].isin([_REVERSED, _SMALLER]),
        # from strong to weak: right sign and small p, no p, wrong sign and small p
        weakness=(2 - compared["p"]).where(wrong, compared["p"]).fillna(1),
        vetoed=compared["window_low"] <= 0,  # where there is no such interval there is no veto
        p=compared["p"].mask(wrong & compared["p"].notna(), 1.0),
    )
    groups = table.groupby(cell)
    whole = groups.agg(
        comparisons=("p", "size"), p=("p", "max"), refuted=("refuted", "any"), vetoed=("vetoed", "any")
    ).reset_index()
    family = whole["claim"].isin(OURS)  # what we ask makes the papers' claims no harder to hold
    whole = whole.assign(p_holm=whole.groupby([*CELL, family.rename("ours")])["p"].transform(_holm))
    shown = table.sort_values(["refuted", "weakness", "effect"], ascending=[False, False, True], kind="stable")
    shown = shown.drop_duplicates(cell).drop(columns=["p", "refuted", "vetoed"])
    judged = shown.merge(whole, on=cell)
    holds = (judged["p_holm"] < LEVEL) & ~judged["vetoed"]
    verdict = np.select([judged["refuted"], holds], [_FAILS, _HOLDS], _UNDECIDED)
    words = judged["claim"].map(STATEMENTS)
    judged = judged.assign(verdict=verdict, statement=[text for text, _ in words], source=[where for _, where in words])
    return _arranged(judged)[list(CLAIMS)]


def _detectable(seeds: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Smallest effect, in standard deviations over seeds, that a t-test of so many seeds would see."""
    from statsmodels.stats.power import TTestPower  # takes a second to import: see the catalogue

    known = {
        number: TTestPower().solve_power(nobs=number, alpha=LEVEL, power=POWER, alternative="two-sided")
        for number in set(seeds.tolist())
        if number >= LEAST_SEEDS
    }
    return np.array([known.get(number, np.nan) for number in seeds.tolist()])


def _findings(table: pd.DataFrame) -> npt.NDArray[np.object_]:
    """What each comparison shows by itself."""
    number = table.groupby(["claim", *CELL])["comparison"].transform("size")
    highest = table[["high", "window_high"]].max(axis=1)  # without a window interval, that over seeds
    reversed_ = (table["effect"] < 0) & (table["p"] < LEVEL / number) & (highest < 0)
    # another data set's effect is shown for comparison, and refutes nothing
    seen = (table["detectable"] <= table["paper_effect"]) & (table["paper_dataset"] == table["dataset"])
    smaller = seen & (highest < table["paper_effect"]) & (table["low"] <= 0)
    claimed = (table["effect"] > 0) & (table["p"] < LEVEL)
    return np.select([reversed_, smaller, claimed], [_REVERSED, _SMALLER, _AS_CLAIMED], _OPEN)


def _holm(p: "pd.Series[float]") -> "pd.Series[float]":
    """Holm's correction of one family; claims without a p stay without."""
    from statsmodels.stats.multitest import multipletests  # takes a second to import: see the catalogue

    known = p.dropna()
    if known.empty:
        return p
    return pd.Series(multipletests(known, method="holm")[1], index=known.index).reindex(p.index)


def _arranged(table: pd.DataFrame) -> pd.DataFrame:
    return arrange(table, ["dataset", "claim", "stream", "task", "metric"])
