"""Whether a step's cost stays the same as streams and tables grow, and what a run holds in memory.

``python -m benchmarks.scaling`` writes ``results/benchmarks/scaling.json``: rows with ``method``,
``interactions``, ``rows`` (of the tables of users and items together), ``us_per_interaction`` (median over
chunks of 64 batches, one seed, one thread), ``state_mib`` (parameters, both moments and memory), ``chunk_mib``,
``peak_mib`` (what the process grew by at its most, what it holds of the stream's file counted) and ``ratio``. Each
row is measured in a process of its own, on a stream that another made.
"""

import argparse
import logging
import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from tqdm import tqdm

from autoemb.artifact.files import write_json
from autoemb.artifact.parquet import ROW_GROUP
from autoemb.config import RunConfig
from autoemb.data.stored import StoredStream
from autoemb.learning import methods
from autoemb.learning.machine.device import choose
from autoemb.learning.prequential import Run
from autoemb.schema import STREAM

from .engine import BATCH, machine
from .streams import Counts, columns, shape

OUT = Path("results/benchmarks/scaling.json")
CELLS: list[tuple[str, dict[str, Any], int, int]] = [
    *(("fse", {"size": 16}, interactions, 10_000) for interactions in (100_000, 1_000_000, 10_000_000)),
    *(("autoemb", {"sizes": (2, 16, 128)}, 160_000, rows) for rows in (10_000, 100_000, 1_000_000)),
]


def resident(what: str) -> float:
    """MiB the process has now (``VmRSS``), or had at its most since ``forget_peak`` (``VmHWM``)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) / 1024


def forget_peak() -> None:
    """Let the peak begin anew (Linux, ``proc(5)``)."""
    Path("/proc/self/clear_refs").write_text("5")


def mebibytes(tensors: list[Tensor]) -> float:
    """Size of the memory behind some tensors, each counted once."""
    storages = {x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in tensors}
    return sum(storages.values()) / 2**20


def counts_of(rows: int) -> Counts:
    """As many users as items, ``rows`` in all."""
    return Counts(rows // 2, rows // 2, 3_000, 3_000)


def write(counts: Counts, interactions: int, path: Path) -> None:
    """A made-up stream of one part, in a file."""
    label, sides, _ = columns(counts, "regression", interactions)
    (user, item), (user_popularity, item_popularity) = sides["id"], sides["popularity"]
    popularity = {"user_popularity": user_popularity, "item_popularity": item_popularity}
    labels = {"regression": label, "classification": label}
    frame = pd.DataFrame({"user": user, "item": item, **labels, **popularity, "split": np.int8(0)})
    STREAM.check(frame).to_parquet(path, index=False, compression="zstd", row_group_size=ROW_GROUP)


def measure(cell: tuple[str, dict[str, Any], int, int], path: Path) -> dict[str, Any]:
    """One row, on the stream in a file."""
    name, settings, interactions, rows = cell
    logging.disable()
    module = methods.find(name)
    config, counts = module.Config(**settings), counts_of(rows)
    choose("cpu", 1)
    # what every process needs once (oneDNN's kernels, autograd's thread, Arrow's reader) is not the run's
    few, warm = Counts(50, 50, 500, 500), path.with_name("warm.parquet")
    write(few, 2 * BATCH, warm)
    list(
        Run(
            module.Model(config, shape(few, "regression"), [0], torch.float32, "cpu"),
            StoredStream(warm, "regression").columns,
            RunConfig(task="regression", seeds=1),
        ).advance()
    )
    before = resident("VmRSS")
    forget_peak()
    data = StoredStream(path, "regression").columns
    method = module.Model(config, shape(counts, "regression"), [0], torch.float32, "cpu")
    run = Run(method, data, RunConfig(task="regression", seeds=1, batch_size=BATCH))
    times, steps, start = [], run.advance(), time.perf_counter()
    for passed in steps:
        now = time.perf_counter()
        times.append((now - start) / passed * 1e6)
        start = now
    state = mebibytes(list(method.state_dict().values()))
    batches = next(method.plan(data, BATCH).chunks())
    chunk = mebibytes([x for x in pytree.tree_leaves(batches) if isinstance(x, Tensor)])
    grown = resident("VmHWM") - before
    return {
        "method": name,
        "settings": settings,
        "interactions": interactions,
        "rows": rows,
        "us_per_interaction": round(statistics.median(times[1:] or times), 3),
        "state_mib": round(state, 1),
        "chunk_mib": round(chunk, 1),
        "peak_mib": round(grown, 1),
        "ratio": round(grown / (state + chunk), 2),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    rows = []
    for cell in tqdm(CELLS, unit="cell", disable=None):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "stream.parquet")
            write(counts_of(cell[3]), cell[2], path)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                rows.append({**pool.apply(measure, (cell, path)), **machine(), "threads": 1, "compiled": False})
        print(rows[-1])
        write_json(rows, arguments.out)


if __name__ == "__main__":
    main()
