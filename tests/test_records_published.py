"""The published records: made again from their outcomes they are the same, and README says what they say."""

import importlib.util
import re
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "results" / "published"
sys.path.insert(0, str(PUBLISHED))  # record.py imports findings.py, as when it is run
spec = importlib.util.spec_from_file_location("record", PUBLISHED / "record.py")
record = importlib.util.module_from_spec(spec)
spec.loader.exec_module(record)
sys.path.remove(str(PUBLISHED))
RECORDS = sorted(path.parent for path in PUBLISHED.glob("*/outcomes"))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_there_are_records():
    assert "parity" in [folder.name for folder in RECORDS]
    assert [path.parent for path in sorted(PUBLISHED.glob("*/about.md"))] == RECORDS


@pytest.fixture(params=RECORDS, ids=lambda path: path.name)
def folder(request):
    """A record."""
    return request.param


def test_one_made_again_is_the_same_to_the_byte(tmp_path):
    again = tmp_path / "parity"
    shutil.copytree(PUBLISHED / "parity", again)
    for made in ("tables", "figures"):
        shutil.rmtree(again / made)
    (again / "README.md").unlink()
    record.publish(again)
    assert files(again) == files(PUBLISHED / "parity")


def test_the_page_is_that_of_its_tables(folder):
    tables = record.read_tables(folder)
    runs = record.outcomes.read(folder / "outcomes").documents["runs"]
    readme = (folder / "README.md").read_text()
    assert record.page(folder, tables, runs) == readme
    assert re.match(r"\d+ training jobs in [\d,]+ core-minutes on the CPU[,;] .*Python 3\.", readme.splitlines()[2])


def test_its_figures_are_there_and_no_others(folder):
    shown = re.findall(r"\]\((figures/[^)]+)\)", (folder / "README.md").read_text())
    assert sorted(shown) == sorted(f"figures/{file.name}" for file in (folder / "figures").iterdir())
    assert shown


def test_its_outcomes_are_small_and_hold_no_rating(folder):
    """Sums only: a file of interactions has a row for each."""
    assert sum(path.stat().st_size for path in (folder / "outcomes").iterdir()) < 20e6
    for path in (folder / "outcomes").glob("*.parquet"):
        assert not {"item", "rating", "timestamp"} & set(pd.read_parquet(path).columns)


@pytest.mark.parametrize(("page", "said"), [("README.md", "text"), ("docs/review.md", "review")])
def test_pages_say_what_the_records_say(page, said, tmp_path):
    copy = tmp_path / "page.md"
    shutil.copy(ROOT / page, copy)
    record.findings.fill(copy, getattr(record.findings, said)(PUBLISHED))
    assert copy.read_text() == (ROOT / page).read_text()


def test_a_readme_without_a_place_for_them_is_refused(tmp_path):
    (tmp_path / "README.md").write_text("# no place\n")
    with pytest.raises(SystemExit, match="has no place for the findings"):
        record.findings.fill(tmp_path / "README.md", "words")
