"""``python -m tests.kill --moments 20``: runs that are killed at random moments and run again end with the same bytes.

First single runs, each method in turn, by SIGKILL or SIGTERM anywhere between the start of the interpreter and its
end. Then the whole workflow: SIGKILL or SIGTERM to everything at once, or SIGKILL to Snakemake alone, so that its jobs
go on while the next Snakemake starts them again. A line per kill says where it was; the exit status is 1 if anything
ends otherwise than a run that nobody cut.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import safe_open

from autoemb.cli import main as autoemb
from autoemb.schema import RUN_TABLES

from .test_workflow import CONFIG, SMALL, Project

SIZED = {"hidden": 16, "sizes": [2, 4, 8]}
LARGE = 3_600
"""Of embeddings whose state, with both moments, takes 400 MB."""
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "fse": {"size": 8, "hidden": 16},
    "sam": SIZED,
    "darts": SIZED,
    "autoemb": {**SIZED, "controller_hidden": 16},
    "esapn": {"hidden": 16, "sizes": [2, 4, 8]},
    "fse, large": {"size": LARGE, "hidden": 16},
}
"""By victim, a method's name with or without more words: its settings."""
TABLES = tuple(table.file for table in RUN_TABLES)
PATIENCE = 600.0
"""Seconds for a run to end after a signal, and for orphans to end by themselves."""

Bytes = dict[str, bytes]


def make_stream(folder: Path, rows: int) -> Path:
    """The first ratings of the shipped data in a random order."""
    data = ["--dataset", "ml-latest-small", "--settings", "{}"]
    names = {name: str(folder / name) for name in ("archive", "interactions", "users", "items", "counts", "stream")}
    tables = ["--users", names["users"], "--items", names["items"], "--counts", names["counts"]]
    order = ["--labels", "{}", "--settings", json.dumps({"order": "shuffled", "first": rows})]
    found = ["--interactions", names["interactions"], "--items", names["items"]]
    for call in (
        ["fetch", *data, "--out", names["archive"]],
        ["interactions", *data, "--archive", names["archive"], "--out", names["interactions"], *tables],
        ["stream", *found, *order, "--out", names["stream"]],
    ):
        if autoemb(call):
            raise SystemExit(f"{call[0]} failed")
    return Path(names["stream"])


def differing(found: Bytes, expected: Bytes) -> list[str]:
    """Names of the files that are not as expected, that are missing, or that are too many."""
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


