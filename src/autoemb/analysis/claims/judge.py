"""From one number per seed to effects with intervals, and from these to verdicts."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from autoemb.analysis.claims import frequency, observations, paper, sizes
from autoemb.analysis.claims.observations import CELL
from autoemb.analysis.claims.statements import STATEMENTS, family
from autoemb.analysis.claims.windows import window_intervals
from autoemb.analysis.tables.clusters import spread, what_varies
from autoemb.analysis.tables.columns import numbers, texts
from autoemb.analysis.tables.intervals import arrange, per_seed
from autoemb.analysis.tables.student import half_width
from autoemb.schema import DESCRIPTIVE, LEVEL_MODEL, VERDICTS

LEVEL = 0.05
LEAST_SEEDS = 3
SCALES = {"mse": 0.25, "cross_entropy": 1.0, "accuracy": 1.0, "mean_size": 100.0, "memory_saved": 1.0}
"""How large the values of each metric are, by which is told what is rounding."""

ROUNDING = 1e-9
"""Of a metric's scale: seeds that differ by less agree, and an effect that is smaller is none."""

MOVED = 0.1
"""Least move of a weight, as a share of 1/K and in the mean, with which free weights are more than equal ones."""

_HOLDS, _REVERSED, _SMALLER, _NONE, _UNTESTABLE, _UNDECIDED = VERDICTS
_KEYS = ["claim", "comparison", *CELL]
_WINDOW = numbers("window_low", "window_high", may_lack=True)

COMPARISONS = (
    texts("claim", "comparison", "dataset", "task")
    | numbers("effect", "low", "high", may_lack=True)
    | numbers("seeds")
    | texts("varies")
    | numbers("paper_effect", "tolerance", may_lack=True)
    | texts("finding", "stream", "metric")
    | numbers("sd", "p", may_lack=True)
    | _WINDOW
    | numbers("paper_plus_minus", may_lack=True)
    | texts("paper_dataset", "note", may_lack=True)
)
"""The columns of ``comparisons``."""

CLAIMS = (
    texts("claim", "dataset", "task")
    | numbers("effect", "low", "high", may_lack=True)
    | numbers("seeds")
    | texts("varies")
    | numbers("paper_effect", "tolerance", may_lack=True)
    | texts("verdict", "stream", "metric", "comparison")
    | numbers("comparisons")
    | numbers("p", "p_corrected", may_lack=True)
    | _WINDOW
    | texts("paper_dataset", "note", may_lack=True)
    | texts("statement", "source")
)
"""The columns of ``claims``."""

AS_CLAIMED, OPEN = "as claimed", "open"
BUT_SMALLER = f"as claimed, {_SMALLER}"
"""Findings of single comparisons, beside those that are verdicts, too."""


class Evidence(NamedTuple):
    """What the claims are judged from: the tables of every run, with ``dataset``, ``stream``, ``task``, ``method``."""

    outcomes: pd.DataFrame
    """``schema.OUTCOMES``."""
    grown: pd.DataFrame
    """``sizes.growth`` of ``schema.SIZES``."""
    progress: pd.DataFrame
    """``schema.PROGRESS``."""
    allocation: pd.DataFrame
    """``schema.ALLOCATION``."""
    users: pd.DataFrame
    """``schema.TEST_USERS``: without rows, nothing is said of other users."""
    levels: pd.DataFrame
    """``schema.LEVELS``, with ``dataset``, ``side``, ``task``."""
    restarting: Sequence[str] = ()
    """Streams whose counts restart at the test part; there, claims about frequency have no rows."""
    permuted: Sequence[str] = ()
    """Streams whose replicates have a permutation of their own."""


