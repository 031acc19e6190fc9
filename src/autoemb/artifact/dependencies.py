"""What a job depends on: the source and data files that its modules import, and the versions of other packages."""

import ast
import importlib.metadata
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1]
"""Folder of the package, to which the names of its source files in a record are relative."""


DATA = {".csv", ".yaml", ".html", ".js", ".css"}
"""Endings of the data files of this package that a job can depend on; archives that it ships are no code."""


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


@cache
def imported_names(source: str) -> frozenset[str]:
    """Full dotted names of everything that a piece of Python imports: ``a.b`` for ``from a import b`` too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def versions(imports: Iterable[str]) -> dict[str, str]:
    """Installed versions of the distributions behind top-level import names; the standard library left out."""
    owners = _owners()
    found = {owner for name in imports if name not in sys.stdlib_module_names for owner in owners.get(name, [])}
    return {name: _version(name) for name in sorted(found)}


@cache
def _version(name: str) -> str:
    return importlib.metadata.version(name)


@cache
def _owners() -> Mapping[str, list[str]]:
    """By top-level import name, the distributions that have it: all that are installed are looked through once."""
    return importlib.metadata.packages_distributions()


def imports_of_notebook(path: Path) -> list[str]:
    """Full dotted names of everything that a notebook's code cells import, ascending."""
    cells = json.loads(path.read_text())["cells"]
    source = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return sorted(imported_names(source))


@cache
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
