"""docs/data.md says what the data sets declare."""

from pathlib import Path

import pytest

from autoemb.data import datasets

PAGE = (Path(__file__).parents[1] / "docs" / "data.md").read_text()


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
