"""How a result was made: what a job depended on, and the record that it leaves of itself.

A record is JSON: what the job used and what it generated, both with checksums, its settings, its code, when and on what
it ran. Paths in it are relative to its own folder, so that results can be moved. Times stand in records only, so that
the same job makes the same tables and figures.
"""

import argparse
import ast
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

from autoemb.files import digest, write_json

PACKAGE = Path(__file__).parent
"""Folder of the package, to which the names of its source files in a record are relative."""

DATA = {".csv", ".yaml", ".html", ".js", ".css"}
"""Endings of the data files of this package that a job can depend on; archives that it ships are no code."""

KEYS = ("config", "autoemb", "commit", "code", "packages", "device", "used", "generated", "identity", "start", "end")
"""What every record has."""


class Dependencies(NamedTuple):
    """What some modules import, directly or not."""

    files: tuple[str, ...]
    """Source files of this package, and the data files beside them, ascending."""
    packages: dict[str, str]
    """Installed version of every other distribution that those files import, or that was named."""


def dependencies(modules: Iterable[str]) -> Dependencies:
    """Follow the import statements of this package's ``modules`` without running them.

    A package among them counts with its data files, which its modules may read. Imports by name at run time (a method,
    a data set) cannot be seen, nor can packages that are run as programs: name those modules and packages too.
    """
    waiting, files, data, outside = list(modules), dict[str, Path](), list[Path](), set[str]()
    package = __name__.partition(".")[0]
    while waiting:
        module = waiting.pop()
        if module.partition(".")[0] != package:
            outside.add(module.partition(".")[0])
            continue
        path = _source(module)
        if path is None or module in files:
            continue
        files[module] = path
        if path.name == "__init__.py":
            data += _data_files(path.parent)
        waiting.append(module.rpartition(".")[0] or module)  # a package's __init__ runs before its modules
        for name in imported_names(path.read_text()):
            waiting += [name, name.rpartition(".")[0] or name]
    return Dependencies(tuple(sorted(map(str, [*files.values(), *data]))), versions(outside))


def imported_names(source: str) -> set[str]:
    """Full dotted names of everything that a piece of Python imports: ``a.b`` for ``from a import b`` too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def versions(imports: Iterable[str]) -> dict[str, str]:
    """Installed versions of the distributions behind top-level import names; the standard library left out."""
    owners = importlib.metadata.packages_distributions()
    found = {owner for name in imports if name not in sys.stdlib_module_names for owner in owners.get(name, [])}
    return {name: importlib.metadata.version(name) for name in sorted(found)}


def imports_of_notebook(path: Path) -> list[str]:
    """Full dotted names of everything that a notebook's code cells import, ascending."""
    cells = json.loads(path.read_text())["cells"]
    source = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return sorted(imported_names(source))


def record(config: Mapping[str, Any], modules: Iterable[str], device: str = "cpu") -> dict[str, Any]:
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


def checksums(files: Iterable[Path], path: Path) -> dict[str, str]:
    """SHA-256 of every file, by its path relative to the folder of the record ``path``."""
    return {Path(os.path.relpath(file, path.parent)).as_posix(): digest(file) for file in files}


def identity(made: Mapping[str, Any], used: Mapping[str, str]) -> str:
    """A fingerprint of settings, code, package versions and inputs: the same for the same job, wherever it runs."""
    content = [made["config"], made["code"], made["packages"], sorted(used.values())]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def add_argument(parser: argparse.ArgumentParser) -> None:
    """The option of every verb that keeps a record."""
    parser.add_argument("--record", type=Path, metavar="FILE", help="where to write, as JSON, how it was made")


@contextmanager
def recorded(
    path: Path | None,
    config: Mapping[str, Any],
    modules: Iterable[str],
    used: Iterable[Path],
    generated: Iterable[Path],
    device: str = "cpu",
) -> Iterator[str]:
    """Write the record of what is done inside, once it is done; without a ``path``, none.

    Args:
        path: of the record.
        config: settings of the job, resolved.
        modules: see ``record``.
        used: the files that it reads.
        generated: the files that are there afterwards.
        device: ``cpu`` or ``cuda``.

    Yields:
        The job's ``identity``; empty without a path.

    Raises:
        InputError: the record cannot be written.
    """
    if path is None:
        yield ""
        return
    start, began = now(), time.monotonic()
    made = record(config, modules, device)
    inputs = checksums((file for file in used if file.is_file()), path)  # one that is missing, the job will tell
    yield identity(made, inputs)
    outputs = checksums(generated, path)
    write_json(complete(made, inputs, outputs, start, time.monotonic() - began), path)


def complete(
    made: Mapping[str, Any], used: Mapping[str, str], generated: Mapping[str, str], start: str, seconds: float
) -> dict[str, Any]:
    """A whole record of a job that ends now.

    Args:
        made: what ``record`` says.
        used: ``checksums`` of what it read.
        generated: ``checksums`` of what it wrote.
        start: ``now`` when it began.
        seconds: of wall time that it took.
    """
    files = {"used": used, "generated": generated}
    return {**made, **cost(seconds), **files, "identity": identity(made, used), "start": start, "end": now()}


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
    if _git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None
    return _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(*words: str) -> str | None:
    """What git says in this file's folder; None if it fails or is not installed."""
    git = shutil.which("git")
    if git is None:
        return None
    told = subprocess.run([git, *words], cwd=PACKAGE, capture_output=True, text=True, check=False)
    return told.stdout.strip() if told.returncode == 0 else None


def _source(module: str) -> Path | None:
    """The file of a module of this package; None for a name inside a module."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


def _data_files(folder: Path) -> Iterator[Path]:
    """Data files of a package: in its folder, and in those of its folders that are no packages."""
    for path in folder.iterdir():
        if path.is_dir() and not (path / "__init__.py").exists():
            yield from _data_files(path)
        elif path.suffix in DATA:
            yield path
