"""The settings of the released code, each changed alone: which there are, and what a change of each means.

The base is the protocol ``released-code``. Every setting that the papers leave open, or on which paper and code
differ, has one or more other values; a variant is the base with one of them. Nothing here trains: ``grid`` resolves
the variants, the workflow runs them, ``tables.settings`` compares them.
"""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, field_validator

from autoemb import protocols
from autoemb.config import Settings, StreamConfig, Task

BASE: Literal["released-code"] = "released-code"


class Setting(NamedTuple):
    """One setting, by its other values: what they are called, and the fields that make them."""

    released: str
    """What the released code does, in words."""
    values: Mapping[str, Mapping[str, Any]]
    of: Literal["stream", "method"] = "method"
    base: str = BASE
    """The variant that its values are compared with."""
    task: Task | None = None
    """The only task that it touches; None: both."""


SETTINGS: Mapping[str, Setting] = {
    "order": Setting("random permutation", {"temporal": {"order": "temporal"}}, "stream"),
    "rare-items": Setting("dropped", {"keep": {"rare_items": "keep"}}, "stream"),
    "test-popularity": Setting("restarts", {"continue": {"popularity": "continue"}}, "stream"),
    "validation": Setting(
        "last batch", {"last-random": {"validation": "last_random"}, "next-batch": {"validation": "next_batch"}}
    ),
    "batch-norm": Setting("shared", {"per-candidate": {"batch_norm": "per-candidate"}}),
    "batch-norm-at-prediction": Setting("batch", {"running": {"batch_norm_at_prediction": "running"}}),
    "mean": Setting("no 1/N", {"true": {"mean": True}}),
    "rows-optimizer": Setting("dense Adam", {"sparse": {"rows_optimizer": "sparse"}}),
    "policy": Setting("1", {str(n): {"policy": n} for n in (0, 2, 3, 4, 5)}),
    "item-context-loss": Setting(
        "policy 2, the items' own",
        {"users": {"policy": 2, "released_code_quirks": {"item_context_loss": True, "classification_start": True}}},
        base="policy.2",
    ),
    "darts-weights": Setting("per id", {"global": {"weights": "global"}}),
    "fse-size": Setting("222", {"146": {"size": 146}, "128": {"size": 128}}),
    "fse-path": Setting("raw", {"transform": {"path": "transform"}}),
    "embedding-init": Setting("normal(0, 1)", {"scaled": {"embedding_init": "scaled"}}),
    "hypergradient": Setting(
        "first order",
        {"exact": {"hypergradient": "exact"}, "finite-difference": {"hypergradient": "finite-difference"}},
    ),
    # beyond what paper and code differ in
    "selection": Setting("soft", {"argmax": {"selection": "argmax"}, "gumbel": {"selection": "gumbel"}}),
    "sizes": Setting("2, 4, 8, 16, 64, 128", {"2-16-128": {"sizes": [2, 16, 128]}}),
    "classification-start": Setting(
        "1.5",
        {"1": {"released_code_quirks": {"item_context_loss": False, "classification_start": False}}},
        task="classification",
    ),
}
"""By name, in the order in which they are shown."""

SettingNames = Annotated[tuple[str, ...], Field(min_length=1)]


class AblationConfig(Settings):
    """Which settings are changed, and for what."""

    settings: Literal["all"] | SettingNames = "all"
    """Names of settings (``ablation.SETTINGS``)."""

    tasks: Annotated[tuple[Task, ...], Field(min_length=1)] = ("regression",)

    methods: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Modules of methods; left out, those of the protocol."""

    seeds: Annotated[int, Field(ge=1)] | None = None
    """Replicates of every method; left out, the config's."""

    rare_items: Literal["tag-genome", "drop-rarest"] = "tag-genome"
    """What drops the rare items in the base: ``drop-rarest`` where the data set has no tag genome."""

    test: Annotated[float, Field(gt=0)] = 0.25
    """As in ``StreamConfig``."""

    @field_validator("settings")
    @classmethod
    def _known(cls, value: Any) -> Any:
        unknown = [] if value == "all" else [name for name in value if name not in SETTINGS]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is unknown; expected 'all' or some of {', '.join(SETTINGS)}")
        return value


class Variant(NamedTuple):
    """The base, or the base with one setting changed."""

    stream: StreamConfig
    own_stream: bool
    """Whether its stream is another than the base's."""
    methods: Mapping[str, Mapping[str, Any]]
    """By module, the settings of the methods that the change touches."""
    tasks: tuple[Task, ...]


def variants(config: AblationConfig, fields: Mapping[str, Collection[str]]) -> dict[str, Variant]:
    """The base and every variant by name, ``<setting>.<value>``.

    Args:
        config: which settings.
        fields: by module of a method, the fields that its settings have. A change touches the methods that
            have all of its fields.
    """
    protocol = protocols.find(BASE)
    stream = protocol.stream | {"rare_items": config.rare_items, "test": config.test}
    modules = [name for name in protocol.methods if config.methods is None or name in config.methods]
    base = {module: protocol.of_method(module, fields[module]) for module in modules}
    found: dict[str, Variant] = {BASE: Variant(StreamConfig(**stream), False, base, config.tasks)}
    for name in SETTINGS if config.settings == "all" else with_bases(config.settings):
        setting = SETTINGS[name]
        tasks = tuple(task for task in config.tasks if setting.task in (None, task))
        for value, change in setting.values.items():
            if setting.of == "stream":
                variant = Variant(StreamConfig(**{**stream, **change}), True, base, tasks)
            else:
                touched = {m: {**base[m], **change} for m in modules if set(change) <= set(fields[m])}
                variant = Variant(StreamConfig(**stream), False, touched, tasks)
            if variant.methods and tasks:
                found[f"{name}.{value}"] = variant
    return found


def with_bases(names: Collection[str]) -> list[str]:
    """Settings in the order of ``SETTINGS``, with those that some of them are compared with."""
    bases = {SETTINGS[name].base.partition(".")[0] for name in names}
    return [name for name in SETTINGS if name in names or name in bases]
