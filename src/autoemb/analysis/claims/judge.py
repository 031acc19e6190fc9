"""From one number per seed to effects with intervals, and from these to verdicts."""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from autoemb.analysis.claims import observations, paper
from autoemb.analysis.claims.observations import CELL
from autoemb.analysis.claims.statements import STATEMENTS
from autoemb.analysis.claims.windows import window_intervals
from autoemb.analysis.tables.intervals import arrange, per_seed
from autoemb.schema import VERDICTS

LEVEL = 0.05
POWER = 0.8
LEAST_SEEDS = 3

_HOLDS, _FAILS, _UNDECIDED = VERDICTS
_KEYS = ["claim", "comparison", *CELL]
_DETAILS = [
    "claim", "comparison", "dataset", "task", "effect", "low", "high", "detectable", "seeds", "paper_effect", "finding",
    "stream", "metric", "sd", "p", "window_low", "window_high", "paper_dataset",
]  # fmt: skip
_CLAIMS = [
    "claim", "dataset", "task", "effect", "low", "high", "detectable", "seeds", "paper_effect", "verdict", "stream",
    "metric", "comparison", "comparisons", "p", "p_holm", "window_low", "window_high", "paper_dataset", "statement",
    "source",
]  # fmt: skip
_AS_CLAIMED, _REVERSED, _SMALLER, _OPEN = "as claimed", "the other way round", "smaller than the paper's", "open"


def comparisons(
    outcomes: pd.DataFrame,
    grown: pd.DataFrame,
    progress: pd.DataFrame,
    allocation: pd.DataFrame,
    levels: pd.DataFrame,
    generator: np.random.Generator,
    restarting: Collection[str] = (),
) -> pd.DataFrame:
    """Every comparison behind the claims for which there are all inputs.

    Args:
        outcomes: ``schema.OUTCOMES`` of every run, with ``dataset``, ``stream``, ``task``, ``method``.
        grown: ``growth`` of every run.
        progress: ``schema.PROGRESS`` of every run, with the same four.
        allocation: ``schema.ALLOCATION`` of every run, with the same four.
        levels: ``schema.POPULARITY``, with ``dataset``, ``side``, ``task``.
        generator: draws the windows of the bootstrap.
        restarting: streams whose counts restart at the test part; there, claims about frequency have no rows.

    Returns:
        One row per claim x comparison x data set x stream x task x metric: ``effect`` (mean over seeds, in the
        metric's unit; positive: as claimed), ``sd``, ``low``, ``high``, ``detectable``, ``p`` (two-sided; with
        ``LEAST_SEEDS`` or more seeds, else NaN), ``seeds``, ``window_low``, ``window_high`` (NaN but for
        differences of two methods' means), ``paper_effect``, ``paper_dataset`` (empty: no such number), and
        ``finding``: ``as claimed`` (p below 5 %), ``the other way round``, ``smaller than the paper's``
        (a claim with one of these two does not hold), or ``open``.
    """
    baseline = observations.fixed(outcomes)
    values = per_seed(levels, ["dataset", "side", "task", "size", "level"])
    observed = observations.stack([
        observations.of_levels(values),
        observations.of_means(outcomes),
        observations.of_frequency(outcomes[~outcomes["stream"].isin(restarting)]),
        observations.of_sizes(grown, restarting),
        observations.of_memory(allocation),
    ])  # fmt: skip
    if observed.empty:
        return pd.DataFrame(columns=_DETAILS)
    table = _tests(observed)
    compared = observations.pairs(baseline)
    once = list(dict.fromkeys(pair for several in compared.values() for pair in several))
    windows = window_intervals(progress, once, generator)
    table = table.merge(windows, on=[*CELL, "comparison"], how="left")
    table = paper.beside(table, paper.effects(levels, baseline))
    return _arranged(table.assign(finding=_findings(table)))[_DETAILS]


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
        return pd.DataFrame(columns=_CLAIMS)
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
    whole = whole.assign(p_holm=whole.groupby(CELL)["p"].transform(_holm))
    shown = table.sort_values(["refuted", "weakness", "effect"], ascending=[False, False, True], kind="stable")
    shown = shown.drop_duplicates(cell).drop(columns=["p", "refuted", "vetoed"])
    found = shown.merge(whole, on=cell)
    holds = (found["p_holm"] < LEVEL) & ~found["vetoed"]
    verdict = np.select([found["refuted"], holds], [_FAILS, _HOLDS], _UNDECIDED)
    words = found["claim"].map(STATEMENTS)
    found = found.assign(verdict=verdict, statement=[text for text, _ in words], source=[where for _, where in words])
    return _arranged(found)[_CLAIMS]


def _tests(observed: pd.DataFrame) -> pd.DataFrame:
    """Mean, spread and t-test of every comparison; with too few seeds the mean and the spread alone."""
    wide = observed.pivot_table("value", index=_KEYS, columns="seed")  # (comparisons, S)
    values = wide.to_numpy(dtype=np.float64)
    seeds = np.isfinite(values).sum(axis=1)
    table = pd.DataFrame({"effect": wide.mean(axis=1), "sd": wide.std(axis=1), "seeds": seeds}, index=wide.index)
    # seeds that agree to rounding have no spread: a t-test would divide by it
    spread = (wide.max(axis=1) - wide.min(axis=1)).to_numpy() > 1e-12 * np.nanmax(np.abs(values), axis=1)
    enough = seeds >= LEAST_SEEDS
    low, high, p = (np.full(len(wide), np.nan) for _ in range(3))
    constant, tested = enough & ~spread, enough & spread
    low[constant] = high[constant] = table["effect"].to_numpy()[constant]
    p[constant] = np.where(table["effect"].to_numpy()[constant] == 0, 1.0, 0.0)
    if tested.any():
        found = stats.ttest_1samp(values[tested], 0, axis=1, nan_policy="omit")
        interval = found.confidence_interval(1 - LEVEL)
        low[tested], high[tested], p[tested] = interval.low, interval.high, found.pvalue
    sd = table["sd"].mask(constant, 0.0)
    return table.assign(sd=sd, low=low, high=high, detectable=sd * _detectable(seeds), p=p).reset_index()


def _detectable(seeds: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Smallest effect, in standard deviations over seeds, that a t-test of so many seeds would see."""
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
    known = p.dropna()
    if known.empty:
        return p
    return pd.Series(multipletests(known, method="holm")[1], index=known.index).reindex(p.index)


def _arranged(table: pd.DataFrame) -> pd.DataFrame:
    return arrange(table, ["dataset", "claim", "stream", "task", "metric"])
