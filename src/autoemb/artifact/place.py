"""Where results live: each config's in a folder of its own, ``results/<name of the config>``.

Beside them lies what all configs share: the archives that were downloaded, the states that jobs go on from, the
benchmarks of ``make bench``, and the published records.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from autoemb.errors import InputError

RESULTS = Path("results")
HELP = "folder of one config's results, or of several; results by default"
SHARED = ("archives", "benchmarks", "checkpoints", "published")
"""Folders of ``results`` that are no config's."""

BEFORE = ("runs", "tables", "figures", "provenance", "streams", "interactions", "notebooks", "logs")
"""Folders that stood in ``results`` itself when it held one config's results."""

NAME = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")


def name_of(own: str | None, files: Sequence[str]) -> str:
    """The name of a config: its key ``name``, else its file's name without the ending.

    Args:
        own: the value of the key, if there is one; it is checked to be a ``config.Name``.
        files: the config's files; the last is the one that counts.

    Raises:
        InputError: no folder can be named like that.
    """
    name, where = (own, "name") if own else (Path(files[-1]).stem, files[-1])
    if name in (*SHARED, *BEFORE):
        raise InputError(f"{where}: results/{name} is the folder of something else; expected another key `name`")
    if not NAME.fullmatch(name) or len(name) > 60:
        raise InputError(
            f"{where}: its results would be in results/{name}; expected a key `name` of at most 60 small letters,"
            " digits, '-' and '.'"
        )
    return name


def of_before(results: Path = RESULTS) -> str | None:
    """What to tell a person whose ``results`` still hold one config's results directly; None where they do not."""
    held = [folder for folder in BEFORE if (results / folder).is_dir()]
    if not held or results.name != RESULTS.name:
        return None
    return (
        f"{results}/{held[0]}: is of an earlier layout, in which {results} held the results of a single config;"
        f" move what is in it to {results}/<the config's name>, or remove it"
    )


def folders(results: Path) -> list[Path]:
    """The folders of results there: the folder itself if a workflow has filled it, else those inside of it.

    Raises:
        InputError: there are none, or they are of an earlier layout.
    """
    if before := of_before(results):
        raise InputError(before)
    if _is_filled(results):
        return [results]
    inside = sorted(path for path in results.iterdir() if path.is_dir()) if results.is_dir() else []
    filled = [folder for folder in inside if _is_filled(folder)]
    if not filled:
        raise InputError(f"{results}: has no records; expected a folder that the workflow has filled, as results/smoke")
    return filled


def _is_filled(folder: Path) -> bool:
    return any((folder / kind).is_dir() for kind in ("provenance", "runs", "ablation"))
