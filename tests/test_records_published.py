"""The published records: their pages say what their tables say, and show figures that are there."""

import importlib.util
import re
from pathlib import Path

import pytest

PUBLISHED = Path(__file__).parents[1] / "results" / "published"
spec = importlib.util.spec_from_file_location("record", PUBLISHED / "record.py")
record = importlib.util.module_from_spec(spec)
spec.loader.exec_module(record)


@pytest.fixture(params=sorted(path.parent for path in PUBLISHED.glob("*/about.md")), ids=lambda path: path.name)
def folder(request):
    """A record."""
    return request.param


def test_the_page_is_that_of_its_tables(folder):
    readme = (folder / "README.md").read_text()
    made = readme.splitlines()[2]
    assert re.match(r"\d+ runs in [\d,]+ core-minutes, on cpu; Python 3\.", made)
    assert record.page(folder, (folder / "about.md").read_text(), made) == readme


def test_its_figures_are_there_and_no_others(folder):
    shown = re.findall(r"\]\((figures/[^)]+)\)", (folder / "README.md").read_text())
    assert sorted(shown) == sorted(f"figures/{file.name}" for file in (folder / "figures").iterdir())
    assert len(shown) == 7 + (folder / "tables" / "verdicts.csv").exists()


def test_a_record_is_what_the_page_reads_and_shows(folder, tmp_path):
    (tmp_path / "about.md").write_text("# Title\n\nwords\n")
    run = tmp_path / "results/runs/run.json"
    run.parent.mkdir(parents=True)
    run.write_text('{"seconds": 90, "python": "3", "commit": "0123456789a", "device": "cpu", "packages": '
                   '{"numpy": "1", "pandas": "2", "torch": "3"}}')  # fmt: skip
    for part in ("tables", "figures"):
        (tmp_path / "results" / part).symlink_to(folder / part)
    record.publish(tmp_path / "results", tmp_path)
    lines = (tmp_path / "README.md").read_text().splitlines()
    assert lines[0] == "# Title"
    assert lines[2] == "1 runs in 2 core-minutes, on cpu; Python 3, numpy 1, pandas 2, torch 3; commits `0123456789`."
    for part in ("tables", "figures"):
        assert {file.name for file in (tmp_path / part).iterdir()} == {file.name for file in (folder / part).iterdir()}
