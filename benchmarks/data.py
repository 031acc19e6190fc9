"""What it costs to come from an archive to a stream, beside ``pandas.read_csv`` and the disk.

``python -m benchmarks.data --rows 20000000`` makes archives of that many ratings (``formats.py``) and has ``autoemb
fetch``, ``interactions`` and ``stream`` (in both orders) read them, each in a process of its own as a person runs it.
``results/benchmarks/data.json`` gets a row per stage: ``dataset`` (a name of ``FORMATS``), ``rows`` (ratings),
``stage``, ``seconds`` (of the process, its start included), ``peak_mib`` (the process' largest resident set),
``rows_per_s``, ``archive_mib``, the machine, and two references, the same for every stage of an archive:

- ``reference_s`` and ``reference_mib``: a process that does nothing but ``pandas.read_csv`` of the ratings' text,
  unpacked, with the columns' types given (Netflix without the lines ``movie:``, its dates as a category);
- ``disk_s``: reading the archive from its first byte to its last in blocks of 1 MiB, after the page cache was told to
  drop it (``POSIX_FADV_DONTNEED``; a virtual machine's host may still have it).

The stages find their input in the page cache, as they do where one follows the other. Rows that are in data.json
already stay if they are of other archives and of this machine, so that several sizes come into one table.
Linux only: that is where ``wait4`` gives the peak in KiB.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from autoemb.artifact.files import digest, write_json
from autoemb.data import datasets

from .formats import FEWEST, FORMATS
from .machine import machine

OUT = Path("results/benchmarks/data.json")
TIMED = ("ml-20m", "netflix-tar", "netflix-combined", "csv")
LINEAR = [("netflix-combined", rows) for rows in (1_000_000, 10_000_000, 100_480_507)]
DISK = {"csv": 250}
"""Bytes per rating of all files together, at most; 100 where none are given."""

CLI = [sys.executable, "-m", "autoemb.cli"]
READ_CSV = "import json, sys, pandas; pandas.read_csv(sys.argv[1], **json.loads(sys.argv[2]))"
LAUNCH = """
import json, os, sys, time
start = time.perf_counter()
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, usage = os.wait4(process, 0)
print(json.dumps([status, time.perf_counter() - start, usage.ru_maxrss]))
"""
"""Runs a command. Small, because Linux has the peak of a process begin with that of the one that started it."""

WITH_MD5 = """
import dataclasses, importlib, sys
from autoemb import cli
module = importlib.import_module("autoemb.data.datasets." + sys.argv[1].replace("-", "_"))
module.dataset = dataclasses.replace(module.dataset, archive_md5=sys.argv[2])
sys.exit(cli.main(sys.argv[3:]))
"""
"""The command line, where a data set's published checksum is that of the archive made up."""


class Cost(NamedTuple):
    """Of a process."""

    seconds: float
    peak_mib: float


