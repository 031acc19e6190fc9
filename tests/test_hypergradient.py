"""The hypergradient against a bilevel problem that is solved on paper, and its two forms against each other."""

from typing import NamedTuple

import pytest
import torch

from autoemb.data.columns import columns_of
from autoemb.learning.optim.adam import Slot, corrections, following
from autoemb.learning.optim.hypergradient import adam, exact, finite_difference, sgd

from .contracts.bench import make, shape_of, small_stream
from .contracts.variants import CONTROL, SEARCH

XI = 0.3
S = 2


class Said(NamedTuple):
    losses: torch.Tensor


class Quadratic:
    """L_train = w' A w / 2 - w' B theta, L_val = |w - c|^2 / 2 + |theta|^2 / 2; every seed with its own numbers."""

    def __init__(self) -> None:
        dice = torch.Generator().manual_seed(3)

        def draw(*shape):
            return torch.randn(S, *shape, generator=dice, dtype=torch.float64)

        root = draw(4, 4)
        self.a, self.b, self.c = root @ root.mT, draw(4, 3), draw(4, 1)
        self.w, self.theta = draw(4, 1), draw(3, 1)

    def train(self, w, theta):
        return Said((w[0].mT @ self.a @ w[0] / 2 - w[0].mT @ self.b @ theta[0]).flatten(1))

    def validate(self, w, theta):
        return Said(((w[0] - self.c) ** 2).flatten(1).sum(1) / 2 + (theta[0] ** 2).flatten(1).sum(1) / 2)

    def solution(self):
        """theta + xi B' (w' - c), with w' = w - xi (A w - B theta)."""
        unrolled = self.w - XI * (self.a @ self.w - self.b @ self.theta)
        return self.theta + XI * self.b.mT @ (unrolled - self.c)


@pytest.mark.parametrize("take", [exact, finite_difference])
def test_both_solve_the_quadratic(take):
    problem = Quadratic()
    (found,) = take(problem.train, problem.validate, [problem.w], [problem.theta], sgd(XI))
    torch.testing.assert_close(found, problem.solution(), rtol=1e-9, atol=0)
    # the second term is there to be seen: first order alone is far away
    assert ((problem.theta - problem.solution()).abs() > 0.1).any()


@pytest.mark.parametrize("radius", [1e-3, 1.0, 100.0])
def test_the_difference_does_not_depend_on_its_radius_where_gradients_are_linear(radius):
    problem = Quadratic()
    (found,) = finite_difference(problem.train, problem.validate, [problem.w], [problem.theta], sgd(XI), radius)
    torch.testing.assert_close(found, problem.solution(), rtol=1e-7, atol=0)


def test_adams_step_is_differentiated_like_a_difference_quotient():
    problem = Quadratic()
    dice = torch.Generator().manual_seed(5)
    shape = problem.w.shape
    slot = Slot(
        problem.w,
        torch.randn(shape, generator=dice, dtype=torch.float64),
        torch.rand(shape, generator=dice, dtype=torch.float64),
    )
    step = adam(XI, [slot], torch.from_numpy(corrections(torch.tensor([7]).numpy()))[0])

    def outer(theta):
        gradient = problem.a @ problem.w - problem.b @ theta
        return problem.validate([problem.w - step([gradient])[0]], [theta]).losses.sum()

    expected = torch.zeros_like(problem.theta)
    for place in torch.nonzero(torch.ones_like(expected)):
        shift = torch.zeros_like(expected)
        shift[tuple(place)] = 1e-5
        expected[tuple(place)] = (outer(problem.theta + shift) - outer(problem.theta - shift)) / 2e-5
    for take in (exact, finite_difference):
        (found,) = take(problem.train, problem.validate, [problem.w], [problem.theta], step)
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)


def test_adams_step_is_the_one_that_adam_makes():
    parameter = torch.nn.Parameter(torch.tensor([[1.0, -2.0]], dtype=torch.float64))
    optimiser = torch.optim.Adam([parameter], lr=XI)
    for n in (1, 2, 3):
        parameter.grad = torch.tensor([[0.5 * n, 0.0]], dtype=torch.float64)
        if n == 3:
            state = optimiser.state[parameter]
            slot = Slot(parameter.detach().clone(), state["exp_avg"].clone(), state["exp_avg_sq"].clone())
            correction = following(torch.from_numpy(corrections(torch.tensor([2]).numpy()))[0])
            (move,) = adam(XI, [slot], correction)([parameter.grad])
        optimiser.step()
    torch.testing.assert_close(slot.value - move, parameter.detach(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("validation", ["last_batch", "last_random", "next_batch"])
@pytest.mark.parametrize("step", ["sgd", "adam"])
@pytest.mark.parametrize("name", ["autoemb", "darts"])
def test_on_the_real_model_both_agree_as_the_radius_shrinks(name, step, validation, monkeypatch):
    settings = {**(CONTROL if name == "autoemb" else SEARCH), "validation": validation, "hypergradient": "exact"}
    frame = small_stream()
    method = make((name, {**settings, "unrolled_step": step, "xi": 0.01}), shape_of(frame, "regression", 5), [0, 1])
    errors: list[list[float]] = []

    def compare(train, validate, w, theta, step):
        found = exact(train, validate, w, theta, step)
        leaves = [x.detach().requires_grad_() for x in theta]
        first = torch.autograd.grad(validate(w, leaves).losses.sum(), leaves)
        scale = torch.cat([(a - b).flatten() for a, b in zip(found, first, strict=True)]).norm().item()
        row = []
        for radius in (1e-1, 1e-2, 1e-3):
            rough = finite_difference(train, validate, w, theta, step, radius)
            difference = torch.cat([(a - b).flatten() for a, b in zip(found, rough, strict=True)]).norm().item()
            row.append(difference / scale)
        errors.append(row)
        return found

    monkeypatch.setattr("autoemb.learning.methods._bilevel.exact", compare)
    for chunk in method.plan(columns_of(frame, "regression"), 32).chunks():
        for batch in chunk:
            method.step(batch)
    assert len(errors) >= 10
    wide, middle, narrow = torch.tensor(errors).median(0).values.tolist()
    # a central difference: a radius 10 times smaller, an error 100 times smaller
    assert middle < wide / 50
    assert narrow < middle / 50
    assert narrow < 1e-5


def test_without_xi_the_hypergradient_is_of_first_order():
    frame = small_stream()
    shape, said = shape_of(frame, "regression", 5), []
    for extra in ({}, {"hypergradient": "exact", "xi": 1e-12}, {"hypergradient": "finite-difference", "xi": 1e-12}):
        method = make(("autoemb", {**CONTROL, **extra}), shape, [0])
        plan = method.plan(columns_of(frame, "regression"), 32)
        said.append(torch.cat([method.step(batch).prediction.logits for chunk in plan.chunks() for batch in chunk], 2))
    torch.testing.assert_close(said[1], said[0], rtol=0, atol=1e-9)
    torch.testing.assert_close(said[2], said[0], rtol=0, atol=1e-6)
