"""Values from several sources, one over the other, and who set each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

Values = dict[str, Any]


class Layer(NamedTuple):
    """What one source says."""

    source: str
    """``protocol NAME``, the name of a config, or an option of the command line."""
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Layers:
    """What several sources say of the same keys. Each source overrules those before it."""

    layers: tuple[Layer, ...]

    def over(self, source: str, values: Mapping[str, Any]) -> "Layers":
        """These layers over one more."""
        return Layers((Layer(source, values), *self.layers))

    def under(self, source: str, values: Mapping[str, Any]) -> "Layers":
        """These layers under one more."""
        return Layers((*self.layers, Layer(source, values)))

    def inside(self, *path: str) -> "Layers":
        """What each source says of the group of keys at this path; a source that has no group there is left out."""
        groups = ((layer.source, _group(layer.values, path)) for layer in self.layers)
        return Layers(tuple(Layer(source, group) for source, group in groups if group is not None))

    def values(self) -> Values:
        """The last word on every key; groups of keys are merged key by key."""
        return reduce(merge, (layer.values for layer in self.layers), {})

    def set_by(self, *path: str) -> str:
        """The source of the value at this path; ``default`` if no source has one."""
        *groups, key = path
        sources = [layer.source for layer in self.inside(*groups).layers if key in layer.values]
        return sources[-1] if sources else "default"


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


def _group(values: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any] | None:
    """The mapping at this path, None where there is none."""
    group: object = values
    for key in path:
        group = group.get(key) if isinstance(group, Mapping) else None
    return group if isinstance(group, Mapping) else None
