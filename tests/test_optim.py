"""Exact lazy Adam against PyTorch's own, over random patterns of touched rows."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autoemb.learning.optim.adam import EPS, Slot, after_step, corrections, make_step
from autoemb.learning.optim.rows import Decay, Table, catch_up

ROWS, WIDTH, RATE = 6, 3, 1e-3
ROUNDING = 1e-12
"""Of numbers about 1 that thousands of steps in float64 add to; a motion is compared down to it."""


def as_dense(gradients: dict[int, torch.Tensor], start: torch.Tensor, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The table after dense Adam, and how far each number went on its way, there and back.

    ``gradients`` (ROWS, WIDTH) by step, zero at the others.
    """
    table, way = torch.nn.Parameter(start.clone()), torch.zeros_like(start)
    adam = torch.optim.Adam([table], lr=RATE)
    for step in range(1, steps + 1):
        table.grad, before = gradients.get(step, torch.zeros_like(table)), table.detach().clone()
        adam.step()
        way += (table.detach() - before).abs()
    return table.detach(), way


def worst(ours: torch.Tensor, theirs: torch.Tensor, way: torch.Tensor) -> float:
    """The largest error as a share of the way that a number went; a number that never moved has no error."""
    error = ((ours - theirs).abs() - ROUNDING).clamp(min=0)
    assert not error[way == 0].any()
    assert (way > 0).any()
    return (error[way > 0] / way[way > 0]).max().item()


def as_lazy(touches: list[tuple[int, list[int]]], gradients: dict[int, torch.Tensor], start: torch.Tensor, steps: int):
    """The table after lazy Adam, which sees the touched rows alone."""
    table = Table(ROWS, WIDTH, [torch.Generator()], torch.float64, "cpu")
    table.packed[0, :ROWS, 0] = start
    decay, since = Decay(steps), np.zeros(ROWS + 1, dtype=np.int64)
    for step, rows in touches:
        index, before = torch.tensor(rows), np.full(len(rows), step - 1)
        coefficients = torch.from_numpy(decay.coefficients(since[rows], before))
        old = catch_up(Slot(*table.gather(index).unbind(2)), coefficients, RATE)
        correction = torch.from_numpy(corrections(np.array([step])))[0]
        table.scatter(index, torch.stack(after_step(old, gradients[step][None, index], RATE, correction), dim=2))
        since[rows] = step
    table.flush(decay, since, steps, RATE)
    return table.values()[0]


@st.composite
def patterns(draw):
    """Which rows are touched at which steps, with gaps up to 10^4, and with gradients of any size."""
    gaps = draw(st.lists(st.one_of(st.integers(1, 4), st.integers(1, 300), st.just(1000)), min_size=1, max_size=8))
    steps = np.cumsum(gaps)
    touches = [(int(step), draw(st.lists(st.integers(0, ROWS - 1), min_size=1, unique=True))) for step in steps]
    scale = draw(st.sampled_from([1.0, 1e-3, 1e-6, 1e-8, 1e-10, 1e-14]))
    return touches, scale, int(steps[-1]) + draw(st.integers(0, 300)), draw(st.integers(0, 2**32 - 1))


@settings(max_examples=60, deadline=None)
@given(patterns())
def test_lazy_rows_are_dense_adam(pattern):
    touches, scale, steps, seed = pattern
    dice = torch.Generator().manual_seed(seed)
    start = torch.randn(ROWS, WIDTH, generator=dice, dtype=torch.float64)
    gradients = {}
    for step, rows in touches:
        gradients[step] = torch.zeros(ROWS, WIDTH, dtype=torch.float64)
        values = scale * torch.randn(len(rows), WIDTH, generator=dice, dtype=torch.float64)
        gradients[step][rows] = values * 10.0 ** torch.randint(-3, 3, values.shape, generator=dice)
    # of a whole motion that may be 1e-9: a hundredth is what the two nodes may be wrong by, at the worst
    assert worst(as_lazy(touches, gradients, start, steps), *as_dense(gradients, start, steps)) < 1e-2


