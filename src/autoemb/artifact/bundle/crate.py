"""``ro-crate-metadata.json``: the archive as an RO-Crate 1.1, each job as an action of a Process Run Crate 0.5.

Written by hand against https://w3id.org/ro/crate/1.1 and https://w3id.org/ro/wfrun/process/0.5: some dozens of entities
need no library.
"""

import hashlib
import importlib.metadata
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from autoemb.artifact.verify import Record

METADATA = "ro-crate-metadata.json"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_PAPER = "https://doi.org/10.1109/ICDM51629.2021.00101"
_LICENCE = "https://spdx.org/licenses/MIT"
_SNAKEMAKE = "https://snakemake.github.io"
_FORMATS = {
    ".cff": "application/yaml",
    ".csv": "text/csv",
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".json": "application/json",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".sh": "application/x-sh",
    ".svg": "image/svg+xml",
    ".tex": "application/x-tex",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}
_FOLDERS = {
    "src": "The Python package",
    "workflow": "The Snakemake workflow",
    "profiles": "Its profile",
    "notebooks": "The notebooks, not executed",
    "config": "The configs that come with the code, and what their keys mean",
    "docs": "Documentation",
    "tests": "Tests",
    "benchmarks": "Benchmarks",
}

Entity = dict[str, Any]


def crate(files: Mapping[str, Path | bytes], found: Sequence[Record], commit: str | None) -> Entity:
    """The JSON-LD.

    Args:
        files: name in the archive -> its file, or its content.
        found: the records of the results.
        commit: of the source.
    """
    folders = [folder for folder in _FOLDERS if any(name.startswith(f"{folder}/") for name in files)]
    single = [name for name in sorted(files) if name.partition("/")[0] not in folders]
    notebooks = [name for name in sorted(files) if name.startswith("notebooks/")]
    parts = [_file(name, files[name]) for name in [*single, *notebooks] if name != "Snakefile"]
    parts += [{"@id": f"{name}/", "@type": "Dataset", "name": _FOLDERS[name]} for name in folders]
    version = importlib.metadata.version("autoemb")
    parts.append(_workflow(_file("Snakefile", files["Snakefile"])) | {"version": version})
    names = {path.resolve(): name for name, path in files.items() if isinstance(path, Path)}
    actions, left_out = _actions(found, names)
    software = _software(found, version, commit)
    last = max(str(record.content["end"]) for record in found)
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Results of autoemb on {', '.join(_datasets(found))}",
        "description": "Tables, figures and executed notebooks of a reproduction of AutoEmb, the records of how they"
        " were made, and the source, config and pinned environment to make them again. Without the ratings.",
        "datePublished": last[:10],
        "license": _ref(_LICENCE),
        "author": _ref("#contributors"),
        "citation": _ref(_PAPER),
        "conformsTo": _ref(_PROFILE),
        "mainEntity": _ref("Snakefile"),
        "hasPart": _refs(parts),
        "mentions": _refs(actions),
    }
    descriptor = {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": _ref("./"),
        "conformsTo": _ref("https://w3id.org/ro/crate/1.1"),
    }
    return {
        "@context": ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"],
        "@graph": [descriptor, root, *_contextual(), *software, *parts, *actions, *left_out],
    }


def _contextual() -> list[Entity]:
    """What the other entities refer to."""
    paper = "AutoEmb: Automated Embedding Dimensionality Search in Streaming Recommendations"
    return [
        {"@id": _PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
        {"@id": _LICENCE, "@type": "CreativeWork", "name": "MIT License", "description": "Of the code; see LICENSE"},
        {"@id": _PAPER, "@type": "ScholarlyArticle", "name": paper},
        {"@id": "#contributors", "@type": "Organization", "name": "the autoemb contributors"},
        {"@id": _SNAKEMAKE, "@type": "ComputerLanguage", "name": "Snakemake", "url": _ref(_SNAKEMAKE)},
    ]


def _software(found: Sequence[Record], version: str, commit: str | None) -> list[Entity]:
    """The package, and what the jobs say they ran it with."""
    packages = sorted({pair for record in found for pair in record.content["packages"].items()})
    needed = [
        {
            "@id": f"pkg:pypi/{quote(name.lower())}@{quote(number)}",
            "@type": "SoftwareApplication",
            "name": name,
            "softwareVersion": number,
        }
        for name, number in packages
    ]
    own = {
        "@id": "#autoemb",
        "@type": "SoftwareApplication",
        "name": "autoemb",
        "softwareVersion": version,
        "identifier": commit or "of no commit",
        "softwareRequirements": _refs(needed),
    }
    return [own, *needed]


def _workflow(file: Entity) -> Entity:
    return file | {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": "The workflow: archive -> interactions -> stream -> run -> tables -> figures",
        "programmingLanguage": _ref(_SNAKEMAKE),
    }


def _actions(found: Sequence[Record], names: Mapping[Path, str]) -> tuple[list[Entity], list[Entity]]:
    """An action for each record; and, for what they name that is not in the archive, something to refer to."""
    actions, left_out = [], {}

    def entity(path: Path, sha256: str) -> Entity:
        name = names.get(path.resolve())
        if name is not None:
            return _ref(quote(name))
        shown = "/".join(part for part in path.parts if part not in ("..", "/"))
        missing = {
            "@id": f"#{quote(shown)}-{sha256[:12]}",
            "@type": "CreativeWork",
            "name": shown,
            "identifier": sha256,
        }
        left_out[missing["@id"]] = missing | {"description": "Not in this archive; the identifier is its SHA-256"}
        return _ref(missing["@id"])

    for record in found:
        name, content = names[record.path.resolve()], record.content
        actions.append(
            {
                "@id": f"#{quote(name)}",
                "@type": "CreateAction",
                "name": re.sub(r"^results/[^/]+/(provenance/)?", "", name).removesuffix(".json"),
                "description": f"One job, on {content['device']}; its record has the settings and checksums",
                "startTime": content["start"],
                "endTime": content["end"],
                "actionStatus": "http://schema.org/CompletedActionStatus",
                "agent": _ref("#contributors"),
                "instrument": _ref("#autoemb"),
                "object": _one_or_more(entity(path, sha) for path, sha in record.used.items()),
                "result": _one_or_more(entity(path, sha) for path, sha in record.generated.items()),
                "subjectOf": _ref(quote(name)),
            }
        )
    return actions, list(left_out.values())


def _datasets(found: Sequence[Record]) -> list[str]:
    """Names of the data sets, from the records of their interactions."""
    return [record.path.stem for record in found if record.path.parent.name == "interactions"]


def _file(name: str, what: Path | bytes) -> Entity:
    """A file of the archive."""
    content = what if isinstance(what, bytes) else what.read_bytes()
    return {
        "@id": quote(name),
        "@type": "File",
        "name": PurePosixPath(name).name,
        "encodingFormat": _FORMATS.get(PurePosixPath(name).suffix, "text/plain"),
        "contentSize": str(len(content)),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _ref(identifier: str) -> Entity:
    return {"@id": identifier}


def _one_or_more(refs: Iterable[Entity]) -> Entity | list[Entity]:
    """A lone reference stands for itself, as RO-Crate recommends."""
    found = list(refs)
    return found[0] if len(found) == 1 else found


def _refs(entities: Iterable[Entity]) -> list[Entity]:
    return [_ref(entity["@id"]) for entity in entities]
