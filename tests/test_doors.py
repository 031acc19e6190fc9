"""What a config or a file cannot mean is refused at the door, and what it can mean is kept as it is."""

import json
import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from autoemb.analysis.catalogue import compact
from autoemb.artifact.yaml import read_yaml
from autoemb.cli import main
from autoemb.config import LARGEST, MOST_CLASSES
from autoemb.data import datasets
from autoemb.data.datasets import csv
from autoemb.data.inspection.config_text import spelt
from autoemb.errors import InputError
from autoemb.experiment import grid
from autoemb.learning import methods

ROOT = Path(__file__).parents[1]
GOOD = {
    "seeds": 1,
    "datasets": {"ml-1m": {}},
    "streams": {"temporal": {"order": "temporal"}},
    "methods": {"fse": {}},
}


def refused(**changes) -> str:
    with pytest.raises(InputError) as error:
        grid.load({**GOOD, **changes}, "mine.yaml")
    return str(error.value)


# numbers


def floats(kind: type[BaseModel], where: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The keys of a class of settings that hold a number with a fraction."""
    found = []
    for key, field in kind.model_fields.items():
        inside = field.annotation
        if isinstance(inside, type) and issubclass(inside, BaseModel):
            found += floats(inside, (*where, key))
        elif "float" in str(field.annotation):
            found.append((*where, key))
    return found


KEYS = [
    (part, name, path)
    for part, kinds in (
        ("methods", {name: methods.find(name).Config for name in methods.names()}),
        ("datasets", {name: datasets.find(name).config for name in datasets.names()}),
    )
    for name, kind in kinds.items()
    for path in floats(kind)
]


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize(("part", "name", "path"), KEYS, ids=lambda value: ".".join(value) if value else "")
def test_no_number_is_infinite_or_none(part, name, path, value):
    """JSON has neither: a job would be given null, which means another thing."""
    kind = (methods.find(name).Config if part == "methods" else datasets.find(name).config).model_fields[path[0]]
    inner = [1.0, value] if "tuple" in str(kind.annotation) else value
    entry = {path[-1]: inner}
    for key in reversed(path[:-1]):
        entry = {key: entry}
    required = {"csv": {"archive": "x", "columns": {"user": "u", "item": "i", "rating": "r"}},
                "synthetic": {"rows": 9, "users": 3, "items": 3}}.get(name, {})  # fmt: skip
    said = refused(**{part: {name: {**required, **entry}}})
    assert path[-1] in said
    assert "finite" in said or "greater" in said or "less" in said


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"class_edges": [1, 3, 2, 5]}, "2 follows 3; expected ascending numbers, each once"),
        ({"class_edges": [1, 2, 2, 5]}, "2 follows 2; expected ascending numbers, each once"),
        ({"class_edges": [1, 1 + 1e-12, 5]}, "1 follows 1; expected ascending numbers, each once"),  # in float32
        ({"class_edges": [n / 40 for n in range(MOST_CLASSES + 74)]}, "at most 127 items"),
        ({"class_edges": [1, 2, 4]}, "expected 5, the highest rating of ml-1m, or more as the last"),
        ({"positive_from": 100}, "expected a rating above 1, the lowest of ml-1m, and up to 5"),
        ({"positive_from": 1}, "expected a rating above 1, the lowest of ml-1m, and up to 5"),
        ({"class_edges": [1, 1e39]}, "which float32 holds"),
    ],
)
def test_labels_that_mean_nothing_are_refused(settings, problem):
    assert problem in refused(datasets={"ml-1m": settings})


def test_as_many_classes_as_labels_can_tell_apart_are_taken():
    edges = [5 * (n + 1) / MOST_CLASSES for n in range(MOST_CLASSES)]
    assert (
        len(grid.load({**GOOD, "datasets": {"ml-1m": {"class_edges": edges}}}, "x").labels("ml-1m").class_edges) == 127
    )


def test_a_range_that_float32_does_not_hold_is_refused():
    columns = {"user": "u", "item": "i", "rating": "r"}
    entry = {"archive": "x", "columns": columns, "rating_range": [0, 1e39], "class_edges": [1, LARGEST]}
    assert "which float32 holds" in refused(datasets={"csv": entry})


# names


@given(st.from_regex(r"\A[a-z0-9]{1,8}([.-][a-z0-9]{1,8}){0,2}\Z"))
def test_a_name_that_looks_like_another_thing_stays_a_name(name):
    """``007``, ``1e5``, ``null``, ``no``, ``2024-05-01``: what ``inspect`` writes is read as it was meant."""
    assert list(yaml.safe_load(f"{spelt(name)}: {{}}")) == [name]


@pytest.mark.parametrize("name", grid.COLUMNS)
def test_no_method_is_called_as_a_column(name):
    assert f"{name!r} is the name of a column" in refused(methods={name: {"method": "fse"}})


def test_those_are_all_the_columns_beside_methods():
    """Of the views that have a column for each method."""
    cell = {"dataset": "d", "stream": "s", "task": "regression", "metric": "mse", "varies": "start", "method": "sam"}
    of_comparison = {"mean": 0.1, "high": 0.2, "paper": math.nan, "paper_plus_minus": math.nan, "difference": math.nan}
    of_ablation = {"setting": "mean", "value": "true", "effect": 0.1, "low": 0.0, "high": 0.2, "mean": 0.1,
                   "order_base": "sam", "order": "sam"}  # fmt: skip
    columns = {
        column
        for name, values in (("comparison", of_comparison), ("ablation", of_ablation))
        for column in compact(name, pd.DataFrame([{**cell, **values}]))
    }
    assert {column for column in columns - {"sam"} if " " not in column} == set(grid.COLUMNS)


@pytest.mark.parametrize("ending", grid.ENDINGS)
def test_no_data_set_is_called_as_a_file_beside_another(ending):
    assert "ends as a file beside a data set's does" in refused(datasets={f"a{ending}": {"source": "ml-1m"}})


def test_who_reads_a_line_of_the_output_ends_it_well():
    """As ``autoemb settings | head -1`` does."""
    command = [sys.executable, "-m", "autoemb.cli", "settings", "--config", str(ROOT / "config/paper.yaml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode in (0, 141)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk here that is always full")
def test_a_full_disk_behind_the_output_is_one_line():
    command = [sys.executable, "-m", "autoemb.cli", "settings", "--config", str(ROOT / "config/paper.yaml")]
    with Path("/dev/full").open("wb") as full:
        told = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert told.returncode == 2
    assert told.stderr == "autoemb settings: error: standard output: No space left on device\n"


def written(folder, text: str):
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("1E5", 100000.0), ("no", "no"), ("on", "on"), ("2024-05-01", "2024-05-01"),
        ("12:30", "12:30"), ("true", True), ("null", None), ("'7'", "7"), ("0o17", 15),
    ],
)  # fmt: skip
def test_values_are_those_of_yaml_1_2(text, value, tmp_path):
    assert read_yaml(written(tmp_path, f"key: {text}\n")) == {"key": value}


@given(st.from_regex(r"\A[a-z0-9]{1,8}([.-][a-z0-9]{1,8}){0,2}\Z"))
def test_every_name_is_a_key_as_it_is_spelt(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("names")
    assert read_yaml(written(folder, f"datasets:\n  {name}: {{rows: 1}}\n")) == {"datasets": {name: {"rows": 1}}}
    assert read_yaml(written(folder, f"{spelt({'columns': {'user': name}})}\n")) == {"columns": {"user": name}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("seeds: 1\nseeds: 2\n", 'line 2: duplicate key "seeds"; expected each key once'),
        ("a:\n  b: 1\n  b: 1\n", 'line 3: duplicate key "b"; expected each key once'),
        ("a: {1: x, 1: y}\n", 'line 1: duplicate key "1"'),
        ("a: &a [*a]\n", "not a readable YAML file (Circular reference detected)"),
        ("a: [1,\nb: 2\n", "line 3: not a readable YAML file"),
        ("a: !!python/object:os.system x\n", "line 1: not a readable YAML file"),
        ("- 1\n", "holds list; expected a YAML mapping"),
        ("", "holds NoneType; expected a YAML mapping"),
        ("a: " + "[" * 5000 + "]" * 5000, "not a readable YAML file"),
        ("? [1]\n: 2\n", "not a readable YAML file"),
        ("a: \x07\n", "not a readable YAML file"),
    ],
)
def test_what_is_no_config_gets_one_line(text, problem, tmp_path, capsys):
    path = written(tmp_path, text)
    assert main(["settings", "--config", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{path}: {problem}" in line


def test_snakemake_reads_a_config_as_we_do(tmp_path):
    """Its own reading would take the last of two keys, and a rate for a word."""
    words = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path), "--cores", "1", "--dry-run"]
    command = [sys.executable, "-m", "snakemake", *words, "--quiet", "rules", "--configfile"]
    rest = "datasets: {ml-latest-small: {}}\nstreams: {t: {order: temporal}}\nmethods: {fse: {learning_rate: 1e-3}}\n"
    for text, status, said in (
        (f"seeds: 1\n{rest}", 0, "total"),
        (f"seeds: 1\nseeds: 2\n{rest}", 1, 'line 2: duplicate key "seeds"'),
    ):
        told = subprocess.run(
            [*command, str(written(tmp_path, text))], capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert told.returncode == status, told.stderr
        assert said in told.stdout + told.stderr


# Parquet


def test_times_that_int64_does_not_hold_are_refused_by_row(tmp_path):
    columns = {"user": [1, 2], "item": [1, 2], "rating": [1.0, 5.0]}
    table = pa.table({**columns, "timestamp": pa.array([1_000_000_000, 2**63 + 5], pa.uint64())})
    pq.write_table(table, tmp_path / "ratings.parquet")
    named = {name: name for name in ("user", "item", "rating", "timestamp")}
    settings = {"archive": "x", "columns": named, "rating_range": [1, 5]}
    config = csv.Config.model_validate_json(json.dumps(settings))
    with pytest.raises(InputError, match=r"row 2: column timestamp: 9223372036854775813; expected a time"):
        list(csv.read(tmp_path / "ratings.parquet", config).blocks)


def test_the_door_is_the_command_lines_too(tmp_path, capsys):
    words = ["interactions", "--dataset", "ml-1m", "--settings", '{"positive_from": 9}', "--archive", "none"]
    words += [word for name in ("users", "items", "counts", "out") for word in (f"--{name}", str(tmp_path / name))]
    assert main(words) == 2
    assert "positive_from = 9: expected a rating above 1" in capsys.readouterr().err


# what is no file

TRAINING = json.dumps({"task": "regression", "seeds": 1})
OWN = {"archive": "FILE", "columns": {"user": "u", "item": "i", "rating": "r"}}
SETTINGS = {"csv": json.dumps(OWN), "netflix": '{"archive": "FILE"}', "ml-1m": '{"archive": "FILE"}', "ml-20m": "{}"}
STREAM = ["--method", "fse", "--settings", "{}", "--run", TRAINING, "--out", "OUT"]
LEVEL = json.dumps({"method": "fse", "size": 2, "start": "normal"})
MADE = ["--out", "OUT", "--users", "OUT", "--items", "OUT", "--counts", "OUT"]
ORDER = ["--labels", "{}", "--settings", '{"order": "temporal"}', "--out", "OUT"]
VERBS = {
    "inspect": ["FILE"],
    "trace": ["FILE"],
    "estimate": ["--config", "FILE"],
    "settings": ["--config", "FILE"],
    **{
        f"fetch, {name}": ["--dataset", name, "--settings", SETTINGS[name], "--out", "OUT"]
        for name in ("csv", "netflix", "ml-1m")
    },
    **{
        f"interactions, {name}": ["--dataset", name, "--settings", of, "--archive", "FILE", *MADE]
        for name, of in SETTINGS.items()
    },
    "stream": ["--interactions", "FILE", "--items", "FILE", *ORDER],
    "split": ["--interactions", "FILE", "--labels", "{}", "--settings", "{}", "--out", "OUT"],
    "validation": ["--stream", "FILE", "--last", "0.2", "--out", "OUT"],
    "train": ["--stream", "FILE", *STREAM],
    "levels": ["--splits", "FILE", "--model", LEVEL, *STREAM[2:]],
    "tabulate": ["comparison", "--inputs", "FILE", "--out", "OUT"],
    "choose": ["--candidates", '[{}, {"learning_rate": 0.1}]', "--outcomes", "FILE", "FILE", "--out", "OUT"],
    "explore": ["--inputs", "FILE", "--out", "OUT"],
    "sheets": ["--inputs", "FILE", "--out", "OUT"],
}
"""By verb, with more words where there are several: what it is given."""

REFUSALS = "is a pipe; expected|is a device; expected|is a folder; expected|no such file"


@pytest.fixture
def no_file(request, tmp_path):
    """What makes a pipe that nobody writes to, a device that never ends, a folder, or nothing, at a path."""
    return {
        "a pipe": os.mkfifo,
        "a device": lambda path: path.symlink_to("/dev/zero"),
        "a folder": Path.mkdir,
        "no such file": lambda path: None,
    }[request.param]


def refusal(capsys, verb: str, path: str, out: Path) -> str:
    """The one line in which a verb refuses a path, within 20 seconds and with nothing written."""
    words = [word.replace("FILE", path).replace("OUT", str(out)) for word in VERBS[verb]]

    def too_long(number, frame):
        raise TimeoutError(f"{verb} took too long")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(20)
    try:
        status = main([verb.partition(",")[0], *words])
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    told = capsys.readouterr().err
    assert status == 2
    assert told.count("\n") == 1, told
    assert not out.exists()
    return told


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("no_file", ["a pipe", "a device", "a folder", "no such file"], indirect=True)
def test_what_is_no_file_is_refused_at_once(tmp_path, capsys, verb, no_file):
    """Also where it would be read for ever, or not at all."""
    names = {"tabulate": "d/temporal/regression/fse/outcomes.parquet"}
    path = tmp_path / names.get(verb, "comparison.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    no_file(path)
    told = refusal(capsys, verb, str(path), tmp_path / "out")
    assert re.search(f"{re.escape(str(path))}: ({REFUSALS})", told), told


@pytest.mark.parametrize(
    "verb", sorted(VERBS.keys() - {"tabulate", "explore", "sheets"})
)  # these go by the file's name
def test_what_a_shell_hands_over_as_a_number_is_refused(tmp_path, capsys, verb):
    """``autoemb inspect <(cat ratings.csv)``."""
    reading, writing = os.pipe()
    try:
        os.write(writing, b"user,item,rating\n1,2,3\n")
        assert f"/dev/fd/{reading}: is a pipe; expected" in refusal(
            capsys, verb, f"/dev/fd/{reading}", tmp_path / "out"
        )
    finally:
        os.close(reading)
        os.close(writing)


# names, paths and numbers


@pytest.mark.parametrize("path", ["{x}.csv", "a<b>.csv", "a>b.csv", "two\nlines.csv", "\x1b[31mred.csv", "}"])
def test_a_path_that_the_workflow_would_not_take_is_refused(path):
    told = refused(datasets={"own": {"source": "csv", "archive": path, "columns": OWN["columns"]}})
    assert "datasets.own" in told
    assert "archive" in told
    assert "rename the file or its folder" in told


@pytest.mark.parametrize("name", ["{x}.csv", "a<b>.csv", "two\nlines.csv", "\x1b[31mred.csv"])
def test_inspect_proposes_no_such_path(tmp_path, capsys, name):
    (tmp_path / name).write_text("user,item,rating\n" + "".join(f"{n % 9},{n % 7},{n % 5 + 1}\n" for n in range(99)))
    assert main(["inspect", str(tmp_path / name)]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.endswith("; expected a path without: rename the file or its folder\n")
    assert "\x1b" not in told


def test_two_slashes_are_one():
    own = {"source": "csv", "archive": "data//a.csv", "columns": OWN["columns"]}
    entry = grid.load({**GOOD, "datasets": {"own": own}}, "mine.yaml").datasets["own"]
    assert entry.settings.archive == "data/a.csv"


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ({"methods": {"fse": {"size": 10**12}}}, "less than or equal to 65536"),
        ({"methods": {"fse": {"hidden": 10**12}}}, "less than or equal to 65536"),
        ({"methods": {"sam": {"sizes": [2, 10**12]}}}, "less than or equal to 65536"),
        ({"seeds": 10**12}, "less than or equal to 10000"),
        ({"windows": 10**12}, "less than or equal to 10000"),
        ({"batch_size": 10**12}, "less than or equal to 2147483647"),
        ({"batch_size": 1}, "expected 2 or more: batch normalisation makes the same of any single interaction"),
        ({"methods": {"a" * 41: {"method": "fse"}}}, "at most 40 characters"),
    ],
    ids=str,
)
def test_numbers_and_names_too_large_are_refused(where, value):
    assert value in refused(**where)


def test_memory_that_is_not_there_is_one_line(tmp_path, capsys, monkeypatch):
    for error in (
        MemoryError("Unable to allocate 7.28 TiB for an array with shape (1000000000000,) and data type float64"),
        RuntimeError("[enforce fail] . DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes."),
        MemoryError(),
    ):

        def full(arguments, error=error):
            raise error

        monkeypatch.setattr("autoemb.commands.settings.run", full)
        assert main(["settings", "--config", "mine.yaml"]) == 2
        told = capsys.readouterr().err
        assert told.startswith("autoemb settings: error: not enough memory")
        assert told.count("\n") == 1
