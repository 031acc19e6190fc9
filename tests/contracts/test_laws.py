"""The laws of the method contract, held by every method by being listed (architecture: the method contract)."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from autoemb.config import parse
from autoemb.data.columns import columns_of
from autoemb.errors import InputError
from autoemb.learning import methods
from autoemb.learning.machine.engine import Captured, compile_step, obstacle
from autoemb.learning.nn.task import losses
from autoemb.schema import TASKS

from .bench import logits_of, make, predictions, shape_of, small_stream, twin_of, twin_turns
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
    ours = logits_of(make(variant, shape, range(2)), frame, task)
    others = logits_of(make(variant, shape, range(2)), changed, task)
    # the batch that begins at `at` is predicted before its labels are used
    assert torch.equal(ours[..., : at + BATCH], others[..., : at + BATCH])
    assert not torch.equal(ours[..., at + BATCH :], others[..., at + BATCH :])


@every_variant
@every_task
def test_seeds_are_independent(variant, task):
    frame = small_stream()
    shape = shape_of(frame, task, 5)
    method = make(variant, shape, range(3))
    together = logits_of(method, frame, task)
    for seed in range(3):
        alone = logits_of(make(variant, shape, [seed]), frame, task)
        torch.testing.assert_close(together[seed], alone[0], rtol=0, atol=1e-10)
    assert torch.allclose(together[0], together[1]) == method.seedless


@every_variant
@every_task
def test_cutting_the_stream_short_does_not_change_the_past(variant, task):
    frame = small_stream()
    shape, kept = shape_of(frame, task, 5), 6 * BATCH  # of a train part of 300
    whole = logits_of(make(variant, shape, range(2)), frame, task)
    cut = logits_of(make(variant, shape, range(2)), frame[:kept], task)
    assert torch.equal(whole[..., :kept], cut)


@every_variant
@every_task
@pytest.mark.parametrize("chunk", [1, 4])
def test_saving_and_loading_in_mid_stream_changes_nothing(variant, task, chunk, tmp_path):
    frame = small_stream()
    shape, columns = shape_of(frame, task, 5), columns_of(frame, task)
    uncut = logits_of(make(variant, shape, range(2), torch.float32), frame, task)
    first = make(variant, shape, range(2), torch.float32)
    begun = first.plan(columns, BATCH, chunk=chunk).chunks()
    before = [first.step(batch).prediction.logits for _ in range(2) for batch in next(begun)]
    save_file(first.state_dict(), tmp_path / "state.safetensors")
    resumed = make(variant, shape, [7, 8], torch.float32)  # other dice: all that matters is in the state
    resumed.load_state_dict(load_file(tmp_path / "state.safetensors"))
    rest = resumed.plan(columns, BATCH).chunks(len(before))
    after = [resumed.step(batch).prediction.logits for chunk in rest for batch in chunk]
    assert torch.equal(torch.cat([*before, *after], dim=2), uncut)


@every_variant
@every_task
@pytest.mark.parametrize("side", ["user", "item"])
def test_relabelling_ids_changes_nothing(variant, task, side):
    frame = small_stream()
    shape = shape_of(frame, task, 5)
    rows, start = (shape.users, 0) if side == "user" else (shape.items, shape.users)
    new_id = torch.randperm(rows, generator=torch.Generator().manual_seed(3))
    relabelled = frame.assign(**{side: new_id.int().numpy()[frame[side]]})
    ours, others = make(variant, shape, range(2)), make(variant, shape, range(2))
    of_ids = {"start", *(f"tables.{name}" for name, use in others.uses.items() if use.key == "id")}
    for name, tensor in others.state_dict().items():
        if name in of_ids:
            tensor[:, start : start + rows] = tensor[:, start : start + rows][:, new_id.argsort()]
    # a method's memory starts the same for every id, so there is nothing else to permute
    torch.testing.assert_close(logits_of(others, relabelled, task), logits_of(ours, frame, task), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", SEARCHING)
@every_task
def test_with_one_size_a_search_is_the_fixed_size(name, task):
    frame = small_stream()
    shape = shape_of(frame, task, 5)
    known = methods.find(name).Config.model_fields
    settings = {key: value for key, value in CONTROL.items() if key in known} | {"sizes": [6]}
    searching = logits_of(make((name, settings), shape, range(2)), frame, task)
    path = {"esapn": "chain", "mask": "raw"}.get(name, "transform")
    fixed = logits_of(make(("fse", {**SMALL, "size": 6, "path": path}), shape, range(2)), frame, task)
    torch.testing.assert_close(searching, fixed, rtol=0, atol=1e-9)


@every_variant
@every_task
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_gradients_are_finite_and_dtypes_are_kept(variant, task, dtype):
    frame = small_stream(rows=331)  # the last batch of the train part, and of the test part, is short
    method = make(variant, shape_of(frame, task, 5), range(2), dtype)
    said = predictions(method, frame, task)
    assert said[-1].logits.shape[2] < BATCH
    for prediction in said:
        assert all(part.dtype == dtype and torch.isfinite(part).all() for part in prediction)
        total = prediction.weights.sum(2)
        torch.testing.assert_close(total, torch.ones_like(total))
    for name, tensor in method.state_dict().items():
        assert name.startswith(("since.", "seeds")) or (tensor.dtype == dtype and torch.isfinite(tensor).all())


@every_variant
def test_a_last_batch_of_one_interaction_is_survived(variant):
    frame = small_stream(rows=4 * (BATCH + 1))  # a test part of 33
    method = make(variant, shape_of(frame, "regression", 5), range(2))
    said = predictions(method, frame, "regression")
    assert said[-1].logits.shape[2] == 1
    assert torch.isfinite(said[-1].logits).all()


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
    twins = [twin_of(variant, method, seed, torch.float64) for seed in range(3)]
    plan = method.plan(columns_of(frame, task), BATCH)
    turns = twin_turns(plan)
    for n, batch in enumerate(batch for chunk in plan.chunks() for batch in chunk):
        prediction = method.step(batch).prediction
        for seed, twin in enumerate(twins):
            logits, alpha, beta = twin.step(turns[seed][n])
            theirs = losses(task, logits.T[None], turns[seed][n].batch.label)[0]
            torch.testing.assert_close(prediction.losses[seed], theirs, rtol=0, atol=1e-9)
            torch.testing.assert_close(prediction.weights[seed], torch.stack([alpha.T, beta.T]), rtol=0, atol=1e-9)
    method.flush()
    for seed, twin in enumerate(twins):
        for theirs, ours in twin.pairs(method, seed):
            torch.testing.assert_close(ours, theirs.detach(), rtol=0, atol=1e-5)


@every_variant
def test_same_seed_same_numbers_bit_for_bit(variant):
    frame = small_stream()
    shape = shape_of(frame, "classification", 5)
    runs = [logits_of(make(variant, shape, range(2), torch.float32), frame, "classification") for _ in range(2)]
    assert torch.equal(*runs)


@every_variant
def test_a_table_never_has_a_dense_gradient(variant, monkeypatch):
    frame = small_stream(420)  # no batch, and no two, have as many distinct rows as a table
    shape = shape_of(frame, "regression", 5)
    method = make(variant, shape, range(2))
    sizes = []
    grad = torch.autograd.grad

    def spy(outputs, inputs, *rest, **options):
        gradients = grad(outputs, inputs, *rest, **options)
        sizes.extend((gradient.shape, len(inputs)) for gradient in gradients)
        return gradients

    monkeypatch.setattr(torch.autograd, "grad", spy)
    predictions(method, frame, "regression")
    tables = {
        (len(method.seeds), table.rows + extra, width)
        for name, table in method.tables.items()
        for extra in (0, 1)
        for width in (table.width, *method.widths[name])
    }
    assert sizes or not tables  # a closed form has neither
    assert not tables & {tuple(shape) for shape, _ in sizes}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the compiler uses what PyTorch deprecates
@pytest.mark.filterwarnings("ignore:Guards may run slower on Python 3.13.0")  # of this one version alone
@pytest.mark.parametrize("how", ["eager", "captured", "compiled and captured"])
@every_variant
@every_task
def test_gpu_agrees_with_cpu(variant, task, how):
    """As a run goes there: a step is recorded once for each kind of batch, and replayed."""
    frame = small_stream(800)  # long enough that batches of every kind are replayed
    shape = shape_of(frame, task, 5)
    method = make(variant, shape, range(2), device="cuda")
    if how.startswith("compiled"):
        if method.eager is not None:
            pytest.skip(f"not compiled: {method.eager}")
        if obstacle("cuda"):
            pytest.skip(f"cannot compile here: {obstacle('cuda')}")
        torch.compiler.reset()  # the compiler keeps few versions of one function
        compile_step(method, BATCH)
    step = method.step if how == "eager" else Captured(method.step)
    theirs = []
    for chunk in method.plan(columns_of(frame, task), BATCH).chunks():
        theirs += [step(batch).prediction.logits.cpu() for batch in chunk]
    assert how == "eager" or step.graphs
    ours = logits_of(make(variant, shape, range(2)), frame, task)
    torch.testing.assert_close(ours, torch.cat(theirs, dim=2), rtol=0, atol=1e-7)
