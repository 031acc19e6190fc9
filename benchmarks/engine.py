"""The engine beside the slow twin, the released code's style, and the step's matrix products alone.

``python -m benchmarks.engine`` writes ``results/benchmarks/engine.json``: one row per method, task and
counts, each time in milliseconds per step of 500 interactions and one seed, the median of repeats that
take turns. All run on one thread, in float32. The twin and the released style are plain programs, and run
in a process of their own with PyTorch as it comes; ``twin_tuned_ms`` is the twin in the engine's
process, with the engine's settings of the machine (memory kept, products by oneDNN).
"""

import argparse
import contextlib
import logging
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from tqdm import tqdm

from autoemb.artifact.files import write_json
from autoemb.config import RunConfig, Task
from autoemb.learning import methods
from autoemb.learning.machine.device import LARGE_PAGES, choose
from autoemb.learning.machine.engine import compile_step, obstacle
from autoemb.learning.plan import CHUNK
from autoemb.learning.prequential import Run
from autoemb.schema import TASKS
from tests.twin import Interactions, Turn, find

from .machine import processor
from .released import in_released_style
from .streams import COUNTS, columns, shape

OUT = Path("results/benchmarks/engine.json")
BATCH = 500
SIZES = (2, 4, 8, 16, 64, 128)
"""The released code's candidate sizes; its fixed size is their sum."""
TIMED = [name for name in methods.names() if name != "esapn"]  # there is no released style of it here
PRODUCTS = {torch.ops.aten.bmm.default, torch.ops.aten.baddbmm.default, torch.ops.aten.mm.default}


def settings(method: str) -> Any:
    """The released code's sizes; those of a method that searches none, in one; none of one without embeddings."""
    config = methods.find(method).Config
    sizes = {"size": sum(SIZES), "sizes": SIZES}
    return config(**{key: value for key, value in sizes.items() if key in config.model_fields})


class Products(TorchDispatchMode):
    """Keeps the operands of every matrix product."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Tensor, Tensor]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """See ``TorchDispatchMode``."""
        if func in PRODUCTS:
            a, b = args[-2:]
            self.calls.append(tuple(x.detach().as_strided(x.shape, x.stride()) for x in (a, b)))
        return func(*args, **(kwargs or {}))


def operands(method: Any, plan: Any) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The matrix products of one step: factors as they lie in memory there, and a place for the result."""
    batch = next(plan.chunks())[0]
    with Products() as products:
        method.step(batch)
    return [(a.clone(), b.clone(), torch.bmm(a, b)) for a, b in products.calls]


def floor(products: list[tuple[Tensor, Tensor, Tensor]]) -> float:
    """Milliseconds of a step's products: each by itself, its factors in the cache, the best of 10; summed."""
    total = 0.0
    for a, b, out in products:
        times = []
        for _ in range(10):
            start = time.perf_counter()
            torch.bmm(a, b, out=out)
            times.append(time.perf_counter() - start)
        total += min(times)
    return total * 1e3


def interactions_of(data: Any) -> list[Interactions]:
    """A stream in batches, as a twin takes them."""
    arrays = (*data.sides["id"], data.label, *data.sides["popularity"])
    tensors = [torch.from_numpy(array.astype("int64")) for array in arrays]
    return [Interactions(*(x[i : i + BATCH] for x in tensors)) for i in range(0, len(data.label), BATCH)]


def engine_steps(method: Any, data: Any, task: Task, compiled: bool) -> Iterator[int]:
    """Go through the stream as a run does, with everything that a run records; yields steps gone."""
    if compiled:
        compile_step(method, BATCH)
    run = Run(method, data, RunConfig(task=task, seeds=1, batch_size=BATCH))
    for passed in run.advance():
        yield passed // BATCH


def timed(work: Callable[[], int]) -> float:
    """Milliseconds per step of work that says how many steps it did."""
    start = time.perf_counter()
    steps = work()
    return (time.perf_counter() - start) / steps * 1e3


