"""The methods, one module each; adding a file adds a method."""

import importlib
import pkgutil
from types import ModuleType

from autoemb.errors import InputError

NOT_METHODS = {"contract", "state"}


def names() -> list[str]:
    """Names of all methods, as the config spells them."""
    return sorted(
        module.name
        for module in pkgutil.iter_modules(__path__)
        if module.name not in NOT_METHODS and not module.name.startswith("_")
    )


def find(name: str) -> ModuleType:
    """The module of a method, with its ``Config`` and its ``Model``.

    Raises:
        InputError: no method has this name.
    """
    if name not in names():
        raise InputError(f"method = {name!r}: unknown; expected one of {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")
