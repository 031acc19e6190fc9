"""Data sets, one module each: ``ml_1m.py`` is the data set ``ml-1m``.

A module holds ``Config`` (what a person can set) and ``dataset`` (what is declared about it). Adding a
data set is adding a module; names that start with an underscore are readers that modules share.
"""

import importlib
from typing import Any

from autoemb.data.datasets.base import Dataset
from autoemb.names import expect, modules


def names() -> list[str]:
    """Names of the data sets, sorted."""
    return sorted(module.replace("_", "-") for module in modules(__name__, "dataset"))


def find(name: str) -> Dataset[Any]:
    """The data set of that name.

    Raises:
        InputError: there is none; the message lists those there are.
    """
    expect(name, names(), f"dataset = {name!r}")
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    dataset: Dataset[Any] = module.dataset
    return dataset
