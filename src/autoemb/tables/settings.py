"""The settings ablation: what each setting of the released code, changed alone, does to losses and to their order."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from autoemb.ablation import BASE, SETTINGS
from autoemb.tables.intervals import LOSSES, per_seed, sort_methods

VARIANT = ["dataset", "setting", "task", "method"]
"""What names one run of the ablation; ``setting`` is ``ablation.BASE`` or ``<setting>.<value>``."""

_COLUMNS = [
    "dataset", "task", "setting", "value", "released", "method", "touched", "metric", "base", "base_mean", "mean",
    "effect", "low", "high", "paired", "seeds", "rank_base", "rank", "order_base", "order", "swaps", "distinct_swaps",
]  # fmt: skip


def settings(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Every variant beside its base, on the test part of the stream.

    Args:
        outcomes: ``schema.OUTCOMES`` of every run, with ``dataset``, ``setting``, ``task``, ``method``.

    Returns:
        One row per data set x task x ``setting`` x ``value`` x method, the base's methods that the change does not
        touch (``touched``) included: ``base`` (the variant compared with), ``base_mean`` and ``mean`` (mean loss
        over seeds, in ``metric``), ``effect`` (mean - base_mean) with ``low`` and ``high``, its 95 % interval:
        by the paired t-test over ``seeds`` where the stream is the same (``paired``), by Welch's where the setting
        changes the stream itself; NaN where the method is not touched or there is one seed. ``rank_base`` and
        ``rank`` (1: lowest loss) among ``order_base`` and ``order`` (methods by their means, best first);
        ``swaps``: the pairs of methods that stand in another order than in the base; ``distinct_swaps``: those of
        them whose difference, paired over seeds, has an interval without 0 in both.
    """
    test = outcomes[(outcomes["split"] == "test") & (outcomes["side"] == "user")]
    values = per_seed(test, VARIANT)
    values = values[values["metric"] == values["task"].map(LOSSES)]
    rows: list[dict[str, Any]] = []
    for (dataset, task), cell in values.groupby(["dataset", "task"], sort=True):
        by_setting = cell.groupby(cell["setting"].astype("str"))
        runs = {str(name): one.pivot_table("value", "seed", "method") for name, one in by_setting}
        for setting, declared in SETTINGS.items():
            for value in declared.others:
                changed = runs.get(f"{setting}.{value}")
                base = _base(runs, declared.base)
                if changed is None or base is None:
                    continue
                common = {"dataset": dataset, "task": task, "setting": setting, "value": value}
                common |= {"released": declared.released, "metric": LOSSES[str(task)], "base": declared.base}
                rows += [common | row for row in _compare(base, changed, declared.of == "method")]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _base(runs: dict[str, pd.DataFrame], name: str) -> pd.DataFrame | None:
    """Losses by seed and method of a variant, those of methods that it does not touch taken from the base."""
    base = runs.get(BASE)
    if name == BASE or base is None or name not in runs:
        return base if name == BASE else None
    return base.assign(**{method: runs[name][method] for method in runs[name].columns})


def _compare(base: pd.DataFrame, changed: pd.DataFrame, paired: bool) -> list[dict[str, Any]]:
    """Rows of one variant; ``base`` and ``changed``: a row per seed, a column per method."""
    whole = base.assign(**{method: changed[method] for method in changed.columns})
    before, after = _order(base), _order(whole)
    swapped = [pair for pair in combinations(before, 2) if after.index(pair[0]) > after.index(pair[1])]
    distinct = [pair for pair in swapped if _apart(base, *pair) and _apart(whole, *pair)]
    rows = []
    for method in sort_methods(before):
        touched = method in changed.columns
        low, high = _interval(base[method], changed[method], paired) if touched else (np.nan, np.nan)
        rows.append(
            {
                "method": method,
                "touched": touched,
                "base_mean": base[method].mean(),
                "mean": whole[method].mean(),
                "effect": whole[method].mean() - base[method].mean() if touched else np.nan,
                "low": low,
                "high": high,
                "paired": paired,
                "seeds": int(whole[method].notna().sum()),
                "rank_base": before.index(method) + 1,
                "rank": after.index(method) + 1,
                "order_base": " < ".join(before),
                "order": " < ".join(after),
                "swaps": ", ".join(f"{b} < {a}" for a, b in swapped),
                "distinct_swaps": ", ".join(f"{b} < {a}" for a, b in distinct),
            }
        )
    return rows


def _order(losses: pd.DataFrame) -> list[str]:
    """Methods by their mean loss, lowest first."""
    return [str(name) for name in losses.mean().sort_values(kind="stable").index]


def _interval(base: "pd.Series[float]", changed: "pd.Series[float]", paired: bool) -> tuple[float, float]:
    """95 % interval of the mean of ``changed`` minus ``base``."""
    if min(len(base), len(changed)) < 2:
        return np.nan, np.nan
    if paired:
        both = pd.concat([base, changed], axis=1).dropna().to_numpy()
        found = stats.ttest_rel(both[:, 1], both[:, 0]).confidence_interval(0.95)
    else:
        found = stats.ttest_ind(changed.dropna(), base.dropna(), equal_var=False).confidence_interval(0.95)
    return float(found.low), float(found.high)


def _apart(losses: pd.DataFrame, one: str, other: str) -> bool:
    """Whether two methods of a variant differ, paired over seeds: the 95 % interval does not hold 0."""
    low, high = _interval(losses[one], losses[other], paired=True)
    return low > 0 or high < 0
