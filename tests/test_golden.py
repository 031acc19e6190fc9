"""Numbers of every method on shipped ratings, as a commit last meant them to be."""

import json

import pytest

from autoemb.learning import methods
from autoemb.schema import TASKS

from .make_golden import NUMBERS, measure, stream


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    return stream(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", methods.names())
def test_numbers_are_as_they_were(frame, method, task):
    numbers = json.loads(NUMBERS.read_text())
    if method not in numbers:
        pytest.skip(f"no golden numbers of {method} yet: python -m tests.make_golden {method} adds them")
    golden = numbers[method][task]
    assert measure(frame, method, task) == pytest.approx(golden, rel=1e-6)
