"""What is there by being there: the modules of a package that define something, and its data files."""

import ast
from collections.abc import Iterable
from functools import cache
from importlib import resources

from autoemb.errors import InputError


@cache
def modules(package: str, defining: str) -> tuple[str, ...]:
    """Names of the modules of a package that define this name at their top level, ascending.

    They are read, not imported: torch takes seconds to load. Modules whose names begin with an underscore are none.
    """
    sources = {name: resources.files(package).joinpath(f"{name}.py").read_text() for name in files(package, ".py")}
    return tuple(name for name, source in sources.items() if not name.startswith("_") and defining in _defined(source))


def files(package: str, ending: str) -> tuple[str, ...]:
    """Names, without the ending, of the files in a package's folder that have it, ascending."""
    names = (file.name for file in resources.files(package).iterdir())
    return tuple(sorted(name.removesuffix(ending) for name in names if name.endswith(ending)))


def expect(name: str, names: Iterable[str], what: str) -> None:
    """Refuse a name that is none of those there are.

    Args:
        name: as a person wrote it.
        names: those there are, in the order in which they are listed.
        what: the key and the value, as the message names them.

    Raises:
        InputError: the name is not among them.
    """
    if name not in (there := tuple(names)):
        raise InputError(f"{what}: unknown; expected one of {', '.join(there)}")


def _defined(source: str) -> set[str]:
    """What a module's classes, functions and assignments define at its top level."""
    names: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names
