"""Which GPU a job trains on, where nobody has assigned it one: a slot on a card, locked until the job ends.

The locks are the kernel's (``flock``): two jobs cannot take one slot, and a slot is free when the process that holds
it is gone, however it ended. One whose parent was killed keeps its slot. The files lie in a folder of the user's on
this machine, so that every checkout and every environment sees the same ones.
"""

import contextlib
import fcntl
import logging
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import NamedTuple

from autoemb.errors import InputError

log = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"

LOCKS = Path("/", "tmp", f"autoemb-gpus-{os.getuid()}")
"""Folder of the locks. Not in ``TMPDIR``, which can differ between jobs that share a card."""


class Device(NamedTuple):
    """A GPU that a job may use."""

    name: str
    """What ``CUDA_VISIBLE_DEVICES`` calls it: a number, a UUID or the beginning of one."""
    card: str
    """Its UUID, by which it is locked: two names of a card are one card."""


def installed() -> list[str]:
    """UUIDs of the machine's GPUs, in the order of their numbers; none where ``nvidia-smi`` is missing or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        listing = subprocess.run([program, "-L"], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return re.findall(r"^GPU \d+: .*\(UUID: (GPU-\S+)\)$", listing, flags=re.MULTILINE)


def usable(environment: Mapping[str, str]) -> list[Device]:
    """The GPUs that a process may use: those of ``CUDA_VISIBLE_DEVICES`` in its order, or all if it is not set.

    As in CUDA, a name that fits no card hides those after it, and an empty value hides all. Numbers count as
    ``nvidia-smi`` does; CUDA may count cards of different kinds otherwise, unless ``CUDA_DEVICE_ORDER=PCI_BUS_ID``.
    """
    cards = installed()
    if VISIBLE not in environment:
        return [Device(card, card) for card in cards]
    devices: list[Device] = []
    for name in (word.strip() for word in environment[VISIBLE].split(",")):
        card = _card(name, cards)
        if card is None:
            break
        if card not in [device.card for device in devices]:
            devices.append(Device(name, card))
    return devices


def _card(name: str, cards: Sequence[str]) -> str | None:
    """The card of a name; None if there is none."""
    if name.isdecimal():
        return cards[int(name)] if int(name) < len(cards) else None
    if name.startswith("MIG-") and cards:
        return name.replace("/", "-")  # a part of a card, which nvidia-smi -L lists apart; an older name has slashes
    fitting = [card for card in cards if name.startswith("GPU-") and card.startswith(name)]
    return fitting[0] if len(fitting) == 1 else None


def assigned(environment: Mapping[str, str], devices: Sequence[Device]) -> bool:
    """Whether a cluster, SLURM or Kubernetes, has assigned the process the one GPU that it is to use.

    An allocation of several, in which somebody runs a whole workflow, is shared out like a machine.

    Args:
        environment: the process's own.
        devices: those that are ``usable`` in it.
    """
    if "SLURM_JOB_ID" in environment and VISIBLE not in environment:
        return "SLURM_JOB_GPUS" in environment  # which of the cards are its own cannot be told
    cluster = "SLURM_JOB_ID" in environment or "KUBERNETES_SERVICE_HOST" in environment
    return cluster and len(devices) <= 1


def places(environment: Mapping[str, str]) -> int:
    """On how many GPUs the jobs that are started in this environment are shared out."""
    devices = usable(environment)
    return min(1, len(devices)) if assigned(environment, devices) else len(devices)


@contextlib.contextmanager
def slot(environment: MutableMapping[str, str], share: int, folder: Path = LOCKS, every: float = 1.0) -> Iterator[None]:
    """Hold a slot on one of the usable GPUs, the only one visible meanwhile; wait for one if all are taken.

    Where a cluster has ``assigned`` the GPU, or there is none, nothing happens. CUDA must not have been used before.

    Args:
        environment: the process's own; ``CUDA_VISIBLE_DEVICES`` is set in it, and put back afterwards.
        share: jobs that may use one GPU at a time.
        folder: where the locks are.
        every: seconds between two looks while waiting.

    Raises:
        InputError: ``share`` is below 1, or the folder is not the user's own or cannot be written.
    """
    if share < 1:
        raise InputError(f"gpu_share = {share}: expected 1 or more jobs on a GPU")
    devices = usable(environment)
    if not devices or assigned(environment, devices):
        yield
        return
    with contextlib.ExitStack() as held:
        _lock(_own(folder), fcntl.LOCK_SH, held)  # or systemd would take it away after ten days
        device = _take(devices, share, folder, every, held)
        before = environment.get(VISIBLE)
        environment[VISIBLE] = device.name
        log.info("this job's GPU is %s, one of %d (%s)", device.name, len(devices), _at_once(share))
        try:
            yield
        finally:
            environment.pop(VISIBLE)
            if before is not None:
                environment[VISIBLE] = before


def _take(devices: Sequence[Device], share: int, folder: Path, every: float, held: contextlib.ExitStack) -> Device:
    """Wait for a slot, and leave its locks with ``held``."""
    waits = False
    while True:
        for number in range(share):  # every GPU has one job before any has two
            for device in devices:
                with contextlib.ExitStack() as locks:
                    if _locked(folder / device.card, share, number, locks):
                        held.push(locks.pop_all())
                        return device
        if not waits:
            names = ", ".join(device.name for device in devices)
            log.info("waiting: every GPU is taken (%s; %s; locks in %s)", names, _at_once(share), folder)
            waits = True
        time.sleep(every)


def _locked(card: Path, share: int, number: int, locks: contextlib.ExitStack) -> bool:
    """Whether a slot of a card could be locked.

    The card's own lock is shared by those that share the card, so that a job that wants it for itself
    (another checkout's, with another ``gpu_share``) keeps away from them, and they from it.
    """
    if share == 1:
        return _lock(card, fcntl.LOCK_EX, locks)
    place = card.with_name(f"{card.name}.{number}")
    return _lock(card, fcntl.LOCK_SH, locks) and _lock(place, fcntl.LOCK_EX, locks)


def _lock(path: Path, how: int, locks: contextlib.ExitStack) -> bool:
    """Whether a file or folder could be locked. Programs that the job starts do not inherit the lock."""
    handle = os.open(path, os.O_RDONLY | (0 if path.is_dir() else os.O_CREAT), 0o600)
    locks.callback(os.close, handle)
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _own(folder: Path) -> Path:
    """The folder of the locks, made if it is not there.

    Raises:
        InputError: it is somebody else's, or cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            raise InputError(f"{folder}: expected a folder of your own, for the locks of the GPUs; remove it")
    except OSError as error:
        raise InputError(f"{folder}: no folder for the locks of the GPUs: {error.strerror}") from error
    return folder


def _at_once(share: int) -> str:
    return f"{share} job{'s' if share > 1 else ''} at a time on each"
