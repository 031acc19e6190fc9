"""Sentences say what the numbers say, and no more."""

import numpy as np
import pandas as pd
import pytest

from autoemb.analysis import sentences

NAN = float("nan")


def compared(rows: dict[str, tuple[float, float]], metric: str = "mse", seeds: int = 3) -> pd.DataFrame:
    """Mean and half-width of every method."""
    frame = pd.DataFrame([{"method": name, "mean": mean, "half": half} for name, (mean, half) in rows.items()])
    return frame.assign(
        stream="shuffled", task="regression", metric=metric, seeds=seeds,
        low=frame["mean"] - frame["half"], high=frame["mean"] + frame["half"],
    )  # fmt: skip


def test_a_clear_winner_and_the_papers_order():
    words = sentences.comparison(
        compared({"fse": (0.19, 0.001), "sam": (0.18, 0.001), "darts": (0.17, 0.001), "autoemb": (0.16, 0.001)})
    )
    assert "autoemb is best in the mean (0.1600 ± 0.0010), fse worst (0.1900 ± 0.0010)" in words
    assert "overlaps with no other" in words
    assert "is seen, with no overlap between neighbours" in words
    assert "3 seeds" in words


def test_overlap_is_not_called_a_difference():
    words = sentences.comparison(
        compared({"fse": (0.19, 0.001), "sam": (0.18, 0.001), "darts": (0.17, 0.003), "autoemb": (0.166, 0.003)})
    )
    assert "not distinguishable from darts." in words
    assert "is seen in the means, but 1 of 3 neighbours overlap" in words


def test_higher_accuracy_is_better_and_a_failed_order_is_named():
    words = sentences.comparison(
        compared(
            {"fse": (0.73, 0.001), "sam": (0.72, 0.001), "darts": (0.74, 0.001), "autoemb": (0.75, 0.001)}, "accuracy"
        )
    )
    assert "autoemb is best" in words
    assert "is not seen: fse < sam does not hold, and the intervals do not overlap" in words


def test_one_seed_tells_nothing_apart():
    words = sentences.comparison(
        compared({"fse": (0.19, NAN), "sam": (0.1, NAN), "darts": (0.09, NAN), "autoemb": (0.08, NAN)}, seeds=1)
    )
    assert "1 seed, so no intervals" in words
    assert "cannot be judged with one seed" in words
    assert "not distinguishable" not in words.replace("cannot", "")


def test_what_a_constant_beats_is_named():
    beaten = {"constant": (0.25, 0.0), "fse": (0.26, 0.001), "sam": (0.24, 0.001), "darts": (0.2501, 0.001)}
    assert "Worse than a constant, so that nothing was learnt: fse, darts." in sentences.comparison(compared(beaten))
    without = {name: values for name, values in beaten.items() if name != "constant"}
    assert "constant" not in sentences.comparison(compared(without))


def test_without_the_papers_methods_nothing_is_said_of_its_order():
    assert "order" not in sentences.comparison(compared({"fse": (0.19, 0.001), "sam": (0.18, 0.001)}))


def levels(
    crossing: float, finding: str = "overtakes", seeds: int = 3, trainings: tuple[str, ...] = ("1 pass",)
) -> str:
    cell = {"side": "user", "task": "regression", "metric": "mse"}
    rows = [
        {
            **cell,
            "method": "fse",
            "start": "normal",
            "training": training,
            "size": size,
            "level": level,
            "mean": mean,
            "low": mean - 0.001,
            "high": mean + 0.001,
            "seeds": seeds,
        }
        for training in trainings
        for size, means in {2: (0.20, 0.19), 16: (0.21, 0.18)}.items()
        for level, mean in zip((2, 28), means, strict=True)
    ]
    pairs = [
        {
            **cell, "start": "normal", "training": training, "smaller": 2, "larger": 16, "crossing": crossing,
            "low": 6.0, "high": 9.1 if finding == "overtakes" else NAN, "finding": finding, "seeds": seeds,
            "paper": 7.5 if training == trainings[0] else NAN,
        }
        for training in trainings
    ]  # fmt: skip
    return sentences.levels(pd.DataFrame(rows), pd.DataFrame(pairs))


