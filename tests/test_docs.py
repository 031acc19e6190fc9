"""docs/data.md says what the data sets declare, CONTRIBUTING shows the method that there is, links lead somewhere."""

import re
from pathlib import Path

import pytest

from autoemb.data import datasets

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "data.md").read_text()


@pytest.mark.parametrize("name", datasets.names())
def test_data_page_has_every_declaration(name):
    dataset = datasets.find(name)
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
    counts = dataset.expected or ()
    expected = [f"{count:,}" for count in counts if count is not None]
    expected += [text for text in (dataset.url, dataset.archive_md5, dataset.ratings_md5) if text]
    assert [text for text in expected if text not in row] == []
    assert dataset.paper is None or f"{dataset.paper.items:,}" in PAGE
    if expected:
        assert dataset.citation.partition(". ")[0] in PAGE


def test_the_worked_example_is_the_method():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    method = (ROOT / "src/autoemb/learning/methods/mf.py").read_text()
    block = page.partition("```python\n")[2].partition("```")[0]
    lines = [line.partition("  # ")[0].rstrip() for line in block.splitlines() if line.strip()]
    own = {line.partition("  # ")[0].rstrip() for line in method.splitlines()}
    assert len(lines) > 20
    assert [line for line in lines if line not in own] == []
    for file, lines_told in re.findall(r"\]\(([^)]*/mf\.py)\), (\d+) lines", page):
        assert len((ROOT / file).read_text().splitlines()) == int(lines_told)
    assert page.count("/mf.py)") == 2


PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("config/*.md"), *ROOT.glob("results/published/*/*.md")]


@pytest.mark.parametrize("page", sorted(PAGES), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_that_there_are(page):
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []
    paths = re.findall(r"`((?:src|tests|workflow|config|docs|notebooks|benchmarks)/[\w./-]+)`", page.read_text())
    assert [path for path in paths if not (ROOT / path).exists()] == []
