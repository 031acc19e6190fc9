"""``autoemb trace``: from a table back to the archive, over the records."""

import json
import shutil

import pytest

from autoemb.cli import main
from tests.small_results import make


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make(tmp_path_factory.mktemp("trace")) / "results/small"


def test_a_table_leads_back_to_the_archive(results, capsys):
    assert main(["trace", str(results / "tables/comparison.md"), str(results)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        str(results / path)
        for path in (
            "provenance/tables/comparison.json",
            "runs/synthetic/temporal/regression/fse/run.json",
            "provenance/streams/synthetic/temporal.json",
            "provenance/interactions/synthetic.json",
        )
    ]
    assert any(line.startswith("    config ") and '"learning_rate": 0.001' in line for line in lines)
    assert any(line.startswith(f"    used     {results / 'archives/synthetic'} (sha256 ") for line in lines)
    assert sum(line.startswith("    ran  ") and line.endswith(" on cpu") for line in lines) == 4


def test_a_file_is_known_by_its_content(results, tmp_path, capsys):
    shutil.copy(results / "tables/stream.csv", tmp_path / "in-a-paper.csv")
    assert main(["trace", str(tmp_path / "in-a-paper.csv"), str(results)]) == 0
    assert capsys.readouterr().out.startswith(f"{results / 'provenance/tables/stream.json'}\n")
    with (tmp_path / "in-a-paper.csv").open("a") as file:
        file.write("one row more\n")
    assert main(["trace", str(tmp_path / "in-a-paper.csv"), str(results)]) == 2
    assert "in-a-paper.csv: no record in" in capsys.readouterr().err
    assert main(["trace", str(tmp_path / "none.csv"), str(results)]) == 2
    assert "none.csv: no such file" in capsys.readouterr().err


def test_of_two_jobs_that_made_the_same_bytes_the_one_that_names_the_file_is_meant(results, tmp_path, capsys):
    shutil.copytree(results, tmp_path / "results/small")
    table, record = (tmp_path / "results/small" / folder for folder in ("tables", "provenance/tables"))
    for name in ("another", "zoo"):  # one comes before comparison.json, one after
        shutil.copy(table / "comparison.csv", table / f"{name}.csv")
        content = json.loads((record / "comparison.json").read_text())
        (sha,) = (sha for path, sha in content["generated"].items() if path.endswith("comparison.csv"))
        (record / f"{name}.json").write_text(json.dumps({**content, "generated": {f"../../tables/{name}.csv": sha}}))
    for name in ("another", "comparison", "zoo"):
        file = table / ".." / "tables" / f"{name}.csv"
        assert main(["trace", str(file), str(tmp_path / "results/small")]) == 0
        assert capsys.readouterr().out.startswith(f"{record / name}.json\n")
