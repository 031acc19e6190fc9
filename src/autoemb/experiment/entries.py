"""A named data set or method of a config: the module behind it, and its checked settings."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from autoemb.config import AnySettings, DatasetConfig, MethodConfig, parse
from autoemb.data import datasets
from autoemb.errors import InputError
from autoemb.experiment.protocols import Protocol, merge
from autoemb.learning import methods


@dataclass(frozen=True)
class Entry(Generic[AnySettings]):
    """A named data set or method: the module behind it and its settings."""

    module: str
    settings: AnySettings


def dataset(name: str, entry: Mapping[str, Any], where: str) -> Entry[DatasetConfig]:
    """The data set that an entry names by ``source``, or by its own name.

    Raises:
        InputError: an unknown data set or key, or a value out of its range.
    """
    module, rest = _module(entry, "source", name)
    kind = _found(lambda: datasets.find(module).config, where)
    return Entry(module, parse(kind, json.dumps(rest, default=str), where))


def method(name: str, entry: Mapping[str, Any], protocol: Protocol | None, where: str) -> Entry[MethodConfig]:
    """The method that an entry names by ``method``, or by its own name.

    Args:
        name: the entry's.
        entry: its content.
        protocol: where the values come from that it does not have; without one, the fields' defaults.
        where: its name, for error messages.

    Raises:
        InputError: an unknown method or key, or a value out of its range.
    """
    module, rest = _module(entry, "method", name)
    kind: type[MethodConfig] = _found(lambda: methods.find(module).Config, where)
    if protocol is not None:
        rest = merge(protocol.of_method(module, kind.model_fields), rest)
    return Entry(module, parse(kind, json.dumps(rest, default=str), where))


def _module(entry: Mapping[str, Any], key: str, name: str) -> tuple[str, dict[str, Any]]:
    """The module that ``key`` names, by default ``name``, and what else the entry says."""
    return str(entry.get(key, name)), {field: value for field, value in entry.items() if field != key}


def _found(find: Callable[[], type[AnySettings]], where: str) -> type[AnySettings]:
    try:
        return find()
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
