"""Protocols: what a paper's text, or its code, says of every setting, as defaults beneath a config's own values.

One YAML file each in this folder; adding a file adds a protocol. Its keys are those of ``Protocol``.
"""

from collections.abc import Collection, Mapping
from importlib import resources
from typing import Annotated

from pydantic import Field

from autoemb.artifact.yaml import read_yaml
from autoemb.config import Name, Settings
from autoemb.experiment.layers import Layer, Layers, Values, merge
from autoemb.names import expect, files


class Protocol(Settings):
    """One file."""

    name: Name
    """The file's, as the config spells it; the one key that is not in the file."""

    title: str
    """What it says, in one line."""

    batch_size: Annotated[int, Field(ge=1)]
    """Interactions per mini-batch."""

    stream: Values
    """Settings of every stream."""

    streams: dict[Name, Values]
    """The streams of a config that names none."""

    defaults: dict[str, Values]
    """Settings of the methods that reproduce it: by module, and ``all``: of every one whose ``Config`` has them."""

    methods: dict[Name, Values]
    """The methods of a config that names none."""

    @property
    def source(self) -> str:
        """Who has set a value that is this protocol's."""
        return f"protocol {self.name}"

    def of_method(self, module: str, fields: Collection[str]) -> Values:
        """What the protocol says of the settings of a method that reproduces it.

        Args:
            module: the method's.
            fields: the settings that its ``Config`` has.
        """
        shared = {key: value for key, value in self.defaults["all"].items() if key in fields}
        return merge(shared, self.defaults.get(module, {}))

    def beneath(self, config: Layers) -> Layers:
        """A config over the batch size, the settings of every stream, and the streams and methods if it has none."""
        given = config.values()
        missing: Values = {key: getattr(self, key) for key in ("streams", "methods") if not given.get(key)}
        own = [
            Layer(source, {key: value for key, value in values.items() if key not in missing})
            for source, values in config.layers
        ]
        streams = given.get("streams") or self.streams
        # what is no mapping is refused where the config is validated
        names = streams if isinstance(streams, Mapping) else ()
        always = {"batch_size": self.batch_size, "streams": dict.fromkeys(names, self.stream)}
        return Layers((Layer(self.source, always), Layer(self.source, missing), *own))


def names() -> list[str]:
    """Names of all protocols, as the config spells them."""
    return list(files(__name__, ".yaml"))


def find(name: str) -> Protocol:
    """The protocol of this name.

    Raises:
        InputError: there is none; the message lists those there are.
    """
    expect(name, names(), f"protocol = {name!r}")
    with resources.as_file(resources.files(__name__).joinpath(f"{name}.yaml")) as path:
        content = read_yaml(path)
    return Protocol.model_validate({"name": name, **content})
