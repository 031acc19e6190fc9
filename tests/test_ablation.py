"""The table of the ablation against numbers worked out by hand, and what is drawn and said of it."""

import io

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from autoemb.analysis import catalogue, plots, sentences, tables
from autoemb.analysis.tables import text
from autoemb.analysis.tables.ablation import BASE_VALUE
from autoemb.analysis.tables.student import paired, welch
from autoemb.errors import InputError

BASE = {"fse": [0.20, 0.21, 0.22], "sam": [0.19, 0.20, 0.21], "autoemb": [0.180, 0.191, 0.199]}
"""Three seeds; sam is ahead of fse by .01 of every seed."""


def outcomes(trials: dict[str, dict[str, list[float]]], task: str = "regression") -> pd.DataFrame:
    """``trials[setting][method][seed]`` holds the mean loss on the test part; the training part is another."""
    rows = [
        {
            "dataset": "d", "setting": setting, "task": task, "method": method, "seed": seed, "split": split,
            "side": side, "popularity_low": low, "popularity_high": low, "n": 50,
            "loss_sum": 50 * (loss if split == "test" else 1), "loss_sq_sum": 0.0, "correct": 25,
            "base_loss_sum": 0.0, "base_correct": 0,
        }
        for setting, methods in trials.items()
        for method, losses in methods.items()
        for seed, loss in enumerate(losses)
        for split in ("train", "test")
        for side in ("user", "item")
        for low in (1, 2)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def table(task: str = "regression", **trials: dict[str, list[float]]) -> pd.DataFrame:
    named = {name.replace("__", ".").replace("_", "-"): methods for name, methods in trials.items()}
    return tables.ablation(outcomes({"released-code": BASE, **named}, task))


def row(frame: pd.DataFrame, setting: str, method: str) -> pd.Series:
    return frame[(frame["setting"] == setting) & (frame["method"] == method)].iloc[0]


def test_intervals_are_scipys():
    one, other = pd.Series([1.0, 2.0, 4.0]), pd.Series([0.5, 2.5, 3.0])
    expected = stats.ttest_rel(one, other).confidence_interval()
    assert paired(one - other)[1:] == pytest.approx((expected.low, expected.high))
    other = pd.Series([0.5, 2.5, 3.0, 9.0])
    expected = stats.ttest_ind(one, other, equal_var=False).confidence_interval()
    assert welch(one, other)[1:] == pytest.approx((expected.low, expected.high))
    assert welch(one, other).mean == pytest.approx(one.mean() - other.mean())


def test_one_seed_has_no_interval_and_equal_seeds_a_narrow_one():
    one = pd.Series([1.0])
    assert np.isnan([*paired(one)[1:], *welch(one, one)[1:]]).all()
    same = pd.Series([1.0, 1.0])
    assert welch(same, same) == paired(same - same) == (0, 0, 0)


def test_a_setting_of_a_method_is_paired_by_seed_and_leaves_the_others():
    frame = table(mean__true={"sam": [0.21, 0.22, 0.24], "autoemb": BASE["autoemb"]})
    sam = row(frame, "mean", "sam")
    assert sam["value"] == "true"
    assert sam[["base", "mean", "effect"]].tolist() == pytest.approx([0.2, 0.67 / 3, 0.07 / 3])
    half = stats.t.ppf(0.975, 2) * np.std([0.02, 0.02, 0.03], ddof=1) / np.sqrt(3)
    assert sam[["low", "high"]].tolist() == pytest.approx([0.07 / 3 - half, 0.07 / 3 + half])
    assert sam["paired"]
    assert sam["seeds"] == 3
    fse = row(frame, "mean", "fse")
    assert fse[["base", "mean"]].tolist() == pytest.approx([0.21, 0.21])
    assert np.isnan(fse[["effect", "low", "high"]].astype(float)).all()
    assert row(frame, "mean", "autoemb")[["effect", "low", "high"]].tolist() == [0, 0, 0]


def test_counts_that_restart_or_go_on_are_paired_as_the_interactions_are_the_same():
    # fse reads no counts: seed by seed it is the same, however far the seeds lie apart
    frame = table(test_popularity__continue={"fse": BASE["fse"], "sam": [0.191, 0.202, 0.210]})
    fse, sam = (row(frame, "test-popularity", method) for method in ("fse", "sam"))
    assert fse["paired"]
    assert fse[["effect", "low", "high"]].tolist() == [0, 0, 0]
    half = stats.t.ppf(0.975, 2) * np.std([0.001, 0.002, 0], ddof=1) / np.sqrt(3)
    assert sam[["low", "high"]].tolist() == pytest.approx([0.001 - half, 0.001 + half])
    assert catalogue.compact("ablation", frame.assign(varies="start")).loc[1, "fse"] == "+0.0000 ± 0.0000"


@pytest.mark.parametrize("name", ["order__temporal", "rare_items__keep"])
def test_other_interactions_are_not_paired(name):
    moved = {method: [loss + 0.1 for loss in losses] for method, losses in BASE.items()}
    fse = table(**{name: moved}).query("base < mean and method == 'fse'").iloc[0]
    expected = stats.ttest_ind(moved["fse"], BASE["fse"], equal_var=False).confidence_interval()
    assert not fse["paired"]
    assert fse[["effect", "low", "high"]].tolist() == pytest.approx([0.1, expected.low, expected.high])


def test_orders_ranks_and_overtaking():
    frame = table(mean__true={"sam": [0.21, 0.22, 0.23], "autoemb": [0.18, 0.191, 0.21]})
    assert row(frame, "released-code", "fse")["order"] == "autoemb < sam < fse"
    sam, fse, autoemb = (row(frame, "mean", method) for method in ("sam", "fse", "autoemb"))
    assert sam["order_base"] == "autoemb < sam < fse"
    assert sam["order"] == "autoemb < fse < sam"
    assert (sam["rank_base"], sam["rank"], fse["rank_base"], fse["rank"]) == (2, 3, 3, 2)
    assert sam["order_changed"]
    assert fse["overtakes"] == "sam"
    assert fse[["lead", "lead_base"]].tolist() == pytest.approx([-0.01, 0.01])
    assert fse["clear"] == 1  # .01 in every seed, both ways
    assert sam["overtakes"] == autoemb["overtakes"] == ""
    assert sam["clear"] == autoemb["clear"] == 0


def test_a_swap_is_seen_with_a_noisy_method_in_between():
    moved = {"sam": [0.23, 0.24, 0.25], "autoemb": [0.15, 0.22, 0.29]}  # fse, autoemb, sam
    frame = table(mean__true=moved)
    fse = row(frame, "mean", "fse")
    assert fse["order"] == "fse ~ autoemb ~ sam"
    assert fse["overtakes"] == "sam, autoemb"  # sam, which is not the next one, is passed clearly
    assert fse["clear"] == 1
    assert fse[["lead", "lead_low", "lead_high"]].tolist() == pytest.approx([-0.03] * 3)
    assert fse[["lead_base", "lead_base_low", "lead_base_high"]].tolist() == pytest.approx([0.01] * 3)
    autoemb = row(frame, "mean", "autoemb")
    assert autoemb["overtakes"] == ""
    words = sentences.ablation(pd.read_csv(io.StringIO(frame.to_csv(index=False)), dtype={"value": "str"}))
    assert "; distinguishably before and after: fse passes sam with mean true." in words


def test_one_method_can_pass_several():
    frame = table(fse_size__128={"fse": [0.10, 0.11, 0.12]})
    fse = row(frame, "fse-size", "fse")
    assert (fse["overtakes"], fse["clear"]) == ("autoemb, sam", 2)
    assert "before and after: fse passes autoemb and sam with fse-size 128." in sentences.ablation(frame)


def test_a_swap_within_the_noise_is_not_clear():
    frame = table(fse_size__128={"fse": [0.16, 0.21, 0.22]})
    fse = row(frame, "fse-size", "fse")
    assert fse["overtakes"] == "sam"
    assert fse["order"] == "autoemb ~ fse ~ sam"
    assert fse["clear"] == 0


def test_the_bug_is_compared_with_its_own_base():
    trials = {"policy__2": {"sam": [0.3, 0.3, 0.3]}, "item_context_loss__true": {"sam": [0.4, 0.4, 0.4]}}
    sam = row(table(**trials), "item-context-loss", "sam")
    assert (sam["against"], sam["base"], sam["effect"]) == ("policy.2", pytest.approx(0.3), pytest.approx(0.1))
    assert row(table(**trials), "item-context-loss", "fse")["mean"] == pytest.approx(0.21)


@pytest.mark.parametrize(
    ("trials", "message"),
    [
        ({"mean.true": BASE}, "mean.true: has no run of released-code, which it is compared with"),
        ({"released-code": BASE, "item-context-loss.true": BASE}, "has no run of policy.2"),
        ({"released-code": BASE, "mean.tru": BASE}, "mean.tru: unknown; expected released-code or one of order.temp"),
    ],
)
def test_what_is_missing_is_named(trials, message):
    with pytest.raises(InputError) as error:
        tables.ablation(outcomes(trials))
    assert message in str(error.value)


def both_tasks() -> pd.DataFrame:
    trials = {
        "released-code": BASE,
        "order.temporal": {method: [loss + 0.1 for loss in losses] for method, losses in BASE.items()},
        "mean.true": {"sam": [0.21, 0.22, 0.24], "autoemb": [0.18, 0.191, 0.21]},
        "policy.2": {"sam": [0.19, 0.201, 0.209], "autoemb": [0.18, 0.19, 0.2]},
    }
    frame = tables.ablation(pd.concat([outcomes(trials, task) for task in ("classification", "regression")]))
    # as the notebook reads it
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)), dtype={"value": "str"})


