"""Fig. 1's own protocol: a model per embedding size, start, popularity level and seed, tested on a fixed part.

Beside them stand the anchors, which have no embedding.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from tqdm import tqdm

from autoemb.config import LevelModel, LevelsConfig, RunConfig, Task
from autoemb.data.columns import Columns, Shape
from autoemb.data.stream import InteractionTable
from autoemb.learning.checkpoint import Checkpoint
from autoemb.learning.machine.device import clear
from autoemb.learning.machine.engine import Captured
from autoemb.learning.methods import constant, fse, means
from autoemb.learning.methods.contract import Method
from autoemb.learning.nn.task import hits
from autoemb.learning.plan import CHUNK
from autoemb.schema import LEVELS, NO_START

SUMS = ["n", "loss_sum", "loss_sq_sum", "correct"]
"""What is recorded of a model: whole numbers too are exact as float64."""


class Split(NamedTuple):
    """What is read of one split; each (N,)."""

    user: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    label: npt.NDArray[np.int8]
    rank: npt.NDArray[np.int32]

    @classmethod
    def read(cls, table: InteractionTable, task: Task) -> "Split":
        """From a table of ``schema.LEVEL_SPLITS``."""
        return cls(*(np.asarray(table[name]) for name in ("user", "item", task, "rank")))

    def shape(self, training: RunConfig) -> Shape:
        """Of the models' tables."""
        return Shape(training.task, int(self.user.max()) + 1, int(self.item.max()) + 1, 0, 0, training.classes)

    def columns(self, *passes: npt.NDArray[np.int64]) -> Columns:
        """One part per pass over the rows. None of the models reads popularity, so it is zero."""
        rows = np.concatenate(passes)
        edges = np.cumsum([0, *(len(each) for each in passes)])
        user, item = self.user[rows], self.item[rows]
        nothing = np.zeros_like(user)
        parts = [slice(int(start), int(stop)) for start, stop in itertools.pairwise(edges)]
        return Columns(self.label[rows], {"id": (user, item), "popularity": (nothing, nothing)}, parts)


def run_levels(
    splits: Sequence[InteractionTable],
    model: LevelModel,
    config: LevelsConfig,
    training: RunConfig,
    device: str,
    checkpoint: Checkpoint | None = None,
    chunk: int = CHUNK,
) -> pd.DataFrame:
    """Train and test one model at every level, seed after seed, so that one split is in memory at a time.

    Args:
        splits: of every seed, a table of ``schema.LEVEL_SPLITS``; the same one where they share it.
        model: which, and how long it is trained.
        config: levels, path, and the seeds of the splits.
        training: task, seeds, batch size.
        device: where to train.
        checkpoint: where to leave the finished models' sums now and then, and to look for some to go on from.
        chunk: batches prepared at a time; a signal to end is heeded after each chunk.

    Returns:
        A table of ``schema.LEVELS``, by level and seed.
    """
    saved = checkpoint.load() if checkpoint else None
    sums: list[list[float]] = [] if saved is None else saved["sums"].tolist()
    cells = list(itertools.product(range(training.seeds), config.at))

    def state() -> dict[str, torch.Tensor]:
        return {"sums": torch.tensor(sums, dtype=torch.float64).reshape(-1, len(SUMS))}

    left = tqdm(cells[len(sums) :], initial=len(sums), total=len(cells), unit="model", disable=None)
    for seed, levels in itertools.groupby(left, key=lambda cell: cell[0]):
        split = Split.read(splits[seed], training.task)
        test = split.columns(np.flatnonzero(split.rank < 0))
        for _, level in levels:
            train = np.flatnonzero((split.rank >= 0) & (split.rank < level))
            steps = model.steps(level, len(train), training.batch_size)
            rows = passes(train, steps, training.batch_size, config.of_replicate(seed).seed)
            fitted = _made(split.shape(training), model, config, training, seed, device)
            for _ in _learnt(fitted, split.columns(*rows), training.batch_size, chunk):
                if checkpoint and checkpoint.end_signal:
                    checkpoint.save(state())  # and end: one model is soon trained again
            sums.append(_test(fitted, test, training))
            clear()
            if checkpoint and checkpoint.due():
                checkpoint.save(state())
    if checkpoint:
        checkpoint.finish(state())
    start = NO_START if model.start is None else str(model.start)
    frame = pd.DataFrame(sums, columns=SUMS).assign(method=model.method, start=start, training=model.training)
    frame["size"] = model.size
    frame["seed"], frame["level"] = zip(*cells, strict=True)
    frame = frame.sort_values(["level", "seed"], ignore_index=True)
    return LEVELS.check(frame[list(LEVELS.columns)].astype(dict(LEVELS.columns)))


def _learnt(model: Method, columns: Columns, batch_size: int, chunk: int) -> Iterator[int]:
    """Have a model learn from every batch; yields how many they were, chunk by chunk.

    On a GPU the step is recorded once and replayed: the kernels of a small model take less time than to start them.
    """
    step = Captured(model.step) if model.device == "cuda" else model.step
    for batches in model.plan(columns, batch_size, chunk=chunk).chunks():
        for batch in batches:
            step(batch)
        yield len(batches)


def passes(train: npt.NDArray[np.int64], steps: int, batch_size: int, seed: int) -> list[npt.NDArray[np.int64]]:
    """The rows of as many passes as make exactly so many steps; the last one ends where their number is reached.

    The first pass keeps the split's own order, which is a permutation already; each further one has its own, drawn
    from the split's seed.

    Args:
        train: (N,) the rows of the training part.
        steps: at least 1.
        batch_size: rows of a step; the last step of a pass has what is left.
        seed: of the split.
    """
    of_pass = math.ceil(len(train) / batch_size)
    orders = []
    for number in range(math.ceil(steps / of_pass)):
        order = np.random.default_rng([seed, number]).permutation(train) if number else train
        orders.append(order[: (steps - number * of_pass) * batch_size])
    return orders


def _made(shape: Shape, model: LevelModel, config: LevelsConfig, training: RunConfig, seed: int, device: str) -> Method:
    dtype = getattr(torch, training.dtype)
    if model.method == "constant":
        return constant.Model(constant.Config(), shape, [seed], dtype, device)
    if model.method == "means":
        return means.Model(means.Config(), shape, [seed], dtype, device)
    settings = fse.Config(size=model.size, path=config.path, embedding_init=model.start or "normal")
    return fse.Model(settings, shape, [seed], dtype, device)


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
