"""What jobs were measured to cost, as data.

``benchmarks/steps.py`` writes ``steps.csv`` and ``start.csv``; ``files.csv``, of the results of a run; and ``gpu.csv``
and ``data.csv``, of the pages of ``docs`` into which ``make bench-gpu`` and ``make bench-data`` put what they measure.
"""

from importlib import resources

import pandas as pd

from autoemb.config import MethodConfig


def extent(settings: MethodConfig) -> int:
    """What the cost of a step goes by: candidates times the widest, or the one size of a method that has one."""
    sizes = getattr(settings, "sizes", None)
    return len(sizes) * max(sizes) if sizes else int(getattr(settings, "size", 0))


def steps() -> pd.DataFrame:
    """Processor time of a training step on one core.

    Returns:
        One row per method x task x settings x ``compiled``; ``benchmarks/steps.py`` says what each column is.
    """
    return _read("steps.csv")


def start_seconds() -> float:
    """Processor time of a training job that has nothing to do: the program is loaded, and the files are written."""
    return float(_read("start.csv")["cpu_s"].iloc[0])


def gpu() -> pd.DataFrame:
    """Time of a training step on a GPU.

    Returns:
        One row per method x task x step x seeds: ``method``, ``task``, ``step`` (``captured`` or ``compiled``; str),
        ``seeds`` (int64, that go together), ``us_per_step`` and ``start_s`` (float64), ``device`` (str).
    """
    return _read("gpu.csv")


def data() -> pd.DataFrame:
    """Time and memory of the way from an archive to a stream, on 2 cores.

    Returns:
        One row per format x size x stage: ``format``, ``stage`` (str), ``ratings`` (int64), ``seconds``, ``peak_mib``
        (float64).
    """
    return _read("data.csv")


def files() -> pd.DataFrame:
    """Size of what is made of a data set.

    Returns:
        One row per file: ``kind`` (``interactions`` or ``stream``; str), ``file`` (str), ``ratings`` (int64) and
        ``bytes_per_rating`` (float64).
    """
    return _read("files.csv")


def _read(name: str) -> pd.DataFrame:
    with resources.files(__name__).joinpath(name).open() as file:
        return pd.read_csv(file)
