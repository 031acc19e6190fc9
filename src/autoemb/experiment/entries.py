"""A named data set or method of a config: the module behind it, and its checked settings."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic

from autoemb.config import AnySettings, DatasetConfig, MethodConfig, parse
from autoemb.data import datasets
from autoemb.errors import InputError
from autoemb.experiment.layers import Layers, Values
from autoemb.experiment.protocols import Protocol
from autoemb.learning import methods


@dataclass(frozen=True)
class Entry(Generic[AnySettings]):
    """A named data set or method: the module behind it, its settings and who set them."""

    module: str
    settings: AnySettings
    sources: Layers = field(compare=False)


def dataset(name: str, entry: Layers, where: str) -> Entry[DatasetConfig]:
    """The data set that an entry names by ``source``, or by its own name.

    Raises:
        InputError: an unknown data set or key, or a value out of its range.
    """
    module, _ = _module(entry, "source", name)
    kind = _kind(lambda: datasets.find(module).config, where)
    made = _entry(module, kind, entry, "source", where)
    datasets.find(module).checked(made.settings, where)
    return made


def method(name: str, entry: Layers, protocol: Protocol | None, where: str) -> Entry[MethodConfig]:
    """The method that an entry names by ``method``, or by its own name.

    Args:
        name: the entry's.
        entry: what the config says of it.
        protocol: where the values come from that the entry does not have, if the method reproduces it; else, and
            without a protocol, they are the fields' defaults.
        where: the entry's name, for error messages.

    Raises:
        InputError: an unknown method or key, or a value out of its range.
    """
    module, _ = _module(entry, "method", name)
    kind: type[MethodConfig] = _kind(lambda: methods.find(module).Config, where)
    if protocol is not None and protocol.name in methods.reproduces(module):
        entry = entry.over(protocol.source, protocol.of_method(module, kind.model_fields))
    return _entry(module, kind, entry, "method", where)


def _entry(module: str, kind: type[AnySettings], entry: Layers, key: str, where: str) -> Entry[AnySettings]:
    _, settings = _module(entry, key, module)
    return Entry(module, parse(kind, json.dumps(settings, default=str), where), entry)


def _module(entry: Layers, key: str, name: str) -> tuple[str, Values]:
    """The module that ``key`` names, by default ``name``, and what else the entry says."""
    values = entry.values()
    return str(values.pop(key, name)), values


def _kind(find: Callable[[], type[AnySettings]], where: str) -> type[AnySettings]:
    try:
        return find()
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
