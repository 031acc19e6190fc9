"""Where the training runs, and how the machine is told to run it."""

import contextlib
import ctypes
import gc
import logging
import os
import re
from collections.abc import Iterator

import torch

from autoemb.errors import InputError
from autoemb.learning.machine import gpus

log = logging.getLogger(__name__)

LARGE_PAGES = "THP_MEM_ALLOC_ENABLE"
"""PyTorch's variable for tables in large pages."""


@contextlib.contextmanager
def chosen(device: str, threads: int, share: int = 1) -> Iterator[str]:
    """The device to train on, set up: the CPU, or a GPU on which a slot is held meanwhile (``gpus.slot``).

    Args:
        device: see ``choose``.
        threads: see ``choose``.
        share: jobs that may use one GPU at a time.

    Raises:
        InputError: ``cuda`` is asked for and there is none, or no slot can be held.
    """
    with contextlib.ExitStack() as held:
        if device != "cpu" and torch.version.cuda:
            held.enter_context(gpus.slot(os.environ, share))
        usable = choose(device, threads)
        if usable == "cpu":  # PyTorch cannot use it, say for an old driver
            held.close()
        yield usable


def choose(device: str, threads: int) -> str:
    """The device to train on, set up.

    Args:
        device: ``auto`` (CUDA where there is one), ``cpu`` or ``cuda``.
        threads: CPU threads; more than there are free cores makes everything slower.

    Raises:
        InputError: ``cuda`` is asked for and there is none.
    """
    torch.set_num_threads(threads)
    has_cuda = torch.cuda.is_available()
    if device == "cuda" and not has_cuda:
        raise InputError("device = 'cuda': no CUDA device was found; expected one, or device: cpu or auto")
    if has_cuda and device != "cpu":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats its sums only with it
        torch.use_deterministic_algorithms(True)
        log.info("device cuda (%s), deterministic, products in float32", torch.cuda.get_device_name())
        return "cuda"
    keep_memory()
    products = "oneDNN" if use_onednn() else "PyTorch's default library"
    why = "no GPU was found" if torch.version.cuda or torch.version.hip else "this PyTorch is built for the CPU alone"
    why = "" if device == "cpu" else f" ({why})"
    log.info("device cpu%s, %d thread%s, products in float32 by %s", why, threads, "s" if threads > 1 else "", products)
    return "cpu"


def shortage(error: BaseException) -> str | None:
    """What an error, or one that led to it, says of the device's full memory; None if nothing."""
    text = " ".join(str(error).split())
    if isinstance(error, torch.OutOfMemoryError) or "CUDA error: out of memory" in text or "_ALLOC_FAILED" in text:
        needed = re.match(r".*? is free\b", text)  # what was asked for and what is free, before much else
        return needed[0] if needed else text
    before = error.__cause__ or error.__context__
    return None if before is None else shortage(before)


def clear() -> None:
    """Give back the device memory of what is no longer used; no recorded step may be left.

    cuBLAS holds a workspace of 32 MiB per thread and stream, also when the step that used the stream is gone.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch._C._cuda_clearCublasWorkspaces()
        torch.cuda.empty_cache()


def keep_memory() -> None:
    """Let the process keep the memory of a batch for the next one, and hold tables in large pages.

    glibc gives blocks of a batch's size back to the system after every use, and each page that comes anew
    costs a fault: about a quarter of a step. Elsewhere there is no ``mallopt``, and nothing happens.
    Rows of a table of a gigabyte lie on pages that the processor has to look up, unless pages
    are large, for which PyTorch asks if this variable is set before its first tensor of some size.
    """
    os.environ.setdefault(LARGE_PAGES, "1")
    mmap_threshold, trim_threshold, top_pad = -3, -1, -2  # malloc.h: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD
    with contextlib.suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap_threshold, 32 << 20)
        mallopt(trim_threshold, (2 << 30) - 1)
        mallopt(top_pad, 128 << 20)


def use_onednn() -> bool:
    """Have oneDNN multiply matrices, if it then still computes in float32; says whether it does.

    PyTorch's default library is slower on some CPUs, by half on AMD's. The switch is meant for
    products in bfloat16: where a CPU has units for these, it does what it says, which a
    product with a known answer shows, and it is taken back.
    """
    matmul = getattr(torch.backends.mkldnn, "matmul", None)
    if matmul is None or not torch.backends.mkldnn.enabled:
        return False
    before = matmul.fp32_precision
    matmul.fp32_precision = "bf16"
    dice = torch.Generator().manual_seed(0)
    for rows, inner, columns in ((512, 256, 500), (2, 128, 500), (128, 500, 16)):
        a, b = (torch.rand(shape, generator=dice) for shape in ((rows, inner), (inner, columns)))
        exact = a.double() @ b.double()
        # bfloat16 has 8 bits: errors of 1e-3 here; float32's are below 1e-6
        if ((a @ b).double() - exact).abs().max() > 1e-5 * exact.abs().max():
            matmul.fp32_precision = before
            return False
    return True
