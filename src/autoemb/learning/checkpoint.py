"""A run's state on disk, so that one that was cut goes on where it was: safetensors, written whole or not at all."""

import glob
import hashlib
import json
import logging
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from autoemb.artifact.files import sweep, whole
from autoemb.artifact.record import Claim

log = logging.getLogger(__name__)

VERSION = "5"

TYPES: Mapping[torch.dtype, str] = {
    torch.float64: "F64", torch.float32: "F32", torch.int64: "I64", torch.int32: "I32", torch.int16: "I16",
    torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
"""What the format calls the types of a state."""

PAUSE = 50
"""A state is not written before so many times the seconds that the last one took have passed: under 2 % of a run."""


def identity(content: Any) -> str:
    """A fingerprint of everything that a state is only valid for, given as JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def checksum(state: Mapping[str, Tensor]) -> str:
    """Of the tensors' names, types, shapes and bytes: safetensors has none, and disks do flip bits."""
    sha = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        sha.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()


def write_tensors(state: Mapping[str, Tensor], metadata: Mapping[str, str], file: BinaryIO) -> None:
    """Write contiguous tensors on the CPU as safetensors: the length of a JSON header, the header, then their bytes.

    The library's own ``save_file`` writes beside the file and renames, which leaves the whole of a state behind when it
    is killed and makes two writers collide; its ``save`` holds a state twice in memory.
    """
    largest_first = sorted(
        state.items(), key=lambda item: (-item[1].element_size(), item[0])
    )  # so that all are aligned
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, tensor in largest_first:
        start, end = end, end + tensor.nbytes
        header[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for _, tensor in largest_first:
        file.write(tensor.reshape(-1).view(torch.uint8).numpy().data)


def claim_on(path: Path) -> Claim | None:
    """The claim of the run that wrote a checkpoint; None if there is none, or none that anybody could go on from."""
    try:
        with safe_open(path, framework="pt") as file:
            return Claim((file.metadata() or {}).get("identity", ""), int(file.get_tensor("began")))
    except (SafetensorError, OSError):
        return None


class Checkpoint:
    """A file that holds the latest state of one run, and, when it is over, another one with its results.

    A job may end well and nobody take note of it: Snakemake was killed while the job went on, or both were in
    the second in which it ended. The job is then started again, and has the results at once.

    Attributes:
        path: the file.
        finished: the file with the results: ``path`` with one more ending.
        valid_for: an ``identity``; a state of another one is not taken.
        every: least seconds between two states.
        clock: says the time, in seconds.
        before: seconds that earlier processes put into the state that was loaded.
        claim: this run's claim to both files: it leaves those of a run to which it must yield as they are.
        going: whether the run has come to a point at which a state could be saved (``due``).
        end_signal: the signal that asked the run to end, if one did: the next state is its last.
    """

    def __init__(self, path: Path, valid_for: str, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.path, self.every, self.clock = path, every, clock
        self.metadata = {"version": VERSION, "identity": valid_for}
        self.finished = path.with_name(f"{path.name}.finished")
        self.start = self.last = clock()
        self.took = self.before = 0.0
        self.claim = Claim(valid_for, time.time_ns())
        self.going = False
        self.end_signal: signal.Signals | None = None

    def load(self) -> dict[str, Tensor] | None:
        """The results or the state, or None: there is none, it is of something else, or it is damaged."""
        states = (self._read(path) for path in (self.finished, self.path) if path.exists())
        return next((state for state in states if state is not None), None)

    def _read(self, path: Path) -> dict[str, Tensor] | None:
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                if {key: metadata.get(key) for key in self.metadata} != self.metadata:
                    log.info("%s: a checkpoint of other settings, inputs or code; not taken", path)
                    return None
                names = file.keys()
                state = {name: file.get_tensor(name) for name in names}
        except (SafetensorError, OSError) as error:
            log.info("%s: not a readable checkpoint (%s); not taken", path, error)
            return None
        if checksum(state) != metadata.get("checksum"):
            log.info("%s: a damaged checkpoint, its checksum differs; not taken", path)
            return None
        self.before = float(state.pop("seconds"))
        state.pop("began", None)  # there was none once
        return state

    def due(self) -> bool:
        """Whether the last state is old enough for another, or the run has to end."""
        self.going = True
        return self.end_signal is not None or self.clock() - self.last >= max(self.every, PAUSE * self.took)

    def save(self, state: Mapping[str, Tensor]) -> None:
        """Put a state in the place of the last one.

        Raises:
            InputError: it cannot be written; the last one stays.
            SystemExit: a signal asked the run to end; with a shell's status for that, 128 + its number.
        """
        start = self.clock()
        self._write(self.path, state)
        self.last = self.clock()
        self.took = self.last - start
        if self.end_signal is not None:
            log.info("ended by %s; the next run goes on from %s", self.end_signal.name, self.path)
            raise SystemExit(128 + self.end_signal)

    def finish(self, results: Mapping[str, Tensor]) -> None:
        """Put the results in the place of the state, and take away what kills may have left of it.

        Raises:
            InputError: they cannot be written; the last state stays.
        """
        self._write(self.finished, results)
        if not self.claim.yields_to(claim_on(self.path)):
            self.path.unlink(missing_ok=True)
        sweep(self.path.parent, f".{glob.escape(self.path.name)}.*.part")

    def _write(self, path: Path, state: Mapping[str, Tensor]) -> None:
        if self.claim.yields_to(claim_on(path)):
            log.info("%s: of a run of other settings that began later; left as it is", path)
            return
        held = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
        held["seconds"] = torch.tensor(self.before + self.clock() - self.start, dtype=torch.float64)
        held["began"] = torch.tensor(self.claim.began)
        with whole(path) as temporary, temporary.open("wb") as file:
            write_tensors(held, {**self.metadata, "checksum": checksum(held)}, file)

    @contextmanager
    def heeding_signals(self) -> Iterator[None]:
        """Inside, SIGTERM and SIGINT ask for one more state, which ends the run; a second one ends it at once.

        So does one before the first chunk is done: the step may be compiling, for longer than the 30 seconds that
        SLURM and Kubernetes wait, and there is nothing new to save.
        """

        def ask(number: int, frame: FrameType | None) -> None:
            signal.signal(number, before[signal.Signals(number)])
            if self.going:
                self.end_signal = signal.Signals(number)
            else:
                signal.raise_signal(number)

        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
        for number in before:
            signal.signal(number, ask)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