@pytest.mark.parametrize("gap", [9_999, 10_000])
@pytest.mark.parametrize(("size", "error"), [(1.0, 1e-10), (1e-5, 2e-4), (1e-9, 1e-3)])
def test_gaps_of_ten_thousand_steps_lose_nothing(gap, size, error):
    dice = torch.Generator().manual_seed(0)
    start = torch.randn(ROWS, WIDTH, generator=dice, dtype=torch.float64)
    touches = [(3, [0, 1, 2]), (3 + gap, [0, 2, 5]), (4 + gap, [1])]
    gradients = {}
    for step, rows in touches:
        gradients[step] = torch.zeros(ROWS, WIDTH, dtype=torch.float64)
        gradients[step][rows] = size * torch.randn(len(rows), WIDTH, generator=dice, dtype=torch.float64)
    assert worst(as_lazy(touches, gradients, start, 5 + gap), *as_dense(gradients, start, 5 + gap)) < error


@pytest.mark.parametrize(
    ("root", "error"), [(1e-2, 1e-12), (1e-6, 1e-9), (1e-7, 1e-7), (EPS, 1e-4), (3e-10, 1e-2), (1e-15, 1e-6)]
)
@pytest.mark.parametrize("since", [0, 1, 7, 2000])
@pytest.mark.parametrize("gap", [1, 2, 3, 10, 100, 3000])
def test_the_two_nodes_are_as_good_as_the_docstring_says(root, error, since, gap):
    value, moment, square = 0.0, root / 3, root**2
    for step in range(since + 1, since + gap + 1):
        moment, square = 0.9 * moment, 0.999 * square
        bias, scale = corrections(np.array([step]))[0]
        value -= RATE / bias * moment / (square**0.5 / scale + EPS)
    start = Slot(*(torch.full((1, 1, 1), x, dtype=torch.float64) for x in (0.0, root / 3, root**2)))
    coefficients = Decay(since + gap).coefficients(np.array([since]), np.array([since + gap]))
    ours = catch_up(start, torch.from_numpy(coefficients), RATE)
    assert ours.value.item() == pytest.approx(value, rel=error if since < 1000 else min(error, 1e-6))
    assert ours.moment.item() == pytest.approx(moment, rel=1e-9)
    assert ours.square.item() == pytest.approx(square, rel=1e-9)


def test_coefficients_do_not_depend_on_the_length_of_the_stream():
    since, until = np.arange(0, 1500, 7), np.arange(0, 1500, 7) + 11
    assert np.array_equal(Decay(1600).coefficients(since, until), Decay(9000).coefficients(since, until))


def test_row_sparse_adam_is_another_method():
    start = torch.ones(ROWS, WIDTH, dtype=torch.float64)
    gradients = {1: torch.ones(ROWS, WIDTH, dtype=torch.float64)}
    ours = as_lazy([(1, [0])], gradients, start, 50)
    assert start[0, 0] - ours[0, 0] > 3 * RATE  # one touched step moves a row by RATE; its momentum, by more


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dense_parameters_move_as_in_torch(dtype):
    dice = torch.Generator().manual_seed(0)
    start = [torch.randn(shape, generator=dice, dtype=dtype) for shape in ((3,), (2, 5), (1, 4, 4))]
    theirs = [torch.nn.Parameter(x.clone()) for x in start]
    adam = torch.optim.Adam(theirs, lr=RATE)
    fused, written = ([Slot(x.clone(), torch.zeros_like(x), torch.zeros_like(x)) for x in start] for _ in range(2))
    for step in range(1, 30):
        gradients = [torch.randn(x.shape, generator=dice, dtype=dtype) for x in start]
        correction = torch.from_numpy(corrections(np.array([step])))[0].to(dtype)
        for parameter, gradient in zip(theirs, gradients, strict=True):
            parameter.grad = gradient.clone()
        adam.step()
        make_step(fused, gradients, RATE, correction, torch.tensor(float(step)))
        written = [after_step(slot, each, RATE, correction) for slot, each in zip(written, gradients, strict=True)]
    for ours in (fused, written):
        for parameter, slot in zip(theirs, ours, strict=True):
            tolerance = 1e-6 if dtype == torch.float32 else 1e-13
            torch.testing.assert_close(slot.value, parameter.detach(), rtol=0, atol=tolerance)


def test_the_spare_row_stays_as_it_was():
    table = Table(4, 2, [torch.Generator().manual_seed(0)], torch.float64, "cpu")
    rows = torch.tensor([1, 4, 4])
    values = table.gather(rows)
    values[0, 0] += 1
    table.scatter(rows, values)
    assert table.packed[0, 4].abs().sum() == 0
    assert table.values().shape == (1, 4, 2)
