"""The archive: self-contained, without ratings, described for machines, and able to make its tables again."""

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from autoemb.artifact import bundle
from autoemb.artifact.bundle.source import FILES, source_files
from autoemb.artifact.files import digest
from autoemb.artifact.verify import paths, read
from autoemb.cli import main
from autoemb.errors import InputError
from tests.small_results import CONFIG, make

ROOT = Path(__file__).parents[1]
TABLES = [f"results/small/tables/{name}.csv" for name in ("comparison", "datasets", "stream")]
TARGETS = [*TABLES, "results/small/notebooks/stream.ipynb"]
METADATA = "ro-crate-metadata.json"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Results, and their archive."""
    made = make(tmp_path_factory.mktemp("bundle"))
    assert main(["bundle", str(made / "results/small"), "--out", str(made / "archive.zip")]) == 0
    return made


@pytest.fixture(scope="module")
def unpacked(root):
    with zipfile.ZipFile(root / "archive.zip") as archive:
        archive.extractall(root / "unpacked")
    return root / "unpacked"


def test_it_has_what_was_found_how_and_what_with(root, unpacked):
    results = root / "results/small"
    for path in [*(results / "tables").iterdir(), *paths(results), results / "config.json"]:
        assert (unpacked / path.relative_to(root)).read_bytes() == path.read_bytes()
    assert yaml.safe_load((unpacked / "config.yaml").read_text()) == {"name": "small", **CONFIG}
    resolved = json.loads((unpacked / "config.resolved.json").read_text())
    assert resolved["method fse (fse)"]["learning_rate"]["value"] == 1e-3
    for name in [*FILES, "src/autoemb/py.typed", "src/autoemb/artifact/bundle/rerun.sh", "notebooks/stream.ipynb"]:
        assert (unpacked / name).read_bytes() == (ROOT / name).read_bytes()
    assert (unpacked / "profiles/default/profile.yaml").read_bytes()  # a link in the checkout
    text = (unpacked / "README.txt").read_text()
    assert "synthetic: synthetic ratings with a known best answer\n    licence: free\n" in text
    assert "{" not in text


def test_it_has_no_ratings(root, unpacked):
    """Neither as files nor under another name; only what the package ships."""
    results = root / "results/small"
    kept = {digest(path): path for path in unpacked.rglob("*") if path.is_file()}
    for folder in ("archives", "interactions", "streams", "levels", "runs"):
        for path in (results / folder).rglob("*"):
            assert not path.is_file() or path.name == "run.json" or digest(path) not in kept
    ends = {path.suffix for path in kept.values()}
    assert not ends & {".parquet", ".safetensors", ".gz", ".part"}
    assert [path.name for path in kept.values() if path.suffix == ".zip"] == ["ml-latest-small.zip"]
    assert {path.name for path in (unpacked / "results/small").iterdir()} == {
        "config.json",
        "provenance",
        "runs",
        "tables",
    }


def test_the_same_content_is_the_same_bytes(root, tmp_path):
    for path in (root / "results/small").rglob("*.csv"):
        os.utime(path, (0, 0))
    assert main(["bundle", str(root / "results/small/tables/../../small"), "--out", str(tmp_path / "again.zip")]) == 0
    assert (tmp_path / "again.zip").read_bytes() == (root / "archive.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "again.zip") as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.filename for entry in entries if stat.S_IXUSR & entry.external_attr >> 16} >= {"rerun.sh"}


def test_the_crate_describes_every_file(root, unpacked):
    """RO-Crate 1.1: descriptor, root, each file a part or in a folder that is one, no reference into the void."""
    crate = json.loads((unpacked / METADATA).read_text())
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    assert crate["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    assert len(entities) == len(crate["@graph"])
    assert all("@type" in entity for entity in entities.values())
    assert entities[METADATA]["about"] == {"@id": "./"}
    assert entities[METADATA]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert all(entities["./"][key] for key in ("name", "description", "datePublished", "license"))

    parts = {unquote(part["@id"]) for part in entities["./"]["hasPart"]}
    names = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()} - {METADATA}
    folders = tuple(part for part in parts if part.endswith("/"))
    assert {name for name in names if not name.startswith(folders)} <= parts
    assert all((unpacked / part).exists() for part in parts)
    for part in parts - set(folders):
        content = (unpacked / part).read_bytes()
        assert entities[part]["sha256"] == hashlib.sha256(content).hexdigest()
        assert entities[part]["contentSize"] == str(len(content))

    def references(value):
        if isinstance(value, list):
            return {name for one in value for name in references(one)}
        return {value["@id"]} if isinstance(value, dict) else set()

    named = {name for entity in entities.values() for value in entity.values() for name in references(value)}
    assert named - set(entities) == {"https://w3id.org/ro/crate/1.1"}


def test_the_crate_has_an_action_for_every_record(root, unpacked):
    crate = json.loads((unpacked / METADATA).read_text())
    actions = {entity["@id"]: entity for entity in crate["@graph"] if entity["@type"] == "CreateAction"}
    records = {f"#{path.relative_to(root).as_posix()}": read(path) for path in paths(root / "results/small")}
    assert set(actions) == set(records)
    for name, record in records.items():
        assert actions[name]["startTime"] == record.content["start"]
        assert actions[name]["endTime"] == record.content["end"]
    table = actions["#results/small/provenance/tables/comparison.json"]
    assert [one["@id"] for one in table["result"]] == [
        f"results/small/tables/comparison.{end}" for end in ("csv", "md", "tex")
    ]
    (outcomes,) = (one for one in crate["@graph"] if one["@id"] == table["object"]["@id"])
    assert outcomes["identifier"] == digest(
        root / "results/small/runs/synthetic/temporal/regression/fse/outcomes.parquet"
    )
    assert outcomes["@type"] == "CreativeWork"  # not a file of the crate


def test_the_archive_can_be_archived_again(root, unpacked, tmp_path):
    """Without git the same source is found."""
    assert set(source_files(unpacked)) == set(source_files(ROOT))
    (unpacked / "src/autoemb/__pycache__").mkdir()
    (unpacked / "src/autoemb/__pycache__/x.pyc").write_bytes(b"")
    try:
        assert set(source_files(unpacked)) == set(source_files(ROOT))
    finally:
        shutil.rmtree(unpacked / "src/autoemb/__pycache__")


def test_a_persons_ratings_stay_out_of_the_source(tmp_path):
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "config").mkdir()
    for name in ("own.yaml", "tracked.csv", "untracked.csv"):
        (tmp_path / "config" / name).write_text(name)
    named = [(tmp_path / "config/tracked.csv").resolve()]
    assert {"config/own.yaml", "config/untracked.csv"} <= set(source_files(tmp_path, named))  # no git: all but those
    assert "config/tracked.csv" not in source_files(tmp_path, named)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "add", "config/tracked.csv", *FILES], cwd=tmp_path, check=True)
    assert set(source_files(tmp_path, named)) == {*FILES, "config/own.yaml"}


def test_other_problems_are_one_clear_line(root, tmp_path, capsys):
    with pytest.raises(InputError, match=r"Snakefile: no such file; expected a checkout"):
        source_files(tmp_path)
    with pytest.raises(InputError, match=r"config.json: .*; expected what the workflow leaves: run it first"):
        bundle.read_config(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(InputError, match=r"config.json: holds list; expected a JSON object"):
        bundle.read_config(tmp_path)
    assert main(["bundle", str(tmp_path)]) == 2
    assert "has no records" in capsys.readouterr().err
    shutil.copytree(root / "results/small", tmp_path / "results/small")
    shutil.rmtree(tmp_path / "results/small/tables")
    assert main(["bundle", str(tmp_path / "results/small")]) == 2
    assert "results/small: has no tables that a record names; run the workflow first" in capsys.readouterr().err
    assert not list(tmp_path.rglob("autoemb-*.zip"))


def test_what_no_longer_matches_is_warned_of(root, tmp_path, capsys):
    shutil.copytree(root / "results/small", tmp_path / "results/small")
    for name in ("comparison", "stream"):
        (tmp_path / f"results/small/tables/{name}.csv").write_text("a\n1\n")
    (tmp_path / "results/small/tables/ratings.csv").write_text("userId,itemId,rating\n")
    assert main(["bundle", str(tmp_path / "results/small")]) == 0
    out, error = capsys.readouterr()
    with zipfile.ZipFile(out.strip()) as archive:
        assert "results/small/tables/ratings.csv" not in archive.namelist()
    assert error.startswith("autoemb bundle: warning: ")
    assert "comparison.csv: has changed since" in error
    assert "and 2 more; autoemb verify has all" in error


@pytest.mark.parametrize(
    ("commit", "name"),
    [("0123456789abcdef" * 2 + "01234567", "0123456789ab"), ("0123456789abcdef0123-dirty", "0123456789ab-dirty")],
)
def test_it_is_named_after_the_commit(commit, name):
    assert bundle.label(commit) == name
    assert bundle.label(None) == "0.1.0"


def test_unpacked_elsewhere_it_makes_the_same_tables(tmp_path):
    """The workflow, its archive, and the archive's own script: every table and figure has the same bytes."""
    first, again = tmp_path / "first", tmp_path / "elsewhere"
    first.mkdir()
    (first / "small.yaml").write_text(yaml.safe_dump(CONFIG))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CORES": "2", "PYTHON": sys.executable}
    environment["PYTHONPATH"] = str(ROOT / "src")
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", first]
    snakemake += ["--configfile", first / "small.yaml", "--cores", "2"]

    def run(*words: object) -> str:
        told = subprocess.run([*map(str, words)], env=environment, capture_output=True, text=True, check=False)
        assert told.returncode == 0, (told.stdout + told.stderr)[-5000:]
        return told.stdout

    run(*snakemake, *TARGETS, "results/small/config.json")
    assert "Nothing to be done" in run(*snakemake, *TARGETS, "results/small/config.json", "--dry-run")
    assert main(["verify", "--quiet", str(first / "results/small")]) == 0
    run(sys.executable, "-m", "autoemb.cli", "bundle", first / "results/small", "--out", tmp_path / "archive.zip")
    shutil.rmtree(first)
    with zipfile.ZipFile(tmp_path / "archive.zip") as archive:
        archive.extractall(again)
    del environment["PYTHONPATH"]  # the script takes the archive's own source
    told = run("bash", again / "rerun.sh", "--here", *TARGETS)
    assert told.splitlines()[-1] == "12 tables are the same, 0 differ"
    for folder, number in (("tables", 12), ("figures", 3)):
        ours = {path.name: path.read_bytes() for path in (again / "results/small" / folder).iterdir()}
        assert len(ours) == number
        assert ours == {path.name: path.read_bytes() for path in (again / "rerun/results/small" / folder).iterdir()}
    code = read(again / "rerun/results/small/provenance/tables/stream.json").content
    assert code["commit"] is None  # not the one of the checkout that we stand in
    (again / TABLES[0]).write_text("other\n")
    told = subprocess.run(
        ["bash", again / "rerun.sh", "--here", *TARGETS], env=environment, capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert f"{TABLES[0]}: differs from rerun/{TABLES[0]}" in told.stdout
