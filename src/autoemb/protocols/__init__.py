"""Protocols: every setting of an experiment under one name, so that a config can say ``protocol: released-code``.

A protocol gives defaults: of every stream, of every method, and the streams and methods themselves where the config
names none. What the config says wins.
"""

from collections.abc import Collection, Mapping
from importlib import resources
from typing import Any, Literal

import yaml

from autoemb.config import Name, Settings

ProtocolName = Literal["paper", "released-code", "esapn-paper"]


class Protocol(Settings):
    """What a protocol's file holds."""

    batch_size: int
    stream: dict[str, Any]
    """Settings of every stream."""
    streams: dict[Name, dict[str, Any]]
    methods: dict[Name, dict[str, Any]]
    settings: dict[str, dict[str, Any]]
    """By a method's module, its settings; ``all``: those of every method that has such a field."""

    def of_method(self, module: str, fields: Collection[str]) -> dict[str, Any]:
        """The settings of a method that has these fields."""
        common = {key: value for key, value in self.settings["all"].items() if key in fields}
        return common | self.settings.get(module, {})


def find(name: ProtocolName) -> Protocol:
    """The protocol of this name."""
    text = resources.files(__name__).joinpath(f"{name}.yaml").read_text()
    return Protocol.model_validate(yaml.safe_load(text))


def fill(raw: Mapping[str, Any], protocol: Protocol) -> dict[str, Any]:
    """A config as it was read, with the protocol's streams and methods, and its settings of every stream."""
    filled = {"batch_size": protocol.batch_size, "streams": protocol.streams, "methods": protocol.methods, **raw}
    streams = filled["streams"]
    if isinstance(streams, Mapping):  # what is not one, the config's schema will refuse
        filled["streams"] = {
            name: protocol.stream | dict(own) if isinstance(own, Mapping) else own for name, own in streams.items()
        }
    return filled
