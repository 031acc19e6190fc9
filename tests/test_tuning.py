"""The tuning: what the choice can see, how it is made, and what is told of it; at last the workflow, run for real."""

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from autoemb.analysis import sentences
from autoemb.analysis.catalogue import compact, write_csv
from autoemb.analysis.plots import findings
from autoemb.analysis.reading import read_csv
from autoemb.analysis.tables import tuned, tuning_candidates
from autoemb.artifact.parquet import StoredTable, read_table, write_table
from autoemb.cli import main
from autoemb.data.validation import validation_blocks
from autoemb.errors import InputError
from autoemb.experiment import grid
from autoemb.experiment.choice import Candidate, Choice, changed, choose, read_choice
from autoemb.learning.methods import fse
from autoemb.schema import OUTCOMES, RUN_TABLES, STREAM, TEST_USERS

from .contracts.bench import small_stream
from .test_workflow import Project

ROOT = Path(__file__).parents[1]
DIVERGING = {"learning_rate": 1e30, "rows_learning_rate": 1e38}
CONFIG = {
    "seeds": 2,
    "datasets": {"made": {"source": "csv", "archive": "ratings.csv", "columns": {
        "user": "userId", "item": "movieId", "rating": "rating", "timestamp": "timestamp"}}},
    "streams": {"shuffled": {"order": "shuffled", "popularity": "restart"}, "temporal": {"order": "temporal"}},
    "tasks": ["regression"],
    "methods": {"constant": {}, "fse": {"size": 4, "hidden": 8}},
    "tuning": {"candidates": [{}, {"learning_rate": 0.01}, DIVERGING]},
    "batch_size": 32,
    "windows": 4,
}  # fmt: skip


