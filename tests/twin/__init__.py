"""The slow twins: every method once more, for one seed, as a plain PyTorch program.

``nn.Embedding``, ``nn.Linear``, ``nn.BatchNorm1d``, ``torch.optim.Adam`` and ``torch.autograd``: no replicate axis, no
lazy row, and nothing imported from ``autoemb``. Law 10 holds every method to its twin step for step, and the twin is
what to read beside the paper.

The twin of a method is the file of this folder with the method's name, found by being there; a file whose name begins
with ``_`` is none. It holds a class ``Twin`` (below is what is asked of it), and is free in everything else: it may
have no parameters and no optimiser at all. In those here the method with its default settings comes first, as a class
that can be read by itself, and ``Twin`` adds the other settings to it. Beside it stand ``SMALL``, settings that keep
the method small while the laws are held to it, and ``VARIANTS``, changes of these whose paths through the code differ.
"""

import importlib
import pkgutil
from types import ModuleType
from typing import Any, Protocol

import torch
from torch import Tensor

from ._common import Interactions, Recorded, Turn

__all__ = ["Contract", "Interactions", "Recorded", "Turn", "find", "names"]


class Contract(Protocol):
    """What is asked of a ``Twin``."""

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        """One seed of a method with these settings, on a stream of this shape."""

    def step(self, turn: Turn) -> Recorded:
        """Predict ``turn.batch``, then learn from it: logits (B, C), alpha (B, K) and beta (B, K), without gradient."""

    def pairs(self, method: Any, seed: int) -> list[tuple[Tensor, Tensor]]:
        """Each parameter of the twin beside that of one seed of the fast method, in the same layout; [] without any."""


def names() -> list[str]:
    """Names of the methods that have a twin."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def find(name: str) -> ModuleType:
    """The module with the ``Twin`` of a method.

    Raises:
        LookupError: the method has none.
    """
    if name not in names():
        raise LookupError(f"no twin tests/twin/{name}.py: law 10 needs one")
    return importlib.import_module(f"{__name__}.{name}")
