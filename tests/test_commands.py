"""The verbs of the command line, from files to files: what they write, and what bad input does."""

import json
import re
import subprocess
import sys

import pandas as pd
import pytest
import torch

from autoemb.cli import main
from autoemb.data.datasets import synthetic
from autoemb.learning import methods
from autoemb.schema import ALLOCATION, LEVELS, OUTCOMES, PROGRESS, RUN_FILES, RUN_TABLES, SIZES

MODEL = json.dumps({"method": "fse", "size": 3, "start": "scaled"})
RUN = json.dumps({"task": "regression", "seeds": 2, "batch_size": 64, "windows": 5})
SHARED = '{"at": [2, 4], "permutations": "one"}'
SETTINGS = json.dumps({"sizes": [2, 4], "hidden": 8, "controller_hidden": 8})


def call(verb: str, **options: object) -> int:
    """``autoemb VERB --option value ...``."""
    return main([verb, *(str(word) for name, value in options.items() for word in (f"--{name}", value))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Interactions, a stream and splits of 2,000 synthetic ratings, made by the command line."""
    place = tmp_path_factory.mktemp("stages")
    data = {"dataset": "synthetic", "settings": json.dumps({"rows": 2000, "users": 40, "items": 30})}
    assert call("fetch", **data, out=place / "archive") == 0
    tables = {"out": place / "interactions", "users": place / "users", "items": place / "items"}
    assert call("interactions", **data, archive=place / "archive", **tables, counts=place / "data.counts.json") == 0
    source = {"interactions": place / "interactions", "labels": "{}"}
    temporal = '{"order": "temporal"}'
    assert call("stream", **source, items=place / "items", settings=temporal, out=place / "stream") == 0
    assert call("split", **source, settings='{"at": [2, 4]}', out=place / "splits") == 0
    return place


def train(folder, out, **changes) -> int:
    options = {"stream": folder / "stream", "method": "autoemb", "settings": SETTINGS, "run": RUN, "out": out}
    return call("train", **{**options, **changes})


def test_train_writes_its_tables_and_says_how(folder, tmp_path):
    assert train(folder, tmp_path / "run") == 0
    for table in (ALLOCATION, OUTCOMES, SIZES, PROGRESS):
        table.check(pd.read_parquet(tmp_path / "run" / f"{table.name}.parquet"))
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["config"]["settings"]["sizes"] == [2, 4]
    assert record["config"]["settings"]["learning_rate"] == 1e-3  # resolved, defaults and all
    assert record["device"] == ("cuda" if torch.cuda.is_available() else "cpu")
    assert len(record["inputs"]["stream"]) == 64
    assert "learning/methods/autoemb.py" in record["code"]
    allocation = pd.read_parquet(tmp_path / "run" / "allocation.parquet")
    seen = pd.read_parquet(folder / "stream")[["user", "item"]].nunique()
    assert allocation[["side", "size", "ids"]].drop_duplicates().to_numpy().tolist() == [
        [side, size, seen[side]] for side in ("user", "item") for size in (2, 4)
    ]
    assert {path.name for path in (tmp_path / "run").iterdir()} == set(RUN_FILES)


def test_same_seed_same_bytes(folder, tmp_path):
    for name in ("one", "two"):
        assert train(folder, tmp_path / name) == 0
    for file in (table.file for table in RUN_TABLES):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("model", [{"method": "fse"}, {"method": "fse", "size": 2}, {"method": "means", "size": 2}])
def test_a_model_of_the_levels_that_is_none_is_refused(folder, tmp_path, capsys, model):
    options = {"settings": SHARED, "run": RUN, "out": tmp_path / "out"}
    assert call("levels", splits=folder / "splits", model=json.dumps(model), **options) == 2
    said = capsys.readouterr().err
    assert "--model" in said
    assert f"method '{model['method']}' with size" in said
    assert "expected fse with a size from 1 and a start, or an anchor with neither" in said
    assert not (tmp_path / "out").exists()


def test_popularity_writes_its_levels(folder, tmp_path):
    out = tmp_path / "size-3.parquet"
    assert call("levels", splits=folder / "splits", model=MODEL, settings=SHARED, run=RUN, out=out) == 0
    result = LEVELS.check(pd.read_parquet(out))
    assert result[["seed", "level"]].to_numpy().tolist() == [[0, 2], [1, 2], [0, 4], [1, 4]]
    assert set(result["n"]) == {(pd.read_parquet(folder / "splits")["rank"] < 0).sum()}


def test_every_seed_has_its_own_split(folder, tmp_path):
    """Seed 0 has the numbers that it has where all share its split, to the last bit; seed 1 those of the other."""
    source = {"interactions": folder / "interactions", "labels": "{}"}
    assert call("split", **source, settings='{"at": [2, 4], "seed": 1}', out=tmp_path / "1") == 0

    def trained(name: str, settings: str, *splits: object) -> pd.DataFrame:
        words = ["--splits", *map(str, splits), "--model", MODEL, "--run", RUN, "--out", str(tmp_path / name)]
        assert main(["levels", *words, "--settings", settings]) == 0
        return pd.read_parquet(tmp_path / name)

    shared = trained("shared", SHARED, folder / "splits")
    each = trained("each", '{"at": [2, 4]}', folder / "splits", tmp_path / "1")
    other = trained("other", '{"at": [2, 4], "permutations": "one", "seed": 1}', tmp_path / "1")
    pd.testing.assert_frame_equal(each[each["seed"] == 0], shared[shared["seed"] == 0], check_exact=True)
    pd.testing.assert_frame_equal(each[each["seed"] == 1], other[other["seed"] == 1], check_exact=True)
    assert (each.loc[each["seed"] == 1, "loss_sum"] != shared.loc[shared["seed"] == 1, "loss_sum"]).all()


@pytest.mark.parametrize(
    ("splits", "settings", "message"),
    [
        (1, '{"at": [2]}', "1 files; permutations = 'each': expected 2, one for each of the run's seeds"),
        (2, '{"at": [2], "permutations": "one"}', "2 files; permutations = 'one': expected 1, which all seeds share"),
        (2, '{"at": [2]}', "a file stands there twice; expected a split for each seed"),
    ],
)
def test_splits_that_are_not_those_of_the_seeds_are_refused(folder, tmp_path, capsys, splits, settings, message):
    words = ["--splits", *[str(folder / "splits")] * splits, "--model", MODEL, "--run", RUN]
    assert main(["levels", *words, "--settings", settings, "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == f"autoemb levels: error: --splits: {message}\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "autoembed"}, f"method = 'autoembed': unknown; expected one of {', '.join(methods.names())}"),
        ({"run": '{"task": "regression", "seeds": -2}'}, "--run: seeds = -2: Input should be greater than or equal"),
        ({"settings": '{"szes": [2]}'}, "--settings: unknown key 'szes'"),
        ({"settings": "{"}, "--settings: config = '{': Invalid JSON"),
        ({"stream": "no-such-file"}, "no-such-file: no such file; expected a Parquet table of stream"),
    ],
)
def test_bad_input_is_one_clear_line_and_leaves_nothing(folder, tmp_path, capsys, changes, message):
    assert train(folder, tmp_path / "run", **changes) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert told[0].startswith("autoemb train: error: ")
    assert message in told[0]
    assert not (tmp_path / "run").exists()


def test_a_truncated_table_is_named(folder, tmp_path, capsys):
    (tmp_path / "stream").write_bytes((folder / "stream").read_bytes()[:-100])
    assert train(tmp_path, tmp_path / "run") == 2
    assert "stream: not a readable Parquet file" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_table_of_another_kind_is_named(folder, tmp_path, capsys):
    assert train(folder, tmp_path / "run", stream=folder / "interactions") == 2
    assert "expected {'user': 'int32'" in capsys.readouterr().err


def test_no_gpu_is_said_where_one_is_asked_for(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert train(folder, tmp_path / "run", run=json.dumps({"task": "regression", "seeds": 1, "device": "cuda"})) == 2
    assert "device = 'cuda': no CUDA device was found" in capsys.readouterr().err


def test_a_run_that_breaks_off_keeps_what_was_there(folder, tmp_path, monkeypatch):
    assert train(folder, tmp_path / "run") == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}

    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("autoemb.commands.train.write_record", no_space)  # the last file of the run
    assert train(folder, tmp_path / "run") == 2
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


@pytest.mark.parametrize("stage", ["interactions", "stream"])
def test_full_disk_keeps_what_was_there(tmp_path, stage):
    """A limit on file sizes stands in for it: one clear line, nothing half-written, the old file untouched."""
    archive, found, items = tmp_path / "a.csv", tmp_path / "found", tmp_path / "items"
    synthetic.generate(synthetic.Config(rows=60_000, users=4_000, items=4_000), archive)
    data = ["--dataset", "synthetic", "--settings", '{"rows": 60000, "users": 4000, "items": 4000}']
    tables = ["--out", found, "--users", tmp_path / "users", "--items", items, "--counts", tmp_path / "counts"]
    read = ["interactions", *data, "--archive", archive, *tables]
    order = [
        "stream",
        "--interactions",
        found,
        "--items",
        items,
        "--settings",
        '{"order": "shuffled"}',
        "--labels",
        "{}",
    ]
    words = [str(word) for word in (read if stage == "interactions" else [*order, "--out", tmp_path / "stream"])]
    assert main([str(word) for word in read]) == 0
    (tmp_path / "stream").write_bytes(b"of an earlier run")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
    limited += "from autoemb import cli; sys.exit(cli.main(sys.argv[1:]))"
    told = subprocess.run([sys.executable, "-c", limited, *words], capture_output=True, text=True)
    assert told.returncode == 2
    assert re.fullmatch(f"autoemb {stage}: error: .*cannot be written: .*File too large.*\n", told.stderr), told.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
