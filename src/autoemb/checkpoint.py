"""A run's state on disk, so that one that was cut goes on where it was: safetensors, written whole or not at all."""

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from autoemb.errors import InputError
from autoemb.files import whole

log = logging.getLogger(__name__)

VERSION = "2"


def identity(content: Any) -> str:
    """A fingerprint of everything that a state is only valid for, given as JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


class Checkpoint:
    """A file that holds the latest state of one run.

    Attributes:
        path: the file.
        valid_for: an ``identity``; a state of another one is not taken.
        every: least seconds between two states.
    """

    def __init__(self, path: Path, valid_for: str, every: float) -> None:
        self.path, self.every = path, every
        self.metadata = {"version": VERSION, "identity": valid_for}
        self.last = time.monotonic()

    def load(self) -> dict[str, Tensor] | None:
        """The state, or None: there is none, it is of something else, or it cannot be read."""
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                if file.metadata() != self.metadata:
                    log.info("%s: a checkpoint of other settings, inputs or code; starting anew", self.path)
                    return None
            return load_file(self.path)
        except (SafetensorError, OSError) as error:
            log.info("%s: not a readable checkpoint (%s); starting anew", self.path, error)
            return None

    def due(self) -> bool:
        """Whether the last state is old enough for another."""
        return time.monotonic() - self.last >= self.every

    def save(self, state: Mapping[str, Tensor]) -> None:
        """Put a state in the place of the last one.

        Raises:
            InputError: it cannot be written; the last one stays.
        """
        try:
            with whole(self.path) as temporary:
                save_file(dict(state), temporary, metadata=self.metadata)
        except SafetensorError as error:  # its writer's own, for a full disk too
            raise InputError(f"{self.path}: cannot be written: {error}") from error
        self.last = time.monotonic()

    def remove(self) -> None:
        """Take the file away, and what a kill in mid-writing may have left of one: the run is over."""
        self.path.unlink(missing_ok=True)
        for part in self.path.parent.glob(f".{self.path.name}.*.part"):
            part.unlink()