def test_popularity_names_both_ends_and_the_crossing():
    words = levels(7.25)
    assert "at popularity 2 size 2 is best (0.2000 ± 0.0010" in words
    assert "at popularity 28 size 16 is best (0.1800 ± 0.0010" in words
    assert "size 16 overtakes size 2 at popularity 7.2 (95 % interval: 6.0 to 9.1; paper, ml-20m: 7.5)." in words


def test_what_is_not_decided_and_what_does_not_cross_are_said():
    words = levels(7.25, "undecided")
    assert "where size 16 overtakes size 2 is undecided: at 7.2 in the mean (95 % interval: from 6.0; paper" in words
    assert "undecided: at 7.2 in the mean (paper, ml-20m: 7.5)." in levels(7.25, "undecided", seeds=1)
    assert "is undecided: not within the levels in the mean (paper, ml-20m: 7.5)." in levels(NAN, "undecided")
    assert "size 16 is ahead at every level against size 2 (paper" in levels(NAN, "ahead at every level")
    assert "overtakes" not in levels(NAN, "behind at every level")


def test_each_length_of_training_has_its_line_where_there_are_several():
    once, longer = levels(7.25, trainings=("1 pass", "27 passes")).splitlines()
    assert "start normal, 1 pass (3 seeds): " in once
    assert "start normal, 27 passes (3 seeds): " in longer
    assert "(95 % interval: 6.0 to 9.1)." in longer  # the paper has one length
    assert "start normal (3 seeds): " in levels(7.25)


@pytest.mark.parametrize(
    ("last", "half", "verb"),
    [
        (20.0, 1.0, "grows"),
        (5.0, 1.0, "falls"),
        (11.0, 1.0, "does not change distinguishably"),
        (20.0, NAN, "does not"),
    ],
)
def test_mean_size_changes(last, half, verb):
    frame = pd.DataFrame({"popularity_low": [64, 1], "popularity_high": [90, 1], "mean": [last, 10.0]})
    frame = frame.assign(
        stream="temporal", task="regression", side="user", split="test", method="sam", n=500,
        seeds=1 if np.isnan(half) else 3, low=frame["mean"] - half, high=frame["mean"] + half,
    )  # fmt: skip
    words = sentences.sizes(frame)
    assert f"sam {verb}" in words
    assert "at popularity 1, " in words
    assert words.endswith("at popularity 64-90.")


def test_rare_bins_say_nothing():
    frame = pd.DataFrame({"popularity_low": [1, 64, 128], "popularity_high": [1, 90, 180], "n": [500, 500, 3]})
    frame = frame.assign(
        stream="s", task="regression", side="user", split="test", method="sam", seeds=3, mean=9.0, low=8.0, high=10.0
    )
    assert "128" not in sentences.sizes(frame)


def test_stream_counts_windows_on_either_side():
    frame = pd.DataFrame(
        {
            "window": [0, 1, 2, 3],
            "difference_low": [-0.3, -0.2, -0.1, 0.1],
            "difference_high": [-0.1, -0.1, 0.1, 0.2],
            "difference": 0.0,
        }
    )
    frame = frame.assign(stream="s", task="regression", metric="mse", method="sam", split="test", seeds=3)
    assert "4 test windows against fse: sam better in 2 and worse in 1" in sentences.stream(frame)
    assert "sam better in 1 and worse in 2" in sentences.stream(frame.assign(metric="accuracy"))
    unknown = frame.assign(difference=NAN, difference_low=NAN, difference_high=NAN)
    assert "nothing can be told apart" in sentences.stream(unknown)


def test_a_change_too_small_to_see_is_not_called_growth():
    cell = {"stream": "shuffled", "task": "regression", "side": "item", "split": "test", "method": "darts", "n": 1000}
    rows = [
        {**cell, "popularity_low": low, "popularity_high": low, "mean": mean, "low": mean, "high": mean, "seeds": 3}
        for low, mean in ((1, 48.7001), (9, 48.7002))
    ]
    assert "darts stays the same to a tenth: 48.7 ± 0.0" in sentences.sizes(pd.DataFrame(rows))
