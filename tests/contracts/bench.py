"""Small streams, methods on them, and their twins."""

import json
from typing import Any

import numpy as np
import pandas as pd
import torch

from autoemb import methods
from autoemb.config import DatasetConfig, StreamConfig
from autoemb.methods.base import Method
from autoemb.nn.model import Batch, Shape
from autoemb.prequential import Stream, cut, shape_of
from autoemb.settings import parse
from autoemb.stream import build_stream
from autoemb.twin import Twin


def small_stream(rows: int = 400, users: int = 30, items: int = 40, seed: int = 1) -> pd.DataFrame:
    """Random interactions, some ids frequent, some seen once; every batch repeats ids."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "user": (users * rng.random(rows) ** 2).astype("int32"),
            "item": (items * rng.random(rows) ** 2).astype("int32"),
            "rating": rng.choice(np.arange(0.5, 5.5, 0.5), rows).astype("float32"),
            "timestamp": np.arange(rows, dtype="int64"),
        }
    )
    # an id that is first seen in the very last batch
    frame.loc[rows - 1, ["user", "item"]] = [users, items]
    catalogue = pd.DataFrame({"id": [str(i) for i in range(items + 1)], "tag_genome": False})
    config = StreamConfig(order="given", test=0.25, popularity="restart")
    return build_stream(frame.astype({"user": "int32", "item": "int32"}), catalogue, config, DatasetConfig())


def make(
    variant: tuple[str, dict[str, Any]], shape: Shape, seeds: range | list[int], dtype: torch.dtype = torch.float64
) -> Method:
    """A method of these settings."""
    name, settings = variant
    module = methods.find(name)
    model: Method = module.Model(parse(module.Config, json.dumps(settings), name), shape, seeds, dtype, "cpu")
    return model


def batches(frame: pd.DataFrame, task: Any, size: int = 32) -> list[tuple[Batch, Batch | None]]:
    """Every batch of the stream with its validation batch."""
    stream = Stream(frame, task, "cpu")
    pairs: list[tuple[Batch, Batch | None]] = []
    for part in stream.parts:
        previous = None
        for rows in cut(part, size):
            batch = stream.batch(rows)
            pairs.append((batch, previous))
            previous = batch
    return pairs


def predictions(method: Method, pairs: list[tuple[Batch, Batch | None]]) -> torch.Tensor:
    """Logits of the whole stream (S, N, C), predicted and learnt batch by batch."""
    return torch.cat([method.step(batch, previous).logits.detach() for batch, previous in pairs], dim=1)


def twin_of(variant: tuple[str, dict[str, Any]], method: Method, seed: int) -> Twin:
    """A twin with the parameters of one of the method's seeds."""
    name, settings = variant
    twin = Twin(name, parse(methods.find(name).Config, json.dumps(settings), name), method.shape, torch.float64)
    pairs = [("model", twin.model)]
    if "controllers" in method.modules:
        pairs += [("controllers", torch.nn.ModuleList([twin.user_controller, twin.item_controller]))]
    for module, plain in pairs:
        for ours, theirs in zip(method.modules[module].parameters(), plain.parameters(), strict=True):
            theirs.data.copy_(of_seed(ours, theirs, seed, len(method.seeds)))
    return twin


def of_seed(ours: torch.Tensor, theirs: torch.Tensor, seed: int, seeds: int) -> torch.Tensor:
    """One seed's part of a replicated parameter, in the layout of torch.nn."""
    if ours.dim() == theirs.dim():  # a table (S*V, D)
        return ours.unflatten(0, (seeds, -1))[seed]
    one = ours[seed]
    return one.T if theirs.dim() == 2 else one.reshape(-1)  # a weight (D_in, D_out); a bias or a norm's vector


__all__ = ["batches", "make", "of_seed", "predictions", "shape_of", "small_stream", "twin_of"]
