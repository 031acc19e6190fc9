"""Two methods are compared by the same seeds on the same interactions, and undecided is what cannot be told."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from autoemb.analysis import tables
from autoemb.analysis.catalogue import compact
from autoemb.analysis.tables.differences import LEAST, TOLERANCE
from autoemb.schema import popularity_bin_bounds

RUN = {"dataset": "d", "stream": "temporal", "task": "regression"}
SEEDS = 5


def outcomes(losses: dict[str, np.ndarray], n: int = 1000, bins: tuple[int, ...] = (0,)) -> pd.DataFrame:
    """``schema.OUTCOMES`` of methods that lose, by seed and bin, this much an interaction; (S,) or (S, bins)."""
    lows, highs = popularity_bin_bounds()
    rows = [
        {"method": method, "seed": seed, "split": "test", "side": side, "n": n, "correct": 0}
        | {"popularity_low": lows[place], "popularity_high": highs[place]}
        | {"loss_sum": n * np.broadcast_to(loss.T, (len(bins), SEEDS))[at, seed], "loss_sq_sum": 0.0}
        for method, loss in losses.items()
        for seed in range(SEEDS)
        for at, place in enumerate(bins)
        for side in ("user", "item")
    ]
    return pd.DataFrame(rows).assign(**RUN)


NOBODY = pd.DataFrame(
    columns=[*RUN, "method", "seed", "user", "n", "loss_sum", "correct"],
).astype({"loss_sum": "float64", "correct": "int64", "n": "int64", "seed": "int64", "user": "int64"})
DICE = np.random.default_rng(0)
COMMON = 0.05 * DICE.normal(size=SEEDS)  # what moves both alike, far more than they differ
NOISE = 0.001 * DICE.normal(size=SEEDS)


def of(table: pd.DataFrame, method: str, other: str) -> pd.Series:
    (row,) = table[(table["method"] == method) & (table["other"] == other)].to_dict("records")
    return pd.Series(row)


def test_a_difference_is_paired_by_seed_and_read_from_both_sides():
    one, other = 0.3 + COMMON, 0.31 + COMMON + NOISE
    table = tables.differences(outcomes({"fse": one, "sam": other}), NOBODY)
    row, mirrored = of(table, "fse", "sam"), of(table, "sam", "fse")
    half = stats.t.ppf(0.975, SEEDS - 1) * (one - other).std(ddof=1) / np.sqrt(SEEDS)
    assert row["difference"] == pytest.approx((one - other).mean())
    assert row[["low", "high"]].tolist() == pytest.approx([row["difference"] - half, row["difference"] + half])
    assert row["visible"] == pytest.approx(half)
    assert (row["finding"], mirrored["finding"]) == ("better", "worse")
    assert mirrored["difference"] == pytest.approx(-row["difference"])
    assert len(table) == 2
    overlapping = tables.comparison(outcomes({"fse": one, "sam": other}), NOBODY)
    loss = overlapping[overlapping["metric"] == "mse"].set_index("method")
    assert loss.loc["fse", "high"] > loss.loc["sam", "low"]  # the losses' own intervals tell nothing


@pytest.mark.parametrize(
    ("difference", "noise", "finding"),
    [(0.0, 0.0, "alike"), (0.001, 0.0005, "alike"), (0.001, 0.02, "undecided"), (0.02, 0.001, "worse")],
)
def test_alike_is_what_lies_within_the_tolerance_and_the_rest_is_undecided(difference, noise, finding):
    wiggle = noise * np.array([1, -1, 1, -1, 0])
    table = tables.differences(outcomes({"fse": 0.3 + COMMON, "sam": 0.3 + difference + COMMON + wiggle}), NOBODY)
    assert of(table, "sam", "fse")["finding"] == finding
    assert of(table, "sam", "fse")["tolerance"] == pytest.approx(TOLERANCE * (0.3 + COMMON).mean())


def test_the_users_are_in_the_interval_where_the_seeds_share_a_stream():
    losses = {"fse": 0.3 + COMMON, "sam": 0.301 + COMMON + NOISE}
    people = pd.DataFrame([
        {"method": method, "seed": seed, "user": user, "n": 10, "correct": 0}
        | {"loss_sum": 10 * (losses[method][seed] + (method == "sam") * (-1) ** user * 0.2)}
        for method in losses
        for seed in range(SEEDS)
        for user in range(50)
    ]).assign(**RUN)  # fmt: skip
    alone = of(tables.differences(outcomes(losses), NOBODY), "sam", "fse")
    among = of(tables.differences(outcomes(losses), people), "sam", "fse")
    assert (alone["varies"], among["varies"]) == ("start", "start and users")
    assert among["visible"] > 0.9 * stats.t.ppf(0.975, 50) * 0.2 / np.sqrt(50)
    assert among["visible"] > 5 * alone["visible"]


def test_by_popularity_the_intervals_of_a_method_hold_together():
    bins = (0, 1, 2, 7)  # popularity 1; 2 and 3, an octave; 8
    small = np.column_stack([0.3 + COMMON + 0.02 + NOISE, *[0.3 + COMMON + NOISE] * 3])
    table = tables.popularity_differences(
        outcomes({"fse-128": np.column_stack([0.3 + COMMON] * 4), "fse-2": small}, bins=bins)
    )
    users = table[table["side"] == "user"]
    assert users["popularity_low"].tolist() == [1, 2, 8]
    assert users["popularity_high"].tolist() == [1, 3, 15]
    assert users["share"].tolist() == [0.25, 0.5, 0.25]
    assert users["finding"].tolist()[0] == "worse"
    half = stats.t.ppf(1 - 0.05 / 3 / 2, SEEDS - 1) * NOISE.std(ddof=1) / np.sqrt(SEEDS)
    assert users["visible"].tolist() == pytest.approx([half] * 3)
    assert set(table["other"]) == {"fse-128"}


def test_a_handful_of_interactions_decides_nothing():
    losses = {"fse-128": 0.3 + COMMON, "fse-2": 0.5 + COMMON + NOISE}
    few = tables.popularity_differences(outcomes(losses, n=LEAST - 1))
    many = tables.popularity_differences(outcomes(losses, n=LEAST))
    assert set(few["finding"]) == {"undecided"}
    assert set(many["finding"]) == {"worse"}


def test_one_seed_decides_nothing():
    one = outcomes({"fse-128": 0.3 + COMMON, "fse-2": 0.5 + COMMON}).query("seed == 0")
    for table in (tables.differences(one, NOBODY), tables.popularity_differences(one)):
        assert set(table["finding"]) == {"undecided"}
        assert table["visible"].isna().all()


def test_people_see_what_is_decided():
    bins = (0, 1)
    apart = np.column_stack([0.4 + COMMON + NOISE, 0.3 + COMMON])
    losses = {"fse-128": np.column_stack([0.3 + COMMON] * 2), "fse-2": apart}
    view = compact("popularity-differences", tables.popularity_differences(outcomes(losses, bins=bins)))
    first, second = view.loc[0, "fse-2, difference"], view.loc[1, "fse-2, difference"]
    assert first.startswith("**+0.1")
    assert second.endswith("(alike)")
    assert view["of the test part"].tolist() == ["50.0%"] * 4
    matrix = compact("differences", tables.differences(outcomes(losses, bins=bins), NOBODY))
    assert list(matrix.columns)[-2:] == ["minus fse-2", "minus fse-128"]
    assert matrix.loc[0, "minus fse-2"] == ""
