"""A SLURM cluster on this machine: Debian's munged, slurmctld and slurmd, on loopback, in a scratch folder."""

import contextlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

ETC = Path("/etc/slurm")
"""Where jobs look for the configuration: Snakemake's plugin drops SLURM_CONF from their environment."""

CONFIGURATION = """
ClusterName=autoemb-test
SlurmctldHost={host}(127.0.0.1)
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket={home}/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={home}/slurmctld
SlurmdSpoolDir={home}/slurmd
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd.pid
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
# without cgroups, memory is measured every second, and a job above its own is ended
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=2,bf_interval=5
# finished jobs are asked for at the end of the run
MinJobAge=86400
MaxJobCount=10000
GresTypes=gpu
# a small machine stands in for a larger node: jobs ask for more memory than they use
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=64000 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=ALL MaxTime=INFINITE State=UP
"""
GPUS = "AutoDetect=off\nNodeName={host} Name=gpu File={home}/gpu[0-1]\n"
PROGRAMS = ("munged", "mungekey", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")


def obstacle() -> str | None:
    """Why no cluster can be started here; None if one can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: slurm-wlm, slurm-wlm-basic-plugins, munge)"
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return "not installed: snakemake-executor-plugin-slurm (pip install --constraint constraints.txt '.[slurm]')"
    if os.geteuid() != 0:
        return "slurmd runs jobs of any user, so it must be started by root"
    theirs = [path for name in ("slurm.conf", "gres.conf") if os.path.lexists(path := ETC / name)]
    if theirs:
        return f"{theirs[0]} exists: this machine has a SLURM of its own (or a test was killed; then remove it)"
    return None


@contextlib.contextmanager
def cluster(home: Path) -> Iterator[None]:
    """Run a cluster whose files lie in ``home``; /etc/slurm leads there as long as it runs.

    Raises:
        RuntimeError: a daemon ended, or the node was not ready within a minute.
    """
    names = {"home": home, "host": os.uname().nodename.partition(".")[0], "cpus": os.cpu_count()}
    for folder in ("slurmctld", "slurmd", "logs"):
        (home / folder).mkdir(parents=True)
    for number in range(2):  # a job is given a device file; nothing opens it
        os.mknod(home / f"gpu{number}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    subprocess.run(["mungekey", "--create", f"--keyfile={home}/munge.key"], check=True)
    munge = [f"--{what}-file={home}/munge.{what}" for what in ("key", "pid", "seed", "log")]
    munge += [f"--socket={home}/munge.socket"]
    with contextlib.ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, _leave))
        for name, text in (("slurm.conf", CONFIGURATION), ("gres.conf", GPUS)):
            (home / name).write_text(text.format(**names))
            ETC.mkdir(exist_ok=True)
            (ETC / name).symlink_to(home / name)
            stack.callback((ETC / name).unlink)
        daemons = [
            stack.enter_context(_daemon(home, ["munged", "--foreground", *munge])),
            stack.enter_context(_daemon(home, ["slurmctld", "-D", "-c"])),
            stack.enter_context(_daemon(home, ["slurmd", "-D", "-N", str(names["host"])])),
        ]
        _wait(daemons, home)
        stack.callback(_cancel)
        yield


def jobs() -> list[dict[str, str]]:
    """Every job of the cluster, ascending, as ``scontrol`` tells: JobState, Partition, TimeLimit, TRES and so on."""
    told = subprocess.run(["scontrol", "--oneliner", "show", "job"], capture_output=True, text=True, check=True)
    found = [
        dict(word.split("=", 1) for word in line.split() if "=" in word)
        for line in told.stdout.splitlines()
        if line.startswith("JobId=")
    ]
    return sorted(found, key=lambda job: int(job["JobId"]))


@contextlib.contextmanager
def _daemon(home: Path, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with (home / "logs" / f"{command[0]}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait(daemons: list[subprocess.Popen[bytes]], home: Path) -> None:
    """Until the node takes jobs."""
    for _ in range(60):
        time.sleep(1)
        ended = [process.args[0] for process in daemons if process.poll() is not None]
        if ended:
            log = (home / "logs" / f"{ended[0]}.log").read_text()
            raise RuntimeError(f"{ended[0]} ended:\n{log[-2000:]}")
        told = subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True, check=False)
        if set(told.stdout.split()) == {"idle"}:
            return
    raise RuntimeError(f"the node is not ready: {told.stdout or told.stderr}")


def _cancel() -> None:
    """End every job, and wait a minute at most until their processes are gone."""
    subprocess.run(["scancel", "--user=root"], check=False)
    for _ in range(60):
        if not subprocess.run(["squeue", "-h"], capture_output=True, check=False).stdout:
            return
        time.sleep(1)


def _leave(number: int, frame: object) -> None:
    """On SIGTERM, stop as on Ctrl-C: the daemons are ended and /etc/slurm is cleaned, whatever else comes meanwhile."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt
