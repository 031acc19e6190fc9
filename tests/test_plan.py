"""A plan and its clock: one is under way at a time, steps go on from plan to plan, and counts never restart."""

import numpy as np
import pytest
import torch

from autoemb.data.columns import columns_of

from .contracts.bench import make, predictions, shape_of, small_stream
from .contracts.variants import small

BATCH = 32


def method_of(name, frame, **settings):
    return make((name, {**small(name), **settings}), shape_of(frame, "regression", 5), range(2))


def test_a_second_plan_cannot_begin_while_one_is_under_way():
    frame = small_stream()
    method, columns = method_of("autoemb", frame), columns_of(frame, "regression")
    first = method.plan(columns, BATCH, chunk=2).chunks()
    next(first)
    with pytest.raises(RuntimeError, match="a plan that learns is under way"):
        next(method.plan(columns, BATCH).chunks())
    with pytest.raises(RuntimeError, match="a plan that learns is under way"):
        method.flush()
    list(first)
    method.flush()
    assert next(method.plan(columns, BATCH).chunks())


@pytest.mark.parametrize("name", ["fse", "autoemb", "darts"])
def test_two_plans_one_after_the_other_are_one_over_both_parts(name):
    frame = small_stream()
    columns = columns_of(frame, "regression")
    assert len(columns.parts) == 2
    together = torch.cat([each.logits for each in predictions(method_of(name, frame), frame, "regression")], dim=2)
    method, apart = method_of(name, frame), []
    for part in columns.parts:
        for chunk in method.plan(columns._replace(parts=[part]), BATCH).chunks():
            apart += [method.step(batch).prediction.logits for batch in chunk]
    assert torch.equal(torch.cat(apart, dim=2), together)


def counted(frame, side, rows, before):
    """How often each row's id stands among the first ``before`` interactions."""
    ids = frame[side].to_numpy()
    return [int((ids[:before] == ids[row]).sum()) for row in rows]


@pytest.mark.parametrize("start", [0, 5, 11])
def test_what_was_seen_before_a_batch_is_counted_and_never_restarts(start):
    frame = small_stream()  # popularity restarts at the test part
    plan = method_of("fse", frame).plan(columns_of(frame, "regression"), BATCH, chunk=4)
    numbers = range(start, len(plan.schedule.batches))
    restarted = []
    for number, batch in zip(numbers, (each for chunk in plan.chunks(start) for each in chunk), strict=True):
        rows = range(*plan.schedule.batches[number].indices(len(frame)))
        for side, name in enumerate(("user", "item")):
            assert batch.seen[side].tolist() == counted(frame, name, rows, rows.start)
            assert batch.popularity[side].tolist() == frame[f"{name}_popularity"].to_numpy()[rows].tolist()
            restarted.append(bool((batch.popularity[side] <= batch.seen[side]).any()))
    assert any(restarted)


@pytest.mark.parametrize("validation", ["last_random", "next_batch"])
def test_what_was_seen_is_counted_for_holdouts_too(validation):
    frame = small_stream()
    method = method_of("darts", frame, validation=validation, hypergradient="exact")
    plan = method.plan(columns_of(frame, "regression"), BATCH, chunk=4)
    holdouts = 0
    for number, batch in enumerate(each for chunk in plan.chunks() for each in chunk):
        if batch.holdout is not None:
            holdouts += 1
            (rows,) = plan.schedule.held_out(np.array([number]))[0]
            for side, name in enumerate(("user", "item")):
                before = plan.schedule.batches[number].start
                assert batch.holdout.batch.seen[side].tolist() == counted(frame, name, rows, before)
    assert holdouts == len(plan.schedule.batches) - 2
