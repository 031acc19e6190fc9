"""Data sets, one module each: ``ml_1m.py`` is the data set ``ml-1m``.

A module holds ``Config`` (what a person can set) and ``dataset`` (what is declared about it). Adding a
data set is adding a module; names that start with an underscore are readers that modules share.
"""

import importlib
import pkgutil
from typing import Any

from autoemb.data.datasets.base import Dataset
from autoemb.errors import InputError


def names() -> list[str]:
    """Names of the data sets, sorted."""
    modules = [module.name for module in pkgutil.iter_modules(__path__)]
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_") and name != "base")


def find(name: str) -> Dataset[Any]:
    """The data set of that name.

    Raises:
        InputError: there is none; the message lists those there are.
    """
    if name not in names():
        raise InputError(f"dataset = {name!r}: unknown; expected one of {', '.join(names())}")
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    dataset: Dataset[Any] = module.dataset
    return dataset