class Cell:
    """One method over a stream: a process that can be started, and what it makes if nobody cuts it."""

    def __init__(self, folder: Path, stream: Path, method: str) -> None:
        self.method, self.out, self.states = method, folder / method, folder / f"{method}.states"
        module = method.partition(",")[0]
        self.log, self.checkpoint = folder / f"{method}.log", self.states / "state.safetensors"
        self.finished = self.checkpoint.with_name(f"{self.checkpoint.name}.finished")
        run = json.dumps({"task": "regression", "seeds": 2, "batch_size": 50, "windows": 10})
        settings = ["--method", module, "--settings", json.dumps(SETTINGS[method]), "--run", run]
        files = ["--stream", str(stream), "--checkpoint", str(self.checkpoint), "--out", str(self.out)]
        self.command = [sys.executable, "-m", "autoemb.cli", "train", *settings, *files, "--checkpoint-seconds", "0"]
        start = time.monotonic()
        self.ends(self.start())
        self.seconds, self.expected = time.monotonic() - start, self.made()
        self.compared = 0
        self.clear()

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            return subprocess.Popen(self.command, stderr=log)

    def ends(self, run: subprocess.Popen[bytes]) -> None:
        """Let it come to its end, which has to be a good one."""
        if run.wait():
            raise SystemExit(f"{self.method}: exit status {run.returncode}\n{self.log.read_text()}")

    def made(self) -> Bytes:
        return {name: (self.out / name).read_bytes() for name in TABLES}

    def check(self) -> None:
        """Compare what a run has made with what it should have, and see that it has left nothing else."""
        self.compared += sum(map(len, self.expected.values()))
        if wrong := differing(self.made(), self.expected):
            raise SystemExit(f"{self.method}: {', '.join(wrong)}: not the bytes of a run that was not cut")
        known = {*TABLES, "run.json", self.finished.name}
        if left := [file for file in (*self.out.iterdir(), *self.states.iterdir()) if file.name not in known]:
            raise SystemExit(f"{self.method}: left behind: {left}")
        self.clear()

    def clear(self) -> None:
        self.finished.unlink()
        for file in self.out.iterdir():
            file.unlink()

    def where(self) -> str:
        """How far the process came."""
        log = self.log.read_text()
        if "the step runs" not in log:
            return "starting"
        went_on = [line for line in log.splitlines() if "goes on after" in line]
        phase = "writing" if " seeds in " in log else "training"
        return f"{phase}, {went_on[-1]}" if went_on else phase

    def left(self) -> str:
        """What it left to go on from."""
        parts = len(list(self.states.glob(".*.part"))) if self.states.is_dir() else 0
        more = f" and {parts} half-written" if parts else ""
        if self.finished.is_file():
            return f"the results{more}"
        if not self.checkpoint.is_file():
            return f"no checkpoint{more}"
        with safe_open(self.checkpoint, framework="pt") as state:
            names = state.keys()
            seed = sum(name.startswith("finished.sums.") for name in names)
            return f"a checkpoint in seed {seed} after batch {int(state.get_tensor('done'))}{more}"

    def attack(self, kills: int, dice: random.Random) -> None:
        """Kill it so many times, each time where it has not ended before; run it to its end; compare."""
        while kills:
            moment, number = dice.uniform(0, self.seconds), dice.choice([signal.SIGKILL, signal.SIGTERM])
            run = self.start()
            try:
                run.wait(moment)
            except subprocess.TimeoutExpired:
                run.send_signal(number)
                run.wait(PATIENCE)
                kills -= 1
                if run.returncode:
                    end = f"exit {run.returncode}, leaves {self.left()}"
                    print(f"{self.method}: {number.name} after {moment:.2f} s, {self.where()}: {end}", flush=True)
                    if run.returncode not in (-number, 128 + number):
                        raise SystemExit(self.log.read_text()) from None
                    continue
                print(f"{self.method}: {number.name} after {moment:.2f} s, {self.where()}: ends well", flush=True)
            self.ends(run)
            self.check()
        self.ends(self.start())
        self.check()


class Workflow:
    """A copy of the project, its Snakemake, and what that makes if nobody cuts it."""

    MODES = ("all of it by SIGKILL", "all of it by SIGTERM", "Snakemake alone by SIGKILL")
    MADE = (
        "results/config/tables/*",
        "results/config/figures/*",
        "results/config/**/*.parquet",
        "results/config/interactions/*.json",
    )

    def __init__(self, folder: Path, config: Mapping[str, Any], targets: tuple[str, ...] = ()) -> None:
        folder.mkdir(parents=True)
        self.project, self.targets = Project(folder), targets
        self.project.configure({**CONFIG, **config})
        rule = folder / "workflow" / "rules" / "train.smk"  # a run of seconds has no checkpoint after minutes
        rule.write_text(rule.read_text().replace("--checkpoint ", "--checkpoint-seconds 0 --checkpoint "))
        self.groups: list[int] = []
        self.said = ""

    def uncut(self) -> None:
        """Run it to its end."""
        start = time.monotonic()
        self.finish(*self.targets)
        self.seconds = time.monotonic() - start
        self.expected = self.made()

    def made(self) -> Bytes:
        return {name: content for pattern in self.MADE for name, content in self.project.bytes_of(pattern).items()}

    def finish(self, *words: str) -> None:
        told = self.project.snakemake(*words)
        if told.returncode:
            raise SystemExit(f"snakemake {' '.join(words)}: {told.returncode}\n{told.stderr[-5000:]}")

    def attack(self, kills: int, dice: random.Random, seconds: float) -> int:
        """Try so many times to kill it within some seconds; run it to its end. Says how often it had not ended before.

        Raises:
            SystemExit: it always had.
        """
        modes = [self.MODES[number % len(self.MODES)] for number in range(kills)]
        dice.shuffle(modes)
        killed = 0
        for mode in modes:
            moment = dice.uniform(0, seconds)
            how = self.kill(mode, moment)
            killed += how is not None
            jobs = len(list((self.project.root / ".snakemake" / "incomplete").glob("*")))
            left = f"{how}, leaves {jobs} files of jobs unfinished" if how else "it had ended, which is no kill"
            print(f"workflow: {mode} after {moment:.1f} s: {left}", flush=True)
            self.finish("--unlock")
        if not killed:
            raise SystemExit("workflow: it had ended before every kill; another --seed has other moments")
        self.finish(*self.targets)
        self.wait_for_orphans()
        return killed

    def kill(self, mode: str, moment: float) -> str | None:
        """Start it, and kill it after so many seconds; what is left of it, or None if it had ended before."""
        run = self.project.popen(*self.targets)
        self.groups.append(run.pid)
        try:
            status = run.wait(moment)
        except subprocess.TimeoutExpired:
            number = signal.SIGTERM if "SIGTERM" in mode else signal.SIGKILL
            if mode.startswith("all"):
                os.killpg(run.pid, number)
            else:
                run.send_signal(number)
            return f"exit {run.wait(PATIENCE)}, {len(living(run.pid))} processes go on"
        if status:
            raise SystemExit(f"workflow: exit status {status} before it was killed")
        return None

    def wait_for_orphans(self) -> None:
        """Until the last job of a Snakemake that is no more has ended."""
        start = time.monotonic()
        while left := [process for group in self.groups for process in living(group)]:
            if time.monotonic() - start > PATIENCE:
                raise SystemExit(f"workflow: processes {left} do not end")
            time.sleep(0.5)

    def check(self, expected: Bytes) -> int:
        """Compare what was made; says how many bytes."""
        if wrong := differing(self.made(), expected):
            raise SystemExit(f"workflow: {', '.join(wrong)}: not the bytes of a run that was not cut")
        results = self.project.root / "results"
        if left := [*results.rglob("*.part*"), *results.glob("checkpoints/**/*.safetensors")]:
            raise SystemExit(f"workflow: left behind: {left}")
        return sum(map(len, expected.values()))


