"""How a result was made: the record that a job leaves of itself.

A record is JSON: what the job used and what it generated, both with checksums, its settings, its code, when and on what
it ran. Paths in it are relative to its own folder, so that results can be moved. Times stand in records only, so that
the same job makes the same tables and figures.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from autoemb.artifact.dependencies import PACKAGE, dependencies
from autoemb.artifact.files import digest, write_json
from autoemb.errors import InputError

KEYS = (
    "config",
    "autoemb",
    "commit",
    "code",
    "packages",
    "device",
    "used",
    "generated",
    "identity",
    "start",
    "end",
    "sha256",
)
"""What every record has."""


def checksums(files: Iterable[Path], path: Path) -> dict[str, str]:
    """SHA-256 of every file, by its path relative to the folder of the record ``path``."""
    return {Path(os.path.relpath(file, path.parent)).as_posix(): digest(file) for file in files}


def identity(known: Mapping[str, Any], used: Mapping[str, str]) -> str:
    """A fingerprint of settings, code, package versions and inputs: the same for the same job, wherever it runs."""
    content = [known["config"], known["code"], known["packages"], sorted(used.values())]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def seal(record: Mapping[str, Any]) -> str:
    """SHA-256 of all that a record says but for this: a change that no job made shows. It is no signature."""
    said = {key: value for key, value in record.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def write_record(record: Mapping[str, Any], path: Path) -> None:
    """Write a record with its seal.

    Raises:
        InputError: it cannot be written.
    """
    write_json({**record, "sha256": seal(record)}, path)


def add_argument(parser: argparse.ArgumentParser) -> None:
    """The option of every verb that keeps a record."""
    parser.add_argument("--record", type=Path, metavar="FILE", help="where to write, as JSON, how it was made")


class Begun:
    """A job that has begun, and what its record will say of it.

    Attributes:
        used: SHA-256 of every file that it reads, by its path relative to the folder of the record.
        identity: the job's ``identity``.
    """

    def __init__(
        self, path: Path, config: Mapping[str, Any], modules: Iterable[str], used: Iterable[Path], device: str = "cpu"
    ) -> None:
        """Begin: from here on, the job's time is counted.

        Args:
            path: of the record.
            config: settings of the job, resolved.
            modules: of this package, those that it runs; and other packages that it runs as programs.
            used: the files that it reads. The job itself says which of them is missing.
            device: ``cpu`` or ``cuda``.
        """
        self._start, self._began = now(), time.monotonic()
        self._known = _known(config, modules, device)
        self.used = checksums((file for file in used if file.is_file()), path)
        self.identity = identity(self._known, self.used)

    def valid_for(self) -> dict[str, Any]:
        """Everything that a state of the job depends on, as JSON; the code counts by its checksums, not its commit."""
        return {**self._known, "commit": None, "used": sorted(self.used.values())}

    def seconds(self) -> float:
        """Wall time since the job began."""
        return time.monotonic() - self._began

    def record(self, generated: Mapping[str, str], seconds: float) -> dict[str, Any]:
        """The whole record of the job, which ends now.

        Args:
            generated: ``checksums`` of what it wrote.
            seconds: of wall time that it took.
        """
        files = {"used": self.used, "generated": generated}
        times = {"start": self._start, "end": now()}
        return {**self._known, **cost(seconds), **files, "identity": self.identity, **times}


def _known(config: Mapping[str, Any], modules: Iterable[str], device: str) -> dict[str, Any]:
    """The part of a record that is known before the job runs.

    Args:
        config: its settings, resolved.
        modules: of this package, those that it runs; and other packages that it runs as programs.
        device: ``cpu`` or ``cuda``.
    """
    used = dependencies(modules)
    return {
        "config": config,
        "autoemb": importlib.metadata.version("autoemb"),
        "commit": commit(),
        "code": {Path(file).relative_to(PACKAGE).as_posix(): digest(Path(file)) for file in used.files},
        "packages": used.packages,
        "python": platform.python_version(),
        "device": device,
    }


@contextmanager
def recorded(
    path: Path | None,
    config: Mapping[str, Any],
    modules: Iterable[str],
    used: Iterable[Path],
    generated: Iterable[Path],
) -> Iterator[str]:
    """Write the record of what is done inside, once it is done; without a ``path``, none.

    Args:
        path: of the record.
        config: settings of the job, resolved.
        modules: of this package, those that it runs; and other packages that it runs as programs.
        used: the files that it reads.
        generated: the files that are there afterwards.

    Yields:
        The job's ``identity``; empty without a path.

    Raises:
        InputError: the record cannot be written.
    """
    if path is None:
        yield ""
        return
    begun = Begun(path, config, modules, used)
    yield begun.identity
    write_record(begun.record(checksums(generated, path), begun.seconds()), path)


def now() -> str:
    """The time in UTC, as ISO 8601 has it, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def cost(seconds: float) -> dict[str, Any]:
    """What a job cost: wall time in seconds, and the process's peak resident size in MiB."""
    return {"seconds": round(seconds, 3), "peak_mib": round(peak(), 1)}


