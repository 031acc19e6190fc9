"""The engine on a CUDA device: agreement with the CPU, determinism, and time against the number of seeds.

``python -m benchmarks.gpu`` writes ``results/benchmarks/gpu.json``: rows with ``method``, ``task``, ``on``, ``step``
(eager; captured as a CUDA graph; compiled, and captured), ``seeds``, ``us_per_step`` (median over chunks of 64 batches;
everything that a run records included), ``us_per_seed``, ``start_s`` (what the first chunk takes more: compiling,
warming up, capturing), ``floor_flops_us`` and ``floor_bytes_us`` (below), ``repeats_bit_for_bit`` and
``largest_difference_to_cpu`` (of the logits, float64, 20 steps). A row of each method is of one core of the same
machine, for the ratio. With ``--stand-in`` the same code runs on the CPU, without CUDA graphs, to see that it
runs; its times say nothing about a GPU, and its rows say so.

Floors: the step's products at the rate of a large product measured on the spot, and the bytes of the
rows and dense parameters with their moments, read and written once, at the rate of a large copy.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from autoemb.artifact.files import write_json
from autoemb.config import RunConfig, Task
from autoemb.errors import InputError
from autoemb.learning import methods
from autoemb.learning.machine.device import choose
from autoemb.learning.machine.engine import Captured, compile_step, obstacle
from autoemb.learning.prequential import Run
from autoemb.schema import TASKS

from .engine import BATCH, Products, machine, settings
from .streams import COUNTS, columns, shape

OUT = Path("results/benchmarks/gpu.json")
CHUNKS = 4
"""Of 64 batches; the first is not timed, it has the start."""


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(work: Callable[[], object], device: str) -> float:
    """Of the best of five goes."""
    times = []
    for _ in range(5):
        wait(device)
        start = time.perf_counter()
        work()
        wait(device)
        times.append(time.perf_counter() - start)
    return min(times)


def prepare(device: str) -> None:
    """Set the process up as for a run on a device, whatever ran in it before."""
    torch.use_deterministic_algorithms(False)
    choose(device, 1)


def rates(device: str, size: int) -> tuple[float, float]:
    """FLOP/s of a large float32 product, and bytes/s of a large copy."""
    a, b = (torch.rand(size, size, device=device) for _ in range(2))
    return 2 * size**3 / seconds(lambda: a @ b, device), 2 * a.nbytes / seconds(lambda: b.copy_(a), device)


def floors(method: Any, batch: Any, flops: float, bytes_: float) -> tuple[float, float]:
    """Microseconds of a step's products, and of its compulsory bytes."""
    with Products() as products:
        method.step(batch)
    work = sum(2 * a.shape[0] * a.shape[1] * a.shape[2] * b.shape[2] for a, b in products.calls)
    rows = sum(
        table.packed[:, :1].nbytes * len(batch.lookups[method.uses[name].key].rows)
        for name, table in method.tables.items()
    )
    dense = sum(x.nbytes for group in method.dense.values() for moving in group.values() for x in moving)
    return work / flops * 1e6, 2 * (rows + dense) / bytes_ * 1e6


def logits(name: str, task: Task, device: str, dtype: torch.dtype) -> torch.Tensor:
    """Of 20 steps and two seeds, (S, C, N)."""
    prepare(device)
    data, size = columns(COUNTS["ml-1m"], task, 20 * BATCH), shape(COUNTS["ml-1m"], task)
    method = methods.find(name).Model(settings(name), size, [0, 1], dtype, device)
    steps = [method.step(batch).prediction.logits for chunk in method.plan(data, BATCH).chunks() for batch in chunk]
    return torch.cat(steps, dim=2).cpu()


def measure(name: str, task: Task, seeds: int, counts: str, device: str, how: str, rate: Any) -> dict[str, Any]:
    """One row; ``how`` is ``eager``, ``captured`` or ``compiled`` (and captured)."""
    prepare(device)
    module, config, size = methods.find(name), settings(name), shape(COUNTS[counts], task)
    data = columns(COUNTS[counts], task, BATCH * 64 * CHUNKS)
    method = module.Model(config, size, range(seeds), torch.float32, device)
    flops, bytes_ = floors(method, next(method.plan(data, BATCH).chunks())[0], *rate)
    method = module.Model(config, size, range(seeds), torch.float32, device)
    if how == "compiled":
        torch.compiler.reset()  # the compiler keeps few versions of one function
        compile_step(method, BATCH)
    run = Run(method, data, RunConfig(task=task, seeds=seeds, batch_size=BATCH))
    if device == "cuda" and how != "eager":
        run.step = Captured(method.step)
    times, start = [], time.perf_counter()
    for passed in run.advance():  # a chunk ends with a wait for the device
        now = time.perf_counter()
        times.append((now - start) / (passed / BATCH) * 1e6)
        start = now
    step = statistics.median(times[1:])
    return {
        "method": name, "task": task, "counts": counts, "on": device, "step": how, "seeds": seeds,
        "us_per_step": round(step, 1), "us_per_seed": round(step / seeds, 1),
        "start_s": round((times[0] - step) * 64 / 1e6, 1),
        "floor_flops_us": round(flops, 1), "floor_bytes_us": round(bytes_, 1),
    }  # fmt: skip


def check(method: str, task: Task, device: str) -> dict[str, Any]:
    """Whether the device repeats itself, and how far it is from the CPU.

    Raises:
        InputError: two runs of the same seed differ.
    """
    once, again = (logits(method, task, device, torch.float32) for _ in range(2))
    if not torch.equal(once, again):
        raise InputError(f"{method}, {task}: two runs of the same seed differ on {device}; expected the same bits")
    exact = [logits(method, task, where, torch.float64) for where in (device, "cpu")]
    return {"repeats_bit_for_bit": True, "largest_difference_to_cpu": float((exact[0] - exact[1]).abs().max())}


def main() -> None:
    """Check, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stand-in", action="store_true", help="run on the CPU, to see that it runs")
    parser.add_argument("--counts", default="ml-20m", choices=list(COUNTS))
    parser.add_argument("--methods", nargs="+", default=methods.names(), choices=methods.names())
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 10, 50])
    parser.add_argument("--steps", nargs="+", default=["captured", "compiled"], choices=["captured", "compiled"])
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    if not arguments.stand_in and not torch.cuda.is_available():
        raise SystemExit("no CUDA device was found; expected one, or --stand-in to see that the code runs")
    device = choose("cpu" if arguments.stand_in else "cuda", 1)
    ways = [how for how in arguments.steps if how == "captured" or obstacle(device) is None]
    ways = ways if device == "cuda" else ["eager"]
    name = torch.cuda.get_device_name() if device == "cuda" else "none: a stand-in on the CPU, no measurement"
    rate, rows = rates(device, 8192 if device == "cuda" else 512), []
    about = {**machine(), "torch": torch.__version__, "device": name}
    pairs = [(method, task) for method in arguments.methods for task in arguments.tasks]
    for method, task in tqdm(pairs, unit="method", disable=None):
        checks = check(method, task, device)
        places = [(device, how, seeds) for seeds in arguments.seeds for how in ways]
        places += [("cpu", "eager", 1)] if device == "cuda" else []  # on one core of the same machine
        for where, how, seeds in places:
            row = measure(method, task, seeds, arguments.counts, where, how, rate)
            rows.append({**row, **checks, **about})
            print(rows[-1])
            write_json(rows, arguments.out)


if __name__ == "__main__":
    main()
