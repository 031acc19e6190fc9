"""Every method by being listed, and the settings whose paths through the code differ."""

from typing import Any

from autoemb.experiment import protocols
from autoemb.learning import methods
from tests import twin as twins


def small(name: str) -> dict[str, Any]:
    """Settings that keep a method small: those that its twin names."""
    return dict(twins.find(name).SMALL)


SMALL, SEARCH, CONTROL = {"hidden": 12}, small("darts"), small("autoemb")


def of_protocol(protocol: protocols.Protocol, name: str) -> tuple[str, dict[str, Any]]:
    """A protocol's settings of a method, kept small."""
    said = protocol.of_method(name, methods.find(name).Config.model_fields)
    return name, {**said, **small(name)}


PROTOCOLS = [
    of_protocol(protocols.find(protocol), name)
    for protocol in protocols.names()
    for name in protocols.find(protocol).methods
]
VARIANTS = [
    (name, {**small(name), **changed}) for name in methods.names() for changed in ({}, *twins.find(name).VARIANTS)
]
VARIANTS += [variant for n, variant in enumerate(PROTOCOLS) if variant not in PROTOCOLS[:n] + VARIANTS]
SEARCHING = [name for name in methods.names() if "sizes" in methods.find(name).Config.model_fields]


def label(variant: object) -> str:
    """The variant's name in pytest's output."""
    return str(variant).replace(" ", "")
