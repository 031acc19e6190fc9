"""The laws of the method contract, held by every method by being listed (architecture: the method contract)."""

import json

import pytest
import torch

from autoemb import methods
from autoemb.errors import InputError
from autoemb.nn.task import losses
from autoemb.schema import TASKS
from autoemb.settings import parse

from .bench import batches, make, of_seed, predictions, shape_of, small_stream, twin_of
from .variants import CONTROL, SEARCHING, SMALL, VARIANTS, label

BATCH = 32
every_task = pytest.mark.parametrize("task", TASKS)
every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=label)


@every_variant
@every_task
def test_labels_not_yet_seen_do_not_matter(variant, task):
    frame = small_stream()
    shape, changed, at = shape_of(frame, task, 5), frame.copy(), 5 * BATCH
    top = 1 if task == "regression" else 4
    changed.loc[at:, task] = (top - changed.loc[at:, task]).astype("int8")
    ours = predictions(make(variant, shape, range(2)), batches(frame, task, BATCH))
    others = predictions(make(variant, shape, range(2)), batches(changed, task, BATCH))
    # the batch that begins at `at` is predicted before its labels are used
    assert torch.equal(ours[:, : at + BATCH], others[:, : at + BATCH])
    assert not torch.equal(ours[:, at + BATCH :], others[:, at + BATCH :])


@every_variant
@every_task
def test_seeds_are_independent(variant, task):
    frame = small_stream()
    shape, pairs = shape_of(frame, task, 5), batches(frame, task, BATCH)
    together = predictions(make(variant, shape, range(3)), pairs)
    for seed in range(3):
        alone = predictions(make(variant, shape, [seed]), pairs)
        torch.testing.assert_close(together[seed], alone[0], rtol=0, atol=1e-10)
    assert not torch.allclose(together[0], together[1])


@every_variant
@every_task
def test_cutting_the_stream_short_does_not_change_the_past(variant, task):
    frame = small_stream()
    shape, pairs = shape_of(frame, task, 5), batches(frame, task, BATCH)
    whole = predictions(make(variant, shape, range(2)), pairs)
    cut = predictions(make(variant, shape, range(2)), pairs[:6])
    assert torch.equal(whole[:, : cut.shape[1]], cut)


@every_variant
@every_task
def test_saving_and_loading_in_mid_stream_changes_nothing(variant, task, tmp_path):
    frame = small_stream()
    shape, pairs = shape_of(frame, task, 5), batches(frame, task, BATCH)
    uncut = make(variant, shape, range(2), torch.float32)
    predictions(uncut, pairs[:5])
    torch.save(uncut.state_dict(), tmp_path / "state.pt")
    resumed = make(variant, shape, [7, 8], torch.float32)  # other dice: all that matters is in the state
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert torch.equal(predictions(uncut, pairs[5:]), predictions(resumed, pairs[5:]))


@every_variant
@every_task
@pytest.mark.parametrize("side", ["user", "item"])
def test_relabelling_ids_changes_nothing(variant, task, side):
    frame = small_stream()
    shape, seeds = shape_of(frame, task, 5), 2
    rows = shape.users if side == "user" else shape.items
    new_id = torch.randperm(rows, generator=torch.Generator().manual_seed(3))
    relabelled = frame.assign(**{side: new_id.int().numpy()[frame[side]]})
    ours, others = make(variant, shape, range(seeds)), make(variant, shape, range(seeds))
    for module in others.modules.values():
        for name, table in module.named_parameters():
            parts = name.split(".")
            of_this_side = parts[0] == side and ("tables" in parts or parts[1:] == ["weight"])
            if of_this_side and len(table) == seeds * rows:
                table.data = table.data.unflatten(0, (seeds, rows))[:, new_id.argsort()].flatten(0, 1)
    # a method's memory starts the same for every id, so there is nothing else to permute
    ours_logits = predictions(ours, batches(frame, task, BATCH))
    torch.testing.assert_close(predictions(others, batches(relabelled, task, BATCH)), ours_logits, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", SEARCHING)
@every_task
def test_with_one_size_a_search_is_the_fixed_size(name, task):
    frame = small_stream()
    shape, pairs = shape_of(frame, task, 5), batches(frame, task, BATCH)
    known = methods.find(name).Config.model_fields
    settings = {key: value for key, value in CONTROL.items() if key in known} | {"sizes": [6]}
    searching = predictions(make((name, settings), shape, range(2)), pairs)
    fixed = predictions(make(("fse", {**SMALL, "size": 6, "path": "transform"}), shape, range(2)), pairs)
    torch.testing.assert_close(searching, fixed, rtol=0, atol=1e-9)


@every_variant
@every_task
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_gradients_are_finite_and_dtypes_are_kept(variant, task, dtype):
    frame = small_stream(rows=331)  # the last batch of the train part, and of the test part, is short
    method = make(variant, shape_of(frame, task, 5), range(2), dtype)
    pairs = batches(frame, task, BATCH)
    assert len(pairs[-1][0].user) < BATCH
    for batch, previous in pairs:
        prediction = method.step(batch, previous)
        assert all(part.dtype == dtype and torch.isfinite(part).all() for part in prediction)
        for weights in (prediction.user_weights, prediction.item_weights):
            torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights.sum(-1)))
    for module in method.modules.values():
        assert all(tensor.dtype == dtype and torch.isfinite(tensor).all() for tensor in module.state_dict().values())


