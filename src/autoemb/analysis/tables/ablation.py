"""The table of the ablation: what each setting of the released code does to every method's loss, and to their order."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from autoemb.analysis.tables.columns import flags, numbers, texts
from autoemb.analysis.tables.intervals import per_seed, sort_methods
from autoemb.analysis.tables.student import Interval, paired, welch
from autoemb.errors import InputError
from autoemb.experiment.ablation import BASE, TRIALS
from autoemb.schema import TASKS

TRIAL = ["dataset", "setting", "task", "method"]
"""What names one run of the ablation; a setting is ``ablation.BASE`` or the name of a trial."""

BASE_VALUE = "base"
"""Value in the base's own rows."""


def trial_stream(trial: str) -> str:
    """What stands for a stream's name where a trial's is meant."""
    return f"ablation/{trial}"


ABLATION = (
    texts("dataset", "task", "metric", "setting", "value", "against", "method")
    | numbers("base", "mean")
    | numbers("effect", "low", "high", may_lack=True)
    | flags("paired")
    | numbers("seeds", "rank_base", "rank")
    | texts("order_base", "order")
    | flags("order_changed")
    | texts("overtakes", may_lack=True)
    | numbers("lead", "lead_low", "lead_high", "lead_base", "lead_base_low", "lead_base_high", may_lack=True)
    | numbers("clear")
)
"""The table's columns."""

Losses = dict[str, "pd.Series[float]"]
"""By method, the mean loss on the test part, indexed by seed."""


class Passing(NamedTuple):
    """A method that another method passes."""

    method: str
    now: Interval
    """Loss of the method that passes minus the loss of the passed method, in the trial at hand."""
    before: Interval
    """The same difference in the trial that it is compared with."""

    @property
    def clear(self) -> bool:
        """Whether the two methods can be told apart in both trials."""
        return self.now.clear and self.before.clear


def ablation(outcomes: pd.DataFrame) -> pd.DataFrame:
    """What every setting does to every method, beside the trial from which it differs in nothing else.

    Args:
        outcomes: ``schema.OUTCOMES`` of every run, with ``dataset``, ``setting`` (``ablation.BASE``, or a trial's
            name), ``task``, ``method``. A method that a trial does not touch has no run in it.

    Returns:
        One row per data set x task x setting x value x method, in the order of ``ablation.SETTINGS``; the rows of the
        base come first, with the value ``BASE_VALUE``. ``against``: the trial that the row's trial is compared with.
        ``base`` and ``mean``: the method's mean loss (``metric``) in that trial and in the row's own; they are the same
        for a method that the setting does not touch. ``effect``: mean - base, with the ends ``low`` and ``high`` of its
        95 % interval: ``paired`` by seed where both trials have the same interactions in the same order, else by
        Welch's t. All three are NaN for a method that the setting does not touch, the ends also with one seed.
        ``seeds`` (int64).
        ``rank_base``, ``rank``: the method's place among all methods in the two trials (1 is the lowest loss).
        ``order_base``, ``order`` (str): all methods of the two trials, the best first; ``<`` joins neighbours whose
        difference, paired by seed, is distinguishable from zero, ``~`` others. ``order_changed`` (bool).
        ``overtakes`` (str): the methods that are ahead of the row's method in the trial ``against`` and behind it in
        the row's own, joined by commas. ``clear`` (int64): how many of them the row's method passes distinguishably, so
        that the 95 % interval of the difference between the two methods excludes zero in both trials; they come first.
        ``lead``, ``lead_base``: the loss of the row's method minus that of the first method that it overtakes, in the
        row's own trial and in ``against``, with the ends of their intervals; NaN if it overtakes none.

    Raises:
        InputError: a trial without the one that it is compared with, or one that is not known.
    """
    test = outcomes[(outcomes["split"] == "test") & (outcomes["side"] == "user")]
    values = per_seed(test, TRIAL)
    values = values[values["metric"] != "accuracy"]
    rows = [
        row
        for dataset in sorted(values["dataset"].unique())
        for task in TASKS
        for row in _cell(values[(values["dataset"] == dataset) & (values["task"] == task)])
    ]
    return pd.DataFrame(rows, columns=list(ABLATION))


