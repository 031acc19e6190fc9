"""ESAPN's own laws: what REINFORCE descends, what enlarging does and leaves, what is remembered."""

import itertools

import numpy as np
import pytest
import torch

from autoemb.data.columns import columns_of
from autoemb.learning.methods.contract import Prediction
from autoemb.learning.methods.esapn import State
from autoemb.learning.methods.state import Memory

from .contracts.bench import make, shape_of, small_stream
from .contracts.variants import small

BATCH = 32
TASK = "regression"


def fresh(rows=400, **settings):
    """A method and its stream."""
    frame = small_stream(rows)
    return make(("esapn", {**small("esapn"), **settings}), shape_of(frame, TASK, 5), range(2)), frame


def begun(rows=400, batch=BATCH, **settings):
    """A method, its stream, and its first batches."""
    method, frame = fresh(rows, **settings)
    return method, frame, next(method.plan(columns_of(frame, TASK), batch).chunks())


def groups_of(method, batch):
    """W, the policy and the memory, as a step finds them."""
    rows, remembered = method.gather(batch)
    w, theta = (method.group(name, method.dense, rows, batch) for name in method.dense)
    return w, theta, Memory(remembered, batch)


def prefer(method, enlarge):
    """Let the policy always prefer one of its actions."""
    for name, value in (("out", 0.0), ("out_bias", 0.0)):
        method.dense["theta"][name].value.fill_(value)
    method.dense["theta"]["out_bias"].value[:, :, int(enlarge)] = 1.0


