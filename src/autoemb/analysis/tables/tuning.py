"""The tables of the tuning: what each candidate lost, and what the chosen one changes on the test part."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from autoemb.analysis.tables.clusters import over_users, with_users
from autoemb.analysis.tables.columns import Columns, numbers, texts
from autoemb.analysis.tables.differences import difference, losses_of, totals_of
from autoemb.analysis.tables.intervals import RUN, arrange, fixed, over_seeds
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
    | numbers("to_fixed", "to_fixed_low", "to_fixed_high", may_lack=True)
    | texts("settings")
    | texts("fixed", may_lack=True)
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
        seed) with its 95 % interval; ``to_fixed``, likewise to the tuned method of one size, whose name is ``fixed``
        (empty, and NaN, where none was tuned); ``settings``: what was chosen, the most frequent first, and how often.
    """
    losses, totals = losses_of(outcomes["tuned"]), totals_of(users["tuned"])
    configured = losses_of(outcomes["configured"])
    table = with_users(over_seeds(losses, CELL), over_users(totals, CELL), CELL, permuted)
    before = losses[[*CELL, "seed"]].merge(configured, on=[*CELL, "seed"]).groupby(CELL, as_index=False)
    table = table.merge(before.agg(configured=("value", "mean")), on=CELL)
    changes = difference(losses, configured, totals, totals_of(users["configured"]), CELL, CELL)
    table = table.merge(changes, on=CELL)
    name = fixed(losses)
    others = (frame[frame["method"] == name].drop(columns="method") for frame in (losses, totals))
    to_fixed = difference(losses, next(others), totals, next(others), CELL[:-1], CELL)
    to_fixed.columns = to_fixed.columns.str.replace("difference", "to_fixed")
    table = table.merge(to_fixed, on=CELL, how="left").assign(fixed=name if len(to_fixed) else "")
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


def _settings(choices: Mapping[Chooser, Choice], run: tuple[str, ...]) -> str:
    """``learning_rate 0.01 (3 of 5); as configured (2 of 5)``; of a single choice, no number."""
    chosen = [spelt_changes(choice.changes) for chooser, choice in choices.items() if chooser[:-1] == run]
    if len(chosen) == 1:
        return chosen[0]
    return "; ".join(f"{settings} ({times} of {len(chosen)})" for settings, times in Counter(chosen).most_common())
