"""What single settings of the methods do, beside the laws that hold them to their twins."""

import pytest
import torch
from torch.autograd import grad

from autoemb.config import RunConfig
from autoemb.data.columns import columns_of
from autoemb.errors import InputError
from autoemb.learning.methods._selection import largest, straight_through
from autoemb.learning.nn.task import losses
from autoemb.learning.seeds import run_stream

from .contracts.bench import logits_of, make, predictions, shape_of, small_stream, twin_of, twin_turns
from .contracts.variants import CONTROL, SEARCH, SMALL, small

LOSS = {**CONTROL, "policy": 2}


def learnt(variant, frame) -> dict[str, torch.Tensor]:
    """Everything that a method has learnt from a stream."""
    method = make(variant, shape_of(frame, "regression", 5), [0, 1])
    predictions(method, frame, "regression")
    return {name: tensor for name, tensor in method.state_dict().items() if not name.startswith("running.")}


@pytest.mark.parametrize("setting", [{"selection": "argmax"}, {"batch_norm_at_prediction": "running"}])
@pytest.mark.parametrize("name", ["sam", "darts", "autoemb"])
def test_what_is_only_said_does_not_change_what_is_learnt(name, setting):
    frame = small_stream()
    base, other = learnt((name, small(name)), frame), learnt((name, {**small(name), **setting}), frame)
    assert base.keys() == other.keys()
    assert all(torch.equal(base[key], other[key]) for key in base)
    said = [
        logits_of(make((name, {**small(name), **more}), shape_of(frame, "regression", 5), [0]), frame, "regression")
        for more in ({}, setting)
    ]
    assert not torch.allclose(said[0], said[1])


@pytest.mark.parametrize("name", ["fse", "sam", "darts", "autoemb"])
def test_by_running_statistics_a_prediction_does_not_depend_on_its_batch(name):
    frame = small_stream()
    shape, columns = shape_of(frame, "regression", 5), columns_of(frame, "regression")
    said = {}
    for how in ("batch", "running"):
        method = make((name, {**small(name), "batch_norm_at_prediction": how}), shape, [0])
        predictions(method, frame, "regression")
        method.flush()
        for size in (25, 32):
            plan = method.plan(columns, size, learns=False)
            answers = [method.predict_only(batch).logits for chunk in plan.chunks() for batch in chunk]
            said[how, size] = torch.cat(answers, dim=2)
    torch.testing.assert_close(said["running", 25], said["running", 32], rtol=0, atol=1e-12)
    assert (said["batch", 25] - said["batch", 32]).abs().max() > 1e-3


def test_argmax_says_one_size():
    frame = small_stream()
    method = make(("autoemb", {**CONTROL, "selection": "argmax"}), shape_of(frame, "regression", 5), [0])
    for prediction in predictions(method, frame, "regression"):
        assert set(prediction.weights.unique().tolist()) == {0.0, 1.0}
        assert (prediction.weights.sum(2) == 1).all()


def test_of_equal_weights_the_first_is_the_largest():
    weights = torch.tensor([0.4, 0.4, 0.2]).reshape(1, 1, 3, 1)
    assert largest(weights).flatten().tolist() == [1, 0, 0]


