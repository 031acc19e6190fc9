"""The loop and its records, against a naive one."""

import numpy as np
import pandas as pd
import pytest
import torch

from autoemb.config import DatasetConfig, PopularityConfig, RunConfig
from autoemb.errors import InputError
from autoemb.methods import fse
from autoemb.nn.model import Batch, Shape
from autoemb.nn.task import hits, losses
from autoemb.popularity import run_levels
from autoemb.prequential import Stream, run_stream
from autoemb.schema import OUTCOMES, PROGRESS, SIZES, TASKS, popularity_bin, popularity_bin_bounds
from autoemb.stream import popularity_buckets

from .contracts.bench import batches, make, shape_of, small_stream
from .contracts.variants import small

CONFIG = {"seeds": 2, "batch_size": 32, "windows": 6, "dtype": "float64"}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", ["fse", "autoemb"])
def test_records_equal_a_loop_over_interactions(task, method):
    frame, config = small_stream(), RunConfig(task=task, **CONFIG)
    shape, variant = shape_of(frame, task, 5), (method, small(method))
    recorder = run_stream(make(variant, shape, range(2)), Stream(frame, task, "cpu"), config, "cpu")

    naive, low, high = [], *popularity_bin_bounds()
    twin, position = make(variant, shape, range(2)), 0
    for batch, previous in batches(frame, task, 32):
        prediction = twin.step(batch, previous)
        loss = losses(task, prediction.logits, batch.label).detach().numpy()
        hit = hits(task, prediction.logits, batch.label).numpy()
        for row in range(len(batch.user)):
            for side, weights in (("user", prediction.user_weights), ("item", prediction.item_weights)):
                popularity = frame[f"{side}_popularity"].to_numpy()[[position]]
                n = popularity_bin(popularity)[0]
                for seed in range(2):
                    w = weights[seed, row].detach().numpy()
                    key = (seed, ("train", "test")[frame["split"][position]], side, low[n], high[n])
                    naive.append((*key, position, loss[seed, row], hit[seed, row], w))
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

    sizes = SIZES.check(recorder.size_weights())
    for k, size in enumerate(twin.sizes):
        ours = sizes[sizes["size"] == size].groupby(keys)[["n", "weight_sum", "chosen"]].sum().sort_index()
        weight = expected["weights"].map(lambda w, k=k: w[k]).groupby([expected[key] for key in keys]).sum()
        chosen = expected["weights"].map(lambda w, k=k: w.argmax() == k).groupby([expected[key] for key in keys]).sum()
        np.testing.assert_allclose(ours["weight_sum"], weight, rtol=1e-12)
        assert ours["chosen"].to_dict() == chosen.to_dict()

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


def test_a_loss_that_is_not_finite_ends_the_run():
    frame = small_stream()
    method = make(("fse", {**small("fse"), "learning_rate": 1e300}), shape_of(frame, "classification", 5), range(1))
    config = RunConfig(task="classification", **CONFIG | {"seeds": 1})
    with pytest.raises(InputError, match="not a finite number"):
        run_stream(method, Stream(frame, "classification", "cpu"), config, "cpu")


def test_popularity_levels_equal_training_and_testing_by_hand():
    rng = np.random.default_rng(0)
    frame = {"user": rng.integers(0, 8, 300), "item": rng.integers(0, 20, 300), "rating": 4.0, "timestamp": 0}
    interactions = pd.DataFrame(frame).astype(
        {"user": "int32", "item": "int32", "rating": "float32", "timestamp": "int64"}
    )
    interactions["rating"] = rng.choice([1, 3, 4, 5], 300).astype("float32")
    config = PopularityConfig(levels=(2, 5), passes=2)
    buckets = popularity_buckets(interactions, config, DatasetConfig())
    training = RunConfig(task="regression", seeds=2, batch_size=16)
    result = run_levels(buckets, 3, config, training, "cpu")
    assert result["level"].tolist() == [2, 2, 5, 5]

    def batch(rows: np.ndarray) -> Batch:
        columns = [torch.tensor(buckets[name].to_numpy()[rows]).long() for name in ("user", "item", "regression")]
        return Batch(*columns, torch.zeros(len(rows)), torch.zeros(len(rows)))

    rank = buckets["rank"].to_numpy()
    shape = Shape("regression", 8, 20, 0, 0)
    model = fse.Model(fse.Config(size=3), shape, range(2), torch.float32, "cpu")
    train = np.flatnonzero((rank >= 0) & (rank < 5))
    for order in (train, np.random.default_rng([0, 1]).permutation(train)):
        for start in range(0, len(order), 16):
            model.step(batch(order[start : start + 16]), None)
    test = np.flatnonzero(rank < 0)
    total = torch.zeros(2)
    for start in range(0, len(test), 16):
        rows = batch(test[start : start + 16])
        total += losses("regression", model.predict(rows).logits, rows.label).detach().sum(1)
    np.testing.assert_allclose(result.loc[result["level"] == 5, "loss_sum"], total, rtol=1e-5)
    assert set(result["n"]) == {len(test)}
