"""Every method by being listed, and the settings whose paths through the code differ."""

from typing import Any

from autoemb.experiment import protocols
from autoemb.learning import methods

SMALL: dict[str, Any] = {"hidden": 12}
SEARCH: dict[str, Any] = {**SMALL, "sizes": [2, 3, 8]}
CONTROL: dict[str, Any] = {**SEARCH, "controller_hidden": 10}

EXTRA: list[tuple[str, dict[str, Any]]] = [
    ("fse", {**SMALL, "size": 5, "path": "transform"}),
    ("darts", {**SEARCH, "weights": "global", "batch_norm": "shared", "mean": False}),
    ("sam", {**CONTROL, "policy": 0, "batch_norm": "shared"}),
    ("autoemb", {**CONTROL, "policy": 0}),
    ("autoemb", {**CONTROL, "policy": 2, "batch_norm": "shared", "mean": False}),
    ("sam", {**CONTROL, "sizes": [2, 4], "policy": 2}),
    ("autoemb", {**CONTROL, "validation": "last_random"}),
    ("autoemb", {**CONTROL, "validation": "next_batch", "policy": 2}),
    ("darts", {**SEARCH, "validation": "last_random"}),
    ("darts", {**SEARCH, "validation": "next_batch"}),
    ("autoemb", {**CONTROL, "policy": 3, "rows_optimizer": "sparse"}),
    ("autoemb", {**CONTROL, "policy": 4, "embedding_init": "scaled"}),
    ("sam", {**CONTROL, "policy": 5, "selection": "gumbel"}),
    ("fse", {**SMALL, "size": 5, "rows_optimizer": "sparse", "batch_norm_at_prediction": "running"}),
    ("darts", {**SEARCH, "rows_optimizer": "sparse", "validation": "last_random"}),
    ("sam", {**CONTROL, "batch_norm": "shared", "batch_norm_at_prediction": "running"}),
    ("autoemb", {**CONTROL, "batch_norm_at_prediction": "running", "validation": "next_batch"}),
    ("autoemb", {**CONTROL, "selection": "argmax"}),
    ("autoemb", {**CONTROL, "selection": "gumbel", "temperature": 0.7, "validation": "last_random"}),
    ("darts", {**SEARCH, "selection": "gumbel"}),
    ("autoemb", {**CONTROL, "hypergradient": "exact", "xi": 0.1}),
    ("autoemb", {**CONTROL, "hypergradient": "exact", "unrolled_step": "adam", "validation": "next_batch"}),
    ("autoemb", {**CONTROL, "hypergradient": "finite-difference", "xi": 0.1, "validation": "last_random"}),
    ("darts", {**SEARCH, "hypergradient": "exact", "unrolled_step": "adam"}),
    ("darts", {**SEARCH, "hypergradient": "finite-difference", "unrolled_step": "adam", "validation": "last_random"}),
    (
        "autoemb",
        {
            **CONTROL,
            "hypergradient": "exact",
            "validation": "next_batch",
            "selection": "gumbel",
            "batch_norm_at_prediction": "running",
            "rows_optimizer": "sparse",
        },
    ),
    ("autoemb", {**CONTROL, "policy": 2, "released_code_quirks": {"classification_start": True}}),
    ("fse", {**SMALL, "size": 5, "path": "chain"}),
    ("esapn", {**CONTROL, "batch_norm_over": "chosen", "last_loss": True}),
    ("esapn", {**CONTROL, "baseline": "none", "rows_optimizer": "sparse", "embedding_init": "scaled"}),
    ("esapn", {**CONTROL, "sizes": [2, 4], "baseline": "last", "batch_norm_at_prediction": "running"}),
    ("esapn", {**CONTROL, "batch_norm_over": "chosen", "reward_window": 2, "batch_norm_at_prediction": "running"}),
]


def small(name: str) -> dict[str, Any]:
    """Settings that keep a method small, of the keys that it knows."""
    known = methods.find(name).Config.model_fields
    return {key: value for key, value in CONTROL.items() if key in known} | ({"size": 6} if "size" in known else {})


def of_protocol(protocol: protocols.Protocol, name: str) -> tuple[str, dict[str, Any]]:
    """A protocol's settings of a method, kept small."""
    said = protocol.of_method(name, methods.find(name).Config.model_fields)
    return name, {**said, **small(name)}


PROTOCOLS = [
    of_protocol(protocols.find(protocol), name)
    for protocol in protocols.names()
    for name in protocols.find(protocol).methods
]
VARIANTS = [(name, small(name)) for name in methods.names()] + EXTRA
VARIANTS += [variant for n, variant in enumerate(PROTOCOLS) if variant not in PROTOCOLS[:n] + VARIANTS]
SEARCHING = [name for name in methods.names() if "sizes" in methods.find(name).Config.model_fields]


def label(variant: object) -> str:
    """The variant's name in pytest's output."""
    return str(variant).replace(" ", "")
