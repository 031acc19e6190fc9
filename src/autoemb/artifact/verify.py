"""The records of a folder of results (``provenance``), and whether they still say the truth."""

import importlib.metadata
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from autoemb.artifact.dependencies import PACKAGE
from autoemb.artifact.files import digest, read_json
from autoemb.artifact.record import KEYS, seal
from autoemb.errors import InputError

RECORDED: Mapping[str, str] = dict.fromkeys(("tables", "figures"), "[!.]*") | dict.fromkeys(
    ("runs", "ablation", "tuning", "tuned", "levels", "streams", "interactions"), "**/[!.]*.parquet"
)
"""Folders of results, and in each the files that must be named by a record."""


class Record(NamedTuple):
    """One job's record."""

    path: Path
    content: Mapping[str, Any]
    used: Mapping[Path, str]
    """SHA-256 of every input, by its path."""
    generated: Mapping[Path, str]
    """SHA-256 of every output, by its path."""


def paths(results: Path) -> list[Path]:
    """Where the records of these results are, ascending: of runs beside their tables, of all else in ``provenance``."""
    results = plain(results)
    runs = (path for folder in ("runs", "ablation", "tuning", "tuned") for path in (results / folder).rglob("run.json"))
    return sorted([*runs, *(results / "provenance").rglob("*.json")])


def plain(path: Path) -> Path:
    """A path without detours such as ``build/../``, as all paths of a record are."""
    return Path(os.path.normpath(path))


def read(path: Path) -> Record:
    """Read a record.

    Raises:
        InputError: it is none, or one of an older version.
    """
    content = read_json(path, "a record")
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds {type(content).__name__}; expected a record: a JSON object")
    for key in KEYS:
        if key not in content:
            raise InputError(f"{path}: key {key!r} is missing; it was made by another version of autoemb")
    for key in ("used", "generated", "code", "packages"):
        named = content[key]
        if not isinstance(named, dict) or not all(isinstance(value, str) for value in named.values()):
            raise InputError(f"{path}: {key} = {named!r:.60}: expected names, each with a text")
    return Record(path, content, _files(path, content["used"]), _files(path, content["generated"]))


def read_all(results: Path) -> tuple[list[Record], list[str]]:
    """All records of these results, and a line for each that cannot be read.

    Raises:
        InputError: there are none.
    """
    found, unreadable = [], []
    for path in paths(results):
        try:
            found.append(read(path))
        except InputError as error:
            unreadable.append(str(error))
    if not found and not unreadable:
        raise InputError(f"{results}: has no records; expected a folder that the workflow has filled, such as results")
    return found, unreadable


class Checksums:
    """SHA-256 of files as they are now, each read once, with a bar on a terminal."""

    def __init__(self, records: Sequence[Record]) -> None:
        """For everything that these records name."""
        named = {path for record in records for path in (*record.used, *record.generated)}
        size = sum(path.stat().st_size for path in named if path.is_file())
        self.known: dict[Path, str | None] = {}
        self.bar = tqdm(total=size, unit="B", unit_scale=True, leave=False, disable=None)

    def __enter__(self) -> "Checksums":
        return self

    def __exit__(self, *failure: object) -> None:
        self.bar.close()

    def of(self, path: Path) -> str | None:
        """The checksum; None if the file is not there."""
        if path not in self.known:
            self.known[path] = digest(path) if path.is_file() else None
            self.bar.update(path.stat().st_size if path.is_file() else 0)
        return self.known[path]


def problems(records: Sequence[Record], results: Path, checksums: Checksums, present: bool = False) -> Iterator[str]:
    """One line for each thing that no longer matches the records.

    Args:
        records: all of ``results``.
        results: the folder.
        checksums: of the files.
        present: pass over files that are missing, as an archive leaves out those that hold ratings.
    """
    results = plain(results)
    made = {path: sha for record in records for path, sha in record.generated.items()}
    for record in records:
        if seal(record.content) != record.content["sha256"]:
            yield f"{record.path}: is not as its job wrote it"
        for path, sha in record.generated.items():
            now = checksums.of(path)
            if now is None and not present:
                yield f"{path}: is missing, which {record.path} says was made"
            elif now not in (sha, None):
                yield f"{path}: has changed since {record.path} was written"
        for path, sha in record.used.items():
            # a file that another job made is held to that job's record, above
            now = made[path] if path in made else checksums.of(path)
            if now is None and not present:
                yield f"{record.path}: was made from {path}, which is missing"
            elif now not in (sha, None):
                since = "been made anew" if path in made else "changed"
                yield f"{record.path}: was made from {path}, which has {since} since"
        yield from _other_versions(record, checksums)
    for folder, pattern in RECORDED.items():
        for path in sorted((results / folder).glob(pattern)):
            if path not in made:
                yield f"{path}: no record says how it was made"


def _other_versions(record: Record, checksums: Checksums) -> Iterator[str]:
    """What made it and is not what is installed."""
    code = [name for name, sha in record.content["code"].items() if checksums.of(PACKAGE / name) != sha]
    if code:
        more = f" and {len(code) - 1} more" if len(code) > 1 else ""
        yield f"{record.path}: was made by other code than is installed: {code[0]}{more}"
    for name, version in record.content["packages"].items():
        now = _version(name)
        if now != version:
            there = f"installed is {now}" if now else "none is installed"
            yield f"{record.path}: was made with {name} {version}; {there}"


def _files(record: Path, named: Mapping[str, str]) -> dict[Path, str]:
    """Files by paths that are relative to where we are, not to the record."""
    return {plain(record.parent / name): sha for name, sha in named.items()}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