class Plain:
    """A twin and the released style on a made-up stream, stepping when told to."""

    def __init__(self, name: str, task: Task, counts: str) -> None:
        torch.set_num_threads(1)
        size = shape(COUNTS[counts], task)
        self.batches = interactions_of(columns(COUNTS[counts], task, BATCH * 40))
        torch.manual_seed(0)
        twin = find(name).Twin
        kinds = {"twin": twin, "released": in_released_style(twin)}
        self.models = {kind: made(settings(name), size, torch.float32) for kind, made in kinds.items()}
        self.position = 0

    def steps(self, kind: str, n: int) -> float:
        """Milliseconds per step of ``n`` steps of the ``twin``, or of the ``released`` style."""
        start = time.perf_counter()
        for _ in range(n):
            i = self.position % (len(self.batches) - 1)
            self.models[kind].step(Turn(self.batches[i + 1], self.batches[i]))
            self.position += 1
        return (time.perf_counter() - start) / n * 1e3


def plain_program(pipe: Connection, name: str, task: Task, counts: str) -> None:
    """A process with PyTorch as it comes: nothing that ``device.choose`` sets is set here."""
    plain = Plain(name, task, counts)
    pipe.send(None)
    while (asked := pipe.recv()) is not None:
        pipe.send(plain.steps(*asked))


@contextlib.contextmanager
def plain_process(name: str, task: Task, counts: str) -> Iterator[Callable[[str, int], float]]:
    """``plain_program`` in a process of its own, as a function that has it make steps."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=plain_program, args=(theirs, name, task, counts))
    large_pages = os.environ.pop(LARGE_PAGES, None)  # which the process would inherit
    process.start()
    if large_pages is not None:
        os.environ[LARGE_PAGES] = large_pages
    ours.recv()

    def steps(kind: str, n: int) -> float:
        ours.send((kind, n))
        return float(ours.recv())

    yield steps
    ours.send(None)
    process.join()


def measure(name: str, task: Task, counts: str, rounds: int, compiled: bool) -> dict[str, Any]:
    """One row."""
    module, config, size = methods.find(name), settings(name), shape(COUNTS[counts], task)
    data = columns(COUNTS[counts], task, BATCH * CHUNK * (rounds + 1))
    method = module.Model(config, size, [0], torch.float32, "cpu")
    products = operands(method, method.plan(data, BATCH))
    method = module.Model(config, size, [0], torch.float32, "cpu")
    steps = engine_steps(method, data, task, compiled)
    first = time.perf_counter()
    next(steps)  # compiles
    warm_up = time.perf_counter() - first
    times: dict[str, list[float]] = {}

    def note(kind: str, milliseconds: float) -> None:
        times.setdefault(kind, []).append(milliseconds)

    tuned = Plain(name, task, counts)
    with plain_process(name, task, counts) as plain:
        plain("twin", 1), plain("released", 1), tuned.steps("twin", 1)
        for _ in range(rounds):
            note("engine_ms", timed(lambda: next(steps)))
            note("floor_ms", floor(products))
            note("twin_ms", plain("twin", 4))
            note("twin_tuned_ms", tuned.steps("twin", 4))
            note("released_style_ms", plain("released", 2))
    row = {kind: round(statistics.median(values), 3) for kind, values in times.items()}
    spread = {f"{kind}_range": [round(min(values), 3), round(max(values), 3)] for kind, values in times.items()}
    return {"method": name, "task": task, "counts": counts, **row, **spread, "first_chunk_s": round(warm_up, 1)}


def machine() -> dict[str, Any]:
    """What the times were measured on."""
    capability = torch.backends.cpu.get_cpu_capability()
    return {
        "cpu": processor(),
        "capability": capability,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", nargs="+", choices=TIMED, default=TIMED)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--counts", nargs="+", default=list(COUNTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--eager", action="store_true", help="do not compile")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    choose("cpu", 1)
    hindrance = obstacle("cpu")
    compiled = not (arguments.eager or hindrance)
    about = {**machine(), "threads": 1, "compiled": compiled}
    cells = [(m, t, c) for m in arguments.methods for t in arguments.tasks for c in arguments.counts]
    rows = []
    for name, task, counts in tqdm(cells, unit="cell", disable=None):
        rows.append({**measure(name, task, counts, arguments.rounds, compiled), **about})
        logging.info(
            "%s",
            {
                key: rows[-1][key]
                for key in (
                    "method",
                    "task",
                    "counts",
                    "engine_ms",
                    "twin_ms",
                    "released_style_ms",
                    "floor_ms",
                    "first_chunk_s",
                )
            },
        )
        write_json(rows, arguments.out)


if __name__ == "__main__":
    main()