def test_gumbel_draws_each_size_as_often_as_its_weight_says():
    weights = torch.tensor([0.1, 0.6, 0.3], dtype=torch.float64)
    n = 40_000
    draws = torch.rand(1, 1, 3, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    chosen = straight_through(weights[None, None, :, None].expand(1, 1, 3, n), draws, 0.5)
    frequency = chosen.mean(3).flatten()
    assert (frequency - weights).abs().max() < 5 * (0.25 / n) ** 0.5  # five standard errors at the most
    assert torch.allclose(chosen.sum(2), torch.ones(1, 1, n, dtype=torch.float64))


def test_gumbel_differentiates_as_the_softmax_of_the_perturbed_logarithms():
    dice = torch.Generator().manual_seed(1)
    weights = torch.softmax(torch.randn(1, 2, 3, 5, generator=dice, dtype=torch.float64), 2).requires_grad_()
    draws = torch.rand(1, 2, 3, 5, generator=dice, dtype=torch.float64)
    along = torch.randn(1, 2, 3, 5, generator=dice, dtype=torch.float64)
    ours = grad((straight_through(weights, draws, 0.7) * along).sum(), weights)[0]
    soft = torch.softmax((weights.log() - (-draws.log()).log()) / 0.7, 2)
    torch.testing.assert_close(ours, grad((soft * along).sum(), weights)[0])


def test_gumbel_with_adam_unrolled_is_refused():
    settings = {**CONTROL, "selection": "gumbel", "hypergradient": "exact", "unrolled_step": "adam"}
    frame = small_stream()
    with pytest.raises(InputError, match="unrolled_step 'adam' with selection 'gumbel': expected unrolled_step 'sgd'"):
        make(("autoemb", settings), shape_of(frame, "regression", 5), [0])


def test_scaled_embeddings_have_the_same_length_in_every_size():
    frame = small_stream()
    shape = shape_of(frame, "regression", 5)._replace(users=2000, items=2000)
    lengths = {}
    for how in ("normal", "scaled"):
        method = make(("darts", {**SEARCH, "sizes": [2, 16, 64], "embedding_init": how}), shape, [0])
        parts = method.tables["candidates"].values()[0].split(method.sizes, dim=1)
        lengths[how] = torch.stack([part.square().sum(1).mean() for part in parts])
    torch.testing.assert_close(lengths["normal"], torch.tensor([2.0, 16.0, 64.0]).double(), rtol=0.1, atol=0)
    torch.testing.assert_close(lengths["scaled"], torch.ones(3).double(), rtol=0.1, atol=0)


def test_sparse_rows_stay_where_no_batch_uses_them():
    frame = small_stream()
    shape, columns = shape_of(frame, "regression", 5), columns_of(frame, "regression")
    method = make(("autoemb", {**CONTROL, "rows_optimizer": "sparse"}), shape, [0])
    batches = [batch for chunk in method.plan(columns, 32).chunks() for batch in chunk]
    for n, batch in enumerate(batches):
        before = {name: table.packed.clone() for name, table in method.tables.items()}
        method.step(batch)
        for name, table in method.tables.items():
            used = torch.zeros(table.rows + 1, dtype=torch.bool)
            used[batch.lookups[method.uses[name].key].rows] = True
            assert torch.equal(table.packed[:, ~used], before[name][:, ~used])
            if n == 0 and name == "candidates":
                assert not torch.equal(table.packed[:, used], before[name][:, used])


@pytest.mark.parametrize("validation", ["last_batch", "last_random", "next_batch"])
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_the_released_codes_item_context_is_reproduced_where_asked(task, validation):
    frame = small_stream(users=50)
    shape = shape_of(frame, task, 5)
    quirks = {"released_code_quirks": {"item_context_loss": True, "classification_start": True}}
    variant = ("autoemb", {**LOSS, **quirks, "validation": validation})
    method = make(variant, shape, [0, 1])
    twins = [twin_of(variant, method, seed, torch.float64) for seed in range(2)]
    plan = method.plan(columns_of(frame, task), 32)
    turns, differs = twin_turns(plan), False
    start = {"released_code_quirks": {"classification_start": True}}  # so that only the bug differs
    right = make(("autoemb", {**LOSS, **start, "validation": validation}), shape, [0, 1])
    others = iter(predictions(right, frame, task))
    for n, batch in enumerate(batch for chunk in plan.chunks() for batch in chunk):
        prediction = method.step(batch).prediction
        for seed, twin in enumerate(twins):
            logits, alpha, beta = twin.step(turns[seed][n])
            theirs = losses(task, logits.T[None], turns[seed][n].batch.label)[0]
            torch.testing.assert_close(prediction.losses[seed], theirs, rtol=0, atol=1e-9)
            torch.testing.assert_close(prediction.weights[seed], torch.stack([alpha.T, beta.T]), rtol=0, atol=1e-9)
        differs |= not torch.allclose(prediction.weights[:, 1], next(others).weights[:, 1])
    assert differs


def test_the_item_context_of_the_released_code_needs_as_many_users_as_items():
    frame = small_stream()
    variant = ("autoemb", {**LOSS, "released_code_quirks": {"item_context_loss": True}})
    with pytest.raises(InputError, match=r"item_context_loss: 41 items and 31 users; .* at least as many users"):
        make(variant, shape_of(frame, "regression", 5), [0])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"hypergradient": "exact"}, "unrolled step"),
        ({"batch_norm_at_prediction": "running"}, "running statistics"),
    ],
)
def test_what_cannot_be_compiled_says_so(settings, reason, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr("autoemb.learning.machine.engine.obstacle", lambda device: None)
    frame = small_stream()
    shape, columns, variant = (
        shape_of(frame, "regression", 5),
        columns_of(frame, "regression"),
        ("darts", {**SEARCH, **settings}),
    )

    def run(how: str):
        config = RunConfig(task="regression", seeds=1, batch_size=32, dtype="float64", compile=how)
        return run_stream(lambda seeds: make(variant, shape, seeds), columns, config)

    with pytest.raises(InputError, match=f"compile = 'always': .*{reason}"):
        run("always")
    monkeypatch.setattr("autoemb.learning.machine.engine.PAYS_FROM", {"cpu": 1})
    assert torch.isfinite(run("auto").sums).all()
    assert any(reason in message for message in caplog.messages)


def test_a_single_interaction_does_not_move_running_statistics():
    frame = small_stream(4 * 33)  # a test part of 33: its last batch holds one interaction
    variant = ("fse", {**SMALL, "size": 5, "batch_norm_at_prediction": "running"})
    method = make(variant, shape_of(frame, "regression", 5), [0])
    plan = method.plan(columns_of(frame, "regression"), 32)
    *others, last = [batch for chunk in plan.chunks() for batch in chunk]
    for batch in others:
        method.step(batch)
    before = {name: tensor.clone() for name, tensor in method.running.statistics.items()}
    method.step(last)
    assert len(last.label) == 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in method.running.statistics.items())
