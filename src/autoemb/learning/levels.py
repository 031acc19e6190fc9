"""Fig. 1's own protocol: a model per embedding size, start, popularity level and seed, tested on a fixed part.

Beside them stand the anchors, which have no embedding.
"""

import itertools

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from tqdm import tqdm

from autoemb.config import LevelModel, LevelsConfig, RunConfig, Task
from autoemb.data.columns import Columns, Shape
from autoemb.learning.checkpoint import Checkpoint
from autoemb.learning.methods import constant, fse, means
from autoemb.learning.methods.contract import Method
from autoemb.learning.nn.task import hits
from autoemb.learning.plan import CHUNK
from autoemb.schema import LEVELS, NO_START

SUMS = ["n", "loss_sum", "loss_sq_sum", "correct"]
"""What is recorded of a model: whole numbers too are exact as float64."""


def run_levels(
    splits: pd.DataFrame,
    model: LevelModel,
    config: LevelsConfig,
    training: RunConfig,
    device: str,
    checkpoint: Checkpoint | None = None,
    chunk: int = CHUNK,
) -> pd.DataFrame:
    """Train and test one model at every level.

    Args:
        splits: a table of ``schema.LEVEL_SPLITS``.
        model: which.
        config: levels, passes and path.
        training: task, seeds, batch size.
        device: where to train.
        checkpoint: where to leave the finished models' sums now and then, and to look for some to go on from.
        chunk: batches prepared at a time; a signal to end is heeded after each chunk.

    Returns:
        A table of ``schema.LEVELS``.
    """
    rank = splits["rank"].to_numpy()
    test = _columns(splits, training.task, np.flatnonzero(rank < 0))
    saved = checkpoint.load() if checkpoint else None
    sums: list[list[float]] = [] if saved is None else saved["sums"].tolist()
    cells = list(itertools.product(config.at, range(training.seeds)))

    def state() -> dict[str, torch.Tensor]:
        return {"sums": torch.tensor(sums, dtype=torch.float64).reshape(-1, len(SUMS))}

    for level, seed in tqdm(cells[len(sums) :], initial=len(sums), total=len(cells), unit="model", disable=None):
        train = np.flatnonzero((rank >= 0) & (rank < level))
        # the first pass keeps the split's own order, which is a permutation already
        orders = [train, *(np.random.default_rng([config.seed, n]).permutation(train) for n in range(1, config.passes))]
        fitted = _made(splits, model, config, training, seed, device)
        for batches in fitted.plan(_columns(splits, training.task, *orders), training.batch_size, chunk=chunk).chunks():
            for batch in batches:
                fitted.step(batch)
            if checkpoint and checkpoint.end_signal:
                checkpoint.save(state())  # and end: one model is soon trained again
        sums.append(_test(fitted, test, training))
        if checkpoint and checkpoint.due():
            checkpoint.save(state())
    if checkpoint:
        checkpoint.finish(state())
    start = NO_START if model.start is None else str(model.start)
    frame = pd.DataFrame(sums, columns=SUMS).assign(method=model.method, start=start, size=model.size)
    frame["level"], frame["seed"] = zip(*cells, strict=True)
    return LEVELS.check(frame[list(LEVELS.columns)].astype(dict(LEVELS.columns)))


def _made(
    splits: pd.DataFrame, model: LevelModel, config: LevelsConfig, training: RunConfig, seed: int, device: str
) -> Method:
    shape = Shape(training.task, int(splits["user"].max()) + 1, int(splits["item"].max()) + 1, 0, 0, training.classes)
    dtype = getattr(torch, training.dtype)
    if model.method == "constant":
        return constant.Model(constant.Config(), shape, [seed], dtype, device)
    if model.method == "means":
        return means.Model(means.Config(), shape, [seed], dtype, device)
    settings = fse.Config(size=model.size, path=config.path, embedding_init=model.start or "normal")
    return fse.Model(settings, shape, [seed], dtype, device)


def _columns(splits: pd.DataFrame, task: Task, *passes: npt.NDArray[np.int64]) -> Columns:
    """One part per pass over the rows. None of the models reads popularity, so it is zero."""
    rows = np.concatenate(passes)
    edges = np.cumsum([0, *(len(each) for each in passes)])
    user, item, label = (splits[name].to_numpy()[rows] for name in ("user", "item", task))
    nothing = np.zeros_like(user)
    parts = [slice(int(start), int(stop)) for start, stop in itertools.pairwise(edges)]
    return Columns(label, {"id": (user, item), "popularity": (nothing, nothing)}, parts)


def _test(model: Method, test: Columns, training: RunConfig) -> list[float]:
    """``SUMS`` over the test part."""
    model.flush()
    sums = torch.zeros(3, dtype=torch.float64, device=model.device)
    for chunk in model.plan(test, training.batch_size, learns=False).chunks():
        for batch in chunk:
            prediction = model.predict_only(batch)
            each, right = prediction.losses.double(), hits(training.task, prediction.logits, batch.label)
            sums += torch.stack([each.sum(), (each**2).sum(), right.sum()])
    return [len(test.label), *sums.tolist()]
