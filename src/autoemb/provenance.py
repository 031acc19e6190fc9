"""How a result was made: what a run depended on, and the record that stands beside its numbers."""

import ast
import importlib.metadata
import importlib.util
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from autoemb.files import digest


class Dependencies(NamedTuple):
    """What some modules import, directly or not."""

    files: tuple[str, ...]
    """Source files of this package, ascending."""
    packages: dict[str, str]
    """Installed version of every other distribution that those files import."""


def dependencies(modules: Iterable[str]) -> Dependencies:
    """Follow the import statements of this package's ``modules`` without running them.

    Imports by name at run time (a method, a data set) cannot be seen: name those modules too.
    """
    waiting, files, outside = list(modules), {}, set()
    package = __name__.partition(".")[0]
    while waiting:
        module = waiting.pop()
        path = _source(module)
        if path is None or module in files:
            continue
        files[module] = path
        if module != package:
            waiting.append(module.rpartition(".")[0])  # a package's __init__ runs before its modules
        for name in imported_names(path.read_text()):
            if name.partition(".")[0] == package:
                waiting += [name, name.rpartition(".")[0]]
            else:
                outside.add(name.partition(".")[0])
    return Dependencies(tuple(sorted(str(path) for path in files.values())), versions(outside))


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


def record(config: dict[str, Any], modules: Iterable[str], inputs: Iterable[Path], device: str) -> dict[str, Any]:
    """What ``run.json`` says of where its numbers come from."""
    used = dependencies(modules)
    return {
        "config": config,
        "autoemb": importlib.metadata.version("autoemb"),
        "commit": commit(),
        "code": {Path(file).relative_to(Path(__file__).parent).as_posix(): digest(Path(file)) for file in used.files},
        "packages": used.packages,
        "python": platform.python_version(),
        "device": device,
        "inputs": {path.name: digest(path) for path in inputs},
    }


def cost(seconds: float) -> dict[str, Any]:
    """What a run cost: wall time in seconds, and the process's peak resident size in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": round(seconds, 3), "peak_mib": round(peak, 1)}


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
    told = subprocess.run([git, *words], cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return told.stdout.strip() if told.returncode == 0 else None


def _source(module: str) -> Path | None:
    """The file of a module of this package; None for a name inside a module."""
    root = Path(__file__).parent
    path = root.joinpath(*module.split(".")[1:])
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None
