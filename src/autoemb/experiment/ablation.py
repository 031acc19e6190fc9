"""The ablation: the released code's settings that may move results, each changed alone.

Base is the protocol ``released-code``. The settings stand here as data, in the order of the list of the released
code's oddities; ``selection`` and those behind it are none of those. A trial is one setting with one of its other
values, and is named after both, as in ``policy.2``. The base is named after its protocol. Some trials are compared with
another trial, so that two settings are changed together: temporal order with BatchNorm at prediction and with the
embeddings' start, and this start with the embeddings' learning rate.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from autoemb.schema import TASKS

BASE = "released-code"
"""The protocol that is changed, and the name of its own trial."""


class Setting(NamedTuple):
    """One setting, and what it may be other than in the released code."""

    name: str
    of: Literal["stream", "method"]
    """Whether a stream has the setting, which then touches every method, or the methods themselves."""
    field: str
    """The setting's key; a dot leads into a group of settings."""
    alternatives: tuple[Any, ...]
    against: str = BASE
    """The trial with which the setting's trials are compared, and whose other settings they share."""
    tasks: tuple[str, ...] = TASKS
    """The tasks in which the setting can matter."""
    same_interactions: bool = True
    """Whether interactions and their order stay the same, so that a seed's runs with and without the change are a
    pair."""

    method: str | None = None
    """The module of the only method that the field belongs to; left out, every method whose ``Config`` has it."""

    def touches(self, module: str, fields: Collection[str]) -> bool:
        """Whether a method with this module and these fields is another one where the setting is changed."""
        if self.of == "stream":
            return True
        return self.method in (None, module) and self.field.partition(".")[0] in fields

    def trials(self) -> Iterator["Trial"]:
        """One trial for each of the alternatives."""
        return (Trial(self, value) for value in self.alternatives)


class Trial(NamedTuple):
    """One setting changed to one value."""

    setting: Setting
    value: Any

    @property
    def name(self) -> str:
        """``sizes.2-16-128``, ``mean.true``: fit for a folder."""
        return f"{self.setting.name}.{self.label}"

    @property
    def label(self) -> str:
        """The value as the trial's name spells it."""
        if isinstance(self.value, tuple):
            return "-".join(map(str, self.value))
        return str(self.value).lower().replace("_", "-")

    def change(self) -> dict[str, Any]:
        """What the trial changes, as the keys and values of a config."""
        *groups, key = self.setting.field.split(".")
        change = {key: self.value}
        for group in reversed(groups):
            change = {group: change}
        return change


SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("order", "stream", "order", ("temporal",), same_interactions=False),
        Setting("rare-items", "stream", "rare_items", ("keep",), same_interactions=False),
        Setting("test-popularity", "stream", "popularity", ("continue",)),
        Setting("validation", "method", "validation", ("last_random", "next_batch")),
        Setting("batch-norm", "method", "batch_norm", ("per-candidate",)),
        Setting("batch-norm-at-prediction", "method", "batch_norm_at_prediction", ("running",)),
        Setting("mean", "method", "mean", (True,)),
        Setting("rows-optimizer", "method", "rows_optimizer", ("sparse",)),
        Setting("policy", "method", "policy", (0, 2, 3, 4, 5)),
        # only policies 2 and 5 show the controller a loss
        Setting("item-context-loss", "method", "released_code_quirks.item_context_loss", (True,), "policy.2"),
        Setting("darts-weights", "method", "weights", ("global",), method="darts"),
        Setting("fse-size", "method", "size", (146, 128), method="fse"),
        Setting("fse-path", "method", "path", ("transform",), method="fse"),
        Setting("embedding-init", "method", "embedding_init", ("scaled",)),
        Setting("hypergradient", "method", "hypergradient", ("exact", "finite-difference")),
        Setting("selection", "method", "selection", ("argmax", "gumbel")),
        Setting("sizes", "method", "sizes", ((2, 16, 128),)),
        Setting(
            "classification-start",
            "method",
            "released_code_quirks.classification_start",
            (False,),
            tasks=("classification",),
        ),
        Setting(
            "temporal-batch-norm-at-prediction", "method", "batch_norm_at_prediction", ("running",), "order.temporal"
        ),
        Setting("temporal-embedding-init", "method", "embedding_init", ("scaled",), "order.temporal"),
        Setting("rows-rate", "method", "rows_learning_rate", (0.01,)),
        Setting("scaled-rows-rate", "method", "rows_learning_rate", (0.01,), "embedding-init.scaled"),
    )
}
"""Every setting by its name."""

TRIALS: Mapping[str, Trial] = {trial.name: trial for setting in SETTINGS.values() for trial in setting.trials()}
"""Every trial by its name, without the base."""


def changes(name: str) -> list[Trial]:
    """The trials whose changes make up this one, from the base on; of the base, none."""
    if name == BASE:
        return []
    trial = TRIALS[name]
    return [*changes(trial.setting.against), trial]
