"""The tuning of a config, resolved: which settings each method is tried with, on which streams and tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoemb.config import MethodConfig, StreamConfig, Task, TuningConfig
from autoemb.errors import InputError
from autoemb.experiment.choice import changed
from autoemb.experiment.entries import Entry
from autoemb.names import expect


@dataclass(frozen=True)
class Tuning:
    """What is tuned, and on what."""

    config: TuningConfig
    streams: tuple[str, ...]
    tasks: tuple[Task, ...]
    candidates: Mapping[str, tuple[MethodConfig, ...]]
    """By method, its settings under each of the candidates."""


def resolve_tuning(
    config: TuningConfig,
    entries: Mapping[str, Entry[MethodConfig]],
    streams: Mapping[str, StreamConfig],
    tasks: Sequence[Task],
    where: str,
) -> Tuning:
    """What a tuning trains.

    Args:
        config: the config's key ``tuning``.
        entries: the config's methods.
        streams: its streams.
        tasks: its tasks.
        where: the config's name, for error messages.

    Raises:
        InputError: an unknown method, stream or task, one that has not the candidates' settings, or a value that it
            does not take.
    """
    where = f"{where}: tuning"
    keys = dict.fromkeys(key for candidate in config.candidates for key in candidate)
    lacking = {name: [key for key in keys if key not in type(entry.settings).model_fields]
               for name, entry in entries.items()}  # fmt: skip
    named = config.methods or tuple(name for name, lacks in lacking.items() if not lacks)
    if not named:
        raise InputError(f"{where}.candidates: no method of the config has all of {', '.join(keys)}")
    for name in named:
        expect(name, entries, f"{where}.methods: method {name!r}")
        if lacking[name]:
            raise InputError(f"{where}.methods: method {name!r} has no {', '.join(lacking[name])} to tune")
    for stream in config.streams or ():
        expect(stream, streams, f"{where}.streams: stream {stream!r}")
    for task in config.tasks or ():
        expect(task, tasks, f"{where}.tasks: task {task!r}")
    return Tuning(
        config=config,
        streams=config.streams or tuple(streams),
        tasks=config.tasks or tuple(tasks),
        candidates={
            name: tuple(
                changed(entries[name].settings, candidate, f"{where}.candidates.{n}: {name}")
                for n, candidate in enumerate(config.candidates)
            )
            for name in named
        },
    )