def t_tests(observed: pd.DataFrame, users: pd.DataFrame, permuted: Sequence[str] = ()) -> pd.DataFrame:
    """Mean, spread and t-test of every comparison; with fewer than ``LEAST_SEEDS`` seeds the mean and the spread alone.

    Args:
        observed: the observations of one or more claims.
        users: ``observations.of_users``: what other users would do, of the comparisons and cells where that is known.
        permuted: streams whose replicates have a permutation of their own.

    Returns:
        One row per claim x comparison x data set x stream x task x metric: ``effect``, ``sd``, ``low``, ``high``,
        ``p`` (float64; NaN where nothing varies), ``seeds`` (int64) and ``varies`` (str); ``least``, ``most``: the ends
        of the interval whose 5 % are shared by Bonferroni among the claim's comparisons in this cell.
    """
    wide = observed.pivot_table("value", index=_KEYS, columns="seed")  # (comparisons, S)
    values = wide.to_numpy(dtype=np.float64)
    table = pd.DataFrame({"effect": wide.mean(axis=1), "sd": wide.std(axis=1)}).reset_index()
    table = table.assign(seeds=np.isfinite(values).sum(axis=1)).merge(users, on=[*CELL, "comparison"], how="left")
    rounding = ROUNDING * table["metric"].map(SCALES).to_numpy(dtype=np.float64)
    effect = table["effect"].mask(table["effect"].abs() <= rounding, 0.0)
    sd = table["sd"].mask(table["sd"] <= rounding, 0.0)
    variance, freedom = (table[name].to_numpy(dtype=np.float64) for name in ("user_variance", "user_freedom"))
    error, degrees = spread(sd.to_numpy(), table["seeds"].to_numpy(dtype=np.float64), variance, freedom)
    error = np.where((table["seeds"] >= LEAST_SEEDS) & np.isfinite(error), error, np.nan)
    half = half_width(error, degrees)
    number = table.groupby(["claim", *CELL])["comparison"].transform("size")
    shared = half_width(error, degrees, LEVEL / number)
    t = np.abs(effect) / np.where(error > 0, error, np.nan)
    p = 2 * scipy.stats.t.sf(t, np.maximum(degrees, 1))
    varies = what_varies(table["stream"], variance, permuted)
    intervals = {"low": effect - half, "high": effect + half, "least": effect - shared, "most": effect + shared}
    return table.assign(effect=effect, sd=sd, **intervals, p=p, varies=varies).drop(
        columns=["user_variance", "user_freedom"]
    )


def comparisons(
    evidence: Evidence, test: Callable[[pd.DataFrame, pd.DataFrame, Sequence[str]], pd.DataFrame] = t_tests
) -> pd.DataFrame:
    """Every comparison behind the claims for which there are all inputs.

    Args:
        evidence: the tables of every run.
        test: makes effects, intervals and p of the observations, as ``t_tests`` does.

    Returns:
        One row per claim x comparison x data set x stream x task x metric: ``effect`` (mean over seeds, in the
        metric's unit; positive: as claimed), ``sd``, ``low``, ``high``, ``p`` (two-sided; with ``LEAST_SEEDS`` or more
        seeds that do not agree to rounding, else NaN), ``seeds``, ``varies`` (what does between them), ``window_low``,
        ``window_high`` (a second look; NaN but for differences of two methods' means), ``paper_effect``,
        ``paper_plus_minus``, ``paper_dataset`` (empty: no such number), ``tolerance`` (the least effect that matters),
        ``note``, and ``finding``, by the first that applies of:

        - ``not testable here``: the note says why;
        - ``reversed``: significantly the other way round; in this finding and the next but one, and in ``no effect``,
          the 5 % are shared by Bonferroni among the claim's comparisons, as any of them decides the claim. Of E4, the
          sizes must fall with frequency, too;
        - ``as claimed``: p below 5 %, and of A6 at least the tolerance; with ``smaller than the paper's`` if that
          applies, too;
        - ``smaller than the paper's``: the interval lies wholly below the paper's effect on this very data set, its
          own uncertainty allowed for;
        - ``no effect larger than x``: the interval lies within the tolerance around 0;
        - ``open``.
    """
    outcomes, grown = evidence.outcomes, evidence.grown
    values = per_seed(evidence.levels, ["dataset", "side", "task", *LEVEL_MODEL, "level"])
    observed = observations.stack([
        observations.of_levels(values[values["method"] == "fse"]),
        observations.of_means(outcomes),
        frequency.of_frequency(outcomes[~outcomes["stream"].isin(evidence.restarting)]),
        sizes.of_sizes(grown, evidence.permuted, evidence.restarting),
        sizes.of_memory(evidence.allocation),
    ])  # fmt: skip
    if observed.empty:
        return pd.DataFrame(columns=list(COMPARISONS))
    compared = observations.pairs(outcomes)
    once = list(dict.fromkeys(pair for several in compared.values() for pair in several))
    table = test(observed, observations.of_users(evidence.users, once), evidence.permuted)
    table = table.merge(window_intervals(evidence.progress, once), on=[*CELL, "comparison"], how="left")
    table = paper.beside(table, paper.effects(evidence.levels, outcomes))
    table = table.assign(
        tolerance=paper.tolerances(table, grown), note=_notes(table, grown), grows=_grows(table, grown)
    )
    return _arranged(table.assign(finding=_findings(table)))[list(COMPARISONS)]


