"""One self-contained archive of results: what was found, how it was made, and all that is needed to make it again.

It never holds ratings, nor anything that they can be read from (archives, interactions, streams, splits, checkpoints),
but for those that the package itself ships.
"""

import importlib.metadata
import json
import stat
import zipfile
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from autoemb.artifact.bundle.crate import METADATA, crate
from autoemb.artifact.bundle.readme import readme
from autoemb.artifact.bundle.source import source_files
from autoemb.artifact.files import read_json, whole
from autoemb.artifact.verify import Record
from autoemb.artifact.yaml import dumped
from autoemb.errors import InputError

Content = Mapping[str, Path | bytes]
"""Name in the archive -> a file, or what to write."""

_SHOWN = ("tables", "figures", "notebooks")
_CLOCK = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the archive, so that the same content is the same bytes: a zip's earliest."""


def contents(
    results: Path, root: Path, found: Sequence[Record], config: Mapping[str, Any], resolved: Any, commit: str | None
) -> Content:
    """What goes into the archive.

    Args:
        results: folder of the results.
        root: the checkout that made them.
        found: their records.
        config: as it was run (``read_config``).
        resolved: every setting of it, to be written as JSON.
        commit: of the checkout.

    Raises:
        InputError: there is no table, or no checkout.
    """
    own = [entry.get("archive") for entry in config["datasets"].values()]
    ratings = {(results.parents[1] / path).resolve() for path in own if path}
    made = {path.resolve() for record in found for path in record.generated}
    there = [path for folder in _SHOWN for path in (results / folder).glob("[!.]*")]
    # what no job made may be anything; pages have no record, but are made from notebooks that have
    shown = [path for path in there if path.resolve() in made or path.suffix == ".html"]
    if not any(path.parent.name == "tables" for path in shown):
        raise InputError(f"{results}: has no tables that a record names; run the workflow first")
    kept = [*shown, *(record.path for record in found), results / "config.json", results / "report.html"]
    files: dict[str, Path | bytes] = dict(source_files(root, leave_out=ratings))
    files |= {f"results/{results.name}/{path.relative_to(results).as_posix()}": path for path in kept if path.is_file()}
    files["config.yaml"] = dumped({"name": results.name, **config}).encode()
    files["config.resolved.json"] = (json.dumps(resolved, indent=2) + "\n").encode()
    files["rerun.sh"] = resources.files(__name__).joinpath("rerun.sh").read_bytes()
    files["README.txt"] = readme(results, config, commit).encode()
    return files | {METADATA: (json.dumps(crate(files, found, commit), indent=2) + "\n").encode()}


def read_config(results: Path) -> dict[str, Any]:
    """The config that the workflow was run with last.

    Raises:
        InputError: the workflow has not left it, or it is damaged.
    """
    path = results / "config.json"
    config = read_json(path, "what the workflow leaves: run it first")
    if not isinstance(config, dict):
        raise InputError(f"{path}: holds {type(config).__name__}; expected a JSON object; run the workflow again")
    return config


def label(commit: str | None) -> str:
    """A short name of the code: the commit's first digits and whether files differ from it, or the version."""
    if commit is None:
        return importlib.metadata.version("autoemb")
    digits, _, dirty = commit.partition("-")
    return digits[:12] + (f"-{dirty}" if dirty else "")


def write(content: Content, out: Path) -> None:
    """Write a zip, whole or not at all; the same content makes the same bytes.

    Raises:
        InputError: it cannot be written.
    """
    with whole(out) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(content):
            what = content[name]
            entry = zipfile.ZipInfo(name, _CLOCK)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whose modes the next line has
            entry.external_attr = (stat.S_IFREG | (0o755 if name.endswith(".sh") else 0o644)) << 16
            archive.writestr(entry, what if isinstance(what, bytes) else what.read_bytes())