def test_an_effect_that_is_rounded_away_has_no_minus():
    assert text.change(-0.00001, -0.000001) == "+0.0000 ± 0.0000"
    assert text.change(-0.0012, -0.0009) == "-0.0012 ± 0.0003"


def test_the_view_has_a_row_per_value_with_effects_and_orders():
    view = catalogue.compact("ablation", both_tasks().assign(varies="start"))
    assert view["setting"].tolist() == ["released-code", "order", "mean", "policy"] * 2
    assert view["value"].tolist() == [BASE_VALUE, "temporal", "true", "2"] * 2
    assert view["task"].tolist()[0] == "regression"
    assert view.loc[0, ["fse", "sam", "autoemb"]].tolist() == ["0.2100", "0.2000", "0.1900"]
    assert view.loc[1, "fse"] == "**+0.1000 ± 0.0227**"
    assert view.loc[2, ["fse", "sam", "autoemb"]].tolist() == ["", "**+0.0233 ± 0.0143**", "+0.0037 ± 0.0158"]
    assert view.loc[2, ["order before", "order"]].tolist() == ["autoemb < sam < fse", "autoemb < fse ~ sam"]
    assert r"autoemb $<$ fse $\sim$ sam" in text.latex(view)
    assert text.markdown(view).startswith("| dataset")


