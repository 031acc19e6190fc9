"""Tables from small made-up sums whose means and intervals can be worked out by hand."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from autoemb.analysis import catalogue, claims, tables
from autoemb.analysis.tables import text
from autoemb.analysis.tables.intervals import arrange, coarse_bins, over_seeds
from autoemb.analysis.tables.streams import distinct
from autoemb.artifact.parquet import read_table, write_table
from autoemb.cli import main
from autoemb.commands import tabulate
from autoemb.errors import InputError
from autoemb.schema import ALLOCATION, LEVELS, OUTCOMES, PROGRESS, SIZES, STREAM, TEST_USERS

T95 = {2: 12.706204736432095, 3: 4.302652729911275}
"""97.5 % quantile of Student's t for 2 and 3 seeds, from the printed tables."""

RUN = {"dataset": "ml-20m", "stream": "shuffled", "task": "regression"}

NOBODY = pd.DataFrame(columns=[*TEST_USERS.columns, *RUN, "method"]).astype(dict(TEST_USERS.columns))
"""No users: only seeds vary."""


def outcomes(method: str, losses: list[float], n: int = 100, **other: object) -> pd.DataFrame:
    """One popularity bin per side, one seed per loss; half of the answers are correct."""
    rows = [
        {
            **RUN, "method": method, "seed": seed, "split": split, "side": side, "popularity_low": 1,
            "popularity_high": 1, "n": n, "loss_sum": loss * n, "loss_sq_sum": 0.0, "correct": n // 2,
            "base_loss_sum": 0.0, "base_correct": 0, **other,
        }
        for seed, loss in enumerate(losses)
        for split in ("train", "test")
        for side in ("user", "item")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def levels(
    curves: dict[int, list[list[float]]], at: list[int], task: str = "regression", training: str = "1 pass"
) -> pd.DataFrame:
    """``curves[size][seed]`` holds the mean loss at every level; accuracy is one minus the loss."""
    n = 1_000_000
    rows = [
        {
            "dataset": "d", "side": "user", "task": task, "method": "fse", "start": "normal", "training": training,
            "seed": seed, "size": size, "level": level, "n": n,
            "loss_sum": loss * n, "loss_sq_sum": 0.0, "correct": round((1 - loss) * n),
        }
        for size, seeds in curves.items()
        for seed, losses in enumerate(seeds)
        for level, loss in zip(at, losses, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def selected(weights: dict[int, list[list[float]]], **other: object) -> pd.DataFrame:
    """``weights[popularity][seed]`` holds the mean weight of the sizes 2 and 16, over 10 interactions."""
    rows = [
        {
            **RUN, "method": "sam", "seed": seed, "split": "test", "window": 0, "side": "user",
            "popularity_low": popularity, "popularity_high": popularity, "size": (2, 16)[k], "n": 10,
            "weight_sum": 10 * weight, "chosen": 10 * (weight == max(pair)),
            "moved_sum": 0.0, **other,
        }
        for popularity, seeds in weights.items()
        for seed, pair in enumerate(seeds)
        for k, weight in enumerate(pair)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("values", [[0.1, 0.3], [0.2, 0.25, 0.33]])
def test_interval_is_students_t(values):
    frame = pd.DataFrame({"key": "a", "seed": range(len(values)), "value": values, "n": 7})
    row = over_seeds(frame, ["key"]).iloc[0]
    half = T95[len(values)] * np.std(values, ddof=1) / np.sqrt(len(values))
    assert row["mean"] == pytest.approx(np.mean(values))
    assert (row["low"], row["high"]) == pytest.approx((np.mean(values) - half, np.mean(values) + half))
    assert (row["seeds"], row["n"]) == (len(values), 7)


def test_ranking_has_the_papers_numbers_among_those_that_ran():
    ours = pd.concat([outcomes("constant", [0.25, 0.25]), outcomes("means", [0.181, 0.183])])
    every = pd.concat([ours, ours.assign(dataset="d"), ours.assign(stream="a")])
    table = tables.ranking(tables.comparison(every, NOBODY, ["a"]))
    cell = table[(table["dataset"] == "ml-20m") & (table["metric"] == "mse")]
    zhao, liu, here = "Zhao et al., Table 2", "Liu et al., Table 1", "run here"
    assert list(zip(cell["method"], cell["source"], cell["stream"].fillna(""), cell["mean"], strict=True)) == [
        ("esapn", liu, "", 0.1785),
        ("autoemb", zhao, "", 0.1803),
        ("darts", zhao, "", 0.1812),
        ("sam", zhao, "", 0.1819),
        ("means", here, "a", 0.182),
        ("means", here, "shuffled", 0.182),
        ("autoemb", liu, "", 0.1828),
        ("darts", liu, "", 0.1836),
        ("fse", zhao, "", 0.184),
        ("fse-128", liu, "", 0.1845),
        ("constant", here, "a", 0.25),
        ("constant", here, "shuffled", 0.25),
    ]
    half = T95[2] * 0.001
    assert cell["plus_minus"].tolist()[:5] == pytest.approx([np.nan, 0.0002, 0.0003, 0.0002, half], nan_ok=True)
    assert set(cell["n"].dropna()) == {100}
    assert set(cell.loc[cell["stream"] == "a", "varies"]) == {"start and order"}
    assert cell.loc[cell["source"] != here, "varies"].isna().all()
    accuracy = table[(table["dataset"] == "ml-20m") & (table["metric"] == "accuracy")]["mean"]
    assert accuracy.is_monotonic_decreasing  # the most is the best
    assert set(table.loc[table["dataset"] == "d", "source"]) == {here}
    view = catalogue.compact("ranking", cell)
    assert view["value"].tolist()[:3] == ["0.1785", "0.1803 ± 0.0002", "0.1812 ± 0.0003"]
    assert view["value"].tolist()[4] == "0.1820 ± 0.0127"


def test_comparison_counts_each_interaction_once_and_stands_beside_the_paper():
    table = tables.comparison(pd.concat([outcomes("autoemb", [0.18, 0.19]), outcomes("fse-2", [0.2, 0.2])]), NOBODY)
    row = table[(table["method"] == "autoemb") & (table["metric"] == "mse")].iloc[0]
    assert (row["mean"], row["n"], row["seeds"]) == (pytest.approx(0.185), 100, 2)
    assert row["high"] - row["mean"] == pytest.approx(T95[2] * 0.005)  # sd / sqrt(2) of two values is half their gap
    assert (row["paper"], row["paper_plus_minus"]) == (0.1803, 0.0002)
    assert row["difference"] == pytest.approx(0.0047)
    assert table.loc[table["method"] == "fse-2", "paper"].isna().all()
    assert table.loc[table["metric"] == "accuracy", "mean"].tolist() == [0.5, 0.5]


def test_comparison_has_the_users_in_its_intervals_where_seeds_share_a_stream():
    """Three users of 10, 20 and 70 interactions; the errors by hand."""
    run = {"dataset": "ml-20m", "stream": "temporal", "task": "regression", "method": "sam"}
    losses = {0: (1.0, 5.0, 14.0), 1: (1.2, 4.8, 14.2)}
    users = pd.DataFrame([
        {**run, "seed": seed, "user": user, "n": n, "loss_sum": loss, "correct": n // 2}
        for seed, own in losses.items()
        for user, (n, loss) in enumerate(zip((10, 20, 70), own, strict=True))
    ])  # fmt: skip
    frame = outcomes("sam", [0.2, 0.202], stream="temporal")
    row = tables.comparison(frame, users).query("metric == 'mse'").iloc[0]
    n, total = np.array([10, 20, 70]), np.array([1.1, 4.9, 14.1])
    without = [(total.sum() - total[user]) / (100 - n[user]) for user in range(3)]
    of_users = 2 / 3 * ((without - np.mean(without)) ** 2).sum()
    of_seeds = 0.002**2 / 2 / 2
    freedom = (of_users + of_seeds) ** 2 / (of_users**2 / max(100**2 / (n**2).sum() - 1, 1) + of_seeds**2)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(of_users + of_seeds)
    assert row["high"] - row["mean"] == pytest.approx(half)
    assert row["varies"] == "start and users"
    alone = tables.comparison(frame, NOBODY).iloc[0]
    assert (alone["varies"], alone["high"] - alone["mean"]) == ("start", pytest.approx(T95[2] * 0.001))
    assert set(tables.comparison(frame, NOBODY, ["temporal"])["varies"]) == {"start and order"}


def test_comparison_reads_only_the_test_part():
    frame = outcomes("sam", [0.2, 0.2])
    frame.loc[frame["split"] == "train", "loss_sum"] = 1e9
    assert tables.comparison(frame, NOBODY)["mean"].max() == 0.5


def test_one_seed_has_no_interval():
    table = tables.comparison(outcomes("sam", [0.2]), NOBODY)
    assert table["seeds"].eq(1).all()
    assert table[["sd", "low", "high"]].isna().all(axis=None)


def test_bins_of_two_an_octave_add_up():
    frame = pd.concat(
        [
            outcomes("fse-2", [loss], popularity_low=low, popularity_high=low)
            for low, loss in ((8, 0.1), (10, 0.3), (11, 1))
        ]
    )
    candidates = pd.DataFrame([{**RUN, "method": "fse-2", "size": 2}])
    table = tables.running_popularity(frame, candidates)
    table = table[(table["metric"] == "mse") & (table["split"] == "test") & (table["side"] == "item")]
    assert table["popularity_low"].tolist() == [8, 11]
    assert table["popularity_high"].tolist() == [10, 15]
    assert table["mean"].tolist() == pytest.approx([0.2, 1.0])
    assert table["size"].tolist() == [2, 2]


def test_last_bin_is_open_and_every_recorded_bin_finds_its_place():
    frame = coarse_bins(pd.DataFrame({"popularity_low": [1, 2, 3, 4, 5, 31, 2**18]}))
    assert frame["popularity_low"].tolist() == [1, 2, 3, 4, 4, 23, 2**18]
    assert frame["popularity_high"].iloc[-1] == np.iinfo(np.int32).max


def test_searching_runs_have_no_size():
    candidates = pd.DataFrame([{**RUN, "method": "sam", "size": size} for size in (2, 16)])
    assert tables.running_popularity(outcomes("sam", [0.2]), candidates)["size"].isna().all()


def test_a_crossing_stands_with_its_interval_and_beside_the_papers():
    # of two levels the curve is the line between them on a logarithmic axis: in the mean it crosses in its middle
    sums = levels({2: [[0.22, 0.22]] * 2, 16: [[0.221, 0.218], [0.222, 0.219]]}, [2, 16])
    table = tables.crossings(sums)
    row = table[table["metric"] == "mse"].iloc[0]
    assert (row["crossing"], row["from_start"]) == (pytest.approx((2 * 16) ** 0.5), False)
    assert (row["finding"], row["seeds"]) == ("undecided", 2)
    assert np.isnan([row["low"], row["high"]]).all()  # two seeds so far apart: it may be anywhere
    assert row["paper"] == pytest.approx(8.4)
    view = catalogue.compact("crossings", pd.DataFrame([row]).assign(varies="start")).iloc[0]
    assert view[["finding", "popularity", "95 % interval"]].tolist() == [
        "undecided",
        f"{row['crossing']:.1f}",
        "all levels",
    ]


def test_ahead_and_behind_at_every_level():
    sums = levels({2: [[0.2, 0.2]] * 2, 16: [[0.3, 0.3]] * 2, 128: [[0.1, 0.1]] * 2}, [2, 4], "classification")
    table = tables.crossings(sums)
    table = table[table["metric"] == "cross_entropy"].set_index(["smaller", "larger"])
    assert table["finding"].to_dict() == {
        (2, 16): "behind at every level", (2, 128): "ahead at every level", (16, 128): "ahead at every level",
    }  # fmt: skip
    assert table["from_start"].tolist() == [False, True, True]
    assert table[["crossing", "low", "high", "paper"]].isna().all(axis=None)
    view = catalogue.compact("crossings", table.reset_index().assign(varies="start"))
    assert set(view["popularity"]) == {"not within the levels"}
    assert set(view["95 % interval"]) == {""}


def test_lengths_of_training_stand_apart_and_the_paper_beside_the_shortest():
    longer = levels({2: [[0.20, 0.19]], 16: [[0.21, 0.18]]}, [2, 4], training="27 passes")
    like = levels({2: [[0.20, 0.19]], 16: [[0.21, 0.18]]}, [2, 4], training="steps of ml-20m")
    once = levels({2: [[0.22, 0.21]], 16: [[0.23, 0.20]]}, [2, 4])
    sums = pd.concat([like, longer, once], ignore_index=True).assign(dataset="ml-20m")
    anchor = once[once["size"] == 2].assign(dataset="ml-20m", method="constant", start="none", size=0)
    sums = pd.concat([sums, anchor], ignore_index=True)
    table = tables.levels(sums).query("metric == 'mse'")
    assert tables.trainings_of(table) == ["1 pass", "27 passes", "steps of ml-20m"]
    assert set(table.loc[table["paper"].notna(), "training"]) == {"1 pass"}
    assert set(tables.first_trained(table)["method"]) == {"fse", "constant"}
    assert set(tables.first_trained(table)["training"]) == {"1 pass"}
    assert set(tables.model_names(table)) >= {"constant", "size 2, 1 pass", "size 16, 27 passes"}
    crossings = tables.crossings(sums).query("metric == 'mse'")
    assert crossings["training"].tolist() == ["1 pass", "27 passes", "steps of ml-20m"]
    assert crossings["paper"].notna().tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        ([1, -1, 1, -1], (3.5, False)),  # only the last crossing counts
        ([1, -1, -1, 0], (np.nan, False)),  # level at the end is not below
        ([0, -1, -1, -1], (1.0, False)),
        ([-1, -1, -1, -1], (1.0, True)),
    ],
)
def test_crossing_is_for_good(gap, expected):
    where = tables.crossing(np.array([1.0, 2, 3, 4]), np.array(gap, dtype=float))
    assert where[0] == pytest.approx(expected[0], nan_ok=True)
    assert where[1] == expected[1]


def test_levels_stand_beside_the_paper_on_its_own_data_set_only():
    sums = levels({2: [[0.22, 0.21]]}, [2, 4])
    assert tables.levels(sums)["paper"].isna().all()
    table = tables.levels(sums.assign(dataset="ml-20m"))
    assert table.loc[table["metric"] == "mse", "paper"].tolist() == [0.2239, 0.2232]


def stream(users: list[int], in_test: int, labels: list[int]) -> pd.DataFrame:
    split = np.repeat([0, 1], [len(users) - in_test, in_test]).astype("int8")
    return pd.DataFrame({"user": users, "item": range(len(users)), "regression": labels, "split": split})


def test_streams_hold_so_many_ids_in_a_batch():
    frame = stream(
        [1, 1, 1, 1, 2, 3, 5, 7, 7, 7, 1], 4, [1] * 4 + [0] * 7
    )  # parts of 7 and 4, batches of 3, 3, 1, 3, 1
    row = tables.streams({("d", "temporal"): frame}, 3).iloc[0]
    assert row[["dataset", "stream", "interactions", "train", "test"]].tolist() == ["d", "temporal", 11, 7, 4]
    assert (row["test_users"], row["test_items"]) == (2, 4)
    assert (row["users_per_batch"], row["items_per_batch"]) == (1.0, 3.0)  # users 1, 3, 1, 1, 1; items 3, 3, 1, 3, 1
    assert row["positive"] == pytest.approx(4 / 11)


@pytest.mark.parametrize("batch_size", [1, 7, 500, 3000])
def test_distinct_ids_equal_a_set_of_each_batch(batch_size):
    ids = np.random.default_rng(0).integers(0, 40, 2003).astype("int32")
    expected = [len(set(ids[start : start + batch_size])) for start in range(0, len(ids), batch_size)]
    assert distinct(ids, batch_size).tolist() == expected


def test_shares_mean_size_and_choice():
    frame = selected({1: [[0.75, 0.25], [0.25, 0.75]], 8: [[0.5, 0.5], [0.0, 1.0]]})
    shares = tables.sizes(frame)
    first = shares[(shares["popularity_low"] == 1) & (shares["size"] == 16)].iloc[0]
    assert (first["mean"], first["chosen"], first["n"]) == (pytest.approx(0.5), 0.5, 10)
    assert shares.groupby("popularity_low")["mean"].sum().tolist() == pytest.approx([1, 1])
    means = tables.mean_size(frame)
    assert means["mean"].tolist() == pytest.approx([9.0, (9 + 16) / 2])
    assert means["high"].tolist() == pytest.approx([9 + T95[2] * 3.5, 12.5 + T95[2] * 3.5])


def test_fixed_sizes_are_not_searched():
    frame = selected({1: [[0.75, 0.25]]})
    assert tables.mean_size(frame[frame["size"] == 2]).empty


def test_windows_start_where_the_one_before_ends():
    pair = [[0.5, 0.5]]
    frame = pd.concat([selected({1: pair, 8: pair}), selected({1: pair}, window=1), selected({4: pair}, window=2)])
    table = tables.size_stream(frame)
    means = table[table["measure"] == "mean_size"]
    assert means["first"].tolist() == [0, 20, 30]
    assert means["mean"].tolist() == pytest.approx([9.0] * 3)
    assert table.loc[table["measure"] == "weight", "size"].tolist() == [2, 16] * 3


def test_stream_pairs_the_difference_by_seed():
    rows = [
        {
            **RUN, "method": method, "seed": seed, "split": "test", "window": 0, "first": 0, "n": 10,
            "loss_sum": 10 * loss, "loss_sq_sum": 0.0, "correct": 5,
        }
        for method, losses in {"fse": [0.1, 0.9], "sam": [0.08, 0.86]}.items()
        for seed, loss in enumerate(losses)
    ]  # fmt: skip
    table = tables.stream(pd.DataFrame(rows))
    row = table[(table["method"] == "sam") & (table["metric"] == "mse")].iloc[0]
    assert row["difference"] == pytest.approx(-0.03)
    assert row["difference_high"] - row["difference"] == pytest.approx(T95[2] * 0.01)
    assert table.loc[table["method"] == "fse", "difference"].isna().all()


def test_datasets_stand_beside_table_1():
    known = {"ratings": 3, "users": 1, "items": 2, "title": "t", "licence": "l", "citation": "c", "matches": False}
    table = tables.datasets({"ml-20m": known, "ml-1m": known | {"matches": None}}).set_index("dataset")
    assert table.loc["ml-20m", ["ratings", "paper_ratings"]].tolist() == [3, 20_000_263]
    assert pd.isna(table.loc["ml-1m", "paper_ratings"])


def test_methods_are_shown_in_the_papers_order():
    names = ["zebra", "autoemb", "fse-128-scaled", "fse-128", "darts-global", "fse", "means", "sam", "fse-16", "darts"]
    names += ["uniform", "constant", "mf"]
    expected = ["constant", "means", "mf", "fse", "fse-16", "fse-128", "fse-128-scaled", "uniform", "sam", "darts"]
    expected += ["darts-global", "autoemb", "zebra"]
    assert tables.sort_methods(names) == expected
    assert arrange(pd.DataFrame({"method": names}), ["method"])["method"].tolist() == expected


def test_compact_comparison_has_the_best_in_bold_and_the_paper_beneath():
    table = tables.comparison(pd.concat([outcomes("fse", [0.19, 0.19]), outcomes("sam", [0.18, 0.18])]), NOBODY)
    view = catalogue.compact("comparison", table)
    kinds = ["", ", paper", ", difference"]
    assert view["metric"].tolist() == [metric + kind for metric in ("mse", "accuracy") for kind in kinds]
    assert view.loc[2, ["fse", "sam"]].tolist() == ["+0.0060", "-0.0019"]  # of .19 and .18 to .1840 and .1819
    assert view["sam"].tolist()[:2] == ["**0.1800 ± 0.0000**", "0.1819 ± 0.0002"]
    assert r"\textbf{0.1800 $\pm$ 0.0000}" in text.latex(view)
    assert text.markdown(view).count("\n") == 2 + len(view)


FOLDERS = "runs/ml-20m/shuffled/regression/sam"


@pytest.fixture
def inputs(tmp_path) -> dict[str, list[Path]]:
    """One run with every file, a popularity result and the counts of a data set."""
    run, level = tmp_path / FOLDERS, tmp_path / "levels/ml-20m/user/regression/size-2.parquet"
    progress = outcomes("sam", [0.2, 0.21]).query("split == 'test' and side == 'user'").assign(window=0, first=0)
    held = pd.DataFrame([{"seed": 0, "side": "user", "size": 2, "ids": 7}])
    for table, frame, path in (
        (OUTCOMES, outcomes("sam", [0.2, 0.21]), run / "outcomes.parquet"),
        (SIZES, selected({1: [[0.75, 0.25], [0.5, 0.5]]}), run / "sizes.parquet"),
        (PROGRESS, progress, run / "progress.parquet"),
        (ALLOCATION, held, run / "allocation.parquet"),
        (LEVELS, levels({2: [[0.2, 0.2], [0.21, 0.2]], 16: [[0.3, 0.1], [0.1, 0.1]]}, [2, 4]), level),
    ):
        write_table(frame[list(table.columns)].astype(dict(table.columns)), path, table)
    counts = tmp_path / "ml-20m.counts.json"
    known = {"ratings": 3, "users": 1, "items": 2, "title": "t", "licence": "l", "citation": "c", "matches": False}
    counts.write_text(json.dumps(known))
    files = {name: [run / f"{name}.parquet"] for name in ("outcomes", "sizes", "progress", "allocation")}
    base = tmp_path / "ablation/ml-20m/released-code/regression/sam/outcomes.parquet"
    write_table(read_table(files["outcomes"][0], OUTCOMES), base, OUTCOMES)
    tuned, choice = (
        tmp_path / f"{of}/ml-20m/shuffled/regression/sam/seed_1/{file}"
        for of, file in (("tuned", "outcomes.parquet"), ("tuning", "choice.json"))
    )
    write_table(read_table(files["outcomes"][0], OUTCOMES).query("seed == 1"), tuned, OUTCOMES)
    choice.parent.mkdir(parents=True)
    fixed = tmp_path / "runs/ml-1m/fixed/regression/sam/outcomes.parquet"
    write_table(read_table(files["outcomes"][0], OUTCOMES), fixed, OUTCOMES)
    choice.write_text('{"candidates": [{"changes": {}, "loss": 0.2}], "chosen": 0}')
    streams = [tmp_path / f"streams/ml-20m/{name}.parquet" for name in ("temporal", "shuffled/0")]
    for path in streams:
        frame = stream([1, 1, 2], 1, [1, 0, 0]).assign(classification=0, user_popularity=1, item_popularity=1)
        write_table(frame[list(STREAM.columns)].astype(dict(STREAM.columns)), path, STREAM)
    other = run.parent / "fse/outcomes.parquet"
    write_table(read_table(files["outcomes"][0], OUTCOMES), other, OUTCOMES)
    named = {
        "levels": [level],
        "counts": [counts],
        "streams": streams,
        "running": files["outcomes"] + files["sizes"],
        "base": [base],
        "tuning": [tuned, choice, *files["outcomes"]],
        "choices": [choice],
        "parity": [fixed],
        "held": files["allocation"],
        "frontier": files["outcomes"] + files["allocation"],
        "pairs": [*files["outcomes"], other],
    }
    return files | named | {"all": [*(path for paths in files.values() for path in paths), level]}


KINDS = {
    "comparison": "outcomes", "ranking": "outcomes", "running-popularity": "running", "stream": "progress",
    "sizes": "sizes", "mean-size": "sizes", "size-stream": "sizes", "levels": "levels", "crossings": "levels",
    "datasets": "counts", "streams": "streams", "claims": "all", "claim-details": "all", "verdicts": "all",
    "ablation": "base", "tuned": "tuning", "candidates": "choices", "parity": "parity",
    "memory": "held", "frontier": "frontier", "differences": "pairs", "popularity-differences": "pairs",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(KINDS))
@pytest.mark.parametrize("empty", [False, True])
def test_every_table_is_written_three_times(name, empty, inputs, tmp_path):
    files = [] if empty else [str(path) for path in inputs[KINDS[name]]]
    stem = tmp_path / "tables" / name
    assert main(["tabulate", name, "--inputs", *files, "--out", str(stem)]) == 0
    assert sorted(path.suffix for path in stem.parent.iterdir()) == [".csv", ".md", ".tex"]
    table = pd.read_csv(stem.with_suffix(".csv"))
    assert list(table.columns) == list(catalogue.TABLES[name].columns)
    assert table.empty == empty
    if not empty:
        dataset = "ml-1m" if name == "parity" else "ml-20m"
        assert table["dataset"].unique().tolist() == [dataset]
        assert dataset in stem.with_suffix(".md").read_text()


def test_streams_are_named_by_their_folders(inputs, tmp_path):
    words = ["tabulate", "streams", "--inputs", *map(str, inputs["streams"]), "--batch-size", "2"]
    assert main([*words, "--out", str(tmp_path / "streams")]) == 0
    table = pd.read_csv(tmp_path / "streams.csv")
    assert table["stream"].tolist() == ["shuffled", "temporal"]  # of one with a file for each replicate, the first's
    assert table["batch_size"].tolist() == [2, 2]
    assert table["users_per_batch"].tolist() == [1, 1]


def test_every_table_has_inputs_here():
    assert set(KINDS) == set(catalogue.TABLES)


def test_a_column_holds_the_same_in_every_table():
    kinds = {(name, column.kind) for entry in catalogue.TABLES.values() for name, column in entry.columns.items()}
    assert len(kinds) == len({name for name, _ in kinds})


def test_claims_are_told_which_streams_restart(inputs, tmp_path, monkeypatch):
    given_restarting = []
    judge = claims.comparisons
    monkeypatch.setattr(claims, "comparisons", lambda given: given_restarting.append(given.restarting) or judge(given))
    files = [str(path) for path in inputs["all"]]
    stem = str(tmp_path / "claims")
    assert main(["tabulate", "claims", "--inputs", *files, "--restarting", "--out", stem]) == 0
    assert main(["tabulate", "claims", "--inputs", *files, "--restarting", "shuffled", "--out", stem]) == 0
    assert given_restarting == [[], ["shuffled"]]


@pytest.mark.parametrize(
    ("name", "files", "expected"),
    [
        ("comparison", ["{sizes}"], "expected a file named outcomes.parquet"),
        ("comparison", ["{outcomes}", "{outcomes}"], "named twice"),
        ("comparison", ["outcomes.parquet"], "expected <dataset>/<stream>/<task>/<method>/outcomes.parquet"),
        ("comparison", ["a/b/regression/c/outcomes.parquet"], "no such file"),
        ("crossings", ["{levels}", "{levels}"], "stands in two input files"),
        ("claims", ["{levels}", "{levels}"], "stands in two input files"),
        ("claims", ["{progress}", "{progress}"], "named twice"),
        ("claims", ["{counts}"], "expected <dataset>/<side>/<task>/ml-20m.counts.json"),
        ("streams", ["{streams}", "{streams}"], "ml-20m/temporal stands in two input files"),
        ("streams", ["somewhere/temporal.parquet"], "expected streams/<dataset>/<stream>.parquet or "),
        ("datasets", ["{outcomes}"], "expected a file named <dataset>.counts.json"),
    ],
)
def test_bad_input_is_one_clear_line_and_leaves_nothing(name, files, expected, inputs, tmp_path):
    paths = [Path(file.format(**{key: value[0] for key, value in inputs.items()})) for file in files]
    told = {"restarting": [], "permuted": [], "batch_size": 500, "record": None}
    arguments = argparse.Namespace(table=name, inputs=paths, out=tmp_path / "out" / name, **told)
    with pytest.raises(InputError, match=expected) as caught:
        tabulate.run(arguments)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_parity_goes_by_the_method_whatever_its_stream_is_called():
    frame = outcomes("sam", [0.188, 0.1882]).assign(dataset="ml-1m", stream="theirs")
    row = tables.parity(frame).set_index("metric").loc["mse"]
    assert (row["stream"], row["released"]) == ("theirs", 0.18803)
    assert row["difference"] == pytest.approx(0.1881 - 0.18803)
    assert row["difference_low"] < 0 < row["difference_high"]
    assert row["finding"].startswith("agrees within")
