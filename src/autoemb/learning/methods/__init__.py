"""The methods, one module each: a module that defines ``Model`` is a method, so that adding a file adds a method.

``REPRODUCES`` in a module names the protocols that speak of its method. A method without it is a new one: it keeps
its own defaults whatever the protocol is, and the ablation leaves it out.
"""

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


def reproduces(name: str) -> tuple[str, ...]:
    """The protocols that speak of a method's settings; none of a new method's.

    Raises:
        InputError: no method has this name.
    """
    return tuple(getattr(find(name), "REPRODUCES", ()))