def outcomes_of(*losses, n=10, **more):
    """``schema.OUTCOMES`` of a seed for each mean loss, on the test part."""
    rows = [
        {"seed": seed, "split": "test", "side": side, "popularity_low": 1, "popularity_high": 1, "n": n,
         "loss_sum": n * loss, "loss_sq_sum": n * loss**2, "correct": n // 2, "base_loss_sum": 0.0, "base_correct": 0}
        for seed, loss in enumerate(losses)
        for side in ("user", "item")
    ]  # fmt: skip
    return OUTCOMES.check(pd.DataFrame(rows).astype(OUTCOMES.columns)).assign(**more)


# what the choice can see


@pytest.fixture
def stream():
    """80 interactions, of which the last 30 are the test part."""
    frame = small_stream(80, 9, 7)
    return frame.assign(split=(np.arange(80) >= 50).astype("int8"))


def validation(frame, folder, **settings):
    write_table(frame, folder / "stream.parquet", STREAM)
    settings = {"last": 0.2, "restart": False, "size": 13, **settings}
    return pd.concat(validation_blocks(StoredTable(folder / "stream.parquet", STREAM), **settings), ignore_index=True)


def test_candidates_get_the_train_part_and_its_end_as_test_part(stream, tmp_path):
    found = validation(stream, tmp_path)
    pd.testing.assert_frame_equal(found.drop(columns="split"), stream[:50].drop(columns="split"))
    assert found["split"].tolist() == [0] * 40 + [1] * 10


def test_popularity_begins_anew_where_that_of_the_stream_does(stream, tmp_path):
    found = validation(stream, tmp_path, restart=True)
    for side in ("user", "item"):
        anew = found[40:].groupby(side).cumcount() + 1
        assert found[f"{side}_popularity"][40:].tolist() == anew.tolist()
        assert found[f"{side}_popularity"][:40].tolist() == stream[f"{side}_popularity"][:40].tolist()


def test_nothing_of_the_test_part_is_seen(stream, tmp_path):
    """Other people, items, ratings and as many as one likes: the candidates' stream has the same bytes."""
    rng = np.random.default_rng(0)
    other = pd.DataFrame({name: rng.integers(0, 2, 70).astype(dtype) for name, dtype in STREAM.columns.items()})
    other = other.assign(split=np.ones(70, "int8"), user=other["user"] + np.int32(1000), item=other["item"] * 77)
    changed_stream = pd.concat([stream[:50], other.astype(STREAM.columns)], ignore_index=True)
    made = []
    for name, frame in (("one", stream), ("other", changed_stream)):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "stream.parquet"
        write_table(frame, path, STREAM)
        assert main(["validation", "--stream", str(path), "--last", "0.2", "--out", f"{path}.out"]) == 0
        made.append(Path(f"{path}.out").read_bytes())
    assert made[0] == made[1]


def test_a_train_part_too_short_to_divide_is_refused(stream, tmp_path):
    with pytest.raises(InputError, match=r"0\.001: 0 of 50 interactions"):
        validation(stream, tmp_path, last=0.001)


# how it is made


@pytest.mark.parametrize(
    ("losses", "chosen"), [([0.3, 0.1, 0.2], 1), ([0.2, 0.2], 0), ([None, 0.9], 1), ([0.1, None, 0.1], 0)]
)
def test_the_least_loss_is_chosen_and_of_equal_ones_the_first(losses, chosen):
    changes = [{"learning_rate": float(n)} for n in range(len(losses))]
    choice = choose(changes, [OUTCOMES.empty() if loss is None else outcomes_of(loss) for loss in losses])
    assert choice.chosen == chosen
    assert choice.changes == changes[chosen]
    assert [one.loss for one in choice.candidates] == pytest.approx(losses)


def test_the_loss_is_that_of_the_validation_part_alone():
    train = outcomes_of(0.0).assign(split="train")
    choice = choose([{}], [pd.concat([train, outcomes_of(0.5)])])
    assert choice.candidates[0].loss == pytest.approx(0.5)


def test_candidates_that_all_diverge_are_an_error(tmp_path, capsys):
    files = [tmp_path / f"{n}.parquet" for n in range(2)]
    for file in files:
        write_table(OUTCOMES.empty(), file, OUTCOMES)
    words = ["--candidates", '[{}, {"a": 1}]', "--outcomes", *map(str, files)]
    assert main(["choose", *words, "--out", str(tmp_path / "choice.json")]) == 2
    assert "all 2 candidates diverged; expected smaller rates in tuning.candidates" in capsys.readouterr().err
    assert not (tmp_path / "choice.json").exists()


def test_a_training_may_diverge_only_if_it_is_told_so(stream, tmp_path, capsys):
    write_table(stream, tmp_path / "stream.parquet", STREAM)
    settings = json.dumps({"size": 2, "hidden": 4, **DIVERGING})
    words = ["train", "--stream", str(tmp_path / "stream.parquet"), "--method", "fse", "--settings", settings]
    words += ["--run", json.dumps({"task": "regression", "seeds": 1, "batch_size": 5})]
    assert main([*words, "--out", str(tmp_path / "refused")]) == 2
    assert "a loss is not a finite number; expected a smaller rate" in capsys.readouterr().err
    checkpoint = tmp_path / "checkpoint"
    more = ["--may-diverge", "--checkpoint", str(checkpoint), "--checkpoint-seconds", "0", "--chunk", "1"]
    assert main([*words, "--out", str(tmp_path / "run"), *more]) == 0
    assert [len(read_table(tmp_path / "run" / table.file, table)) for table in RUN_TABLES] == [0] * len(RUN_TABLES)
    assert list(tmp_path.glob("checkpoint*")) == []


def test_a_choice_replaces_what_it_names_and_nothing_else():
    settings = fse.Config(size=4, hidden=8)
    assert changed(settings, {"learning_rate": 0.5}, "here") == fse.Config(size=4, hidden=8, learning_rate=0.5)
    with pytest.raises(InputError, match="here: unknown key 'speed'"):
        changed(settings, {"speed": 1}, "here")


@pytest.mark.parametrize("content", ["", "{}", '{"candidates": [], "chosen": "first"}', "\x00"])
def test_a_damaged_choice_is_refused_by_its_name(content, tmp_path):
    (tmp_path / "choice.json").write_text(content)
    with pytest.raises(InputError, match=r"choice\.json"):
        read_choice(tmp_path / "choice.json")


# what a config says


@pytest.mark.parametrize(
    ("tuning", "problem"),
    [
        ({"candidates": [{}]}, "tuning.candidates"),
        ({"candidates": [{}, {}]}, "stands there twice"),
        ({"candidates": [{}, {"speed": 1}]}, "no method of the config has all of speed"),
        ({"candidates": [{}, {"learning_rate": -1.0}]}, "tuning.candidates.1: fse: learning_rate = -1.0"),
        ({"methods": ["sam"]}, "tuning.methods: method 'sam': unknown; expected one of constant, fse"),
        ({"methods": ["constant"]}, "method 'constant' has no learning_rate, rows_learning_rate to tune"),
        ({"streams": ["given"]}, "tuning.streams: stream 'given': unknown; expected one of shuffled, temporal"),
        ({"tasks": ["classification"]}, "tuning.tasks: task 'classification': unknown; expected one of regression"),
        ({"last": 1.0}, "tuning.last = 1.0"),
    ],
)
def test_what_it_cannot_mean_is_refused_at_the_door(tuning, problem):
    with pytest.raises(InputError) as refused:
        grid.load({**CONFIG, "tuning": {**CONFIG["tuning"], **tuning}}, "mine.yaml")
    assert problem in str(refused.value)


@pytest.mark.parametrize("name", ["ml-1m", "latest-small"])
def test_the_shipped_candidates_are_the_drawn_ones(name):
    """Drawn once, before any of them was trained; the released code's own combination is there as ``{}``."""
    every = [
        dict(zip(("learning_rate", "rows_learning_rate", "rows_optimizer", "embedding_init"), values, strict=True))
        for values in itertools.product(
            (0.0003, 0.001, 0.003, 0.01), (0.001, 0.003, 0.01, 0.03), ("dense", "sparse"), ("normal", "scaled", 0.05)
        )
        if values != (0.001, 0.001, "dense", "normal")
    ]
    drawn = sorted(np.random.default_rng(0).choice(len(every), 11, replace=False))
    shipped = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())["tuning"]["candidates"]
    assert shipped == [{}, *(every[n] for n in drawn)]


