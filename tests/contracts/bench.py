"""Small streams, methods on them, and their twins."""

import json
from typing import Any

import numpy as np
import pandas as pd
import torch

from autoemb.config import DatasetConfig, StreamConfig, parse
from autoemb.data.columns import Shape, columns_of, shape_of
from autoemb.data.stream import build_stream
from autoemb.learning import methods
from autoemb.learning.methods.contract import Method, Prediction
from autoemb.learning.plan import Plan
from tests import twin as twins
from tests.twin import Interactions, Turn


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
    variant: tuple[str, dict[str, Any]],
    shape: Shape,
    seeds: range | list[int],
    dtype: torch.dtype = torch.float64,
    device: str = "cpu",
) -> Method:
    """A method of these settings."""
    name, settings = variant
    module = methods.find(name)
    model: Method = module.Model(parse(module.Config, json.dumps(settings), name), shape, seeds, dtype, device)
    return model


def predictions(method: Method, frame: pd.DataFrame, task: Any, size: int = 32) -> list[Prediction]:
    """The predictions of a stream, predicted and learnt batch by batch."""
    plan = method.plan(columns_of(frame, task), size)
    return [method.step(batch).prediction for chunk in plan.chunks() for batch in chunk]


def logits_of(method: Method, frame: pd.DataFrame, task: Any, size: int = 32) -> torch.Tensor:
    """Logits of the whole stream (S, C, N)."""
    return torch.cat([prediction.logits for prediction in predictions(method, frame, task, size)], dim=2)


def twin_turns(plan: Plan) -> list[list[Turn]]:
    """By seed, what a twin looks at for every batch of a plan."""
    firsts = [part.start for part in plan.columns.parts]

    def interactions(rows: Any) -> Interactions:
        (user, item), popularity = plan.columns.sides["id"], plan.columns.sides["popularity"]
        columns = (user, item, plan.columns.label, *popularity)
        return Interactions(*(torch.from_numpy(column[rows].astype("int64")) for column in columns))

    def rolled(n: int, order: int, size: int) -> list[tuple[Any, Any]]:
        """Each seed's numbers for W's step and for Theta's, (2, K, size) each; of ESAPN for its policy's, (2, size)."""
        if not plan.schedule.dice.numbers:
            return [(None, None)] * len(plan.schedule.dice.seeds)
        numbers = [torch.from_numpy(x) for x in plan.schedule.roll(n, order, size)]
        return [(None, x) if len(x) == 2 else tuple(x.reshape(2, 2, -1, size)) for x in numbers]

    schedule = plan.schedule
    turns: list[list[Turn]] = [[] for _ in schedule.dice.seeds]
    for n, rows in enumerate(schedule.batches):
        batch, size = interactions(rows), rows.stop - rows.start
        before = None if rows.start in firsts else interactions(schedule.batches[n - 1])
        for seed, (w, theta) in enumerate(rolled(n, int(schedule.apart), size)):
            turn = Turn(batch._replace(draws=w))
            if schedule.validation == "next_batch" and not schedule.apart:
                turn = turn._replace(validation=batch._replace(draws=theta))
            elif schedule.validation == "last_batch" and before is not None:
                w, theta = rolled(n - 1, 0, len(before.user))[seed]
                turn = Turn(turn.batch, before._replace(draws=theta), before._replace(draws=w))
            elif schedule.apart and before is not None:
                validation = batch if schedule.validation == "next_batch" else interactions(schedule.draw(n, size))
                w, theta = rolled(n, 0, size + (len(before.user) if schedule.unrolls else 0))[seed]
                if theta is not None:
                    validation, before = (
                        validation._replace(draws=theta[..., :size]),
                        before._replace(draws=w[..., size:]),
                    )
                turn = Turn(turn.batch, validation, before)
            turns[seed].append(turn)
    return turns


def twin_of(variant: tuple[str, dict[str, Any]], method: Method, seed: int, dtype: torch.dtype) -> twins.Contract:
    """A twin with the parameters of one of the method's seeds, which must be at its start."""
    name, settings = variant
    config = parse(methods.find(name).Config, json.dumps(settings), name)
    twin: twins.Contract = twins.find(name).Twin(config, method.shape, dtype)
    for theirs, ours in twin.pairs(method, seed):
        theirs.data.copy_(ours)
    return twin


__all__ = ["logits_of", "make", "predictions", "shape_of", "small_stream", "twin_of", "twin_turns"]