def _cell(values: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows of one data set and task."""
    own: dict[str, Losses] = {
        str(trial): {str(method): one.set_index("seed")["value"] for method, one in runs.groupby("method")}
        for trial, runs in values.groupby("setting")
    }
    for trial in own:
        against = trial if trial == BASE else _against(trial)
        if against not in own:
            raise InputError(f"{trial}: has no run of {against}, which it is compared with")
    for trial in [name for name in (BASE, *TRIALS) if name in own]:
        against = BASE if trial == BASE else _against(trial)
        before, after = _every(against, own), _every(trial, own)
        shared = {"dataset": values["dataset"].iloc[0], "task": values["task"].iloc[0]}
        yield from (
            shared | {"metric": values["metric"].iloc[0]} | row for row in _rows(trial, against, before, after, own)
        )


def _against(trial: str) -> str:
    if trial not in TRIALS:
        raise InputError(f"{trial}: unknown; expected {BASE} or one of {', '.join(TRIALS)}")
    return TRIALS[trial].setting.against


def _every(trial: str, own: Mapping[str, Losses]) -> Losses:
    """The losses of every method under a trial: its own runs, for the others those that it is compared with."""
    return own[BASE] if trial == BASE else _every(_against(trial), own) | own[trial]


def _rows(
    trial: str, against: str, before: Losses, after: Losses, own: Mapping[str, Losses]
) -> Iterator[dict[str, Any]]:
    """A row per method."""
    ranked, ranked_before = _ranked(after), _ranked(before)
    same_interactions = trial == BASE or TRIALS[trial].setting.same_interactions
    for method in sort_methods(after):
        touched = trial != BASE and method in own[trial]
        effect = Interval(np.nan, np.nan, np.nan)
        if touched and same_interactions:
            effect = paired((after[method] - before[method]).dropna())
        elif touched:
            effect = welch(after[method], before[method])
        yield {
            "setting": trial if trial == BASE else TRIALS[trial].setting.name,
            "value": BASE_VALUE if trial == BASE else TRIALS[trial].label,
            "against": against,
            "method": method,
            "base": before[method].mean(),
            "mean": after[method].mean(),
            "effect": effect.mean,
            "low": effect.low,
            "high": effect.high,
            "paired": same_interactions,
            "seeds": len(after[method]),
            "rank_base": ranked_before.index(method) + 1,
            "rank": ranked.index(method) + 1,
            "order_base": _order(ranked_before, before),
            "order": _order(ranked, after),
            "order_changed": ranked != ranked_before,
            **_overtaking(method, ranked, ranked_before, before, after),
        }


def _ranked(losses: Losses) -> list[str]:
    """The methods, the lowest mean loss first; of equal ones, the paper's order."""
    return sorted(sort_methods(losses), key=lambda method: losses[method].mean())


def _order(ranked: list[str], losses: Losses) -> str:
    text = ranked[0]
    for better, worse in pairwise(ranked):
        text += f" {'<' if _lead(better, worse, losses).clear else '~'} {worse}"
    return text


def _lead(one: str, other: str, losses: Losses) -> Interval:
    """The loss of one method minus the loss of the other, paired by seed."""
    return paired((losses[one] - losses[other]).dropna())


def _overtaking(
    method: str, ranked: list[str], ranked_before: list[str], before: Losses, after: Losses
) -> dict[str, Any]:
    """Which methods stand ahead of this method before and behind it after, wherever among the others they stand."""
    behind = ranked[ranked.index(method) + 1 :]
    passed = [
        Passing(name, _lead(method, name, after), _lead(method, name, before))
        for name in behind
        if ranked_before.index(name) < ranked_before.index(method)
    ]
    passed.sort(key=lambda passing: not passing.clear)  # a stable sort: of either kind, the best first
    none = Interval(np.nan, np.nan, np.nan)
    first = passed[0] if passed else Passing("", none, none)
    ends: dict[str, float] = {}
    for name, lead in (("lead", first.now), ("lead_base", first.before)):
        ends |= {name: lead.mean, f"{name}_low": lead.low, f"{name}_high": lead.high}
    return {
        "overtakes": ", ".join(passing.method for passing in passed),
        **ends,
        "clear": sum(passing.clear for passing in passed),
    }
