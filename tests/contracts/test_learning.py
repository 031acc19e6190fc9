"""Law 7: a method learns what there is to learn, and nothing where there is nothing."""

import pandas as pd
import pytest
import torch

from autoemb.config import DatasetConfig, RunConfig, StreamConfig
from autoemb.data.columns import columns_of, shape_of
from autoemb.data.datasets import synthetic
from autoemb.data.interactions import Interactions
from autoemb.data.stream import build_stream
from autoemb.learning import methods
from autoemb.learning.seeds import run_stream
from autoemb.schema import TASKS

from .bench import make
from .variants import small

ROWS, BATCH, RATE = 24_000, 100, 0.005
"""At a rate of 0.001, 240 steps are so few that whether anything is learnt hangs on the stream's seed."""
SHARE, EXCESS = 0.2, 1.03
"""Of the way from the base rate to the best possible, what is gone at least; of the base rate, what is lost at most."""


@pytest.fixture(scope="module")
def ratings(tmp_path_factory):
    """Streams of the synthetic data set by signal, with the best and the base rate's answer."""
    made = {}
    for signal in (0.0, 0.8):
        config = synthetic.Config(rows=ROWS, users=60, items=50, signal=signal, seed=4)
        path = tmp_path_factory.mktemp("synthetic") / "ratings.csv"
        synthetic.generate(config, path)
        found = Interactions(synthetic.read(path, config))
        stream = build_stream(found.frame(), found.items, StreamConfig(order="temporal", test=0.5), DatasetConfig())
        made[signal] = stream, synthetic.best(config)
    return made


def mean_test_loss(method: str, task: str, stream: pd.DataFrame) -> tuple[float, float]:
    """Mean loss over the test part, averaged over two seeds, and its standard error over interactions."""
    config = RunConfig(task=task, seeds=2, batch_size=BATCH)
    rate = {"learning_rate": RATE} if "learning_rate" in methods.find(method).Config.model_fields else {}
    shape, variant = shape_of(stream, task, 5), (method, {**small(method), **rate})
    recorder = run_stream(lambda seeds: make(variant, shape, seeds, torch.float32), columns_of(stream, task), config)
    outcomes = recorder.outcomes()
    test = outcomes[(outcomes["split"] == "test") & (outcomes["side"] == "user")]
    n, total, square = test["n"].sum(), test["loss_sum"].sum(), test["loss_sq_sum"].sum()
    mean = total / n
    return mean, ((square / n - mean**2) / (n / 2)) ** 0.5  # the seeds share their interactions


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", methods.names())
def test_it_beats_the_base_rate_where_there_is_signal(ratings, method, task):
    stream, answer = ratings[0.8]
    name = "mse" if task == "regression" else "cross_entropy"
    mean, error = mean_test_loss(method, task, stream)
    base, bayes = answer[f"base_{name}"], answer[f"bayes_{name}"]
    held = make((method, small(method)), shape_of(stream, task, 5), [0])
    if not held.tables and not held.memory.shape[2]:  # it cannot tell one id from another
        assert mean == pytest.approx(base, abs=3 * error)
        return
    assert mean < base - 5 * error
    assert base - mean > SHARE * (base - bayes), "there is more to learn"
    assert mean > bayes - 3 * error, "better than the best possible: it has seen the labels"


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", methods.names())
def test_it_stays_at_the_base_rate_where_there_is_none(ratings, method, task):
    stream, answer = ratings[0.0]
    name = "mse" if task == "regression" else "cross_entropy"
    mean, error = mean_test_loss(method, task, stream)
    assert mean > answer[f"base_{name}"] - 3 * error
    assert mean < EXCESS * answer[f"base_{name}"], "it takes noise for signal"
