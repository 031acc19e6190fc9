"""Each config's results live in a folder of their own, beside those of others."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from autoemb.artifact.place import BEFORE, SHARED, folders, name_of, of_before
from autoemb.cli import main
from autoemb.errors import InputError
from tests.small_results import CONFIG, make

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("own", "file", "name"),
    [(None, "config/ml-1m.yaml", "ml-1m"), (None, "/x/v1.2.yml", "v1.2"), ("mine", "config/Other One.yaml", "mine")],
)
def test_a_config_is_called_by_its_key_or_its_file(own, file, name):
    assert name_of(own, ["config/first.yaml", file]) == name


def test_a_config_is_one_folder_whatever_lies_in_it(tmp_path):
    mine = tmp_path / "results/smoke"
    for kind in ("provenance/ablation", "provenance/runs", "logs/ablation", "benchmarks/runs", "runs", "ablation"):
        (mine / kind).mkdir(parents=True)
    assert folders(mine) == [mine]
    assert folders(tmp_path / "results") == [mine]
    (tmp_path / "results/other/runs").mkdir(parents=True)
    assert folders(tmp_path / "results") == [tmp_path / "results/other", mine]


@pytest.mark.parametrize("file", ["My Shop.yaml", "a_b.yaml", "é.yaml", f"{'x' * 61}.yaml", "-.yaml", ".yaml"])
def test_a_name_that_is_no_folder_is_refused_in_one_line(file):
    with pytest.raises(InputError, match=r"expected a key `name` of at most 60") as failure:
        name_of(None, [file])
    assert str(failure.value).startswith(f"{file}: its results would be in results/")
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("name", [*SHARED, *BEFORE])
@pytest.mark.parametrize("by_key", [False, True])
def test_a_folder_of_something_else_is_no_name(name, by_key):
    with pytest.raises(InputError, match=f"results/{name} is the folder of something else"):
        name_of(name if by_key else None, ["fine.yaml" if by_key else f"{name}.yaml"])


def test_an_earlier_layout_is_named_with_what_to_do(tmp_path, capsys):
    shutil.copytree(make(tmp_path / "made") / "results/small", tmp_path / "results")
    before = sorted(path for path in tmp_path.rglob("*"))
    assert of_before(tmp_path / "results")
    for words in (["verify"], ["bundle"], ["trace", str(tmp_path / "results/tables/stream.csv")]):
        assert main([*words, str(tmp_path / "results")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{tmp_path}/results/runs: is of an earlier layout" in line
        assert f"move what is in it to {tmp_path}/results/<the config's name>" in line
    assert sorted(path for path in tmp_path.rglob("*")) == before
    assert of_before(tmp_path / "made/results") is None


def test_a_folder_without_results_is_named(tmp_path):
    (tmp_path / "results/archives").mkdir(parents=True)
    for folder in (tmp_path / "results", tmp_path / "none"):
        with pytest.raises(InputError, match=f"{folder.name}: has no records; expected a folder that the workflow has"):
            folders(folder)


def test_two_configs_in_one_checkout_keep_their_own_and_both_match(tmp_path, capsys, monkeypatch):
    """Run one after the other; neither touches the other's files, and verify, trace and bundle know them apart."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    tables = ("comparison.csv", "datasets.csv", "stream.csv")

    def run(name: str, rows: int) -> dict[str, bytes]:
        config = {**CONFIG, "datasets": {"synthetic": {"rows": rows, "users": 40, "items": 30}}}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(config))
        targets = [f"results/{name}/tables/{table}" for table in tables]
        targets += [f"results/{name}/notebooks/comparison.ipynb", f"results/{name}/config.json"]
        command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", tmp_path]
        command += ["--configfile", tmp_path / f"{name}.yaml", "--cores", "1", *targets]
        ran = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr[-3000:]
        return contents(name)

    def contents(name: str) -> dict[str, bytes]:
        files = (path for path in (tmp_path / "results" / name).rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in files}

    first = run("one", 1500)
    second = run("two", 1000)
    assert contents("one") == first
    assert {Path(path).name for path in first} >= {"comparison-synthetic.png", "run.json", *tables}
    assert json.loads((tmp_path / "results/one/config.json").read_text()) != json.loads(
        (tmp_path / "results/two/config.json").read_text()
    )

    monkeypatch.chdir(tmp_path)
    assert main(["verify"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["results/one", "results/two"]
    assert all(line.endswith("everything matches") for line in lines)
    for name, made in (("one", first), ("two", second)):
        figure = next(path for path in made if path.endswith("comparison-synthetic.png"))
        assert main(["trace", figure]) == 0
        assert capsys.readouterr().out.startswith(f"results/{name}/provenance/notebooks/comparison.json\n")
    assert main(["bundle"]) == 2
    assert (
        "results: holds the results of 2 configs; expected one of results/one, results/two" in capsys.readouterr().err
    )
    assert main(["bundle", "results/two"]) == 0
    assert capsys.readouterr().out.startswith("results/two/autoemb-")