def claims(compared: pd.DataFrame) -> pd.DataFrame:
    """The verdict of every cell.

    Args:
        compared: ``comparisons``.

    Returns:
        One row per claim x data set x stream x task x metric, showing the ``comparison`` that decides it (one that
        refutes the claim, else the one with the least support) of its ``comparisons`` (their number): ``effect`` to
        ``note`` as in ``comparisons``, ``verdict`` (one of ``schema.VERDICTS``, or ``schema.DESCRIPTIVE``), ``p`` and
        ``p_corrected`` of the claim, its ``statement`` and ``source``.
    """
    if compared.empty:
        return pd.DataFrame(columns=list(CLAIMS))
    cell = ["claim", *CELL]
    wrong = compared["effect"] <= 0
    table = compared.assign(
        rank=compared["finding"].map(_RANKS).fillna(_BY_P),
        # from strong to weak: right sign and small p, no p, wrong sign and small p
        weakness=(2 - compared["p"]).where(wrong, compared["p"]).fillna(1),
        p=compared["p"].mask(wrong & compared["p"].notna(), 1.0),
    )
    groups = table.groupby(cell)
    # a claim holds only if all of its comparisons do: one without a p leaves it without one
    whole = groups.agg(
        comparisons=("p", "size"),
        p=("p", lambda p: p.max(skipna=False)),
        small=("finding", lambda findings: findings.eq(BUT_SMALLER).any()),
        claimed=("finding", lambda findings: findings.isin([AS_CLAIMED, BUT_SMALLER]).all()),
    ).reset_index()
    whole = whole.assign(p_corrected=_corrected(whole))
    shown = table.sort_values(["rank", "weakness", "effect"], ascending=[True, False, True], kind="stable")
    shown = shown.drop_duplicates(cell).drop(columns=["p", "weakness"])
    judged = shown.merge(whole, on=cell)
    verdict = judged["finding"].mask(judged["rank"] == _BY_P, _UNDECIDED)
    verdict = verdict.mask(judged["claimed"] & (judged["p_corrected"] < LEVEL), _HOLDS)
    verdict = _behind_gates(judged.assign(verdict=verdict)).mask(judged["metric"] == "accuracy", DESCRIPTIVE)
    words = judged["claim"].map(STATEMENTS)
    small = judged["small"] & (verdict == _HOLDS)
    judged = judged.assign(
        verdict=verdict,
        note=judged["note"].mask(small, f"an effect is {_SMALLER}"),
        statement=[one.text for one in words],
        source=[one.source for one in words],
    )
    return _arranged(judged)[list(CLAIMS)]


_RANKS = {_UNTESTABLE: 0, _REVERSED: 1, _SMALLER: 2, _NONE: 3}
"""Which findings decide a claim: those that come first. The others are told apart by their p."""
_BY_P = len(_RANKS)


def _findings(table: pd.DataFrame) -> npt.NDArray[np.object_]:
    """What each comparison shows by itself."""
    significant = table["p"] < LEVEL
    number = table.groupby(["claim", *CELL])["comparison"].transform("size")
    reversed_ = (table["effect"] < 0) & (table["p"] < LEVEL / number) & ~table["grows"]
    relevant = (table["effect"] >= table["tolerance"]) | (table["claim"] != "A6")  # of sizes, a growth that matters
    claimed = (table["effect"] > 0) & significant & relevant
    # another data set's effect is shown for comparison, and refutes nothing
    own = table["paper_dataset"] == table["dataset"]
    varied = table["p"].notna()  # where nothing does, nothing is known
    below = varied & own & (table["most"] < table["paper_effect"] - table["paper_plus_minus"])
    within = varied & (table["least"] > -table["tolerance"]) & (table["most"] < table["tolerance"])
    untestable, of_size = table["note"] != "", table["claim"] == "E5"  # what is claimed there is how much
    found = {
        _UNTESTABLE: untestable, _REVERSED: reversed_, _SMALLER: below & (of_size | ~claimed),
        BUT_SMALLER: claimed & below, AS_CLAIMED: claimed, _NONE: within,
    }  # fmt: skip
    return np.select(list(found.values()), list(found), OPEN).astype(object)


