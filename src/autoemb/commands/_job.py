"""The frame of the verbs that train for hours: their device, their checkpoint, their record. No verb itself."""

import argparse
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoemb.artifact.record import Alone, Begun
from autoemb.learning.checkpoint import Checkpoint, identity
from autoemb.learning.machine.device import chosen
from autoemb.learning.plan import CHUNK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of every long job."""
    parser.add_argument("--run", dest="training", required=True, help="settings of the run, as JSON")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--gpu-share", type=int, default=1, help="jobs that may use one GPU at a time")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        help="file to leave the state in, and to go on from; at the end, the results stay beside it (.finished)",
    )
    parser.add_argument("--chunk", type=positive, default=CHUNK, help="batches prepared at a time, a state after each")
    parser.add_argument("--checkpoint-seconds", type=float, default=300, help="seconds between two states")


def positive(text: str) -> int:
    """A whole number from 1, as a person types it; argparse says what is wrong with another."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected a whole number from 1")
    return number


@dataclass(frozen=True)
class Job:
    """A long job that has its device and has begun."""

    device: str
    """Where to train: ``cpu`` or ``cuda``."""
    checkpoint: Checkpoint | None
    """Where to leave the state now and then, and to look for one to go on from; None if none is asked for."""
    begun: Begun
    alone: Alone

    def check(self) -> None:
        """Look, just before the job's files are put in their place, whether they may be.

        Raises:
            InputError: a job to which this one must yield has put its own there.
        """
        self.alone.check(self.begun.identity)

    def seconds(self) -> float:
        """Wall time of the job so far: of this process, and of those whose checkpoint it goes on from."""
        return self.begun.seconds() + (self.checkpoint.before if self.checkpoint else 0)

    def record(self, generated: Mapping[str, str]) -> dict[str, Any]:
        """The record of the job, which ends now; ``generated`` has the checksums of what it wrote."""
        return self.begun.record(generated, self.seconds())


@contextmanager
def begin(
    arguments: argparse.Namespace,
    path: Path | None,
    config: Mapping[str, Any],
    modules: Iterable[str],
    used: Iterable[Path],
    device: str,
) -> Iterator[Job]:
    """Wait for the device that a long job trains on, and heed signals for as long as the job runs there.

    Its time is counted from when it has its device: there may have been no GPU free for hours.

    Args:
        arguments: those of ``add_arguments``, and ``out``.
        path: of the record; without one, the job may write none.
        config: settings of the job, resolved.
        modules: of this package, those that it runs.
        used: the files that it reads.
        device: the one that is asked for: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        InputError: there is no such device, or no slot on it can be held.
        SystemExit: a signal came, and the state is in the checkpoint.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    alone = Alone(path)
    with chosen(device, arguments.threads, arguments.gpu_share) as where:
        begun = Begun(path or arguments.out, config, modules, used, where)
        checkpoint = None
        if arguments.checkpoint:
            valid_for = identity([begun.valid_for(), arguments.threads])
            checkpoint = Checkpoint(arguments.checkpoint, valid_for, arguments.checkpoint_seconds)
        with checkpoint.heeding_signals() if checkpoint else nullcontext():
            yield Job(where, checkpoint, begun, alone)
