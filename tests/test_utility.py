"""Utility: the ids that hold an embedding are those that are used most now, never more than the budget pays."""

import pytest
import torch
from pydantic import ValidationError

from autoemb.config import RunConfig
from autoemb.data.columns import columns_of, shape_of
from autoemb.errors import InputError
from autoemb.learning.methods import fse, utility
from autoemb.learning.prequential import Run
from tests.contracts.bench import small_stream


def made(frame, config, seeds=(0, 1), module=utility):
    return module.Model(config, shape_of(frame, "regression", 5), seeds, torch.float64, "cpu")


def batches(frame, method, batch_size=20):
    plan = method.plan(columns_of(frame, "regression"), batch_size)
    return (batch for chunk in plan.chunks() for batch in chunk)


@pytest.mark.parametrize(
    ("settings", "ids", "room"),
    [
        ({"size": 128, "budget": 0.25}, 100, 25),
        ({"size": 128, "budget": 1}, 100, 100),
        ({"size": 128, "budget": 1 / 3}, 3, 1),
        ({"size": 10, "evicted_size": 2, "budget": 0.6}, 8, 4),  # 4 of 10 and 4 of 2 are 48 = .6 x 80
        ({"size": 128, "budget": 0.01}, 50, 0),
    ],
)
def test_the_room_is_what_the_budget_pays(settings, ids, room):
    assert utility.Config(**settings).room(ids) == room


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"budget": 0}, "greater than 0"),
        ({"budget": 1.1}, "less than or equal to 1"),
        ({"size": 8, "evicted_size": 8}, "evicted_size 8: expected less than size, 8"),
        ({"size": 8, "evicted_size": 2, "budget": 0.25}, "2 numbers for every id: expected more than evicted_size, 2"),
    ],
)
def test_settings_without_room_are_refused(settings, expected):
    with pytest.raises(ValidationError, match=expected):
        utility.Config.model_validate(settings)


def test_a_budget_that_holds_no_id_is_refused():
    frame = small_stream(100, 12, 8)
    with pytest.raises(InputError, match=r"budget = 0\.01: holds no embedding of \d+ ids; expected a larger one"):
        made(frame, utility.Config(budget=0.01))


def test_the_budget_is_never_exceeded_and_rows_that_come_back_begin_anew():
    frame = small_stream(1200, 40, 30)
    config = utility.Config(size=6, evicted_size=2, budget=0.5, half_life=2, hidden=8)
    method = made(frame, config)
    users, items = method.shape.users, method.shape.items
    start, ids, room = method.start.clone(), users + items, config.room(users + items)
    assert room < ids // 3
    lost = torch.zeros(2, ids + 1, dtype=torch.bool)
    returned = 0
    for batch in batches(frame, method):
        holds = method.memory[:, :, 1] > 0
        assert (holds[:, :-1].sum(1) <= room).all()
        rows = batch.lookups["id"].rows
        packed, _ = method.gather(batch)
        for seed in range(2):
            for place, row in enumerate(rows.tolist()):
                if row < ids and lost[seed, row]:  # until its first batch with an embedding again
                    assert torch.equal(packed["candidates"][seed, place, 0, 2:], start[seed, row, 2:])
                    assert not packed["candidates"][seed, place, 1:, 2:].any()
                    returned += int(holds[seed, row])
                    lost[seed, row] = not holds[seed, row]
        method.step(batch)
        lost |= holds & (method.memory[:, :, 1] == 0)
    assert returned > 10
    held = method.held(torch.arange(users).numpy(), torch.arange(items).numpy())
    assert held.sum(2).tolist() == [[users, items]] * 2
    assert (held[:, :, 1].sum(1) <= room).all()


def test_those_hold_that_are_used_most_and_latest():
    frame = small_stream(1200, 40, 30)
    config = utility.Config(size=6, budget=0.3, half_life=10**6, hidden=8)
    method = made(frame, config, seeds=(0,))
    counts = torch.zeros(method.shape.users + method.shape.items)
    for batch in batches(frame, method):
        ids = batch.lookups["id"]
        counts += torch.bincount(ids.rows[ids.inverse], minlength=len(counts))[: len(counts)]
        method.step(batch)
    holds = method.memory[0, :-1, 1] > 0
    assert counts[holds].mean() > 2 * counts[~holds].mean()
    # with a short half-life, an id that was not in the last batches holds nothing, however often it was there before
    method = made(frame, config.model_copy(update={"half_life": 1}), seeds=(0,))
    seen = [set[int]()]
    for batch in batches(frame, method):
        seen.append(set(batch.lookups["id"].rows.tolist()))
        method.step(batch)
    assert set(torch.nonzero(method.memory[0, :-1, 1]).flatten().tolist()) <= set.union(*seen[-4:])


def test_a_budget_for_all_is_the_fixed_size():
    frame = small_stream(300, 20, 15)
    columns, config = columns_of(frame, "regression"), RunConfig(task="regression", classes=5, seeds=2)
    ours = Run(made(frame, utility.Config(size=6, budget=1, hidden=8)), columns, config)
    theirs = Run(made(frame, fse.Config(size=6, hidden=8), module=fse), columns, config)
    for run in (ours, theirs):
        assert list(run.advance())
    assert torch.equal(ours.recorder.sums[..., 0], theirs.recorder.sums[..., 0])
    assert torch.equal(ours.recorder.held[..., 1], theirs.recorder.held[..., 0])


def test_the_first_that_come_have_the_room_that_is_left():
    frame = small_stream(300, 40, 30)
    method = made(frame, utility.Config(size=6, budget=0.2, hidden=8), seeds=(0,))
    batch = next(batches(frame, method))
    weights = method.step(batch).prediction.weights[0, :, 1]  # (2, B)
    ids = batch.lookups["id"]
    turns = ids.rows[ids.inverse].reshape(2, -1).T.flatten().tolist()  # user, item, user, item
    first = list(dict.fromkeys(turns))[: method.room]
    assert len(set(turns)) > method.room
    assert weights.T.flatten().tolist() == [float(turn in first) for turn in turns]
