"""The methods, one module each: a module that defines ``Model`` is a method, so that adding a file adds a method."""

import importlib
from types import ModuleType

from autoemb.names import expect, modules


def names() -> list[str]:
    """Names of all methods, as the config spells them."""
    return list(modules(__name__, "Model"))


def find(name: str) -> ModuleType:
    """The module of a method, with its ``Config`` and its ``Model``.

    Raises:
        InputError: no method has this name; the message lists those there are.
    """
    expect(name, names(), f"method = {name!r}")
    return importlib.import_module(f"{__name__}.{name}")
