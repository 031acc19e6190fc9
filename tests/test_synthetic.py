"""The synthetic ratings: their stated best answer against simulation and closed forms."""

import json

import numpy as np
import pandas as pd
import pytest

from autoemb import cli
from autoemb.data.datasets import synthetic

CONFIG = synthetic.Config(rows=60_000, users=300, items=200, signal=0.6, seed=3)


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    path = tmp_path_factory.mktemp("synthetic") / "ratings.csv"
    synthetic.generate(CONFIG, path)
    return pd.read_csv(path)


def test_without_signal_the_best_is_the_base_rate():
    answers = synthetic.best(CONFIG.model_copy(update={"signal": 0.0}))
    shares = np.array([0.06, 0.11, 0.26, 0.34, 0.23])
    expected = {
        "mse": 0.57 * 0.43,
        "accuracy": 0.57,
        "cross_entropy": -(shares * np.log(shares)).sum(),
        "class_accuracy": 0.34,
    }
    for key, value in expected.items():
        assert answers[f"bayes_{key}"] == pytest.approx(value, rel=1e-9)
        assert answers[f"base_{key}"] == pytest.approx(value, rel=1e-9)


def test_more_signal_is_easier():
    bests = [synthetic.best(CONFIG.model_copy(update={"signal": s})) for s in (0.0, 0.3, 0.6, 0.9)]
    for key, sign in (("mse", -1), ("accuracy", 1), ("cross_entropy", -1), ("class_accuracy", 1)):
        values = np.array([sign * best[f"bayes_{key}"] for best in bests])
        assert (np.diff(values) > 0.01).all()


def test_probabilities_are_those_of_the_latent_model():
    """A latent logistic rating cut at the thresholds, drawn anew: its shares are the probabilities."""
    config = CONFIG.model_copy(update={"rows": 4})
    affinity = synthetic.draw(config).affinity
    noise = np.random.default_rng(0).logistic(size=(200_000, 1))
    latent = np.sqrt(0.6) * np.pi / np.sqrt(3) * affinity + np.sqrt(0.4) * noise
    thresholds = np.log([0.06 / 0.94, 0.17 / 0.83, 0.43 / 0.57, 0.77 / 0.23])
    stars = 1 + (latent[..., None] > thresholds).sum(axis=-1)
    shares = np.stack([(stars == k).mean(axis=0) for k in range(1, 6)], axis=1)
    np.testing.assert_allclose(synthetic.probabilities(config), shares, atol=0.005)  # over 4 standard errors


def test_affinity_has_unit_variance():
    config = CONFIG.model_copy(update={"users": 20_000, "items": 20_000, "rows": 200_000})
    assert synthetic.draw(config).affinity.std() == pytest.approx(1.0, abs=0.05)


def test_best_is_what_the_generated_ratings_give(generated):
    """Losses of the known probabilities on the labels themselves, within four standard errors."""
    rating = generated["rating"].to_numpy()
    known = synthetic.probabilities(CONFIG)
    base = np.broadcast_to(known.mean(axis=0), known.shape)
    answers = synthetic.best(CONFIG)
    label = rating >= 4
    for name, classes in (("bayes", known), ("base", base)):
        positive = classes[:, 3:].sum(axis=1)
        losses = {
            "mse": (positive - label) ** 2,
            "accuracy": (positive > 0.5) == label,
            "cross_entropy": -np.log(classes[np.arange(len(rating)), rating - 1]),
            "class_accuracy": classes.argmax(axis=1) == rating - 1,
        }
        for key, loss in losses.items():
            error = 4 * loss.std() / np.sqrt(len(loss))
            assert loss.mean() == pytest.approx(answers[f"{name}_{key}"], abs=error), (name, key)


def test_popularity_is_a_power_law_and_time_increases(generated):
    counts = generated["item"].value_counts().to_numpy()
    shares = 1 / np.arange(1, 201)
    expected = len(generated) * shares / shares.sum()
    assert (np.abs(counts[:20] - expected[:20]) < 5 * np.sqrt(expected[:20])).all()
    assert (np.diff(generated["timestamp"]) > 0).all()
    assert generated["user"].between(0, 299).all()
    assert sorted(generated["rating"].unique()) == [1, 2, 3, 4, 5]


def test_same_seed_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        synthetic.generate(CONFIG.model_copy(update={"rows": 50, "seed": seed}), tmp_path / name)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_class_edges_and_the_threshold_are_respected():
    config = CONFIG.model_copy(update={"class_edges": (2.0, 5.0), "positive_from": 3.0})
    answers = synthetic.best(config)
    # two classes cut between 2 and 3 stars are the regression task's labels
    assert answers["bayes_accuracy"] == pytest.approx(answers["bayes_class_accuracy"])
    assert answers["base_accuracy"] == pytest.approx(answers["base_class_accuracy"])


def test_fetch_generates_and_interactions_reads(tmp_path):
    settings = json.dumps({"rows": 500, "users": 20, "items": 10, "signal": 0.5, "seed": 1})
    common = ["--dataset", "synthetic", "--settings", settings]
    assert cli.main(["fetch", *common, "--out", str(tmp_path / "archive")]) == 0
    outs = [w for key in ("out", "users", "items", "counts") for w in (f"--{key}", str(tmp_path / key))]
    assert cli.main(["interactions", *common, "--archive", str(tmp_path / "archive"), *outs]) == 0
    rows, users = pd.read_parquet(tmp_path / "out"), pd.read_parquet(tmp_path / "users")
    written = pd.read_csv(tmp_path / "archive")
    assert len(rows) == 500
    assert users["id"].iloc[rows["user"].to_numpy()].astype("int64").tolist() == written["user"].tolist()
    assert json.loads((tmp_path / "counts").read_text())["matches"] is None
