"""Mask: the size of an id is a function of its count, and what is masked is not learnt."""

import pytest
import torch
from pydantic import ValidationError

from autoemb.config import RunConfig
from autoemb.data.columns import columns_of, shape_of
from autoemb.learning.methods import fse, mask
from autoemb.learning.prequential import Run
from tests.contracts.bench import small_stream

SHAPE_OF = {"task": "regression", "classes": 5}


def made(frame, config, seeds=(0, 1)):
    method = {mask.Config: mask, fse.Config: fse}[type(config)].Model
    return method(config, shape_of(frame, "regression", 5), seeds, torch.float64, "cpu")


def through(frame, method, batch_size=20):
    """The method after the stream, and its weights of every batch (S, 2, K, B) with the batch."""
    plan = method.plan(columns_of(frame, "regression"), batch_size)
    seen = [(batch, method.step(batch).prediction) for chunk in plan.chunks() for batch in chunk]
    method.flush()
    return seen


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"sizes": (2, 16, 128)}, [(0, 2), (10, 16), (100, 128)]),
        ({"sizes": (0, 8), "from_ratings": (0, 3)}, [(0, 0), (3, 8)]),
        ({"sizes": (4,)}, [(0, 4)]),
        ({"sizes": (2, 8, 16), "rule": "power", "exponent": 1.0, "full_at": 16}, [(0, 2), (3, 8), (9, 16)]),
        ({"sizes": (0, 1), "rule": "power", "exponent": 0.3, "full_at": 5}, [(0, 0), (1, 1)]),
    ],
)
def test_the_size_follows_from_the_count(settings, expected):
    assert mask.Config(**settings).steps(0) == expected


def test_items_may_have_other_sizes():
    config = mask.Config(sizes=(2, 8), from_ratings=(0, 5), item_sizes=(4,))
    assert (config.steps(0), config.steps(1)) == ([(0, 2), (5, 8)], [(0, 4)])
    assert mask.Config(sizes=(2, 8), from_ratings=(0, 5), item_from_ratings=(0, 7)).steps(1) == [(0, 2), (7, 8)]
    assert mask.Config(sizes=(2, 8), from_ratings=(0, 5)).steps(1) == [(0, 2), (5, 8)]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"sizes": [16, 2]}, "expected ascending"),
        ({"from_ratings": [0, 5]}, r"from_ratings \[0, 5\]: expected one number for each of the sizes"),
        ({"from_ratings": [1, 5, 9]}, "from 0 on"),
        ({"item_sizes": [2, 4], "item_from_ratings": [0]}, "item_from_ratings"),
        ({"rule": "power", "from_ratings": [0, 5, 9]}, "expected none with rule 'power'"),
        ({"sizes": [0]}, "expected a size from 1"),
    ],
)
def test_settings_that_make_no_rule_are_refused(settings, expected):
    with pytest.raises(ValidationError, match=expected):
        mask.Config.model_validate({key: tuple(v) if isinstance(v, list) else v for key, v in settings.items()})


def test_what_is_masked_stays_at_its_start_and_sizes_are_those_of_the_counts_before():
    frame = small_stream(600, 40, 30)
    config = mask.Config(sizes=(0, 2, 6), from_ratings=(0, 4, 15), hidden=8)
    method = made(frame, config)
    start = method.tables["candidates"].values().clone()
    seen = through(frame, method)
    counts = {0: {}, 1: {}}
    users = method.shape.users
    for batch, prediction in seen:
        ids = batch.lookups["id"].rows[batch.lookups["id"].inverse].reshape(2, -1)
        for side in (0, 1):
            for place, key in enumerate(ids[side].tolist()):
                n = counts[side].get(key, 0)
                expected = [n < 4, 4 <= n < 15, n >= 15]
                assert prediction.weights[0, side, :, place].bool().tolist() == expected
            for key in ids[side].tolist():
                counts[side][key] = counts[side].get(key, 0) + 1
    moved = (method.tables["candidates"].values() != start).any(0)  # (V, D)
    for side in (0, 1):
        for key, n in counts[side].items():
            earned = 0 if n <= 4 else 2 if n <= 15 else 6  # an id that has just earned more may not have come again
            assert not moved[key, earned:].any()
    held = method.held(
        *(torch.unique(torch.tensor([k - users * side for k in counts[side]])).numpy() for side in (0, 1))
    )
    for side in (0, 1):
        sizes = [sum(n < 4 for n in counts[side].values()), sum(4 <= n < 15 for n in counts[side].values())]
        assert held[0, side, :2].tolist() == sizes
    assert held.sum(2)[0].tolist() == [len(counts[0]), len(counts[1])]


@pytest.mark.parametrize("settings", [{"sizes": (6,)}, {"sizes": (1, 6), "from_ratings": (0, 1), "item_sizes": (6,)}])
def test_one_size_is_the_fixed_size_and_others_differ(settings):
    frame = small_stream(300, 20, 15)
    fixed = Run(
        made(frame, fse.Config(size=6, hidden=8)), columns_of(frame, "regression"), RunConfig(seeds=2, **SHAPE_OF)
    )
    masked = Run(
        made(frame, mask.Config(hidden=8, **settings)), columns_of(frame, "regression"), RunConfig(seeds=2, **SHAPE_OF)
    )
    for run in (fixed, masked):
        assert list(run.advance())
    assert torch.equal(fixed.recorder.sums[..., 0], masked.recorder.sums[..., 0]) == (settings == {"sizes": (6,)})