@every_variant
def test_a_last_batch_of_one_interaction_is_survived(variant):
    frame = small_stream(rows=4 * (BATCH + 1))  # a test part of 33
    method = make(variant, shape_of(frame, "regression", 5), range(2))
    pairs = batches(frame, "regression", BATCH)
    assert len(pairs[-1][0].user) == 1
    assert torch.isfinite(predictions(method, pairs)).all()


@every_variant
def test_config_round_trips_and_refuses_unknown_keys(variant):
    name, settings = variant
    kind = methods.find(name).Config
    config = parse(kind, json.dumps(settings), name)
    assert parse(kind, config.model_dump_json(), name) == config
    with pytest.raises(InputError, match="x: unknown key 'no_such_key'"):
        parse(kind, json.dumps({**settings, "no_such_key": 1}), "x")


@every_variant
@every_task
def test_engine_equals_its_slow_twin_step_for_step(variant, task):
    frame = small_stream()
    shape = shape_of(frame, task, 5)
    method = make(variant, shape, range(3))
    twins = [twin_of(variant, method, seed) for seed in range(3)]
    for batch, previous in batches(frame, task, BATCH):
        prediction = method.step(batch, previous)
        each = losses(task, prediction.logits, batch.label)
        for seed, twin in enumerate(twins):
            logits, alpha, beta = twin.step(batch, previous)
            theirs = losses(task, logits[None], batch.label)[0]
            torch.testing.assert_close(each[seed], theirs, rtol=0, atol=1e-9)
            torch.testing.assert_close(prediction.user_weights[seed], alpha, rtol=0, atol=1e-9)
            torch.testing.assert_close(prediction.item_weights[seed], beta, rtol=0, atol=1e-9)
    for seed, twin in enumerate(twins):
        for ours, theirs in zip(method.modules["model"].parameters(), twin.model.parameters(), strict=True):
            torch.testing.assert_close(of_seed(ours, theirs, seed, 3), theirs, rtol=0, atol=1e-5)


@every_variant
def test_same_seed_same_numbers_bit_for_bit(variant):
    frame = small_stream()
    shape, pairs = shape_of(frame, "classification", 5), batches(frame, "classification", BATCH)
    runs = [predictions(make(variant, shape, range(2), torch.float32), pairs) for _ in range(2)]
    assert torch.equal(*runs)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
@every_variant
@every_task
def test_gpu_agrees_with_cpu(variant, task):
    frame = small_stream()
    shape = shape_of(frame, task, 5)
    pairs = batches(frame, task, BATCH)
    ours = predictions(make(variant, shape, range(2)), pairs)
    name, settings = variant
    module = methods.find(name)
    other = module.Model(parse(module.Config, json.dumps(settings), name), shape, range(2), torch.float64, "cuda")

    def on_gpu(batch):
        return None if batch is None else type(batch)(*(column.cuda() for column in batch))

    theirs = predictions(other, [(on_gpu(batch), on_gpu(previous)) for batch, previous in pairs]).cpu()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-7)
