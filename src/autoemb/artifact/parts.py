"""The parts of a run, each of which trained some of its seeds, and the record of the run that they make together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from autoemb.artifact.files import read_json
from autoemb.artifact.record import checksums, identity
from autoemb.errors import InputError
from autoemb.schema import RUN_RECORD, RUN_TABLES

DECIDES = ("config", "autoemb", "code", "packages", "inputs")
"""What a record says of where the numbers come from: the same in all parts."""


OWN = ("seeds", "device", "seconds", "peak_mib", "used", "generated", "identity", "start", "end", "sha256")
"""What a record says of the part alone."""


class Part(NamedTuple):
    """A folder that ``autoemb train --seeds FIRST-LAST`` has written."""

    folder: Path
    seeds: range
    of: int
    """Seeds of the whole run."""
    record: Mapping[str, Any]


def read_part(folder: Path) -> Part:
    """A part's record.

    Raises:
        InputError: it is not there, not a record, or not of a part.
    """
    path = folder / RUN_RECORD
    record = read_json(path, "the record of a part")
    try:
        record["seeds"] = record["config"].pop("seeds")
        first, last = map(int, record["seeds"].split("-"))
        for key in (*DECIDES, *OWN):
            record[key]
        return Part(folder, range(first, last + 1), int(record["config"]["run"]["seeds"]), record)
    except KeyError as error:
        raise InputError(f"{path}: has no {error}; expected a record of autoemb train --seeds FIRST-LAST") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a part's record ({error})") from error


def check(parts: Sequence[Part]) -> None:
    """Hold the parts, by ascending seeds, to be those of one run.

    Raises:
        InputError: two were made from other settings, code or data, a seed is missing, or it is there twice.
    """
    first, expected = parts[0], 0
    for part in parts:
        for key in DECIDES:
            ours, theirs = (_shared(each) if key == "inputs" else each.record[key] for each in (part, first))
            if ours != theirs:
                differs = difference(ours, theirs, key)
                raise InputError(f"{part.folder / RUN_RECORD}: {differs}, as in {first.folder / RUN_RECORD}")
        if part.seeds.start != expected:
            raise InputError(f"{part.folder}: begins with seed {part.seeds.start}; expected seed {expected} next")
        expected = part.seeds.stop
    if expected != first.of:
        raise InputError(f"{parts[-1].folder}: ends with seed {expected - 1}; expected all {first.of} seeds of the run")


def _shared(part: Part) -> dict[str, str]:
    """The inputs of a part that the others must have, too: not the streams of its own seeds (``<stream>/<seed>``)."""
    return {name: checksum for name, checksum in part.record["inputs"].items() if "/" not in name}


def difference(ours: Any, theirs: Any, key: str) -> str:
    """The first value in which two records differ, and its place."""
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return f"{key} = {ours!r}; expected {theirs!r}"
    names = [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]
    return difference(ours.get(names[0]), theirs.get(names[0]), f"{key}.{names[0]}")


def joined(parts: Sequence[Part], out: Path) -> dict[str, Any]:
    """The run's record, but for its files: what the parts share, cost together, and have each of their own."""
    records = [part.record for part in parts]
    used = checksums((part.folder / table.file for part in parts for table in RUN_TABLES), out / RUN_RECORD)
    shared = {key for key in records[0] if key not in OWN and all(r.get(key) == records[0][key] for r in records)}
    return {
        **{key: records[0][key] for key in shared - {"commit"}},
        "inputs": {name: digest for record in records for name, digest in record["inputs"].items()},
        "commit": ", ".join(sorted({record["commit"] for record in records if record["commit"]})) or None,
        "used": used,
        "identity": identity(records[0], used),
        "start": min(record["start"] for record in records),
        "end": max(record["end"] for record in records),
        "device": ", ".join(sorted({record["device"] for record in records})),
        "seconds": round(sum(record["seconds"] for record in records), 3),
        "peak_mib": max(record["peak_mib"] for record in records),
        "parts": [{key: value for key, value in part.record.items() if key not in shared} for part in parts],
    }
