"""The tables of the tuning: what each candidate lost, and what the chosen one changes on the test part."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from autoemb.analysis.tables.clusters import over_users, spread, with_users
from autoemb.analysis.tables.columns import Columns, numbers, texts
from autoemb.analysis.tables.intervals import LOSSES, RUN, arrange, by_metric, over_seeds, per_seed
from autoemb.analysis.tables.student import half_width
from autoemb.experiment.choice import Choice, spelt_changes

CELL = ["dataset", "stream", "task", "metric", "method"]

Chooser = tuple[str, str, str, str, int]
"""Data set, stream, task, method and seed of a choice."""

TUNED: Columns = (
    texts(*CELL)
    | numbers("mean")
    | numbers("sd", "low", "high", may_lack=True)
    | numbers("seeds", "n")
    | texts("varies")
    | numbers("configured", "difference")
    | numbers("difference_low", "difference_high", may_lack=True)
    | texts("settings")
)

CANDIDATES: Columns = texts(*RUN, "candidate") | numbers("mean", may_lack=True) | numbers("tried", "diverged", "chosen")


def tuned(
    outcomes: Mapping[str, pd.DataFrame],
    users: Mapping[str, pd.DataFrame],
    choices: Mapping[Chooser, Choice],
    permuted: Sequence[str] = (),
) -> pd.DataFrame:
    """The loss of every tuned method on the test part, and its difference to the method as configured.

    Args:
        outcomes: ``schema.OUTCOMES`` of the ``tuned`` and the ``configured`` runs, with ``dataset``, ``stream``,
            ``task``, ``method``.
        users: ``schema.TEST_USERS`` of both, likewise; they are in the intervals where seeds share a stream.
        choices: whose settings the tuned runs have.
        permuted: streams whose replicates have a permutation of their own.

    Returns:
        One row per data set x stream x task x method, as ``comparison`` has it: ``mean`` and its interval, and
        ``configured``, the mean loss of the same seeds as configured; ``difference`` (tuned - configured, paired by
        seed) with its 95 % interval; ``settings``: what was chosen, the most frequent first, and how often.
    """
    of_tuned = _losses(outcomes["tuned"])
    pairs = of_tuned.merge(_losses(outcomes["configured"]), on=[*CELL, "seed"], suffixes=("", "_configured"))
    table = with_users(over_seeds(of_tuned, CELL), _people(_totals(users["tuned"])), CELL, permuted)
    change = over_seeds(pairs.assign(value=pairs["value"] - pairs["value_configured"]), CELL)
    both = _totals(users["tuned"]).merge(
        _totals(users["configured"]), on=[*CELL, "seed", "user", "n"], suffixes=("", "_configured")
    )
    change = change.merge(_people(both.assign(total=both["total"] - both["total_configured"])), on=CELL, how="left")
    sd, seeds, variance, freedom = (
        change[name].to_numpy(np.float64) for name in ("sd", "seeds", "user_variance", "user_freedom")
    )
    half = half_width(*spread(sd, seeds, variance, freedom))
    change = change.assign(
        difference=change["mean"], difference_low=change["mean"] - half, difference_high=change["mean"] + half
    )
    configured = pairs.groupby(CELL, as_index=False).agg(configured=("value_configured", "mean"))
    table = table.merge(configured, on=CELL).merge(
        change[[*CELL, "difference", "difference_low", "difference_high"]], on=CELL
    )
    named = (tuple(map(str, row)) for row in table[RUN].itertuples(index=False))
    return arrange(table.assign(settings=[_settings(choices, run) for run in named])[list(TUNED)], CELL)


def tuning_candidates(choices: Mapping[Chooser, Choice]) -> pd.DataFrame:
    """What each candidate lost on the last part of the train part.

    Returns:
        One row per data set x stream x task x method x candidate, the least loss first: ``candidate`` (what it
        changes), ``mean`` (over the seeds whose training did not diverge; NaN where all did), how many seeds
        ``tried`` it, in how many it ``diverged``, and in how many it was ``chosen``.
    """
    tries = [
        dict(zip([*RUN, "seed"], chooser, strict=True))
        | {"candidate": spelt_changes(one.changes), "loss": one.loss, "chosen": place == choice.chosen}
        for chooser, choice in choices.items()
        for place, one in enumerate(choice.candidates)
    ]
    table = pd.DataFrame(tries, columns=[*RUN, "seed", "candidate", "loss", "chosen"]).astype({"loss": "float64"})
    table = table.assign(diverged=table["loss"].isna())
    found = table.groupby([*RUN, "candidate"], as_index=False, sort=False).agg(
        mean=("loss", "mean"), tried=("loss", "size"), diverged=("diverged", "sum"), chosen=("chosen", "sum")
    )
    return arrange(found, [*RUN, "mean"])[list(CANDIDATES)]


def _losses(outcomes: pd.DataFrame) -> pd.DataFrame:
    """The loss of every seed on the test part."""
    test = outcomes[(outcomes["split"] == "test") & (outcomes["side"] == "user")]
    values = per_seed(test, RUN)
    return values[values["metric"].isin(list(LOSSES.values()))]


def _totals(users: pd.DataFrame) -> pd.DataFrame:
    """The summed loss of every test user."""
    sums = by_metric(users).rename(columns={"value": "total"})
    return sums.loc[sums["metric"] != "accuracy", [*CELL, "seed", "user", "n", "total"]]


def _people(totals: pd.DataFrame) -> pd.DataFrame:
    return over_users(totals, CELL)


def _settings(choices: Mapping[Chooser, Choice], run: tuple[str, ...]) -> str:
    """``learning_rate 0.01 (3 of 5); as configured (2 of 5)``; of a single choice, no number."""
    chosen = [spelt_changes(choice.changes) for chooser, choice in choices.items() if chooser[:-1] == run]
    if len(chosen) == 1:
        return chosen[0]
    return "; ".join(f"{settings} ({times} of {len(chosen)})" for settings, times in Counter(chosen).most_common())
