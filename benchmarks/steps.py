"""What a training step costs, by method and sizes: what ``autoemb estimate`` reckons with.

``python -m benchmarks.steps`` writes ``src/autoemb/experiment/measured/steps.csv``, one row per method, task, settings
and way to run: eagerly, on tables of ml-1m's counts, or compiled, on those of ml-20m. ``cpu_ms`` is the processor time
of one step of 500 interactions and one seed on one thread, everything that a run records included: the median over
chunks of 64 batches; ``low`` and ``high`` are the least and the most. It is not wall time, so that other programs on
the machine matter less. ``start_s`` is the processor time that the first chunk takes more (compiling, without the
compiler's own processes). ``predict_ms`` is what a batch that is only predicted takes (Fig. 1's test parts).
``extent`` is what the cost of other sizes is interpolated by. ``base_mib`` is what the process held at its most beside
its method's state.
Each row is measured in a process of its own; those that are there already, of this machine, stay.

``--pages`` instead reads the tables that ``make bench-gpu`` and ``make bench-data`` left in ``docs`` into ``gpu.csv``
and ``data.csv``; ``--files results/NAME`` measures the files of a run, whole streams in it, into ``files.csv``.
"""

import argparse
import datetime
import json
import logging
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tqdm import tqdm

from autoemb.artifact.files import whole
from autoemb.config import RunConfig, Task
from autoemb.experiment import measured
from autoemb.learning import methods
from autoemb.learning.machine.device import choose
from autoemb.learning.machine.engine import compile_step, obstacle
from autoemb.learning.prequential import Run
from autoemb.schema import TASKS

from .engine import BATCH, machine
from .scaling import mebibytes, resident
from .scaling import write as write_stream
from .streams import COUNTS, Counts, columns, shape

OUT = Path(measured.__file__).parent
FEW, MANY = (2, 16, 128), (2, 4, 8, 16, 64, 128)
"""Candidate sizes: the paper's, and the released code's."""
CHUNKS = 4
"""Of 64 batches; the first is not timed, it has the start."""
COUNTS_OF = {False: "ml-1m", True: "ml-20m"}
"""By whether the step is compiled, the tables that it is timed on: long streams are compiled, and have large ones."""
ABOUT = ("cpu", "capability", "torch", "python")


def settings(method: str) -> list[dict[str, Any]]:
    """Two of each method, far apart in size; none of one that has no embeddings."""
    fields = methods.find(method).Config.model_fields
    if "size" in fields:
        return [{"size": FEW[1]}, {"size": sum(MANY)}]
    return [{"sizes": FEW}, {"sizes": MANY}] if "sizes" in fields else [{}]


def measure(method: str, task: Task, given: dict[str, Any], compiled: bool) -> dict[str, Any]:
    """One row."""
    logging.disable()
    choose("cpu", 1)
    module, counts = methods.find(method), COUNTS[COUNTS_OF[compiled]]
    data = columns(counts, task, BATCH * 64 * CHUNKS)
    config = module.Config(**given)
    model = module.Model(config, shape(counts, task), [0], torch.float32, "cpu")
    if compiled and model.eager is None:
        compile_step(model, BATCH)
    run = Run(model, data, RunConfig(task=task, seeds=1, batch_size=BATCH))
    times, start = [], time.process_time()
    for passed in run.advance():
        now = time.process_time()
        times.append((now - start) / (passed / BATCH) * 1e3)
        start = now
    step, predicting = statistics.median(times[1:]), prediction(model, data)
    state = mebibytes(list(model.state_dict().values()))
    return {
        "method": method,
        "task": task,
        "settings": json.dumps(given),
        "counts": COUNTS_OF[compiled],
        "compiled": compiled,
        "extent": measured.extent(config),
        "cpu_ms": round(step, 3),
        "low": round(min(times[1:]), 3),
        "high": round(max(times[1:]), 3),
        "predict_ms": round(predicting, 3),
        "start_s": round((times[0] - step) * 64 / 1e3, 1),
        "base_mib": round(resident("VmHWM") - state),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **{name: machine()[name] for name in ABOUT},
    }


def prediction(model: Any, data: Any) -> float:
    """Milliseconds of processor time to predict a batch without learning: over a chunk, after another one."""
    chunks = model.plan(data, BATCH, learns=False).chunks()
    for _ in range(2):
        start, batches = time.process_time(), next(chunks)
        for batch in batches:
            model.predict_only(batch)
    return (time.process_time() - start) / len(batches) * 1e3


