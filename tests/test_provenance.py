"""Records: every verb leaves one that is true, and the same job has the same identity and the same outputs."""

import json
import re
import subprocess
import sys
from contextlib import nullcontext
from datetime import UTC, datetime

import pytest
from matplotlib.figure import Figure

from autoemb.analysis import plots
from autoemb.analysis.plots.style import POINTER
from autoemb.artifact.dependencies import PACKAGE, imports_of_notebook
from autoemb.artifact.files import digest
from autoemb.artifact.record import Alone, Claim, identity, peak, recorded
from autoemb.artifact.verify import paths, read
from autoemb.errors import InputError
from tests.small_results import make


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Results of every verb that keeps a record."""
    return make(tmp_path_factory.mktemp("provenance"))


def test_every_output_has_a_record_of_how_it_was_made(root):
    results = root / "results/small"
    records = [read(path) for path in paths(results)]
    named = {path for record in records for path in record.generated}
    others = {path for path in results.rglob("*") if path.is_file()} - named - {record.path for record in records}
    assert others == {results / "archives/synthetic", results / "config.json"}
    for record in records:
        assert all(digest(path) == sha for path, sha in {**record.used, **record.generated}.items())
        assert record.content["code"]["artifact/record.py"] == digest(PACKAGE / "artifact/record.py")
        assert record.content["packages"]["pandas"]
        assert record.content["device"] == "cpu"
        start, end = (datetime.fromisoformat(record.content[key]) for key in ("start", "end"))
        assert start <= end <= datetime.now(UTC)
        assert record.content["peak_mib"] > 10


def test_records_have_the_resolved_settings(root):
    def config(name):
        return read(root / "results/small" / name).content["config"]

    assert config("provenance/interactions/synthetic.json")["settings"]["signal"] > 0
    assert config("provenance/streams/synthetic/temporal.json")["stream"]["test"] == 0.25
    assert config("provenance/levels/synthetic/user/splits/0.json")["levels"]["test_share"] == 0.2
    level = config("provenance/levels/synthetic/user/regression/size-2.json")
    assert (level["model"]["size"], level["model"]["start"], level["run"]["dtype"]) == (2, "normal", "float32")
    assert config("runs/synthetic/temporal/regression/fse/run.json")["settings"]["learning_rate"] == 1e-3
    table = {"table": "comparison", "restarting": [], "permuted": [], "batch_size": 500}
    assert config("provenance/tables/comparison.json") == table


def test_the_same_job_elsewhere_has_the_same_identity_and_outputs(root, tmp_path):
    again = make(tmp_path)
    for path in paths(root / "results/small"):
        one, two = read(path), read(again / path.relative_to(root))
        assert one.content["identity"] == two.content["identity"]
        assert one.content["generated"] == two.content["generated"]


def test_identity_follows_settings_code_versions_and_inputs():
    made = {"config": {"a": 1}, "code": {"x.py": "1"}, "packages": {"numpy": "1"}}
    first = identity(made, {"in": "1", "also": "2"})
    assert identity({**made, "commit": "other"}, {"moved/in": "1", "also": "2"}) == first
    for key in made:
        assert identity({**made, key: {"other": "1"}}, {"in": "1", "also": "2"}) != first
    assert identity(made, {"in": "3", "also": "2"}) != first


def test_without_a_path_there_is_no_record(tmp_path):
    with recorded(None, {}, [], [], []) as own:
        assert own == ""
    assert list(tmp_path.iterdir()) == []


def test_a_job_that_fails_leaves_no_record(tmp_path):
    with pytest.raises(ZeroDivisionError), recorded(tmp_path / "record.json", {}, [], [], []):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_peak_is_that_of_this_process_not_of_its_parent():
    program = "from autoemb.artifact.record import peak; print(peak())"
    big = f"import subprocess, sys; held = b'x' * 600_000_000; subprocess.run([sys.executable, '-c', {program!r}])"
    told = subprocess.run([sys.executable, "-c", big], capture_output=True, text=True, check=True)
    assert 10 < float(told.stdout) < 400


def test_peak_without_the_kernels_mark_is_that_of_getrusage(tmp_path):
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t  2048 kB\n")
    assert peak(tmp_path / "status") == 2
    assert peak(tmp_path / "none") > 10


def test_figures_name_the_job_and_no_time(tmp_path, monkeypatch):
    def files(folder):
        figure = Figure()
        figure.subplots().plot([1, 2])
        plots.save(figure, tmp_path / folder / "figure")
        return [(tmp_path / folder / f"figure.{end}").read_bytes() for end in ("pdf", "svg", "png")]

    plain = files("plain")
    monkeypatch.setenv(POINTER, "1234abcd")
    named = files("named")
    assert named == files("again")
    assert all(b"made as 1234abcd" in content for content in named)
    assert not any(b"made as" in content for content in plain)
    assert not any(re.search(rb"\b20\d\d-\d\d-\d\d|D:20\d\d", content) for content in named)


def test_a_records_notebook_names_what_it_imports(tmp_path):
    cells = [
        {"cell_type": "code", "source": ["import json\n", "from autoemb.analysis import plots"]},
        {"cell_type": "markdown", "source": ["import nothing"]},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    assert imports_of_notebook(tmp_path / "a.ipynb") == ["autoemb.analysis", "autoemb.analysis.plots", "json"]


@pytest.mark.parametrize(
    ("theirs", "yields"),
    [
        (None, False),
        (Claim("other", 6), False),
        (Claim("other", 7), True),
        (Claim("other", 8), True),
        (Claim("ours", 6), False),
        (Claim("ours", 8), False),
    ],
)
def test_the_newer_of_two_jobs_wins(theirs, yields):
    assert Claim("ours", 7).yields_to(theirs) == yields


def test_a_record_of_a_job_that_began_later_is_noticed(tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"identity": "other", "start": "2999-01-01T00:00:00+00:00"}))
    alone = Alone(path)
    alone.check("ours")  # it stood there before
    for identity_there, start, refused in (
        ("other", "2000-01-01T00:00:00+00:00", False),
        ("ours", "2999-01-01T00:00:01+00:00", False),
        ("other", "2999-01-01T00:00:01+00:00", True),
    ):
        path.write_text(json.dumps({"identity": identity_there, "start": start}))
        with pytest.raises(InputError, match=r"run\.json: written by another run") if refused else nullcontext():
            alone.check("ours")
