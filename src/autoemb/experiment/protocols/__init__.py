"""Protocols: what a paper's text, or its code, says of every setting, as defaults beneath a config's own values.

One YAML file each in this folder; adding a file adds a protocol. Its keys are those of ``Protocol``.
"""

from collections.abc import Collection, Mapping
from importlib import resources
from typing import Annotated, Any

import yaml
from pydantic import Field

from autoemb.config import Name, Settings
from autoemb.names import expect, files

Values = dict[str, Any]


class Protocol(Settings):
    """One file."""

    batch_size: Annotated[int, Field(ge=1)]
    """Interactions per mini-batch."""

    stream: Values
    """Settings of every stream."""

    streams: dict[Name, Values]
    """The streams of a config that names none."""

    defaults: dict[str, Values]
    """Settings of the methods: by module, and ``all``: of every module whose ``Config`` has them."""

    methods: dict[Name, Values]
    """The methods of a config that names none."""

    def of_method(self, module: str, fields: Collection[str]) -> Values:
        """What it says of a method's settings.

        Args:
            module: the method's.
            fields: the settings that its ``Config`` has.
        """
        shared = {key: value for key, value in self.defaults["all"].items() if key in fields}
        return merge(shared, self.defaults.get(module, {}))

    def complete(self, raw: Mapping[str, Any]) -> Values:
        """A config as it was read, with streams, methods and batch size where it has none, and whole streams."""
        full = {"batch_size": self.batch_size, **raw}
        for key in ("streams", "methods"):
            full[key] = full.get(key) or getattr(self, key)
        if isinstance(full["streams"], Mapping):
            # what is no mapping stays, and is refused where the config is validated
            full["streams"] = {
                name: merge(self.stream, stream) if isinstance(stream, Mapping) else stream
                for name, stream in full["streams"].items()
            }
        return full


def names() -> list[str]:
    """Names of all protocols, as the config spells them."""
    return list(files(__name__, ".yaml"))


def find(name: str) -> Protocol:
    """The protocol of this name.

    Raises:
        InputError: there is none; the message lists those there are.
    """
    expect(name, names(), f"protocol = {name!r}")
    return Protocol.model_validate(yaml.safe_load(resources.files(__name__).joinpath(f"{name}.yaml").read_text()))


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> Values:
    """``under`` with the values of ``over`` in their place; mappings inside are merged alike."""
    merged = dict(under)
    for key, value in over.items():
        inside = merged.get(key)
        if isinstance(inside, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(inside, value)
        else:
            merged[key] = value
    return merged
