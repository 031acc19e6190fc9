"""The files of the checkout that a run needs: what git tracks, or without git what is there."""

import shutil
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path

from autoemb.errors import InputError

FOLDERS = ("src", "workflow", "profiles", "notebooks", "config", "docs", "tests", "benchmarks")
FILES = (
    "Snakefile",
    "Makefile",
    "README.md",
    "CONTRIBUTING.md",
    "CITATION.cff",
    "LICENSE",
    "pyproject.toml",
    "constraints.txt",
    "environment.yml",
)
_CODE = {".py", ".sh", ".smk", ".yaml", ".ipynb", ".rst"}
"""Of files that git does not track, those that may be part of the code: anything else may be ratings."""


def source_files(root: Path, leave_out: Collection[Path] = ()) -> dict[str, Path]:
    """Name in the archive -> file.

    Args:
        root: of the checkout.
        leave_out: resolved paths.

    Raises:
        InputError: it is no checkout.
    """
    for name in FILES:
        if not (root / name).is_file():
            raise InputError(f"{root / name}: no such file; expected a checkout of autoemb, which an archive holds")
    found = {}
    for path in sorted(_tracked(root) or _there(root)):
        if path.is_file() and path.resolve() not in leave_out:
            found[path.relative_to(root).as_posix()] = path
    return found


def _tracked(root: Path) -> list[Path]:
    """What git tracks, and code that it does not track yet; empty outside a checkout of git's."""
    tracked = _git_lists(root, "--cached")
    others = _git_lists(root, "--others", "--exclude-standard")
    return [file for path in [*tracked, *(path for path in others if path.suffix in _CODE)] for file in _inside(path)]


def _git_lists(root: Path, *words: str) -> list[Path]:
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():  # else the folder of some other project might be listed
        return []
    command = [git, "ls-files", "-z", *words, "--", *FOLDERS, *FILES]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return [root / name for name in told.stdout.split("\0") if name]


def _there(root: Path) -> list[Path]:
    """Without git: all files but what Python and pip leave."""
    files = [root / name for name in FILES]
    return files + [file for name in FOLDERS for file in _inside(root / name) if not _made(file.relative_to(root))]


def _made(path: Path) -> bool:
    return any(part == "__pycache__" or part.startswith(".") or part.endswith(".egg-info") for part in path.parts)


def _inside(path: Path) -> Iterator[Path]:
    """The file, or all files of the folder; ``profiles`` is a link to one, which not every unzip can make."""
    if path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file())
    else:
        yield path
