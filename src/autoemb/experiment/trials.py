"""The ablation of a config, resolved: what is trained on which stream for every trial (``ablation.py``)."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from autoemb.config import AblationConfig, MethodConfig, StreamConfig, Task, parse
from autoemb.experiment import protocols
from autoemb.experiment.ablation import BASE, SETTINGS, TRIALS, Trial, changes
from autoemb.experiment.entries import Entry, method
from autoemb.experiment.protocols import Values, merge
from autoemb.names import expect


@dataclass(frozen=True)
class Ablation:
    """Every trial by its name, the base among them."""

    config: AblationConfig
    batch_size: int
    """Interactions per mini-batch."""
    streams: Mapping[str, StreamConfig]
    """The base's stream, and those of the trials that change it."""
    methods: Mapping[str, Mapping[str, Entry[MethodConfig]]]
    """By trial and name: the methods that it touches, which are trained."""
    tasks: Mapping[str, tuple[Task, ...]]
    """Those in which the trial can matter."""

    def stream_of(self, trial: str) -> str:
        """The trial whose stream this one runs on."""
        return trial if trial in self.streams else BASE


def resolve(config: AblationConfig, tasks: Sequence[Task], where: str) -> Ablation:
    """What an ablation trains.

    Args:
        config: the config's key ``ablation``.
        tasks: the config's own, for an ablation that names none.
        where: the config's name, for error messages.

    Raises:
        InputError: an unknown setting or method.
    """
    protocol = protocols.find(BASE)
    asked = SETTINGS if config.settings == "all" else config.settings
    where = f"{where}: ablation"
    _known(asked, SETTINGS, f"{where}.settings: setting")
    _known(config.leave_out, [*SETTINGS, *TRIALS], f"{where}.leave_out: setting")
    names = config.methods or tuple(protocol.methods)
    _known(names, protocol.methods, f"{where}.methods: method")

    def trained(trial: str) -> dict[str, Entry[MethodConfig]]:
        """The methods of a trial: all of them where it changes no method, else those that have its setting."""
        made = [change for change in changes(trial) if change.setting.of == "method"]
        found = {}
        for name in names:
            fields = type(base[name].settings).model_fields if made else ()
            if not made or made[-1].setting.field.partition(".")[0] in fields:
                entry: Values = reduce(merge, (change.change() for change in made), protocol.methods[name])
                found[name] = method(name, entry, protocol, f"{where}.{trial}: {name}")
        return found

    def streamed(trial: str) -> StreamConfig:
        ours = {"rare_items": config.rare_items, "test": config.test, "first": config.first}
        made = (change.change() for change in changes(trial) if change.setting.of == "stream")
        return parse(StreamConfig, json.dumps(reduce(merge, made, merge(protocol.stream, ours))), where)

    base = {name: method(name, protocol.methods[name], protocol, where) for name in names}
    out = set(config.leave_out)
    trials = [BASE, *_trials(trial for name in asked if name not in out for trial in _of(name) if trial not in out)]
    found_tasks = {name: _tasks(name, config.tasks or tasks) for name in trials}
    found_methods = {name: trained(name) for name in trials if found_tasks[name]}
    found_methods = {name: entries for name, entries in found_methods.items() if entries}
    return Ablation(
        config=config,
        batch_size=protocol.batch_size,
        streams={name: streamed(name) for name in found_methods if _has_stream(name)},
        methods=found_methods,
        tasks={name: found_tasks[name] for name in found_methods},
    )


def _has_stream(trial: str) -> bool:
    return trial == BASE or TRIALS[trial].setting.of == "stream"


def _of(setting: str) -> list[str]:
    """Names of a setting's trials."""
    return [trial.name for trial in SETTINGS[setting].trials()]


def _trials(names: Iterable[str]) -> list[str]:
    """These trials and those that they are compared with, in the order of ``TRIALS``."""
    wanted = {change.name for name in names for change in changes(name)}
    return [name for name in TRIALS if name in wanted]


def _tasks(trial: str, tasks: Sequence[Task]) -> tuple[Task, ...]:
    last: Trial | None = changes(trial)[-1] if trial != BASE else None
    return tuple(task for task in tasks if last is None or task in last.setting.tasks)


def _known(names: Iterable[str], expected: Collection[str], what: str) -> None:
    for name in names:
        expect(name, expected, f"{what} {name!r}")
