"""What `autoemb advise` runs: fixed sizes, sizes by rule, searching methods and anchors, with one recipe for all."""

from collections.abc import Mapping
from typing import Any

SIZES = (4, 16, 64, 128)
"""The fixed sizes that are tried; a size below four saves no memory where rows are stored in fours."""

SEEDS = 5

ROWS = 2_000_000
"""Ratings from which on a sample of the users stands for all of them, so that the answer takes minutes."""

RECIPE = {
    "learning_rate": 0.0003,
    "rows_learning_rate": 0.01,
    "rows_optimizer": "sparse",
    "embedding_init": "scaled",
}
"""Of every method with a network: of the twelve settings that the published records try on the end of their train
parts, this one is first or second for a fixed size and for AutoEmb, on both MovieLens sets and both orders. Nothing of
it was chosen on a person's own ratings."""


def config_for(proposed: Mapping[str, Any], name: str, ratings: int) -> dict[str, Any]:
    """The config of the advice, from the one that `autoemb inspect` proposes.

    Args:
        proposed: its ``datasets``, ``streams`` and, where there is one, ``batch_size`` are kept.
        name: of the folder of the results.
        ratings: how many there are; of more than ``ROWS`` a share of the users is drawn.
    """
    first, *_ = proposed["streams"].items()
    stream = {first[0]: {**first[1], **({"users": round(ROWS / ratings, 4)} if ratings > ROWS else {})}}
    kept = {key: proposed[key] for key in ("datasets", "batch_size") if key in proposed}
    return {"name": name, "seeds": SEEDS, **kept, "streams": stream, "tasks": ["regression"], "methods": methods()}


def methods() -> dict[str, dict[str, Any]]:
    """By name, the settings of the methods."""
    fixed = {f"fse-{size}": {"method": "fse", "size": size, **RECIPE} for size in SIZES}
    largest = SIZES[-1]
    rules = {
        "mask": {
            "sizes": [4, 16, largest]
        },  # by popularity: 4 numbers at first, 16 from 10 ratings on, all from 100 on
        "mask-users-16": {"sizes": [16], "item_sizes": [largest]},
        "mask-items-16": {"sizes": [largest], "item_sizes": [16]},
    }
    ruled = {name: {"method": "mask", **rule, **RECIPE} for name, rule in rules.items()}
    searching = {name: dict(RECIPE) for name in ("autoemb", "esapn")}
    return {"constant": {}, "means": {}, "mf": {}, **fixed, **ruled, **searching}