def test_the_figure_has_a_panel_per_task_and_method(tmp_path):
    figure = plots.ablation(both_tasks())
    assert [axes.get_title(loc="left").split("  ")[1] for axes in figure.axes[:2]] == [
        "fse\nregression", "sam\nregression",
    ]  # fmt: skip
    assert len(figure.axes) == 6
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["order: temporal", "mean: true", "policy: 2"]
    assert figure.axes[0].get_xlabel() == "Δ MSE (positive: worse)"
    zero, *marks = figure.axes[1].lines
    assert list(zero.get_xdata()) == [0, 0]
    dots = marks[1::2]
    assert [dot.get_xdata()[0] for dot in dots] == pytest.approx([0.1, 0.07 / 3, 0])
    assert [dot.get_markerfacecolor() != "white" for dot in dots] == [True, True, False]
    plots.save(figure, tmp_path / "ablation", formats=["png"])


def test_one_seed_is_drawn_and_told_without_intervals():
    one = {method: losses[:1] for method, losses in BASE.items()}
    frame = tables.ablation(outcomes({"released-code": one, "mean.true": {"sam": [0.25]}}))
    assert np.isnan(frame["low"]).all()
    assert len(plots.ablation(frame).axes) == 3
    assert catalogue.compact("ablation", frame.assign(varies="start")).loc[1, "sam"] == "+0.0600"
    words = sentences.ablation(frame)
    assert "1 seed, so no intervals" in words
    assert "sam: none of 1 distinguishable from zero" in words
    assert "in none distinguishably before and after" in words


def test_sentences_name_the_largest_effects_and_the_swaps():
    words = sentences.ablation(both_tasks())
    assert "- regression, MSE (3 seeds), largest effect on fse: +0.1000 ± 0.0227, order temporal (1 of 1 dis" in words
    assert "autoemb < sam < fse in the released code; the means change places in 1 of 3 trials (mean true), in" in words
    clear = table(mean__true={"sam": [0.21, 0.22, 0.23]})
    assert "distinguishably before and after: fse passes sam with mean true." in sentences.ablation(clear)
    assert "against" not in sentences.ablation(clear)
    same = table(mean__true={"sam": BASE["sam"]})
    assert "the means change places in 0 of 1 trials.\n" in sentences.ablation(same) + "\n"


def test_sentences_tell_trials_apart_that_another_one_is_the_base_of():
    # in the released code sam is ahead of fse; with policy 2 it is behind, and the bug brings it back
    trials = {"policy__2": {"sam": [0.3, 0.31, 0.32]}, "item_context_loss__true": {"sam": [0.1, 0.11, 0.12]}}
    words = sentences.ablation(table(**trials))
    assert "sam: -0.2000 ± 0.0000, item-context-loss true (against policy 2) (2 of 2 dist" in words
    assert (
        "autoemb < sam < fse in the released code; the means change places in 1 of 1 trials; "
        "distinguishably before and after: fse passes sam with policy 2; against policy 2, the means change places in "
        "1 of 1 trials; distinguishably before and after: sam passes autoemb and fse with item-context-loss true."
    ) in words