def living(group: int) -> list[int]:
    """The processes of a group that are not dead, by Linux's /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, its_group = (entry / "stat").read_text().rpartition(") ")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append(int(entry.name))
    return found


def attack_runs(folder: Path, moments: int, methods: list[str], rows: int, dice: random.Random) -> str:
    """Single runs."""
    stream, compared = make_stream(folder, rows), 0
    for number, method in enumerate(methods):
        kills = moments // len(methods) + (number < moments % len(methods))
        if kills:
            cell = Cell(folder, stream, method)
            print(f"{method}: {cell.seconds:.1f} s if nobody cuts it", flush=True)
            cell.attack(kills, dice)
            compared += cell.compared
    return f"{moments} kills of runs survived, {compared:,} bytes compared"


def attack_workflow(
    folder: Path,
    kills: int,
    dice: random.Random,
    config: Mapping[str, Any],
    targets: tuple[str, ...] = (),
    share: float | None = None,
) -> str:
    """The whole DAG; kills within this share of its time, by default so that all of them come to about its end."""
    whole, cut = (Workflow(folder / name, config, targets) for name in ("whole", "cut"))
    whole.uncut()
    print(f"workflow: {whole.seconds:.1f} s if nobody cuts it", flush=True)
    killed = cut.attack(kills, dice, whole.seconds * (share or 2 / (kills + 1)))
    return f"{killed} kills of the workflow survived, {cut.check(whole.expected):,} bytes compared"


def main() -> None:
    """Both, with dice that can be thrown again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=20, help="kills of single runs, shared by the methods")
    parser.add_argument("--workflow", type=int, default=6, metavar="KILLS", help="kills of the whole workflow")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, help="where the dice begin")
    parser.add_argument("--methods", nargs="+", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--rows", type=int, default=40_000, help="interactions of a single run's stream")
    arguments = parser.parse_args()
    dice, start, told = random.Random(arguments.seed), time.monotonic(), []
    print(f"seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.moments:
            told.append(attack_runs(Path(folder), arguments.moments, arguments.methods, arguments.rows, dice))
        if arguments.workflow:
            methods = {"sam": SMALL, "esapn": SMALL, **CONFIG["methods"]}
            told.append(attack_workflow(Path(folder) / "dag", arguments.workflow, dice, {"methods": methods}))
    print(f"{'; '.join(told)}; seed {arguments.seed}, {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
