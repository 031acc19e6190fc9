"""Run a grid through SLURM and locally, and compare; then cut trainings short in three ways, and see them go on.

``python -m tests.slurm [--configfile FILE]`` needs Debian's slurm-wlm and munge, and root. It says which jobs ran, what
they were given and how they ended, and ends with status 1 if anything is not as it should be.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import yaml

from tests.runs import LOCALLY, RESULTS, ROOT, compare, lacking, snakemake

from .cluster import cluster, jobs, obstacle

SLURM = [
    *("--cores", "all", "--workflow-profile", ROOT / "workflow/profiles/slurm"),
    *("--default-resources", "mem_mb=2000", "runtime=30", "slurm_partition=main"),
    *("--slurm-status-command", "squeue"),  # there is no accounting
    *("--slurm-init-seconds-before-status-checks", 3, "--seconds-between-status-checks", 3, "--latency-wait", 5),
]
TRAIN_ON_GPU = ["--set-resources", "train:slurm_partition=gpu", "train:gpu=1"]
CUT = [  # fate of a training, how SLURM calls it, its minutes in the first attempt
    ("cancelled", {"CANCELLED"}, 30),
    ("out-of-time", {"TIMEOUT"}, 2),
    ("out-of-memory", {"OUT_OF_MEMORY", "FAILED"}, 30),  # the latter if only the job's step was ended
]


def show(found: list[dict[str, str]]) -> None:
    """One line per job of SLURM."""
    for job in found:
        told = (job[key] for key in ("JobId", "JobState", "Partition", "TimeLimit", "MinMemoryNode", "RunTime"))
        print(*told, job.get("TresPerJob", "-"), job["Comment"], sep="  ")
    print(len(found), "jobs:", dict(Counter(job["JobState"] for job in found)), flush=True)


def same_grid(scratch: Path, configfile: Path) -> None:
    """Every table, figure and outcome is the same, byte for byte, whether SLURM ran the jobs or this machine."""
    grid = ["--snakefile", ROOT / "Snakefile", "--configfile", configfile]
    start = time.monotonic()
    with snakemake(scratch / "slurm.log", *SLURM, *TRAIN_ON_GPU, *grid, "--directory", scratch / "slurm"):
        pass
    middle = time.monotonic()
    found = jobs()
    show(found)
    with snakemake(scratch / "locally.log", *LOCALLY, *grid, "--directory", scratch / "locally"):
        pass
    print(f"through SLURM {middle - start:.0f} s, locally {time.monotonic() - middle:.0f} s")
    assert {job["JobState"] for job in found} == {"COMPLETED"}
    trained = [job for job in found if job["Comment"].startswith("rule_train_")]
    given = {tuple(job[key] for key in ("Partition", "TimeLimit", "MinMemoryNode", "TresPerJob")) for job in trained}
    assert given == {("gpu", "1-00:00:00", "8000M", "gres:gpu:1")}, given
    assert {job["Partition"] for job in found if job not in trained} == {"main"}
    may_lack = lacking(yaml.safe_load(configfile.read_text()))
    compare(scratch / "slurm", scratch / "locally", *RESULTS, may_lack=may_lack)


def goes_on(scratch: Path, configfile: Path) -> None:
    """Trainings that were cancelled, or ran out of time or memory, are retried with more, and end in the same bytes."""
    before = {job["JobId"] for job in jobs()}
    folder = scratch / "cut"
    folder.mkdir()
    shutil.copy(min((scratch / "slurm/results").glob("*/streams/**/*.parquet")), folder / "stream.parquet")
    options = ["--snakefile", Path(__file__).with_name("Snakefile"), "--configfile", configfile, "--directory", folder]
    with snakemake(scratch / "cut.log", *SLURM, *options) as process:
        while process.poll() is None and not (folder / "cancelled.halted").exists():
            time.sleep(0.5)
        for job in jobs():
            if job["Comment"].endswith("_cancelled") and job["JobState"] == "RUNNING":
                subprocess.run(["scancel", job["JobId"]], check=True)
    found = [job for job in jobs() if job["JobId"] not in before]
    show(found)
    for fate, states, minutes in CUT:
        attempts = [job for job in found if job["Comment"].endswith(f"_{fate}")]
        # on a busy machine a first attempt's time may be over before it has a checkpoint
        assert len(attempts) == 2 or (fate == "out-of-time" and len(attempts) == 3), fate
        assert {job["JobState"] for job in attempts[:-1]} <= states, fate
        assert attempts[-1]["JobState"] == "COMPLETED", fate
        for number, job in enumerate(attempts):
            limit = minutes * 2**number
            assert job["TimeLimit"] == f"{limit // 60:02}:{limit % 60:02}:00", fate
            assert job["MinMemoryNode"] == f"{1000 * 2**number}M", fate
        assert fate != "out-of-memory" or "exceeded memory limit" in Path(attempts[0]["StdOut"]).read_text()
        (line,) = (line for line in (folder / f"{fate}.log").read_text().splitlines() if "goes on after" in line)
        print(f"{fate}: {line}")
        compare(folder / fate, folder / "undisturbed", "*.parquet")


def main() -> int:
    """Run both; without what they need, say so and end well."""
    parser = argparse.ArgumentParser(prog="python -m tests.slurm", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--configfile", type=Path, default=ROOT / "config/smoke.yaml", help="the grid")
    configfile = parser.parse_args().configfile.resolve()
    if reason := obstacle():
        print("skipped:", reason)
        return 0
    with tempfile.TemporaryDirectory(prefix="autoemb-slurm-") as scratch:
        Path(scratch).chmod(0o755)  # for munged's socket
        with cluster(Path(scratch) / "cluster"):
            same_grid(Path(scratch), configfile)
            goes_on(Path(scratch), configfile)
    return 0


if __name__ == "__main__":
    sys.exit(main())
