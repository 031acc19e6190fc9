"""Run a grid through the Kubernetes profile and locally, and compare; pods are processes, the cluster is a stand-in.

``python -m tests.kubernetes [--configfile FILE] [TARGET ...]`` needs root (a pod has mounts of its own), git and rsync.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.runs import LOCALLY, RESULTS, ROOT, compare, lacking, snakemake

from .standin import Cluster

CHECKOUT = Path("/data/autoemb")
"""Where the profile has it."""

WORKDIR = Path("/workdir")
"""Where the executor starts every pod."""

KUBERNETES = (
    *("--cores", "all", "--jobs", 2, "--workflow-profile", "workflow/profiles/kubernetes"),
    *("--set-resources", "train:gpu=1", "--seconds-between-status-checks", 2),
)


def obstacle() -> str | None:
    """Why pods cannot be stood in for here; None if they can."""
    if missing := [program for program in ("git", "rsync", "unshare") if shutil.which(program) is None]:
        return f"not installed: {', '.join(missing)}"
    if os.geteuid() != 0:
        return "a pod has mounts of its own, so its stand-in must be started by root"
    if theirs := [path for path in (CHECKOUT.parent, WORKDIR) if path.exists()]:
        return f"{theirs[0]} exists: the stand-in mounts it"
    return None


def check_out(target: Path, configfile: Path) -> None:
    """A checkout of the files as they are, with the config: Snakemake gives pods what git tracks."""
    subprocess.run(["git", "init", "--quiet", target], check=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ":!results"]
    files = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["rsync", "--archive", "--from0", "--files-from=-", ".", target], cwd=ROOT, input=files, check=True)
    shutil.copy(configfile, target / "grid.yaml")
    subprocess.run(["git", "add", "--all"], cwd=target, check=True)


def check_requests(server: Cluster) -> None:
    """Every pod asks for what the profile and its rule say."""
    for job in server.jobs.values():
        (container,) = job["spec"]["template"]["spec"]["containers"]
        (command,) = container["args"][1:]
        trains = "--target-jobs 'train:" in command
        resources = container["resources"]
        expected = {"cpu": "950m", "nvidia.com/gpu": "1" if trains else "0", "ephemeral-storage": "10000M"}
        found = {**expected, **resources["requests"]}
        assert container["image"] == "autoemb"
        assert found["memory"] == resources["limits"]["memory"]
        assert {key: found[key] for key in expected} == expected, (command[-200:], resources)
    print(len(server.jobs), "pods asked for what the profile and the rules say")


@contextlib.contextmanager
def mount_points(*folders: Path) -> Iterator[None]:
    """Empty folders, to mount on."""
    for folder in folders:
        folder.mkdir()
    try:
        yield
    finally:
        for folder in folders:
            folder.rmdir()


def same_grid(scratch: Path, configfile: Path, targets: list[str]) -> None:
    """Every table, figure and outcome is the same, byte for byte, whether pods made it or this machine.

    The records that pods wrote, of copies of the files elsewhere, match the files as well.
    """
    options = ("--snakefile", ROOT / "Snakefile", "--directory", scratch / "locally", "--configfile", configfile)
    with snakemake(scratch / "locally.log", *targets, *LOCALLY, *options):
        pass
    volume = scratch / "volumes" / "autoemb"
    check_out(volume / CHECKOUT.name, configfile)
    wheel = ["pip", "wheel", "--quiet", "--constraint", "constraints.txt", "--wheel-dir", scratch / "wheels"]
    subprocess.run([sys.executable, "-m", *wheel, "snakemake-storage-plugin-fs"], cwd=ROOT, check=True)
    pods = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(scratch),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": "/workdir/src",  # the rest as in the Dockerfile
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(scratch / "wheels"),
    }
    # the machine that submits has the volume too
    mount = f'mount --bind {volume} {CHECKOUT.parent} && cd {CHECKOUT} && exec "$@"'
    with mount_points(CHECKOUT.parent, WORKDIR), Cluster(scratch, pods) as server:
        submitter = {**os.environ, "KUBECONFIG": str(server.kubeconfig()), "PYTHONPATH": f"{CHECKOUT}/src"}
        before = ("unshare", "--mount", "sh", "-c", mount, "sh")
        log = scratch / "kubernetes.log"
        with snakemake(log, *targets, *KUBERNETES, "--configfile", "grid.yaml", before=before, env=submitter):
            pass
        check_requests(server)
    may_lack = lacking(yaml.safe_load(configfile.read_text()), targets)
    compare(volume / CHECKOUT.name, scratch / "locally", *RESULTS, may_lack=may_lack)
    verify = [sys.executable, "-m", "autoemb.cli", "verify", volume / CHECKOUT.name / "results"]
    subprocess.run(verify, cwd=ROOT, check=True)


def main() -> int:
    """Run it; without what it needs, say so and end well."""
    parser = argparse.ArgumentParser(prog="python -m tests.kubernetes", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--configfile", type=Path, default=ROOT / "config/smoke.yaml", help="the grid")
    parser.add_argument("targets", nargs="*", help="files to make, instead of everything")
    arguments = parser.parse_args()
    if reason := obstacle():
        print("skipped:", reason)
        return 0
    with tempfile.TemporaryDirectory(prefix="autoemb-kubernetes-") as scratch:
        same_grid(Path(scratch), arguments.configfile.resolve(), arguments.targets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