def peak(status: Path = Path("/proc/self/status")) -> float:
    """Peak resident size of this process in MiB.

    On Linux ``ru_maxrss`` starts at the size of the process that started this one; the kernel's own high-water mark
    does not, so it is asked where there is one.
    """
    try:
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024
    except (OSError, KeyError, ValueError):
        unit = 1024**2 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def commit() -> str | None:
    """The checkout's commit, with ``-dirty`` if tracked files differ from it; None outside a checkout."""
    # a package installed into some other project's folder must not take that project's commit for its own
    if _git("ls-files", "--error-unmatch", Path(__file__).relative_to(PACKAGE).as_posix()) is None:
        return None
    return _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(*words: str) -> str | None:
    """What git says in the package's folder; None if it fails or is not installed."""
    git = shutil.which("git")
    if git is None:
        return None
    answer = subprocess.run([git, *words], cwd=PACKAGE, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else None


class Claim(NamedTuple):
    """A job's claim to the place of its files, where two jobs may write: the newer job wins.

    If Snakemake alone is killed, its job goes on. Should its owner change a setting and start anew meanwhile, the two
    jobs are of other settings and write to the same place. A job leaves the files that it meets there as they are if
    they are of another identity and of a job that began later, or at the same time; all others it replaces. Two jobs
    of one identity make the same bytes, and so either of them may write.
    """

    identity: str
    began: int
    """Nanoseconds since 1970; records count in whole seconds."""

    def yields_to(self, other: "Claim | None") -> bool:
        """Whether this job must leave the other job's files as they are; None stands for no files."""
        return other is not None and other.identity != self.identity and other.began >= self.began


class Alone:
    """Notices that a job to which this one must yield has put its files there, before this one puts its own.

    What stood in the place when this job began, it replaces, whoever made it: the start in a record is in whole seconds
    and does not tell a job that has just ended from one that has just begun.
    """

    def __init__(self, path: Path | None) -> None:
        """Remember what stands at ``path``, where a job writes its record, and when that was.

        Args:
            path: of the record; without one, nothing is ever noticed.
        """
        self.path, self.start = path, now()
        self.before = self._content()

    def check(self, identity: str) -> None:
        """Look again, just before this job writes its files.

        Args:
            identity: of this job, as its record will have it.

        Raises:
            InputError: a record has come there since, of a job to which this one must yield (``Claim``).
        """
        content = self._content()
        if content in (b"", self.before):
            return
        theirs = json.loads(content)
        if Claim(identity, _nanoseconds(self.start)).yields_to(
            Claim(theirs["identity"], _nanoseconds(theirs["start"]))
        ):
            raise InputError(f"{self.path}: written by another run, of other settings, since this one began")

    def _content(self) -> bytes:
        return self.path.read_bytes() if self.path and self.path.is_file() else b""


def _nanoseconds(time: str) -> int:
    """Since 1970, of a time as ``now`` writes it."""
    return round(datetime.fromisoformat(time).timestamp()) * 10**9