def _grows(table: pd.DataFrame, grown: pd.DataFrame) -> "pd.Series[bool]":
    """Of E4, whether ESAPN's sizes grow with frequency at all; false of the other claims.

    To grow less than by enlarging at random is not to fall: random growth is known exactly for ids that are met one
    at a time, and too large for those that several interactions of one batch enlarge together.
    """
    esapn = grown[grown["method"] == "esapn"]
    means = esapn.groupby(["dataset", "stream", "task", "side"], as_index=False)["with_popularity"].mean()
    growing = means[means["with_popularity"] > 0].assign(claim="E4", grows=True)
    growing = growing.assign(comparison=growing["side"].map(sizes.BEYOND_RANDOM.format).astype("str"))
    keys = ["claim", "comparison", "dataset", "stream", "task"]
    return table[keys].merge(growing[[*keys, "grows"]], on=keys, how="left")["grows"].eq(True).set_axis(table.index)


def _notes(table: pd.DataFrame, grown: pd.DataFrame) -> "pd.Series[str]":
    """Why a comparison cannot be tested; empty if it can."""
    cells = pd.MultiIndex.from_frame(table[["dataset", "stream", "task"]])
    moved = {name: grown[grown["method"] == name].groupby(cells.names)["moved"].mean().reindex(cells).to_numpy()
             for name in ("darts", "autoemb")}  # fmt: skip
    of_a5 = (table["claim"] == "A5").to_numpy()
    still = {name: of_a5 & (share < MOVED) for name, share in moved.items()}
    vain = (table["claim"] == "E5") & ~table["dataset"].isin(sizes.printed())
    whose = {"darts": "free weights", "autoemb": "controller's weights"}
    said = {
        name: [f"not testable: the {words} moved by {100 * share:.1f} % of 1/K" for share in np.nan_to_num(moved[name])]
        for name, words in whose.items()
    }
    other = "not testable: something is always saved, and the paper says how much only of its own data"
    return pd.Series(np.select([*still.values(), vain], [*said.values(), other], ""), index=table.index, dtype="str")


def _corrected(whole: pd.DataFrame) -> "pd.Series[float]":
    """p by Holm's correction among the claims of one family and cell; of a claim behind gates, the largest with theirs.

    Accuracies are not judged, and have none.
    """
    judged = whole[whole["metric"] != "accuracy"]
    families = judged["claim"].map(family).rename("family")
    p = judged.groupby([*CELL, families])["p"].transform(_holm)
    at = pd.MultiIndex.from_frame(judged[["claim", *CELL]])
    known = pd.Series(p.to_numpy(), index=at)
    for claim, statement in STATEMENTS.items():
        rows = judged[judged["claim"] == claim]
        for gate in statement.gates:
            of_gate = known.reindex(pd.MultiIndex.from_frame(rows.assign(claim=gate)[["claim", *CELL]])).to_numpy()
            p[rows.index] = np.maximum(p[rows.index], of_gate)  # NaN where the gate has none
    return p.reindex(whole.index)


def _behind_gates(judged: pd.DataFrame) -> "pd.Series[str]":
    """The verdicts, where a claim one of whose gates cannot be tested cannot be either."""
    verdict, keys = judged["verdict"].copy(), ["claim", *CELL]
    known = judged.set_index(keys)["verdict"]
    for claim, statement in STATEMENTS.items():
        rows = judged[judged["claim"] == claim]
        for gate in statement.gates:
            of_gate = known.reindex(pd.MultiIndex.from_frame(rows.assign(claim=gate)[keys])).to_numpy()
            verdict[rows.index] = verdict[rows.index].mask(
                (of_gate == _UNTESTABLE) & (verdict[rows.index] != _REVERSED), _UNTESTABLE
            )
    return verdict


def _holm(p: "pd.Series[float]") -> "pd.Series[float]":
    """Holm's correction of one family; claims without a p stay without."""
    from statsmodels.stats.multitest import multipletests  # takes a second to import: see the catalogue

    known = p.dropna()
    if known.empty:
        return p
    return pd.Series(multipletests(known, method="holm")[1], index=known.index).reindex(p.index)


def _arranged(table: pd.DataFrame) -> pd.DataFrame:
    return arrange(table, ["dataset", "claim", "stream", "task", "metric"])
