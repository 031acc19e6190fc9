"""The ablation of a config, resolved: what is trained on which stream for every trial (``ablation.py``)."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from autoemb.config import AblationConfig, MethodConfig, StreamConfig, Task, parse
from autoemb.experiment import protocols
from autoemb.experiment.ablation import BASE, SETTINGS, TRIALS, Trial, changes
from autoemb.experiment.entries import Entry, method
from autoemb.experiment.layers import Layer, Layers
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
    """By trial and name: the methods that the trial touches, which are trained."""
    tasks: Mapping[str, tuple[Task, ...]]
    """By trial: the tasks in which it can matter."""

    def stream_of(self, trial: str) -> str:
        """The trial whose stream this one runs on: the last of its changes that is one of the stream."""
        return next((change.name for change in reversed(changes(trial)) if change.name in self.streams), BASE)


def resolve_ablation(config: AblationConfig, tasks: Sequence[Task], where: str) -> Ablation:
    """What an ablation trains.

    Args:
        config: the config's key ``ablation``.
        tasks: the config's own, for an ablation that names none.
        where: the config's name, for error messages.

    Raises:
        InputError: an unknown setting or method.
    """
    protocol = protocols.find(BASE)
    settings = SETTINGS if config.settings == "all" else config.settings
    where = f"{where}: ablation"
    _known(settings, SETTINGS, f"{where}.settings: setting")
    _known(config.leave_out, [*SETTINGS, *TRIALS], f"{where}.leave_out: setting")
    names = config.methods or tuple(protocol.methods)
    _known(names, protocol.methods, f"{where}.methods: method")

    def entry(name: str, trial: str) -> Entry[MethodConfig]:
        """A method of the base, with what the trial changes in methods."""
        layers = _changed(Layers((Layer(protocol.source, protocol.methods[name]),)), "method", trial)
        return method(name, layers, protocol, where if trial == BASE else f"{where}.{trial}: {name}")

    def stream(trial: str) -> StreamConfig:
        """The stream of the base, with what the trial changes in streams."""
        given = {"rare_items": config.rare_items, "test": config.test, "first": config.first}
        layers = _changed(Layers((Layer(protocol.source, protocol.stream), Layer(where, given))), "stream", trial)
        return parse(StreamConfig, json.dumps(layers.values()), where)

    base = {name: entry(name, BASE) for name in names}
    left_out = set(config.leave_out)
    chosen = [trial for name in settings if name not in left_out for trial in _of(name) if trial not in left_out]
    tasks_of = {trial: _tasks(trial, config.tasks or tasks) for trial in [BASE, *_with_bases(chosen)]}
    methods_of = {
        trial: {name: entry(name, trial) for name in names if _trains(trial, base[name])}
        for trial in tasks_of
        if tasks_of[trial]
    }
    methods_of = {trial: entries for trial, entries in methods_of.items() if entries}
    return Ablation(
        config=config,
        batch_size=protocol.batch_size,
        streams={trial: stream(trial) for trial in methods_of if _has_stream(trial)},
        methods=methods_of,
        tasks={trial: tasks_of[trial] for trial in methods_of},
    )


def _changed(layers: Layers, of: str, trial: str) -> Layers:
    """Values under the changes, from the base on, that make up a trial: those of a stream's settings, or a method's."""
    for change in changes(trial):
        if change.setting.of == of:
            layers = layers.under(change.name, change.change())
    return layers


def _trains(trial: str, entry: Entry[MethodConfig]) -> bool:
    """Whether a trial trains this method of the base; the base itself trains all of them."""
    return trial == BASE or TRIALS[trial].setting.touches(entry.module, type(entry.settings).model_fields)


def _has_stream(trial: str) -> bool:
    return trial == BASE or TRIALS[trial].setting.of == "stream"


def _of(setting: str) -> list[str]:
    """Names of a setting's trials."""
    return [trial.name for trial in SETTINGS[setting].trials()]


def _with_bases(names: Iterable[str]) -> list[str]:
    """These trials and those that they are compared with, in the order of ``TRIALS``."""
    wanted = {change.name for name in names for change in changes(name)}
    return [name for name in TRIALS if name in wanted]


def _tasks(trial: str, tasks: Sequence[Task]) -> tuple[Task, ...]:
    last: Trial | None = changes(trial)[-1] if trial != BASE else None
    return tuple(task for task in tasks if last is None or task in last.setting.tasks)


def _known(names: Iterable[str], expected: Collection[str], what: str) -> None:
    for name in names:
        expect(name, expected, f"{what} {name!r}")
