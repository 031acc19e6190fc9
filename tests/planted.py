"""Made-up runs whose truth is known, as the tables that claims are judged from."""

from typing import Any

import numpy as np
import pandas as pd

from autoemb.analysis import claims
from autoemb.schema import ALLOCATION, LEVELS, OUTCOMES, PROGRESS, SIDES, SIZES, TEST_USERS, Table

GOOD = {
    "means": 0.25, "uniform": 0.245, "fse": 0.24, "sam-slow": 0.2375, "sam": 0.235, "darts": 0.23, "autoemb": 0.225,
    "autoemb-fast": 0.222, "esapn": 0.22,
}  # fmt: skip
"""Losses in the order that the papers claim."""

STEEP = dict.fromkeys(GOOD, 0.003) | {"fse": 0.004, "esapn": 0.002}
"""Improvement per doubling of popularity; ESAPN's is the smallest, so it gains most for rare ids."""

CURVES = {2: (0.220, 0.217), 16: (0.225, 0.213), 128: (0.230, 0.205)}
"""Losses of each size at the popularity levels 2 and 28: the smallest is best first, worst last."""

LOWS = np.array([1, 4, 16, 64])
N = 1_000_000
WINDOWS = 20
USERS = 50


def product(**columns: Any) -> pd.DataFrame:
    """Every combination of the columns' values."""
    names = {name: list(values) for name, values in columns.items()}
    return pd.MultiIndex.from_product(names.values(), names=names).to_frame(index=False)


def drawn(frame: pd.DataFrame, keys: list[str], sd: float, dice: np.random.Generator) -> np.ndarray:
    """One normal draw per ``keys``, for every row that has them."""
    groups = frame.groupby(keys, sort=False).ngroup().to_numpy()
    return dice.normal(0, sd, groups.max() + 1)[groups]


def sums(frame: pd.DataFrame, loss: np.ndarray, n: Any = N) -> pd.DataFrame:
    """Sums behind these mean losses; the accuracy is one minus the loss; the labels alone say .25."""
    counted = {"n": n, "loss_sum": loss * n, "loss_sq_sum": 0.0, "correct": np.round((1 - loss) * n)}
    return frame.assign(**counted, base_loss_sum=0.25 * n, base_correct=np.round(0.75 * n))


def conforming(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """``frame`` with its other columns after those of the schema, which it must satisfy."""
    own = table.check(frame[list(table.columns)].astype(dict(table.columns)))
    return own.join(frame[[name for name in frame.columns if name not in table.columns and name not in SPARE]])


SPARE = ("loss_sq_sum", "base_loss_sum", "base_correct")


def made(
    losses: dict[str, float] = GOOD,
    steep: dict[str, float] = STEEP,
    curves: dict[int, tuple[float, float]] = CURVES,
    growing: float = 1.0,
    seeds: int = 5,
    sd: float = 1e-4,
    datasets: tuple[str, ...] = ("ml-20m",),
    tasks: tuple[str, ...] = ("regression",),
    streams: tuple[str, ...] = ("shuffled",),
    starts: tuple[str, ...] = ("normal", "scaled"),
    moved: float = 0.2,
    permuted: tuple[str, ...] = ("shuffled",),
    restarting: tuple[str, ...] = (),
) -> claims.Evidence:
    """Runs of every method with normal noise ``sd`` over seeds, in all that can differ; ``moved`` is DARTS' weights."""
    dice = np.random.default_rng(1)
    run = {"dataset": datasets, "stream": streams, "task": tasks, "method": list(losses)}
    keys = [*run, "seed"]

    frame = product(**run, seed=range(seeds), split=["train", "test"], side=SIDES, popularity_low=LOWS)
    doublings = np.log2(frame["popularity_low"]) - np.log2(LOWS).mean()
    slope = frame["method"].map(steep) + drawn(frame, [*keys, "side"], sd, dice)
    of_seed = drawn(frame, keys, sd, dice)
    loss = frame["method"].map(losses) + of_seed - slope * doublings
    frame = frame.assign(popularity_high=frame["popularity_low"])
    outcomes = conforming(sums(frame, loss.to_numpy()), OUTCOMES)

    frame = product(**run, seed=range(seeds), window=range(WINDOWS))
    loss = frame["method"].map(losses) + drawn(frame, keys, sd, dice) + drawn(frame, [*run, "window"], sd, dice)
    part = np.where(frame["window"] < WINDOWS // 2, "train", "test")
    frame = frame.assign(split=part, first=frame["window"] * N)
    progress = conforming(sums(frame, loss.to_numpy()), PROGRESS)

    searching = {**run, "method": [name for name in losses if name in ("darts", "autoemb", "esapn")]}
    frame = product(**searching, seed=range(seeds), window=range(WINDOWS), side=SIDES, popularity_low=LOWS)
    grows = growing * (0.1 * np.log2(frame["popularity_low"]) + 0.02 * frame["window"])
    # noise that a slope over the bins and a difference over the windows both feel
    noise = [drawn(frame, [*keys, "side", name], 10 * sd, dice) for name in ("popularity_low", "window")]
    # ESAPN enlarges frequent ids faster than others, or slower (enlarging at random lies between); or makes them small
    esapn = 0.9 * (frame["popularity_low"] / LOWS.max()) ** 2
    if growing <= 0:
        esapn = 0.5 * frame["popularity_low"] ** (0.1 if growing == 0 else -0.1)
    even = (0.05 if growing > 0 else 0.5) + grows
    share = np.clip(even.where(frame["method"] != "esapn", esapn) + noise[0] + noise[1], 0, 1)
    frame = frame.assign(
        split=np.where(frame["window"] < WINDOWS // 2, "train", "test"), popularity_high=frame["popularity_low"], n=100
    )
    far = 100 * moved / 2
    both = [
        frame.assign(size=size, weight_sum=100 * w, chosen=50, moved_sum=far)
        for size, w in ((2, 1 - share), (128, share))
    ]
    selected = conforming(pd.concat(both, ignore_index=True), SIZES)

    frame = product(**searching, seed=range(seeds), side=SIDES, size=[2, 128])
    allocation = conforming(frame.assign(ids=np.where(frame["size"] == 2, 9800 + frame["seed"], 200)), ALLOCATION)

    frame = product(
        **{**run, "stream": [name for name in streams if name not in permuted]}, seed=range(seeds), user=range(USERS)
    )
    users = pd.DataFrame(columns=[*TEST_USERS.columns, *run]).astype(dict(TEST_USERS.columns))
    if len(frame):
        loss = frame["method"].map(losses) + drawn(frame, keys, sd, dice) + drawn(frame, [*run, "user"], sd, dice)
        users = conforming(sums(frame, loss.to_numpy(), 100), TEST_USERS)

    models = {"method": ["fse"], "start": list(starts), "training": ["1 pass"], "size": list(curves)}
    frame = product(dataset=datasets, side=["user"], task=tasks, **models, seed=range(seeds), level=[2, 28])
    loss = [curves[size][level == 28] for size, level in zip(frame["size"], frame["level"], strict=True)]
    levels = conforming(sums(frame, np.array(loss) + dice.normal(0, sd, len(frame))), LEVELS)
    grown = claims.growth(selected)
    return claims.Evidence(outcomes, grown, progress, allocation, users, levels, restarting, permuted)
