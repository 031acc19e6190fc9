"""What the tests on clusters compare with (``tests.runs``): a comparison of nothing is no comparison."""

import re

import pytest

from .runs import RESULTS, compare, lacking

TABLE, RUN = "results/grid/tables/a.csv", "results/grid/runs/a/outcomes.parquet"


@pytest.fixture
def folders(tmp_path):
    """Two runs of one grid, without ablation and splits by popularity level."""
    for name in ("one", "other"):
        for file in (TABLE, RUN, "results/grid/figures/a.svg"):
            (tmp_path / name / file).parent.mkdir(parents=True)
            (tmp_path / name / file).write_text(file)
    return tmp_path / "one", tmp_path / "other"


@pytest.mark.parametrize(
    ("config", "targets", "expected"),
    [
        ({}, (), RESULTS[3:]),
        ({"levels": {"sizes": [2]}}, (), RESULTS[3:4]),
        ({"levels": {"sizes": [2]}, "ablation": {}}, (), ()),
        ({}, ("tables", RUN), (RESULTS[1], *RESULTS[3:])),
    ],
)
def test_a_small_grid_lacks_what_its_config_or_targets_leave_out(config, targets, expected):
    assert lacking(config, targets) == expected


def test_what_has_to_be_there_must_be_there(folders, capsys):
    compare(*folders, *RESULTS, may_lack=lacking({}))
    assert capsys.readouterr().out.count("are the same") == len(RESULTS)
    with pytest.raises(AssertionError, match=re.escape(f"has no {RESULTS[4]}")):
        compare(*folders, *RESULTS, may_lack=RESULTS[3:4])
    with pytest.raises(AssertionError, match="nothing that has to be there"):
        compare(*folders, *RESULTS, may_lack=RESULTS)
    for folder in folders:
        (folder / RUN).unlink()
    with pytest.raises(AssertionError, match=re.escape(f"has no {RESULTS[2]}")):
        compare(*folders, *RESULTS, may_lack=lacking({}))


def test_what_differs_or_is_there_once_is_named(folders):
    one, other = folders
    (one / TABLE).write_text("other")
    with pytest.raises(AssertionError, match=f"differ: {TABLE}"):
        compare(one, other, RESULTS[0])
    (one / TABLE).unlink()
    with pytest.raises(AssertionError, match=TABLE):
        compare(one, other, RESULTS[0])
