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
from autoemb.twin import Interactions, Reinforced, Turn, Twin


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

    turns: list[list[Turn]] = [[] for _ in plan.schedule.dice.seeds]
    for n, rows in enumerate(plan.schedule.batches):
        batch, size, first = interactions(rows), rows.stop - rows.start, rows.start in firsts
        before = None if first else interactions(plan.schedule.batches[n - 1])
        apart = plan.schedule.apart
        for seed, (w, theta) in enumerate(rolled(n, int(apart), size)):
            turn = Turn(batch, draws=w)
            if plan.schedule.validation == "next_batch" and not plan.schedule.unrolls:
                turn = turn._replace(validation=batch, validation_draws=theta)
            elif plan.schedule.validation == "last_batch" and before is not None:
                w, theta = rolled(n - 1, 0, len(before.user))[seed]
                turn = Turn(batch, before, before, turn.draws, theta, w)
            elif apart and before is not None:
                held_out = plan.schedule.validation == "next_batch"
                validation = batch if held_out else interactions(plan.schedule.draw(n, size))
                w, theta = rolled(n, 0, size + (len(before.user) if plan.schedule.unrolls else 0))[seed]
                halves = (None, None) if theta is None else (theta[..., :size], w[..., size:])
                turn = Turn(batch, validation, before, turn.draws, *halves)
            turns[seed].append(turn)
    return turns


def twin_of(variant: tuple[str, dict[str, Any]], method: Method, seed: int, dtype: torch.dtype) -> Twin:
    """A twin with the parameters of one of the method's seeds, which must be at its start."""
    name, settings = variant
    kind = Reinforced if name == "esapn" else Twin
    twin = kind(name, parse(methods.find(name).Config, json.dumps(settings), name), method.shape, dtype)
    for theirs, ours in twin_pairs(twin, method, seed):
        theirs.data.copy_(ours)
    return twin


def twin_pairs(twin: Twin, method: Method, seed: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Every parameter of a twin beside the method's, in the layout of torch.nn."""
    dense = {name: slot.value[seed] for group in method.dense.values() for name, slot in group.items()}
    rows = {name: table.values()[seed] for name, table in method.tables.items()}
    pairs = []

    def norm(theirs: Any, name: str, half: slice = slice(None)) -> None:
        pairs.extend((getattr(theirs, part), dense[f"{name}.{part}"][half, 0]) for part in ("weight", "bias"))

    head = twin.model.head
    norm(head[0], "head.norm_in")
    pairs.append((head[1].weight, dense["head.hidden"]))
    norm(head[2], "head.norm_hidden")
    pairs += [(head[4].weight, dense["head.out"]), (head[4].bias, dense["head.out_bias"][:, 0])]
    users, items = method.shape.users, method.shape.items
    sides = [(twin.model.user, slice(0, users)), (twin.model.item, slice(users, users + items))]
    candidates = rows["candidates"].split(method.sizes, dim=1)
    for side, (module, ids) in enumerate(sides):
        if isinstance(module, torch.nn.Embedding):  # FSE's raw path
            pairs.append((module.weight, candidates[0][ids]))
            continue
        width = max(method.sizes)
        half = slice(side * width, (side + 1) * width)
        pairs += [(table.weight, each[ids]) for table, each in zip(module.tables, candidates, strict=True)]
        for k, each in enumerate(module.transforms):
            pairs.append((each.weight, dense[f"map.{k}"][side]))
            if f"map_bias.{k}" in dense:
                pairs.append((each.bias, dense[f"map_bias.{k}"][side][:, 0]))
        if len(module.norms) == len(method.sizes) and f"norm.{len(method.sizes) - 1}.weight" in dense:
            for k, each in enumerate(module.norms):
                norm(each, f"norm.{k}", half)
        else:
            norm(module.norms[0], "norm.0", half)
    if "popularity" in rows:
        seen = [method.shape.user_popularity + 1, method.shape.item_popularity + 1]
        for side, (module, table) in enumerate(zip(twin.controllers, rows["popularity"].split(seen), strict=True)):
            hidden, weight = module.layers[0].out_features, module.layers[0].weight
            if module.one_hot:
                pairs.append((weight[:, : module.counts], table.T))
                if "hidden" in dense:
                    pairs.append((weight[:, module.counts :], dense["hidden"][side]))
            else:
                pairs.append((module.popularity.weight, table))
                norm(module.norm_popularity, "norm_popularity", slice(32 * side, 32 * (side + 1)))
                pairs.append((weight, dense["hidden"][side]))
            norm(module.layers[1], "norm_hidden", slice(hidden * side, hidden * (side + 1)))
            pairs += [
                (module.layers[3].weight, dense["out"][side]),
                (module.layers[3].bias, dense["out_bias"][side][:, 0]),
            ]
    return pairs


__all__ = [
    "logits_of",
    "make",
    "predictions",
    "shape_of",
    "small_stream",
    "twin_of",
    "twin_pairs",
    "twin_turns",
]