# what is told

RUN = {"dataset": "d", "stream": "temporal", "task": "regression", "method": "fse"}
CHOICE = Choice(
    candidates=(Candidate(changes={}, loss=0.3), Candidate(changes={"learning_rate": 0.01}, loss=0.2),
                Candidate(changes=DIVERGING, loss=None)), chosen=1)  # fmt: skip


def users_of(*losses):
    """``schema.TEST_USERS`` of as many seeds, two users with 5 interactions each."""
    rows = [
        {"seed": seed, "user": user, "n": 5, "loss_sum": 5 * loss, "correct": 2}
        for seed, pair in enumerate(losses)
        for user, loss in enumerate(pair)
    ]
    return TEST_USERS.check(pd.DataFrame(rows).astype(TEST_USERS.columns)).assign(**RUN)


def test_the_difference_is_paired_by_seed_and_has_the_users_in_its_interval():
    outcomes = {"tuned": outcomes_of(0.1, 0.3, **RUN), "configured": outcomes_of(0.2, 0.4, **RUN)}
    alike = {"tuned": users_of((0.1, 0.1), (0.3, 0.3)), "configured": users_of((0.2, 0.2), (0.4, 0.4))}
    apart = {"tuned": users_of((0.0, 0.2), (0.2, 0.4)), "configured": users_of((0.2, 0.2), (0.4, 0.4))}
    choices = {("d", "temporal", "regression", "fse", 0): CHOICE}
    (same,) = tuned(outcomes, alike, choices).to_dict("records")
    assert same["mean"] == pytest.approx(0.2)
    assert same["configured"] == pytest.approx(0.3)
    assert [same[f"difference{end}"] for end in ("", "_low", "_high")] == pytest.approx([-0.1] * 3)
    assert same["settings"] == "learning_rate 0.01"
    assert same["varies"] == "start and users"
    (other,) = tuned(outcomes, apart, choices).to_dict("records")
    assert other["difference"] == pytest.approx(-0.1)
    assert other["difference_low"] < -0.2 < 0 < other["difference_high"]  # users: -0.2 and 0


