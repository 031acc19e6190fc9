"""Fig. 1's own protocol: one model per embedding size, popularity level and seed, tested on a fixed part."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from autoemb.config import PopularityConfig, RunConfig
from autoemb.methods import fse
from autoemb.nn.model import Batch, Shape
from autoemb.nn.task import hits, losses
from autoemb.prequential import cut
from autoemb.schema import POPULARITY


def run_levels(
    buckets: pd.DataFrame, size: int, config: PopularityConfig, training: RunConfig, device: str
) -> pd.DataFrame:
    """Train and test one size at every level.

    Args:
        buckets: a table of ``schema.BUCKETS``.
        size: embedding size of users and items.
        config: levels, passes and path.
        training: task, seeds, batch size.
        device: where to train.

    Returns:
        A table of ``schema.POPULARITY``.
    """
    rank = buckets["rank"].to_numpy()
    columns = [
        torch.from_numpy(buckets[name].to_numpy(copy=True)).to(device) for name in ("user", "item", training.task)
    ]
    test = np.flatnonzero(rank < 0)
    frames = []
    for level in tqdm(config.levels, unit="level", disable=None):
        train = np.flatnonzero((rank >= 0) & (rank < level))
        model = _model(buckets, size, config, training, device)
        for n in range(config.passes):
            # the first pass keeps the split's own order, which is a permutation already
            order = train if n == 0 else np.random.default_rng([config.seed, n]).permutation(train)
            for batch in _batches(columns, order, training.batch_size):
                model.step(batch, None)
        sums, correct = _test(model, _batches(columns, test, training.batch_size), training)
        frames.append(
            pd.DataFrame(
                {
                    "seed": np.arange(training.seeds),
                    "size": size,
                    "level": level,
                    "n": len(test),
                    "loss_sum": sums[0],
                    "loss_sq_sum": sums[1],
                    "correct": correct,
                }
            )
        )
    return POPULARITY.check(pd.concat(frames, ignore_index=True).astype(dict(POPULARITY.columns)))


def _model(buckets: pd.DataFrame, size: int, config: PopularityConfig, training: RunConfig, device: str) -> fse.Model:
    shape = Shape(training.task, int(buckets["user"].max()) + 1, int(buckets["item"].max()) + 1, 0, 0, training.classes)
    settings = fse.Config(size=size, path=config.path)
    return fse.Model(settings, shape, range(training.seeds), getattr(torch, training.dtype), device)


def _batches(columns: Sequence[Tensor], rows: npt.NDArray[np.int64], size: int) -> list[Batch]:
    """The rows in batches; FSE reads no popularity, so it is zero."""
    batches = []
    for part in cut(slice(0, len(rows)), size):
        index = torch.from_numpy(rows[part]).to(columns[0].device)
        user, item, label = (column[index].long() for column in columns)
        batches.append(Batch(user, item, label, torch.zeros_like(user), torch.zeros_like(user)))
    return batches


@torch.no_grad()
def _test(model: fse.Model, batches: list[Batch], training: RunConfig) -> tuple[list[Tensor], Tensor]:
    """Sums per seed (S,) of loss and squared loss over the test part, and the hits."""
    loss, square, correct = (
        torch.zeros(training.seeds, dtype=torch.float64, device=batches[0].user.device) for _ in range(3)
    )
    for batch in batches:
        logits = model.predict(batch).logits
        each = losses(training.task, logits, batch.label).double()  # (S, B)
        loss, square = loss + each.sum(1), square + (each**2).sum(1)
        correct = correct + hits(training.task, logits, batch.label).sum(1)
    return [loss.cpu(), square.cpu()], correct.cpu()
