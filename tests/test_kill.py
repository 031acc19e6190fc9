"""``tests.kill``, briefly: `make test-kill` does more of it."""

import random

import pytest

from .kill import attack_runs, attack_workflow
from .test_workflow import SMALL

FEW = {
    "seeds": 1,
    "streams": {"temporal": {"order": "temporal"}},
    "methods": {"autoemb": {**SMALL, "controller_hidden": 8}},
    "levels": {"sizes": [2], "at": [2]},
}


@pytest.fixture
def dice():
    return random.Random(0)


def test_runs_that_are_killed_end_with_the_same_bytes(tmp_path, dice):
    assert attack_runs(tmp_path, 3, ["autoemb"], 5_000, dice).startswith("3 kills")


def test_a_workflow_that_is_killed_ends_with_the_same_bytes(tmp_path, dice):
    target = ("results/config/runs/mine/temporal/regression/autoemb/outcomes.parquet",)
    assert attack_workflow(tmp_path / "dag", 1, dice, FEW, target, share=0.5).startswith("1 kill")
