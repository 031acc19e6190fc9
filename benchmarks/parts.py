"""What a step is made of, at ml-1m's counts.

``python -m benchmarks.parts`` writes ``results/benchmarks/parts.json``: one row per method (regression, one seed,
one thread), milliseconds per step: ``plan_ms`` (preparing the stream), ``gather_ms``, ``core_ms`` (the arithmetic,
compiled), ``scatter_ms``, ``record_ms``, each a median over steps of one run; and from a profile of the core
``products_ms`` (matrix products in place) and ``calls_ms`` (guards, and the compiled code's caller itself).
"""

import argparse
import itertools
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from torch._inductor import config as inductor
from torch.profiler import ProfilerActivity, profile
from tqdm import tqdm

from autoemb.artifact.files import write_json
from autoemb.config import RunConfig
from autoemb.learning import methods
from autoemb.learning.machine.device import choose
from autoemb.learning.machine.engine import compile_step, obstacle
from autoemb.learning.prequential import Run

from .engine import BATCH, machine, settings
from .streams import COUNTS, columns, shape

OUT = Path("results/benchmarks/parts.json")
STEPS = 128
CALLS = ("TorchDynamo", "Torch-Compiled", "## Call", "AOTDispatcher")


def measure(name: str, compiled: bool) -> dict[str, Any]:
    """One row."""
    counts = COUNTS["ml-1m"]
    data, size = columns(counts, "regression", BATCH * (STEPS + 65)), shape(counts, "regression")
    method = methods.find(name).Model(settings(name), size, [0], torch.float32, "cpu")
    if compiled:
        compile_step(method, BATCH)
    run = Run(method, data, RunConfig(task="regression", seeds=1, batch_size=BATCH))
    times: dict[str, list[float]] = {part: [] for part in ("gather_ms", "core_ms", "scatter_ms", "record_ms")}
    start = time.perf_counter()
    batches = [batch for chunk in run.plan.chunks() for batch in chunk]
    plan = (time.perf_counter() - start) / len(batches) * 1e3
    for batch in batches[:STEPS]:
        marks = [time.perf_counter()]
        rows, memory = method.gather(batch)
        marks.append(time.perf_counter())
        changes = method.core(method, method.dense, rows, memory, batch)
        marks.append(time.perf_counter())
        method.scatter(batch, changes)
        marks.append(time.perf_counter())
        run.recorder.update(0, batch.bins, changes[0].statistics)
        marks.append(time.perf_counter())
        for part, (before, after) in zip(times, itertools.pairwise(marks), strict=True):
            times[part].append((after - before) * 1e3)
    rest = [(method.gather(batch), batch) for batch in batches[STEPS : STEPS + 20]]
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for (rows, memory), batch in rest:
            method.core(method, method.dense, rows, memory, batch)
    events = profiled.key_averages()
    products = sum(event.self_cpu_time_total for event in events if event.key.endswith(("::bmm", "::baddbmm")))
    calls = sum(event.self_cpu_time_total for event in events if event.key.startswith(CALLS))
    medians = {part: round(statistics.median(values), 3) for part, values in times.items()}
    profiles = {"products_ms": round(products / len(rest) / 1e3, 3), "calls_ms": round(calls / len(rest) / 1e3, 3)}
    return {"method": name, "plan_ms": round(plan, 3), **medians, **profiles}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    choose("cpu", 1)
    inductor.cpp.enable_kernel_profile = True  # or a kernel's time would be its caller's
    compiled = obstacle("cpu") is None
    rows = []
    for name in tqdm(methods.names(), unit="method", disable=None):
        rows.append({**measure(name, compiled), **machine(), "threads": 1, "compiled": compiled})
        print(rows[-1])
        write_json(rows, arguments.out)


if __name__ == "__main__":
    main()