def cost(words: list[str]) -> Cost:
    """Run a command.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCH, *words]
    told = subprocess.run(launcher, capture_output=True, text=True)
    status, seconds, kibibytes = json.loads(told.stdout)
    if status:
        raise RuntimeError(f"{shlex.join(words)}: exit status {os.waitstatus_to_exitcode(status)}\n{told.stderr}")
    return Cost(seconds, kibibytes / 1024)


def sequential_read(path: Path) -> float:
    """Seconds to read a file from the disk."""
    with path.open("rb", buffering=0) as file:
        os.fsync(file.fileno())  # what is not yet on the disk cannot be dropped
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        block = bytearray(1 << 20)
        start = time.perf_counter()
        while file.readinto(block):
            pass
        return time.perf_counter() - start


def stages(name: str, made: Path, folder: Path) -> dict[str, list[str]]:
    """The commands that lead from the archive ``made`` to the streams."""
    dataset = datasets.find(FORMATS[name].dataset)
    settings = json.dumps({**FORMATS[name].settings, "archive": str(made)})
    data = ["--dataset", dataset.name, "--settings", settings]
    archive, interactions, users, items = (str(folder / n) for n in ("fetched", "interactions", "users", "items"))
    checked = dataset.archive_md5 is not None
    fetch = [sys.executable, "-c", WITH_MD5, dataset.name, digest(made, "md5")] if checked else CLI
    tables = ["--out", interactions, "--users", users, "--items", items, "--counts", str(folder / "counts.json")]
    stream = [*CLI, "stream", "--interactions", interactions, "--items", items, "--labels", "{}"]
    return {
        "fetch": [*fetch, "fetch", *data, "--out", archive],
        "interactions": [*CLI, "interactions", *data, "--archive", archive, *tables],
        **{
            f"stream, {order}": [*stream, "--settings", json.dumps({"order": order}), "--out", str(folder / order)]
            for order in ("temporal", "shuffled")
        },
    }


def measure(name: str, rows: int, folder: Path) -> list[dict[str, Any]]:
    """One archive's rows; all files go to the folder."""
    made, text = folder / "archive", folder / "text"
    packed = FORMATS[name].packed
    write = ["-m", "benchmarks.formats", name, "--rows", str(rows), "--out", str(made)]
    cost([sys.executable, *write, *(["--text", str(text)] if packed else [])])
    how = json.dumps(FORMATS[name].read_csv)
    reference = cost([sys.executable, "-c", READ_CSV, str(text if packed else made), how])
    disk = sequential_read(made)
    found = []
    for stage, words in stages(name, made, folder).items():
        seconds, peak = cost(words)
        found.append(
            {
                "dataset": name,
                "rows": rows,
                "stage": stage,
                "seconds": round(seconds, 3),
                "peak_mib": round(peak, 1),
                "rows_per_s": round(rows / seconds),
                "reference_s": round(reference.seconds, 3),
                "reference_mib": round(reference.peak_mib, 1),
                "disk_s": round(disk, 6),
                "archive_mib": round(made.stat().st_size / 2**20, 1),
                **machine(),
            }
        )
    if (counted := json.loads((folder / "counts.json").read_text())["ratings"]) != rows:
        raise RuntimeError(f"{name}: {counted} ratings were read of {rows}")
    return found


def merged(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The new rows, and the old ones of the same machine and of other archives; in order."""
    again = {(row["dataset"], row["rows"]) for row in new}
    here = machine().items()
    kept = [row for row in old if (row["dataset"], row["rows"]) not in again and here <= row.items()]
    return sorted(kept + new, key=lambda row: (row["dataset"], row["rows"]))  # stages stay in their order


def gibibytes(name: str, rows: int) -> float:
    """Disk that an archive's files need at most."""
    return rows * DISK.get(name, 100) / 2**30


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", type=int, default=[1_000_000], help="ratings of an archive (1 million)")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=TIMED)
    parser.add_argument("--linear", action="store_true", help="instead: Netflix with 1, 10 and 100 million ratings")
    parser.add_argument("--work", type=Path, help="folder that keeps all files; left out, they are removed")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args(argv)
    cells = LINEAR if arguments.linear else [(name, rows) for name in arguments.formats for rows in arguments.rows]
    if min(arguments.rows) < FEWEST:
        parser.error(f"--rows {min(arguments.rows)}: expected at least {FEWEST}")
    where = arguments.work or arguments.out.parent
    where.mkdir(parents=True, exist_ok=True)
    needed = (sum if arguments.work else max)(gibibytes(*cell) for cell in cells)
    free = shutil.disk_usage(where).free / 2**30
    print(f"up to {needed:.1f} GiB of disk are needed in {where}; {free:.1f} GiB are free")
    if free < needed:
        parser.error("that is too little: give another folder by --work, or fewer --rows")
    for name, rows in cells:
        kept = arguments.work and arguments.work / f"{name}-{rows}"
        with nullcontext(kept) if kept else tempfile.TemporaryDirectory(prefix=".data-", dir=where) as folder:
            new = measure(name, rows, Path(folder))
        for row in new:
            print({key: row[key] for key in ("dataset", "rows", "stage", "seconds", "peak_mib", "reference_s")})
        old = json.loads(arguments.out.read_text()) if arguments.out.exists() else []
        write_json(merged(old, new), arguments.out)


if __name__ == "__main__":
    main()