def test_a_run_that_was_not_tuned_is_no_row():
    both = pd.concat([outcomes_of(0.2, 0.4, **RUN), outcomes_of(0.1, 0.1, **{**RUN, "method": "constant"})])
    outcomes = {"tuned": outcomes_of(0.1, 0.3, **RUN), "configured": both}
    none = {name: TEST_USERS.empty().assign(**dict.fromkeys(RUN, "")) for name in outcomes}
    choices = {("d", "temporal", "regression", "fse", seed): CHOICE for seed in range(2)}
    (row,) = tuned(outcomes, none, choices, ["temporal"]).to_dict("records")
    assert (row["method"], row["settings"]) == ("fse", "learning_rate 0.01 (2 of 2)")


def test_every_tuned_method_is_held_against_the_tuned_fixed_size():
    """By seed and user: fse-128 loses 0.1 and 0.3, sam twice as much, autoemb as much in the mean."""
    of = {"fse-128": (0.1, 0.3), "sam": (0.2, 0.4), "autoemb": (0.0, 0.4)}
    outcomes = pd.concat([outcomes_of(*losses, **{**RUN, "method": name}) for name, losses in of.items()])
    users = pd.concat([
        users_of(*((loss, loss) for loss in losses)).assign(method=name) for name, losses in of.items()
    ])  # fmt: skip
    choices = {("d", "temporal", "regression", name, 0): CHOICE for name in of}
    both = ("tuned", "configured")
    table = tuned(dict.fromkeys(both, outcomes), dict.fromkeys(both, users), choices).set_index("method")
    assert set(table["fixed"]) == {"fse-128"}
    assert table["to_fixed"].to_dict() == pytest.approx({"fse-128": 0, "sam": 0.1, "autoemb": 0}, abs=1e-12)
    assert table.loc["sam", ["to_fixed_low", "to_fixed_high"]].tolist() == pytest.approx([0.1, 0.1])
    assert table.loc["autoemb", "to_fixed_high"] > 0.1
    said = sentences.tuned(table.reset_index())
    assert said.endswith("against fse-128, tuned alike: worse sam; not distinguishable autoemb.")
    title = "Searching sizes against fse-128, tuned alike: better in 0, worse in 1, undecided in 1 of 2"
    assert findings.tuned(table.reset_index()) == title


def test_without_a_tuned_fixed_size_nothing_is_said_of_it_also_of_a_table_that_was_read_back(tmp_path):
    outcomes, users = outcomes_of(0.1, 0.3, **{**RUN, "method": "esapn"}), users_of((0.1, 0.1), (0.3, 0.3))
    both, choices = ("tuned", "configured"), {("d", "temporal", "regression", "esapn", 0): CHOICE}
    table = tuned(dict.fromkeys(both, outcomes), dict.fromkeys(both, users.assign(method="esapn")), choices)
    write_csv(table, tmp_path / "tuned.csv")
    for each in (table, read_csv(tmp_path / "tuned.csv")):
        assert "fixed" not in sentences.tuned(each)
        assert "nan" not in sentences.tuned(each)
        assert findings.tuned(each) == "Better by tuning: 0 of 1"


def test_candidates_are_listed_with_those_that_diverged():
    table = tuning_candidates({("d", "temporal", "regression", "fse", seed): CHOICE for seed in range(2)})
    assert table["candidate"].tolist() == [
        "learning_rate 0.01", "as configured", "learning_rate 1e+30, rows_learning_rate 1e+38",
    ]  # fmt: skip
    assert table[["tried", "diverged", "chosen"]].to_numpy().tolist() == [[2, 0, 2], [2, 0, 0], [2, 2, 0]]
    view = compact("candidates", table)
    assert view[["loss", "diverged", "chosen"]].to_numpy().tolist() == [
        ["0.2000", "", "2 of 2"], ["0.3000", "", ""], ["diverged", "2 of 2", ""],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ((0.2, 0.41), "tuning is better for fse; tuned, fse is best (0.2000"),
        ((0.0, 0.19), "tuning is worse for fse; tuned, fse is best"),
        ((0.0, 0.5), "tuning changes no method distinguishably; tuned, fse is best"),
    ],
)
def test_the_sentence_says_whom_it_helps(before, words):
    outcomes = {"tuned": outcomes_of(0.1, 0.3, **RUN), "configured": outcomes_of(*before, **RUN)}
    none = {name: TEST_USERS.empty().assign(**dict.fromkeys(RUN, "")) for name in outcomes}
    table = tuned(outcomes, none, {("d", "temporal", "regression", "fse", 0): CHOICE})
    assert words in sentences.tuned(table)