@pytest.mark.parametrize("baseline", ["mean-of-last", "last", "none"])
def test_reinforce_is_on_average_the_gradient_of_the_expected_reward(baseline, monkeypatch):
    method, _, (batch, *_) = begun(batch=3, baseline=baseline)
    method.memory[..., 1:] = torch.tensor([2.0, 0.3, 0.6, 0.0, 0.0, 0.0])  # two losses so far
    w, theta, memory = groups_of(method, batch)
    # W is stood in for by a table of losses: by user's action, item's action, seed and interaction
    table = torch.rand(2, 2, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

    def predict(_, sizes, of):
        users, items = sizes.argmax(2).unbind(1)  # (S, B) each: 0 or 1, as all begin at size 0
        return Prediction(sizes, sizes, table[users, items, torch.tensor([[0], [1]]), torch.arange(len(of.label))])

    monkeypatch.setattr(method, "predict", predict)
    state, numbers = method.state(memory.context()), [slot.value.clone() for slot in theta.present()]
    policy = theta.values_of([x.requires_grad_() for x in numbers])
    p = torch.softmax(method.scores(policy, state), dim=2)  # (S, 2, 2, B)
    reward = torch.einsum("sub,sib,uisb->", p[:, 0], p[:, 1], 1 - table)  # in expectation
    of_reward = torch.autograd.grad(reward, numbers, retain_graph=True)

    average = [torch.zeros_like(x) for x in numbers]
    for actions in itertools.product([0, 1], repeat=6):
        taken = torch.tensor(actions).reshape(2, 3)
        noise = torch.where(taken > 0, 0.0, 1.0).double().expand(2, 2, 3)  # below any p, or above
        probability = p.detach().gather(2, taken[None, :, None].expand(2, 2, 1, 3)).prod(3).prod(1).flatten()  # (S,)
        losses = method.reinforce(w.values(), policy, state, batch._replace(noise=noise)).losses
        gradients = torch.autograd.grad((losses.sum(1) * probability).sum(), numbers, retain_graph=True)
        average = [total + gradient for total, gradient in zip(average, gradients, strict=True)]
    assert max(gradient.abs().max() for gradient in of_reward) > 1e-3
    for ours, theirs in zip(average, of_reward, strict=True):
        torch.testing.assert_close(ours, -theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_enlarging_alone_does_not_change_a_prediction(share):
    method, _, (batch, *_) = begun(batch_norm_over="chosen")
    w, _, memory = groups_of(method, batch)
    state, values = method.state(memory.context()), w.values()
    grows = (torch.rand(2, 2, 1, BATCH, generator=torch.Generator().manual_seed(1)) < share) & state.may_grow
    sizes = state.after(grows)
    before = method.predict(values, state.current, batch)
    after = method.predict(method.enlarged(values, state, sizes, batch), sizes, batch)
    assert not torch.equal(sizes, state.current)
    torch.testing.assert_close(after.logits, before.logits, rtol=0, atol=1e-12)


def test_an_enlarged_row_is_made_of_the_smaller_one_and_keeps_its_moments():
    method, _, (first, batch, *_) = begun()
    prefer(method, enlarge=False)
    method.step(first)  # so that there are moments, and sizes are as they were
    prefer(method, enlarge=True)
    w, theta, memory = groups_of(method, batch)
    old = w.rows["candidates"].slot
    sizes = method.weigh(theta.values(), memory.context(), batch)
    method.enlarge(w, method.state(memory.context()), sizes, batch)
    new, users = w.rows["candidates"].slot, method.shape.users
    assert torch.equal(new.moment, old.moment)
    assert torch.equal(new.square, old.square)
    assert torch.equal(new.value[..., :2], old.value[..., :2])
    assert torch.equal(new.value[..., 5:], old.value[..., 5:])
    w, b = (method.dense["w"][name].value for name in ("map.0", "map_bias.0"))
    for row, number in enumerate(batch.lookups["id"].rows.tolist()):
        expected = old.value[:, row, 2:5]
        if number < users + method.shape.items:  # not the spare row
            side = int(number >= users)
            expected = (w[:, side] @ old.value[:, row, :2, None] + b[:, side])[..., 0]
        torch.testing.assert_close(new.value[:, row, 2:5], expected, rtol=0, atol=1e-12)


def test_sizes_grow_by_one_step_a_batch_and_never_shrink():
    method, frame = fresh()
    sizes = [method.memory[:, :-1, 0].clone()]
    for chunk in method.plan(columns_of(frame, TASK), BATCH).chunks():
        for batch in chunk:
            method.step(batch)
            sizes.append(method.memory[:, :-1, 0].clone())
    assert torch.equal(sizes[0], torch.zeros_like(sizes[0]))
    steps = torch.stack(sizes).diff(dim=0)
    assert set(steps.unique().tolist()) == {0.0, 1.0}
    assert sizes[-1].max() == 2


def test_the_largest_size_never_enlarges():
    method, _, (batch, *_) = begun()
    prefer(method, enlarge=True)
    method.memory[..., :2] = torch.tensor([2.0, 1.0])
    w, theta, memory = groups_of(method, batch)
    state, values = method.state(memory.context()), w.values()
    sizes = method.weigh(theta.values(), memory.context(), batch)
    assert torch.equal(sizes, state.current)
    drawn = method.reinforce(values, theta.values(), state, batch._replace(noise=torch.zeros(2, 2, BATCH).double()))
    assert torch.equal(drawn.weights, state.current)
    assert torch.equal(drawn.logits, method.predict(values, state.current, batch).logits)
    # cross-entropy of an action that cannot be taken otherwise stays in the loss
    assert drawn.losses.abs().min() > 0


def test_of_equal_scores_the_size_stays():
    method, _, (batch, *_) = begun()
    prefer(method, enlarge=True)
    method.dense["theta"]["out_bias"].value.fill_(0.5)
    weights = method.step(batch).prediction.weights
    assert torch.equal(weights[:, :, 0], torch.ones_like(weights[:, :, 0]))


def test_what_the_policys_draws_enlarged_is_put_back():
    (learning, _, batches), (resting, _, same) = begun(), begun()
    for batch, other in zip(batches[:4], same[:4], strict=True):
        assert batch.theta_learns
        for method in (learning, resting):  # both act alike, whatever the policy has learnt
            prefer(method, enlarge=False)
        learning.step(batch)
        resting.step(other._replace(theta_learns=False))
    ours, theirs = learning.state_dict(), resting.state_dict()
    rows = learning.tables["candidates"].packed
    assert (batches[0].noise < 0.2).any(), "nothing was drawn"
    assert torch.equal(rows, theirs["tables.candidates"])
    assert torch.equal(ours["memory"], theirs["memory"])
    assert all(torch.equal(ours[name], theirs[name]) for name in ours if name.startswith("w."))
    assert not torch.equal(ours["theta.out.moment"], theirs["theta.out.moment"])


def test_the_baseline_is_over_as_many_losses_as_there_are():
    losses = [0.5, 0.25, 0.75, 9.0, 9.0]  # the last two are leftovers that must not count
    context = torch.tensor([1.0, 3.0, *losses]).double()[None, None, :, None].expand(1, 2, -1, 1)
    state = State(context, 3)
    assert state.baseline("mean-of-last").unique().item() == 1 - 0.5
    assert state.baseline("last").unique().item() == 1 - 0.5
    assert state.baseline("none").unique().item() == 0
    following = state.following(state.current, torch.tensor([[0.125]]).double())
    assert following[0, 0, :, 0].tolist() == [1.0, 4.0, 0.125, *losses[:4]]
    full = State(following, 3).following(state.current, torch.tensor([[0.25]]).double())
    full = State(full, 3).following(state.current, torch.tensor([[0.375]]).double())
    assert full[0, 1, :, 0].tolist() == [1.0, 5.0, 0.375, 0.25, 0.125, *losses[:2]]


def test_of_repeated_ids_the_last_occurrence_is_stored():
    method, frame = fresh()
    users, seen = method.shape.users, set()
    for chunk in method.plan(columns_of(frame, TASK), BATCH).chunks():
        for batch in chunk:
            prediction = method.step(batch).prediction
            numbers = batch.lookups["id"].rows[batch.lookups["id"].inverse].reshape(2, -1)
            for side, position in itertools.product(range(2), range(numbers.shape[1])):
                number = int(numbers[side, position])
                if number in numbers[side, position + 1 :].tolist():
                    continue
                stored = method.memory[:, number]
                assert torch.equal(stored[:, 0], prediction.weights[:, side, :, position].argmax(1).double())
                assert torch.equal(stored[:, 2], prediction.losses[:, position])
                assert stored[0, 1] == 1 or number in seen  # one loss a batch, however often the id is in it
            seen |= set(numbers.flatten().tolist())
    assert users in seen


def test_ids_hold_one_embedding_each_of_their_own_size():
    method, frame = fresh()
    for chunk in method.plan(columns_of(frame, TASK), BATCH).chunks():
        for batch in chunk:
            method.step(batch)
    users, items = (np.unique(frame[side].to_numpy()) for side in ("user", "item"))
    held = method.held(users, items)
    for seed, (side, (start, ids)) in itertools.product(range(2), enumerate([(0, users), (method.shape.users, items)])):
        sizes = [int(method.memory[seed, start + number, 0]) for number in ids.tolist()]
        assert held[seed, side].tolist() == [sizes.count(k) for k in range(3)]


def test_an_answer_is_what_a_step_would_predict_and_changes_nothing():
    frame = small_stream()
    method = make(("esapn", small("esapn")), shape_of(frame, TASK, 5), range(2))
    columns = columns_of(frame, TASK)
    learnt, asked = ({key: tuple(x[part] for x in sides) for key, sides in columns.sides.items()} for part in PARTS)
    first, second = (
        columns._replace(label=columns.label[part], sides=sides, parts=[slice(0, BATCH)])
        for part, sides in zip(PARTS, (learnt, asked), strict=True)
    )
    for chunk in method.plan(first, BATCH).chunks():
        for batch in chunk:
            method.step(batch)
    method.flush()
    before = {name: tensor.clone() for name, tensor in method.state_dict().items()}
    question = next(method.plan(second, BATCH, learns=False).chunks())[0]
    answer = method.predict_only(question)
    assert answer.weights.argmax(2).max() > 0, "nothing was enlarged"
    assert all(torch.equal(tensor, before[name]) for name, tensor in method.state_dict().items())
    step = method.step(question).prediction
    torch.testing.assert_close(answer.logits, step.logits, rtol=0, atol=1e-12)
    assert torch.equal(answer.weights, step.weights)


PARTS = slice(0, BATCH), slice(BATCH, 2 * BATCH)
