"""How a step is run: eagerly, compiled, or compiled and captured as a CUDA graph."""

import importlib.util
import logging
import os
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from autoemb.errors import InputError
from autoemb.learning.batch import Batch
from autoemb.learning.methods.contract import Changes, Compute, Method, Outcome
from autoemb.learning.methods.state import Dense

log = logging.getLogger(__name__)

Compile = Literal["auto", "always", "never"]

PAYS_FROM = {"cpu": 4_000, "cuda": 200_000}
"""Steps of one seed from which compiling is won back, on AutoEmb with six sizes. On a CPU it takes 20 to 40 s and saves
about 8 ms a step; on a GPU (H100) 32 s, and .17 ms a step and seed where 10 or 50 seeds go together."""


def obstacle(device: str) -> str | None:
    """What keeps this machine from compiling for a device; None if nothing does."""
    if device == "cuda":
        return None if importlib.util.find_spec("triton") else "the package triton is not installed"
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        return "no C++ compiler was found"
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    return None if headers.is_file() else f"Python's headers are not installed ({headers})"


def decide(wanted: Compile, steps: int, device: str) -> bool:
    """Whether to compile a run of so many steps, each seed's counted; logged with its reason.

    Raises:
        InputError: it must be compiled, and this machine cannot.
    """
    hindrance = obstacle(device)
    if wanted == "always" and hindrance:
        raise InputError(f"compile = 'always': {hindrance}; expected a machine that can, or compile: auto or never")
    least = PAYS_FROM["cuda" if device == "cuda" else "cpu"]
    pays = steps >= least
    if wanted == "always" or (wanted == "auto" and pays and not hindrance):
        log.info("the step is compiled (%d steps, compile: %s)", steps, wanted)
        return True
    reason = hindrance if wanted == "auto" and pays else f"compiling pays from {least} steps on"
    log.info("the step runs eagerly (%d steps, compile: %s; %s)", steps, wanted, reason)
    return False


def may_compile(method: Method, wanted: Compile) -> bool:
    """Whether the settings of a method let its step be compiled; logged with the reason if not.

    Raises:
        InputError: it must be compiled.
    """
    if method.eager is None:
        return True
    if wanted == "always":
        raise InputError(f"compile = 'always': {method.eager}; expected compile: auto or never, or other settings")
    log.info("the step runs eagerly all the same: %s", method.eager)
    return False


def compile_step(method: Method, batch_size: int) -> None:
    """Put compiled arithmetic into a method, for the batches that most are like: full ones.

    The short last batch of a part, and one that Theta does not learn from, run eagerly: for a
    single step, a kernel of its own would never pay.
    """
    torch._dynamo.config.trace_autograd_ops = True  # the step takes its gradients itself

    validation = method.validation  # what is compiled must not hold on to the method, and so to its tables

    def is_usual(batch: Batch) -> bool:
        return len(batch.label) == batch_size and (batch.theta_learns or validation != "last_batch")

    method.on_batch = _compiled_where(is_usual, type(method).compute)
    method.on_holdout = _compiled_where(lambda holdout: is_usual(holdout.batch), type(method).compute_holdout)


def _compiled_where(is_usual: Callable[[Any], bool], eager: Compute) -> Compute:
    """Compiled for what is usual, eager for the rest."""
    compiled: Compute = torch.compile(eager, fullgraph=True, dynamic=False)

    def compute(of: Any, dense: Dense, rows: dict[str, Tensor], memory: Tensor, batch: Any) -> Changes:
        return (compiled if is_usual(batch) else eager)(of, dense, rows, memory, batch)

    return compute


Kind = tuple[int, bool, bool]
"""What batches must share to be gone through by one recording: length, whether Theta learns, whether from a holdout."""


def kind_of(batch: Batch) -> Kind:
    """Of a batch."""
    return len(batch.label), batch.theta_learns, batch.holdout is not None


class Captured:
    """A step that is recorded once as a CUDA graph per kind of batch, and replayed for the others.

    The first batches of a kind run as they are, as CUDA graphs need it; then the recording reads
    from copies of a batch's tensors that stay where they are.
    """

    WARM = 3

    def __init__(self, step: Callable[[Batch], Outcome]) -> None:
        self.step = step
        self.seen: dict[Kind, int] = {}
        self.graphs: dict[Kind, tuple[Any, list[Tensor], Outcome]] = {}
        self.side = torch.cuda.Stream()

    def __call__(self, batch: Batch) -> Outcome:
        """See ``Method.step``. The outcome's tensors are overwritten by the next one."""
        leaves, spec = pytree.tree_flatten(batch)
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        kind = kind_of(batch)
        self.seen[kind] = self.seen.get(kind, 0) + 1
        if self.seen[kind] <= self.WARM:
            self.side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.side):
                outcome = self.step(batch)
            torch.cuda.current_stream().wait_stream(self.side)
            return outcome
        if kind not in self.graphs:
            inputs = [tensor.clone() for tensor in tensors]
            own = iter(inputs)
            static = pytree.tree_unflatten([next(own) if isinstance(x, Tensor) else x for x in leaves], spec)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=self.side):  # of another stream, cuBLAS would hold more memory
                outcome = self.step(static)
            self.graphs[kind] = graph, inputs, outcome
        graph, inputs, outcome = self.graphs[kind]
        for ours, theirs in zip(inputs, tensors, strict=True):
            ours.copy_(theirs)
        graph.replay()
        return outcome
