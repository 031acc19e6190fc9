"""The loop and its records, against a naive one."""

import math
import runpy
import textwrap

import numpy as np
import pandas as pd
import pytest
import torch

from autoemb.config import DatasetConfig, LevelModel, LevelsConfig, RunConfig, StepsLike
from autoemb.data.columns import Shape, columns_of
from autoemb.data.stream import level_splits
from autoemb.errors import InputError
from autoemb.learning import methods, prequential
from autoemb.learning.checkpoint import Checkpoint
from autoemb.learning.levels import passes, run_levels
from autoemb.learning.methods import fse
from autoemb.learning.nn.task import hits, losses
from autoemb.learning.recorder import Recorder, Window, add_by_product
from autoemb.learning.seeds import run_stream
from autoemb.schema import OUTCOMES, PROGRESS, SIZES, TASKS, TEST_USERS, popularity_bin, popularity_bin_bounds

from . import twin as twins
from .contracts.bench import make, shape_of, small_stream, twin_of
from .contracts.variants import small
from .twin import Interactions, Turn

CONFIG = {"seeds": 2, "batch_size": 32, "windows": 6, "dtype": "float64"}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", ["fse", "autoemb"])
def test_records_equal_a_loop_over_interactions(task, name):
    frame, config = small_stream(), RunConfig(task=task, **CONFIG)
    shape, variant = shape_of(frame, task, 5), (name, small(name))
    columns = columns_of(frame, task)
    recorder = run_stream(lambda seeds: make(variant, shape, seeds), columns, config, by_user=True)

    naive, low, high = [], *popularity_bin_bounds()
    method, position = make(variant, shape, range(2)), 0
    batches = [batch for chunk in method.plan(columns, 32).chunks() for batch in chunk]
    for batch in batches:
        prediction = method.step(batch).prediction
        hit = hits(task, prediction.logits, batch.label).numpy()
        for row in range(len(batch.label)):
            for side, of in enumerate(("user", "item")):
                n = popularity_bin(frame[f"{of}_popularity"].to_numpy()[[position]])[0]
                for seed in range(2):
                    w = prediction.weights[seed, side, :, row].numpy()
                    key = (seed, ("train", "test")[frame["split"][position]], of, low[n], high[n])
                    naive.append((*key, position, prediction.losses[seed, row].item(), hit[seed, row], w))
            position += 1
    columns = ["seed", "split", "side", "popularity_low", "popularity_high", "position", "loss", "hit", "weights"]
    expected = pd.DataFrame(naive, columns=columns)
    keys = columns[:5]

    outcomes = OUTCOMES.check(recorder.outcomes()).set_index(keys).sort_index()
    by_bin = expected.assign(square=expected["loss"] ** 2).groupby(keys)
    assert outcomes["n"].to_dict() == by_bin.size().to_dict()
    np.testing.assert_allclose(outcomes["loss_sum"], by_bin["loss"].sum(), rtol=1e-12)
    np.testing.assert_allclose(outcomes["loss_sq_sum"], by_bin["square"].sum(), rtol=1e-12)
    assert outcomes["correct"].to_dict() == by_bin["hit"].sum().to_dict()
    label = expected["position"].map(dict(enumerate(frame[task])))
    frequencies = expected.assign(label=label).groupby(keys)["label"].value_counts(normalize=True)
    known = frequencies if task == "classification" else frequencies * (1 - frequencies)
    base = (-known * np.log(known) if task == "classification" else known / 2).groupby(keys).sum()
    np.testing.assert_allclose(outcomes["base_loss_sum"], base * outcomes["n"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(outcomes["base_correct"], frequencies.groupby(keys).max() * outcomes["n"], rtol=1e-12)

    sizes = SIZES.check(recorder.size_weights())
    for k, size in enumerate(method.sizes):
        ours = sizes[sizes["size"] == size].groupby(keys)[["n", "weight_sum", "chosen"]].sum().sort_index()
        weight = expected["weights"].map(lambda w, k=k: w[k]).groupby([expected[key] for key in keys]).sum()
        chosen = expected["weights"].map(lambda w, k=k: w.argmax() == k).groupby([expected[key] for key in keys]).sum()
        np.testing.assert_allclose(ours["weight_sum"], weight, rtol=1e-12)
        assert ours["chosen"].to_dict() == chosen.to_dict()
        far = expected["weights"].map(lambda w, k=k: abs(w[k] - 1 / len(w)))
        moved = sizes[sizes["size"] == size].groupby(keys)["moved_sum"].sum().sort_index()
        np.testing.assert_allclose(moved, far.groupby([expected[key] for key in keys]).sum(), rtol=1e-12)

    progress = PROGRESS.check(recorder.progress())
    one_side = expected[expected["side"] == "user"]
    for row in progress[progress["seed"] == 1].itertuples():
        inside = one_side[(one_side["seed"] == 1) & one_side["position"].between(row.first, row.first + row.n - 1)]
        assert row.loss_sum == pytest.approx(inside["loss"].sum(), rel=1e-12)
        assert set(inside["split"]) == {row.split}
    firsts = progress.loc[progress["seed"] == 0, "first"].tolist()
    assert firsts[0] == 0
    assert firsts == sorted(firsts)
    assert progress.loc[progress["seed"] == 0, "n"].sum() == len(frame)

    users = TEST_USERS.check(recorder.test_users()).set_index(["seed", "user"])
    tested = expected[(expected["side"] == "user") & (expected["split"] == "test")]
    by_user = tested.groupby(["seed", tested["position"].map(dict(enumerate(frame["user"])))])
    assert users["n"].to_dict() == by_user.size().to_dict()
    np.testing.assert_allclose(users["loss_sum"], by_user["loss"].sum(), rtol=1e-12)
    assert users["correct"].to_dict() == by_user["hit"].sum().to_dict()


@pytest.mark.parametrize("task", TASKS)
def test_each_seed_through_a_stream_of_its_own_is_that_seed_alone(task):
    frames = [small_stream(rows) for rows in (300, 420)]
    longer, config = frames[1].sample(300, random_state=3, ignore_index=True), RunConfig(task=task, **CONFIG)
    longer["split"] = frames[0]["split"]
    streams = {0: frames[0], 1: longer}  # other ids and other popularities, so other bins

    def build(seeds):
        (seed,) = seeds
        return make(("autoemb", small("autoemb")), shape_of(streams[seed], task, 5), seeds)

    together = run_stream(build, {seed: columns_of(of, task) for seed, of in streams.items()}, config)
    for seed, of in streams.items():
        alone = run_stream(build, columns_of(of, task), config, seeds=range(seed, seed + 1))
        for ours, theirs in zip(together.tables(), alone.tables(), strict=True):
            mine = ours[ours["seed"] == seed].assign(seed=ours["seed"].dtype.type(0)).reset_index(drop=True)
            pd.testing.assert_frame_equal(mine, theirs, check_exact=True)
    assert together.test_users().empty


@pytest.mark.parametrize("apart", [False, True])
def test_what_has_no_dice_goes_through_a_shared_stream_once(apart):
    """And all seeds have the numbers that each has alone; streams of their own they all go through."""
    frame, config = small_stream(), RunConfig(task="regression", **{**CONFIG, "seeds": 3})
    columns, shape = columns_of(frame, "regression"), shape_of(frame, "regression", 5)
    made = []

    def build(seeds):
        made.append(tuple(seeds))
        return make(("means", small("means")), shape, seeds)

    streams = dict.fromkeys(range(3), columns) if apart else columns
    together = run_stream(build, streams, config, by_user=not apart)
    assert made == ([(0,), (1,), (2,)] if apart else [(0,)])
    for seed in range(3):
        alone = run_stream(build, columns, config, seeds=range(seed, seed + 1), by_user=not apart)
        for ours, theirs in zip(together.tables(), alone.tables(), strict=True):
            mine = ours[ours["seed"] == seed].assign(seed=ours["seed"].dtype.type(0)).reset_index(drop=True)
            pd.testing.assert_frame_equal(mine, theirs, check_exact=True)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    "variant",
    [("fse", small("fse")), ("autoemb", small("autoemb")), ("darts", {**small("darts"), "validation": "next_batch"})],
    ids=lambda variant: variant[0],
)
def test_a_run_equals_the_loop_of_its_docstring(task, variant, tmp_path):
    frame, config = small_stream(), RunConfig(task=task, **CONFIG)
    shape, columns = shape_of(frame, task, 5), columns_of(frame, task)
    run = prequential.Run(make(variant, shape, range(2)), columns, config, chunk=3)
    list(run.advance())
    loop = textwrap.dedent((prequential.__doc__ or "").partition("::\n")[2].partition("\n\n``Run``")[0])
    assert "method.step(batch)" in loop
    sums, counts = (torch.zeros_like(of) for of in (run.recorder.sums, run.recorder.counts))
    method = make(variant, shape, range(2))
    (tmp_path / "loop.py").write_text(loop)
    names = {"method": method, "columns": columns, "config": config, "windows": run.windows.tolist()}
    runpy.run_path(str(tmp_path / "loop.py"), {**names, "sums": sums, "counts": counts})
    assert torch.equal(counts, run.recorder.counts)
    assert counts.sum() == 2 * len(frame)
    torch.testing.assert_close(sums, run.recorder.sums, rtol=1e-12, atol=0)


def test_sums_by_a_product_are_the_scattered_ones():
    dice = torch.Generator().manual_seed(0)
    recorder = Recorder(2, (2, 8), [Window(0, 0)], 900, "cpu")
    sums, counts = torch.zeros_like(recorder.sums[:, 0]), torch.zeros_like(recorder.counts[0])
    for _ in range(3):
        bins = torch.randint(0, recorder.bins, (2, 50), generator=dice)
        statistics = torch.rand(2, 2, 9, 50, generator=dice, dtype=torch.float64)
        recorder.update(0, bins, statistics, bins[0])
        add_by_product(counts, sums, bins, statistics.transpose(2, 3))
    torch.testing.assert_close(recorder.sums[:, 0], sums, rtol=1e-12, atol=0)
    assert torch.equal(recorder.counts[0], counts)
    assert counts.sum() == 300


def test_a_loss_that_is_not_finite_ends_the_run():
    frame = small_stream()
    shape, variant = shape_of(frame, "classification", 5), ("fse", {**small("fse"), "learning_rate": 1e300})
    config = RunConfig(task="classification", **CONFIG | {"seeds": 1})
    with pytest.raises(InputError, match="not a finite number"):
        run_stream(lambda seeds: make(variant, shape, seeds), columns_of(frame, "classification"), config)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("name", methods.names())
@pytest.mark.parametrize("cut_after", [1, 4, 9])
def test_a_run_that_was_cut_goes_on_to_the_same_bits(name, cut_after, apart, tmp_path):
    frame = small_stream()  # 14 batches, so 7 or 8 chunks a seed
    shape, variant = shape_of(frame, "regression", 5), (name, small(name))
    columns = columns_of(frame, "regression")
    if apart:
        backwards = frame.iloc[::-1].assign(split=frame["split"].to_numpy())
        columns = {0: columns, 1: columns_of(backwards, "regression")}
    config = RunConfig(task="regression", **CONFIG | {"dtype": "float32"})

    def run(checkpoint=None):
        def build(seeds):
            return make(variant, shape, seeds, torch.float32)

        return run_stream(build, columns, config, checkpoint, chunk=2, by_user=True)

    class KilledError(Exception):
        pass

    class Dying(Checkpoint):
        def save(self, state):
            super().save(state)
            self.saved = getattr(self, "saved", 0) + 1
            if self.saved == cut_after:
                raise KilledError

    path = tmp_path / "state.safetensors"
    with pytest.raises(KilledError):
        run(Dying(path, "same", 0, clock=lambda: 0.0))
    resumed = Checkpoint(path, "same", 0)
    assert resumed.load() is not None
    ours, uncut = run(resumed), run()
    for name in ("sums", "counts", "users"):
        assert torch.equal(getattr(ours, name), getattr(uncut, name))


def test_asking_does_not_depend_on_how_much_was_learnt():
    frame = small_stream(1_200)
    shape, columns = shape_of(frame, "regression", 5), columns_of(frame, "regression")
    method = make(("fse", small("fse")), shape, [0])
    for chunk in method.plan(columns, 1).chunks():  # 1,200 steps, more than the 38 batches that are asked
        for batch in chunk:
            method.step(batch)
    method.flush()
    state = {name: tensor.clone() for name, tensor in method.state_dict().items()}

    def ask() -> torch.Tensor:
        plan = method.plan(columns, 32, learns=False)
        return torch.cat([method.predict_only(batch).logits for chunk in plan.chunks() for batch in chunk], dim=2)

    said = ask()
    assert torch.isfinite(said).all()
    assert torch.equal(ask(), said)
    assert all(torch.equal(tensor, state[name]) for name, tensor in method.state_dict().items())


def test_popularity_levels_equal_training_and_testing_by_hand():
    rng = np.random.default_rng(0)
    frame = {"user": rng.integers(0, 8, 300), "item": rng.integers(0, 20, 300), "rating": 4.0, "timestamp": 0}
    interactions = pd.DataFrame(frame).astype(
        {"user": "int32", "item": "int32", "rating": "float32", "timestamp": "int64"}
    )
    interactions["rating"] = rng.choice([1, 3, 4, 5], 300).astype("float32")
    config = LevelsConfig(at=(2, 5), permutations="one")
    splits = level_splits(interactions, config, DatasetConfig())
    training = RunConfig(task="regression", seeds=2, batch_size=16, dtype="float64")
    twice = LevelModel(method="fse", size=3, start="normal", passes=2)
    result = run_levels([splits, splits], twice, config, training, "cpu")
    assert set(result["training"]) == {"2 passes"}
    assert result["level"].tolist() == [2, 2, 5, 5]
    assert result["seed"].tolist() == [0, 1, 0, 1]

    def batch(rows: np.ndarray) -> Interactions:
        columns = [torch.tensor(splits[name].to_numpy()[rows]).long() for name in ("user", "item", "regression")]
        return Interactions(*columns, torch.zeros(len(rows)), torch.zeros(len(rows)))

    rank = splits["rank"].to_numpy()
    for model in ("constant", "means"):  # one pass, as they count: twice the same interactions would weigh twice
        said = run_levels([splits, splits], LevelModel(method=model), config, training, "cpu")
        assert (said["start"] == "none").all()
        assert (said["size"] == 0).all()
        plain = twins.find(model).Twin(methods.find(model).Config(), Shape("regression", 8, 20, 0, 0), torch.float64)
        order = np.flatnonzero((rank >= 0) & (rank < 5))
        for start in range(0, len(order), 16):
            plain.step(Turn(batch(order[start : start + 16])))
        held_out = batch(np.flatnonzero(rank < 0))
        logits = torch.stack([plain.logits(int(u), int(i)) for u, i in zip(held_out.user, held_out.item, strict=True)])
        total = losses("regression", logits.T[None], held_out.label).sum().item()
        assert said.loc[said["level"] == 5, "loss_sum"].tolist() == pytest.approx([total, total], rel=1e-9)
    shape = Shape("regression", 8, 20, 0, 0)
    model = fse.Model(fse.Config(size=3), shape, [1], torch.float64, "cpu")
    twin = twin_of(("fse", {"size": 3}), model, 0, torch.float64)
    train = np.flatnonzero((rank >= 0) & (rank < 5))
    for order in (train, np.random.default_rng([0, 1]).permutation(train)):
        for start in range(0, len(order), 16):
            twin.step(Turn(batch(order[start : start + 16])))
    test = np.flatnonzero(rank < 0)
    total = 0.0
    for start in range(0, len(test), 16):
        rows = batch(test[start : start + 16])
        total += losses("regression", twin.w(rows).T[None], rows.label).sum().item()
    assert result.loc[(result["level"] == 5) & (result["seed"] == 1), "loss_sum"].item() == pytest.approx(
        total, rel=1e-9
    )
    assert set(result["n"]) == {len(test)}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
@pytest.mark.parametrize(
    "model",
    [LevelModel(method="fse", size=3, start="normal", passes=4), LevelModel(method="means")],
    ids=["fse", "means"],
)
def test_popularity_levels_on_a_gpu_are_those_on_the_cpu(model):
    """Most steps are replayed there: a kind of batch runs three times before it is recorded."""
    rng = np.random.default_rng(0)
    frame = {"user": rng.integers(0, 8, 300), "item": rng.integers(0, 20, 300), "timestamp": 0}
    interactions = pd.DataFrame(frame).astype({"user": "int32", "item": "int32", "timestamp": "int64"})
    interactions.insert(2, "rating", rng.choice([1, 3, 4, 5], 300).astype("float32"))
    config = LevelsConfig(at=(4, 12), permutations="one")
    splits = level_splits(interactions, config, DatasetConfig())
    training = RunConfig(task="regression", seeds=2, batch_size=8, dtype="float64")
    ours, theirs = (run_levels([splits, splits], model, config, training, device) for device in ("cuda", "cpu"))
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("ids", [3, 8, 21, 22, 100])
@pytest.mark.parametrize("level", [2, 5])
def test_steps_like_another_data_set_are_that_many(ids, level):
    """Whole passes, each row once in each, and as much of a last one as makes the number; 7 ids here, batches of 4."""
    train, like = np.arange(7 * level) + 100, StepsLike(dataset="other", ids=ids)
    model = LevelModel(method="fse", size=2, start="normal", passes=None, steps_like=like)
    steps = model.steps(level, len(train), batch_size=4)
    assert steps == math.ceil(ids * level / 4)
    rows = passes(train, steps, 4, seed=0)
    assert sum(math.ceil(len(each) / 4) for each in rows) == steps
    assert all(sorted(each) == list(train) for each in rows[:-1])
    assert set(rows[-1]) <= set(train)
    assert len(set(rows[-1])) == len(rows[-1])
    assert (rows[0] == train[: len(rows[0])]).all()  # the split's own order


def test_a_model_makes_the_steps_of_another_data_set(monkeypatch):
    generator = np.random.default_rng(0)
    rows = {"user": generator.integers(0, 8, 200), "item": generator.integers(0, 20, 200)}
    stamped = {"rating": generator.integers(1, 6, 200).astype("float32"), "timestamp": np.arange(200)}
    interactions = pd.DataFrame({name: column.astype("int32") for name, column in rows.items()} | stamped)
    config = LevelsConfig(at=(2, 5), permutations="one")
    splits = level_splits(interactions, config, DatasetConfig())
    like = StepsLike(dataset="other", ids=100)
    model = LevelModel(method="fse", size=2, start="normal", passes=None, steps_like=like)
    step, made = fse.Model.step, []
    monkeypatch.setattr(fse.Model, "step", lambda self, batch: made.append(len(batch.label)) or step(self, batch))
    result = run_levels([splits], model, config, RunConfig(task="regression", seeds=1, batch_size=16), "cpu")
    assert len(made) == math.ceil(200 / 16) + math.ceil(500 / 16)
    assert set(result["training"]) == {"steps of other"}
