"""The machine that something is measured on, without importing torch."""

import contextlib
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any


def processor() -> str:
    """Its name."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """Processor, cores that this process may use, memory in GiB, and versions of what reads and writes tables."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = {name: version(name) for name in ("numpy", "pandas", "pyarrow")}
    cores = len(os.sched_getaffinity(0))
    return {
        "cpu": processor(),
        "cores": cores,
        "memory_gib": round(memory, 1),
        "python": platform.python_version(),
    } | versions