def write(rows: list[dict[str, Any]], path: Path) -> None:
    """As a table, in order."""
    table = pd.DataFrame(rows).sort_values(["compiled", "method", "task", "extent"], kind="stable")
    with whole(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def process_start() -> dict[str, Any]:
    """Processor time of ``autoemb train`` on a stream of two batches: all but nothing of it is spent on them."""
    with tempfile.TemporaryDirectory() as folder:
        stream = Path(folder, "stream.parquet")
        write_stream(Counts(50, 50, 500, 500), 2 * BATCH, stream)
        run = json.dumps({"task": "regression", "seeds": 1, "device": "cpu", "compile": "never"})
        words = ["train", "--stream", str(stream), "--method", "constant", "--settings", "{}", "--run", run]
        command = [sys.executable, "-m", "autoemb.cli", *words, "--out", str(Path(folder, "out"))]
        seconds = []
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"cpu_s": round(statistics.median(seconds), 2), **{name: machine()[name] for name in ABOUT}}


def table_of(page: Path, mark: str) -> tuple[str, pd.DataFrame]:
    """What a table of a page was measured on, in words, and its cells as text; ``mark`` names its place in the page."""
    text = page.read_text().partition(f"<!-- {mark}: ")[2].partition("-->")[2].partition("<!-- end")[0].strip()
    about, _, table = text.partition("\n")
    names, _, *lines = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.strip().splitlines()]
    return about, pd.DataFrame([[cell.replace(",", "") for cell in line] for line in lines], columns=names)


def write_pages(out: Path) -> None:
    """``gpu.csv`` and ``data.csv``, of what stands in the pages."""
    _, gpu = table_of(Path("docs/performance.md"), "gpu")
    gpu = gpu[gpu["on"] != "cpu"].rename(columns={"us per step": "us_per_step", "on": "device"})
    gpu = gpu[["method", "task", "step", "seeds", "us_per_step", "start_s", "device"]]
    _, data = table_of(Path("docs/data.md"), "data")
    data = data.rename(columns={"data set": "format", "peak, MiB": "peak_mib"})
    data = data[["format", "ratings", "stage", "seconds", "peak_mib"]]
    for table, name in ((gpu, "gpu.csv"), (data, "data.csv")):
        with whole(out / name) as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")


def write_files(results: Path, out: Path) -> None:
    """``files.csv``: what the interactions and the streams in a config's results take on the disk."""
    rows = []
    for counts in sorted(results.glob("interactions/*.counts.json")):
        name, ratings = counts.name.partition(".counts")[0], json.loads(counts.read_text())["ratings"]
        for kind, files in (
            ("interactions", [counts.with_name(f"{name}.parquet")]),
            ("stream", sorted((results / "streams" / name).rglob("*.parquet"))),
        ):
            for file in files:
                row = {"kind": kind, "file": file.relative_to(results).as_posix(), "ratings": ratings}
                rows.append(row | {"bytes_per_rating": round(file.stat().st_size / ratings, 2)})
    with whole(out / "files.csv") as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False, lineterminator="\n")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", choices=methods.names(), default=methods.names())
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--ways", nargs="+", choices=("eager", "compiled"), default=("eager", "compiled"))
    parser.add_argument("--again", action="store_true", help="measure what is there already, too")
    parser.add_argument("--start", action="store_true", help="only time the start of a process, into start.csv")
    parser.add_argument("--pages", action="store_true", help="instead, take over what the pages of docs have")
    parser.add_argument("--files", type=Path, help="instead, measure the files in a config's folder of results")
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write to")
    arguments = parser.parse_args()
    if arguments.pages:
        write_pages(arguments.out)
        return
    if arguments.files:
        write_files(arguments.files, arguments.out)
        return
    path = arguments.out / "steps.csv"
    with whole(arguments.out / "start.csv") as temporary:
        pd.DataFrame([process_start()]).to_csv(temporary, index=False, lineterminator="\n")
    if arguments.start:
        return
    here = {name: str(machine()[name]) for name in ABOUT}
    there = pd.read_csv(path).to_dict("records") if path.exists() else []
    rows = [row for row in there if here.items() <= {name: str(value) for name, value in row.items()}.items()]
    if "compiled" in arguments.ways and (hindrance := obstacle("cpu")):
        parser.error(f"--ways compiled: {hindrance}")
    cells = [
        (method, task, given, way == "compiled")
        for way in arguments.ways
        for task in arguments.tasks
        for method in arguments.methods
        for given in settings(method)
    ]

    def of_cell(row: dict[str, Any]) -> tuple[Any, ...]:
        return row["method"], row["task"], json.loads(row["settings"]), bool(row["compiled"])

    as_stored = [(*cell[:2], json.loads(json.dumps(cell[2])), cell[3]) for cell in cells]
    known = [] if arguments.again else [of_cell(row) for row in rows]
    for cell, stored in tqdm(list(zip(cells, as_stored, strict=True)), unit="cell", disable=None):
        if stored in known:
            continue
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            new = pool.apply(measure, cell)
        rows = [row for row in rows if of_cell(row) != stored] + [new]
        print({name: new[name] for name in ("method", "task", "settings", "compiled", "cpu_ms", "start_s")}, flush=True)
        write(rows, path)


if __name__ == "__main__":
    main()
