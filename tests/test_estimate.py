"""The estimate: its jobs are the workflow's, its steps are those of a run, and it says what it does not know."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import yaml

from autoemb import cli
from autoemb.config import DatasetConfig, LevelModel, LevelsConfig, RunConfig, StreamConfig
from autoemb.data.columns import Shape, columns_of
from autoemb.data.datasets.base import Counts
from autoemb.data.stream import build_stream, level_splits
from autoemb.errors import InputError
from autoemb.experiment import cost, grid, measured
from autoemb.experiment.estimate import Found, estimate, text
from autoemb.experiment.jobs import Batches, jobs
from autoemb.learning import methods
from autoemb.learning.levels import run_levels
from autoemb.learning.methods import fse
from autoemb.schema import ITEMS

from .contracts.bench import make, shape_of
from .contracts.variants import small

ROOT = Path(__file__).parents[1]
COUNTS = Counts(ratings=100_000, users=600, items=9_000)
SMALL = {
    "seeds": 2,
    "datasets": {"synthetic": {"rows": 100_000, "users": 600, "items": 9_000}},
    "streams": {"temporal": {"order": "temporal"}, "shuffled": {"order": "shuffled"}},
    "methods": {"constant": {}, "fse": {}, "autoemb": {}},
    "levels": {"sizes": [2, 16], "at": [2, 4]},
}


def loaded(**changes):
    return grid.load({**SMALL, **changes}, "mine.yaml")


def estimated(**changes):
    return estimate(loaded(**changes), {"synthetic": Found(COUNTS, "me")}, cores=2)


def shown(capsys, *words):
    """What the command line prints; its one line of refusal."""
    status = cli.main(["estimate", *words])
    out, err = capsys.readouterr()
    assert (status == 0) == (not err)
    return out or err


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(SMALL))
    return tmp_path


@pytest.mark.parametrize("name", ["smoke", "paper", "in-parts"])
def test_its_jobs_are_those_of_the_workflow(name, tmp_path):
    file = ROOT / "config" / f"{name}.yaml"
    if name == "in-parts":
        file = tmp_path / "in-parts.yaml"
        tuning = {"candidates": [{}, {"learning_rate": 0.01}], "methods": ["fse"]}
        file.write_text(yaml.safe_dump({**SMALL, "seeds": 5, "seeds_per_job": 2, "tuning": tuning}))
    archive = tmp_path / "data" / "nf_prize_dataset.tar.gz"  # it must be there for a dry run
    archive.parent.mkdir()
    archive.touch()
    words = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path), "--configfile", str(file)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "2", *words]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    planned = Counter(re.findall(rf"^    benchmark: results/{name}/benchmarks/(.*)\.tsv$", told, flags=re.MULTILINE))
    ours = Counter(job.path for job in jobs(grid.load(yaml.safe_load(file.read_text()), str(file))))
    assert ours == planned
    assert set(ours.values()) == {1}


@pytest.mark.parametrize("stream", [{}, {"first": 333, "test": 40}, {"first": 10**9, "test": 0.1}])
@pytest.mark.parametrize("batch_size", [32, 500])
def test_its_steps_are_those_of_a_run(stream, batch_size, ratings):
    settings = StreamConfig(order="shuffled", **stream)
    frame = build_stream(ratings, pd.DataFrame(columns=list(ITEMS.columns)), settings, DatasetConfig())
    shape = shape_of(frame, "regression", 5)
    method = make(("fse", small("fse")), shape, [0])
    schedule = method.plan(columns_of(frame, "regression"), batch_size).schedule
    resolved = loaded(streams={"shuffled": {"order": "shuffled", **stream}}, batch_size=batch_size, levels=None)
    (batches,) = {job.batches(Counts(len(ratings), 40, 30)) for job in jobs(resolved)}
    assert batches == Batches(len(schedule.batches), 0)


@pytest.fixture
def ratings():
    """Of 40 users, each of every one of 30 items, so that all have enough for any level."""
    pairs = pd.MultiIndex.from_product([range(40), range(30)], names=["user", "item"]).to_frame(index=False)
    return pairs.astype("int32").assign(rating=pairs["item"].astype("float32") % 5 + 1, timestamp=range(1200))


def test_its_steps_are_those_of_the_levels(ratings, monkeypatch):
    steps = Counter()
    step, predict = fse.Model.step, fse.Model.predict_only
    monkeypatch.setattr(fse.Model, "step", lambda self, batch: steps.update(learnt=1) or step(self, batch))
    monkeypatch.setattr(
        fse.Model, "predict_only", lambda self, batch: steps.update(predicted=1) or predict(self, batch)
    )
    config = LevelsConfig(sizes=(2,), at=(3, 7), passes=2)
    splits = level_splits(ratings, config, DatasetConfig())
    training = RunConfig(task="regression", seeds=2, batch_size=32)
    model = LevelModel(method="fse", size=2, start="normal", passes=2)
    run_levels([splits, splits], model, config, training, "cpu")
    resolved = loaded(levels=config.model_dump(mode="json"), batch_size=32)
    job = next(job for job in jobs(resolved) if job.stage == "levels" and job.name == "size-2-2-passes")
    batches = job.batches(Counts(1200, 40, 30))
    assert (batches.learnt * 2, batches.predicted * 2) == (steps["learnt"], steps["predicted"])


@pytest.mark.parametrize("name", ["autoemb", "esapn", "mf", "constant", "fse"])
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_the_state_is_as_large_as_the_methods_own(name, task):
    resolved = loaded(methods={name: {}}, tasks=[task], levels=None)
    job, counts = jobs(resolved)[0], Counts(5_000, 300, 200)
    module = methods.find(name)
    shape = Shape(task, users=300, items=200, user_popularity=200, item_popularity=300)
    state = module.Model(job.settings, shape, [0], cost.torch.float32, "cpu").state_dict()
    size = sum({x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in state.values()}.values())
    assert cost.cost(job, counts).state_mib == pytest.approx(size / 2**20, rel=1e-9)


def test_more_seeds_cost_more():
    few, many = (estimated(seeds=seeds) for seeds in (2, 5))
    for less, more in zip(few.lines, many.lines, strict=True):
        assert (less.name, less.jobs) == (more.name, more.jobs)
        assert less.steps < more.steps
        assert less.hours < more.hours
    assert few.disk_mib < many.disk_mib  # each replicate has a permutation of its own


def test_seeds_in_several_jobs_are_as_many_steps():
    one, several = estimated(seeds=6), estimated(seeds=6, seeds_per_job=2)
    for whole, parts in zip(one.lines, several.lines, strict=True):
        if whole.stage == "train" and whole.name != "constant":  # each job has to go through it once
            assert (parts.jobs, parts.steps) == (3 * whole.jobs, whole.steps)


def test_what_has_no_dice_goes_through_a_shared_stream_once():
    one, five = ({line.name: line for line in estimated(seeds=n, levels=None).lines} for n in (1, 5))
    assert five["constant"].steps == one["constant"].steps * (1 + 5) / 2  # once in temporal order
    assert five["fse"].steps == one["fse"].steps * 5


def test_larger_sizes_cost_more_and_no_step_is_free():
    sizes = {f"fse-{size}": {"method": "fse", "size": size} for size in (1, 16, 146, 600)}
    lines = estimated(methods=sizes, levels=None).lines
    for most in zip(*(line.ms for line in lines), strict=True):
        assert 0 < most[0] <= most[1] < most[2] < most[3]


def test_an_untimed_method_is_said_and_not_counted(monkeypatch):
    whole = estimated(levels=None)
    table = measured.steps()
    monkeypatch.setattr(measured, "steps", lambda: table[table["method"] != "fse"])
    cost._timed.cache_clear()
    try:
        of = estimated(levels=None)
    finally:
        cost._timed.cache_clear()
    assert of.untimed == ["fse"]
    assert sum(of.hours) < sum(whole.hours)
    said = text(of, "mine.yaml", 2)
    assert "not included   fse: not timed, so all times above are too short" in said
    assert re.search(r"^train +fse +4 +[\d,]+ +not timed +not timed +not measured$", said, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("hours", "cores", "expected"),
    [([1.0, 1.0, 1.0], 1, 3.0), ([1.0, 1.0, 1.0], 2, 2.0), ([3.0, 1.0, 1.0, 1.0], 2, 3.0), ([5.0], 8, 5.0)],
)
def test_wall_time_is_that_of_the_jobs_side_by_side(hours, cores, expected):
    assert cost.wall_hours(hours, cores) == expected


def test_it_prints_what_it_knows(folder, capsys):
    said = shown(capsys, "--config", "mine.yaml", "--cores", "2")
    assert said.startswith("estimate of mine.yaml\n")
    assert re.search(r"^synthetic +100,000 +600 +9,000 +the config$", said, flags=re.MULTILINE)
    total = re.search(r"^total +(\d+) +([\d,]+) ", said, flags=re.MULTILINE)
    assert int(total[1]) == len(jobs(loaded()))
    assert "with --cores 2" in said
    for device, timed in measured.gpu().groupby("device")["method"]:
        assert f"on one {device}: {', '.join(sorted(set(timed)))} (regression)" in said


@pytest.mark.parametrize(
    ("method", "compiled", "way"),
    [("autoemb", "always", "compiled"), ("autoemb", "never", "captured"), ("fse", "always", "captured")],
)
def test_time_on_a_gpu_is_as_measured_on_one(method, compiled, way):
    """On one of those that timed it; uncompiled where nothing else was timed, which is longer."""
    changes = {"levels": None, "methods": {method: {}}, "streams": {"temporal": {"order": "temporal"}}}
    job = jobs(loaded(seeds=10, compile=compiled, tasks=["regression"], **changes))[0]
    rows = measured.gpu().query("method == @method and step == @way and seeds == 10")
    row = rows[rows["device"] == rows["device"].max()].iloc[0]
    hours = (job.batches(COUNTS).learnt * row["us_per_step"] / 1e6 + row["start_s"]) / 3600
    assert cost.cost(job, COUNTS).gpu_hours == pytest.approx(hours, rel=0.02)


def test_what_was_read_and_run_is_taken_from_there(folder, capsys):
    results = folder / "results" / "mine"
    (results / "interactions").mkdir(parents=True)
    (results / "interactions" / "synthetic.counts.json").write_text('{"ratings": 5000, "users": 60, "items": 50}')
    benchmark = results / "benchmarks" / "train" / "synthetic" / "temporal" / "regression" / "fse.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text("s\tcpu_time\n7200\t3600\n")
    said = shown(capsys, "--config", "mine.yaml")
    assert re.search(r"^synthetic +5,000 +60 +50 +results/mine/interactions/synthetic", said, flags=re.MULTILINE)
    assert re.search(r"^train +fse .* 60 min, \d+\.\d\d of it$", said, flags=re.MULTILINE)
    assert not re.search(r"^train +autoemb .* of it$", said, flags=re.MULTILINE)
    benchmark.write_text("s\tcpu_time\n7200\tNA\n")
    assert " min, " not in shown(capsys, "--config", "mine.yaml")


def test_a_file_that_was_not_read_is_counted(folder, capsys):
    rows = "".join(f"u{n % 7},i{n % 11},{n % 5 + 1}\n" for n in range(3000))
    (folder / "ratings.csv").write_text(f"user,item,stars\n{rows}")
    columns = {"user": "user", "item": "item", "rating": "stars"}
    own = {"source": "csv", "archive": "ratings.csv", "columns": columns}
    (folder / "mine.yaml").write_text(yaml.safe_dump({**SMALL, "datasets": {"own": own}}))
    said = shown(capsys, "--config", "mine.yaml")
    assert re.search(r"^own +3,000 +7 +11 +ratings.csv, counted now$", said, flags=re.MULTILINE)
    (folder / "ratings.csv").unlink()
    assert shown(capsys, "--config", "mine.yaml") == (
        "autoemb estimate: error: mine.yaml: datasets.own.archive: ratings.csv: no such file;"
        " expected the ratings, which are counted\n"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"streams": {"a": {"order": "given", "test": 100_000}}}, "mine.yaml: test = 100000: 100000 of 100000"),
        ({"seeds": 0}, "mine.yaml: seeds = 0: "),
        ({"colour": 1}, "mine.yaml: unknown key 'colour'"),
    ],
)
def test_a_bad_config_is_named(folder, capsys, changes, message):
    (folder / "mine.yaml").write_text(yaml.safe_dump({**SMALL, **changes}))
    assert shown(capsys, "--config", "mine.yaml").startswith(f"autoemb estimate: error: {message}")


@pytest.mark.parametrize("file", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_config_can_be_estimated(file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    said = shown(capsys, "--config", str(file))
    if file.stem == "own":
        assert "path/to/ratings.csv: no such file" in said
    else:
        assert "not included" not in said


def test_a_count_that_is_damaged_is_named(folder, capsys):
    counts = folder / "results" / "mine" / "interactions" / "synthetic.counts.json"
    counts.parent.mkdir(parents=True)
    counts.write_text("{}")
    assert "results/mine/interactions/synthetic.counts.json: cannot be read" in shown(capsys, "--config", "mine.yaml")
    with pytest.raises(InputError, match="expected at least 1 in each part"):
        estimate(loaded(), {"synthetic": Found(Counts(1, 1, 1), "me")}, 1)
