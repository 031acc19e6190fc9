"""The prequential loop: predict a batch, record, learn from it, go on (AutoEmb, Algorithm 1)."""

import math

import pandas as pd
import torch
from tqdm import tqdm

from autoemb.config import RunConfig, Task
from autoemb.errors import InputError
from autoemb.methods.base import Method
from autoemb.metrics import Recorder, Window
from autoemb.nn.model import Batch, Shape
from autoemb.nn.task import hits, losses

FIELDS = ("user", "item", "label", "user_popularity", "item_popularity")


class Stream:
    """A stream's columns as tensors on the device, and where its test part begins."""

    def __init__(self, frame: pd.DataFrame, task: Task, device: str) -> None:
        named = frame.rename(columns={task: "label"})
        self.columns = {name: torch.from_numpy(named[name].to_numpy(copy=True)).to(device) for name in FIELDS}
        self.length = len(frame)
        train = int((frame["split"] == 0).sum())
        self.parts = [slice(0, train), slice(train, self.length)]

    def batch(self, rows: slice) -> Batch:
        """The interactions of ``rows``, as int64."""
        return Batch(*(self.columns[name][rows].long() for name in FIELDS))


def shape_of(frame: pd.DataFrame, task: Task, classes: int) -> Shape:
    """Rows that the tables need for a stream (``schema.STREAM``)."""
    largest = frame[["user", "item", "user_popularity", "item_popularity"]].max()
    return Shape(
        task,
        int(largest["user"]) + 1,
        int(largest["item"]) + 1,
        int(largest["user_popularity"]),
        int(largest["item_popularity"]),
        classes,
    )


def cut(part: slice, batch_size: int) -> list[slice]:
    """A part of the stream in batches, in order; the last one may be short."""
    return [slice(start, min(start + batch_size, part.stop)) for start in range(part.start, part.stop, batch_size)]


def run_stream(method: Method, stream: Stream, config: RunConfig, device: str) -> Recorder:
    """Run a method over the whole stream, the train part first, and return the sums.

    Learning goes on in the test part. The first batch of each part has no validation batch (released code).
    """
    parts = [cut(part, config.batch_size) for part in stream.parts]
    per_window = math.ceil(sum(len(part) for part in parts) / config.windows)
    windows = [
        Window(split, part[i].start) for split, part in enumerate(parts) for i in range(0, len(part), per_window)
    ]
    popularity = max(method.shape.user_popularity, method.shape.item_popularity)
    recorder = Recorder(len(method.seeds), method.sizes, windows, popularity, device)
    window = -1
    with tqdm(total=stream.length, unit=" interactions", unit_scale=True, disable=None) as bar:
        for part in parts:
            previous = None
            for i, rows in enumerate(part):
                window += i % per_window == 0
                batch = stream.batch(rows)
                prediction = method.step(batch, previous)
                with torch.no_grad():
                    batch_losses = losses(config.task, prediction.logits, batch.label)
                    right = hits(config.task, prediction.logits, batch.label)
                recorder.update(
                    window,
                    (batch.user_popularity, batch.item_popularity),
                    batch_losses,
                    right,
                    (prediction.user_weights, prediction.item_weights),
                )
                previous = batch
                bar.update(rows.stop - rows.start)
                if i % 100 == 0 and not bar.disable:
                    bar.set_postfix(loss=f"{batch_losses.mean():.4f}", refresh=False)
    if not torch.isfinite(recorder.sums).all():
        raise InputError(f"learning_rate: a loss of {config.task} is not a finite number; expected a smaller rate")
    return recorder
