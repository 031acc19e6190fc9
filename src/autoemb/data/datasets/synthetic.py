r"""Ratings from known probabilities: a generator with a known best answer.

Every interaction draws a user and an item by power laws of popularity, and a rating of 1 to 5 whole stars from
an ordered logit model of their affinity z (biases of user and item plus a product of their traits, unit variance):

    P(rating <= k | user, item) = sigmoid((t_k - sqrt(signal) s z) / sqrt(1 - signal)),    s = pi / sqrt(3)

s is the standard deviation of logistic noise, so ``signal`` is the share of the affinity in the variance of the
latent rating, at any signal: at 0 the ratings are independent of the ids. No method can do better on average
than these probabilities themselves; ``best`` says how well they do.

Two plants for who advises on sizes, both with ``rank`` 8, ``biases`` 0.08 and ``signal`` 0.8: with ``noise_below`` 64,
rare items are rated at random, so that a small size, which learns less of the noise by heart, is better for them, and
for the others a large one, as their traits are many; with 0, every item can be learnt.
"""

from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field
from scipy.special import entr, expit, logit

from autoemb.config import Count, DatasetConfig
from autoemb.data.datasets import csv
from autoemb.data.datasets.base import Dataset
from autoemb.data.ratings import Ratings, Scale

STARS = np.arange(1, 6)
SHARES = (0.06, 0.11, 0.26, 0.34, 0.23)
"""Share of each rating without signal; about that of MovieLens 1M."""

ITEM_EXPONENT = 1.0
USER_EXPONENT = 0.7
"""The n-th most popular id has a share proportional to n to the power of minus this."""

FIRST_TIMESTAMP = 1_000_000_000


class Config(DatasetConfig):
    """Size and difficulty."""

    archive: None = None
    """Generated: there is no file to name."""

    rows: Count
    """Ratings to draw."""

    users: Count
    """Ids to draw from; the rarest may never be drawn."""

    items: Count
    """The same of items."""

    signal: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Share of the ids' affinity in the variance of the latent rating."""

    rank: Count = 4
    """Traits of an id, whose products make affinity."""

    biases: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the ids' biases in the variance of affinity; the rest is their traits'."""

    noise_below: Annotated[int, Field(ge=0)] = 0
    """An item with fewer ratings than this is rated at random, whoever rates it."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Of all draws."""


class Draws(NamedTuple):
    """The drawn interactions: ids (int64) and affinity z (float64), each of shape (rows,)."""

    user: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    affinity: npt.NDArray[np.float64]


def draw(config: Config) -> Draws:
    """The user and the item of each interaction, and their affinity."""
    ids, traits = (np.random.default_rng([config.seed, stream]) for stream in (0, 1))
    user = _popular(ids, config.users, USER_EXPONENT, config.rows)
    item = _popular(ids, config.items, ITEM_EXPONENT, config.rows)
    user_traits = traits.standard_normal((config.users, 1 + config.rank))
    item_traits = traits.standard_normal((config.items, 1 + config.rank))
    product = np.zeros(config.rows)
    for axis in range(1, 1 + config.rank):  # one by one: a (rows, rank) table of each side would be the largest held
        product += user_traits[user, axis] * item_traits[item, axis]
    own = user_traits[user, 0] + item_traits[item, 0]
    affinity = np.sqrt(0.5 * config.biases) * own + product * np.sqrt((1 - config.biases) / config.rank)
    if config.noise_below:
        affinity[np.bincount(item)[item] < config.noise_below] = 0
    return Draws(user, item, affinity)


def cumulative(config: Config, affinity: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """P(rating <= k) for k = 1 to 4, each of the shape of ``affinity``."""
    latent = np.sqrt(config.signal) * np.pi / np.sqrt(3) * affinity
    return [expit((t - latent) / np.sqrt(1 - config.signal)) for t in logit(np.cumsum(SHARES)[:-1])]


def probabilities(config: Config) -> npt.NDArray[np.float64]:
    """P(rating = k) for k = 1 to 5 of every generated interaction, shape (rows, 5)."""
    below = cumulative(config, draw(config).affinity)
    edges = np.stack([np.zeros(config.rows), *below, np.ones(config.rows)], axis=1)
    return np.diff(edges, axis=1)


def best(config: Config) -> dict[str, float]:
    """How well the known probabilities do, and how well their mean over all interactions does.

    Expectations over the ratings, averaged over the generated interactions. Keys: ``bayes_`` or ``base_``
    followed by ``mse`` (mean squared error of the probability of a positive label), ``accuracy``
    (regression task), ``cross_entropy`` (nats), ``class_accuracy`` (classification task).
    """
    rating = probabilities(config)
    positive = rating[:, config.positive_from <= STARS].sum(axis=1)
    class_of = np.searchsorted(config.class_edges, STARS)
    classes = np.stack([rating[:, class_of == n].sum(axis=1) for n in range(len(config.class_edges))], axis=1)
    answers = {"bayes": (positive, classes), "base": (positive.mean(keepdims=True), classes.mean(axis=0)[None])}
    result: dict[str, float] = {}
    for name, (p, q) in answers.items():
        result[f"{name}_mse"] = float((p * (1 - p)).mean())
        result[f"{name}_accuracy"] = float(np.maximum(p, 1 - p).mean())
        result[f"{name}_cross_entropy"] = float(entr(q).sum(axis=1).mean())
        result[f"{name}_class_accuracy"] = float(q.max(axis=1).mean())
    return result


def generate(config: Config, path: Path) -> None:
    """Write the ratings as a csv file: user, item, rating, timestamp (increasing)."""
    draws = draw(config)
    ratings, times = (np.random.default_rng([config.seed, stream]) for stream in (2, 3))
    uniform = ratings.random(config.rows)
    rating = np.ones(config.rows, np.int64)
    for below in cumulative(config, draws.affinity):
        rating += uniform >= below
    timestamp = FIRST_TIMESTAMP + np.cumsum(times.integers(1, 120, config.rows))
    frame = pd.DataFrame({"user": draws.user, "item": draws.item, "rating": rating, "timestamp": timestamp})
    frame.to_csv(path, index=False)


def read(archive: Path, config: Config) -> Ratings:
    """The ratings of the generated file, in its order."""
    columns = csv.Columns(user="user", item="item", rating="rating", timestamp="timestamp")
    return csv.read(archive, csv.Config(archive=str(archive), columns=columns, rating_range=(1.0, 5.0)))


def _popular(dice: np.random.Generator, ids: int, exponent: float, rows: int) -> npt.NDArray[np.int64]:
    share = np.arange(1, ids + 1) ** -exponent
    return dice.permutation(ids)[dice.choice(ids, rows, p=share / share.sum())]


dataset = Dataset(
    name="synthetic",
    title="synthetic ratings with a known best answer",
    licence="free",
    citation="autoemb",
    config=Config,
    read=read,
    generate=generate,
    member=None,
    scale=Scale(1.0, 5.0, 1.0),
)