# run for real


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose tuning has run once, and nothing else."""
    made = Project(tmp_path_factory.mktemp("tuning"))
    made.configure(CONFIG)
    told = made.snakemake("results/config/notebooks/tuning.html", "results/config/tables/tuned.md")
    assert told.returncode == 0, told.stderr[-5000:]
    return made


def test_each_replicate_with_an_order_of_its_own_makes_its_own_choice(project):
    tuning = project.root / "results/config/tuning/made"
    assert sorted(str(path.relative_to(tuning)) for path in tuning.rglob("choice.json")) == [
        "shuffled/regression/fse/seed_0/choice.json",
        "shuffled/regression/fse/seed_1/choice.json",
        "temporal/regression/fse/seed_0/choice.json",
    ]
    table = pd.read_csv(project.root / "results/config/tables/tuned.csv")
    assert table[["stream", "method", "seeds"]].to_numpy().tolist() == [["shuffled", "fse", 2], ["temporal", "fse", 2]]
    for path in tuning.rglob("choice.json"):
        assert [one.loss is None for one in read_choice(path).candidates] == [False, False, True]


def test_a_candidate_reads_the_validation_stream_and_no_other_file(project):
    tuning = project.root / "results/config/tuning/made"
    records = list(tuning.rglob("candidate_*/run.json"))
    assert len(records) == 9
    for record in records:
        (used,) = json.loads(record.read_text())["used"]
        replicate = record.parents[1].name
        stream = record.parents[4].name
        assert (record.parent / used).resolve() == tuning / stream / f"{replicate}.parquet"


def test_a_tuned_run_is_the_run_with_these_settings(project):
    results = project.root / "results/config"
    for stream in ("shuffled", "temporal"):
        for seed in range(2):
            chooser = seed if stream == "shuffled" else 0
            choice = read_choice(results / f"tuning/made/{stream}/regression/fse/seed_{chooser}/choice.json")
            run = json.loads((results / f"tuned/made/{stream}/regression/fse/seed_{seed}/run.json").read_text())
            settings = run["config"]["settings"]
            assert settings == changed(fse.Config(size=4, hidden=8), choice.changes, "").model_dump()
    assert main(["verify", "--quiet", str(results)]) == 0


def test_other_test_ratings_lead_to_the_same_choice(project):
    """The last ratings by time are turned round: the tuned runs come to other losses, with the same settings."""
    results = project.root / "results/config"
    before = (results / "tuning/made/temporal/regression/fse/seed_0/choice.json").read_bytes()
    outcomes = read_table(results / "tuned/made/temporal/regression/fse/seed_0/outcomes.parquet", OUTCOMES)
    ratings = pd.read_csv(project.root / "ratings.csv")
    last = ratings.sort_values("timestamp", kind="stable").index[-round(0.25 * len(ratings)) :]
    ratings.loc[last, "rating"] = 5.5 - ratings.loc[last, "rating"]
    ratings.to_csv(project.root / "ratings.csv", index=False)
    told = project.snakemake("results/config/tuned/made/temporal/regression/fse/seed_0/outcomes.parquet")
    assert told.returncode == 0, told.stderr[-5000:]
    assert (results / "tuning/made/temporal/regression/fse/seed_0/choice.json").read_bytes() == before
    again = read_table(results / "tuned/made/temporal/regression/fse/seed_0/outcomes.parquet", OUTCOMES)
    train = outcomes["split"] == "train"
    assert again.loc[train, "loss_sum"].tolist() == outcomes.loc[train, "loss_sum"].tolist()
    assert again["loss_sum"].sum() != outcomes["loss_sum"].sum()
