"""Slots on GPUs: which cards a job may use, and that no two get one slot. Cards are made up, processes are real."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from autoemb.errors import InputError
from autoemb.learning.machine import gpus
from autoemb.learning.machine.device import chosen
from autoemb.learning.machine.gpus import Device, assigned, installed, places, slot, usable

CARDS = [f"GPU-{n}f3a77c1-0000-0000-0000-00000000000{n}" for n in range(3)]
LISTED = "".join(f"GPU {n}: NVIDIA Made Up (UUID: {card})\n" for n, card in enumerate(CARDS))
MIG = "  MIG 1g.10gb     Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)\n"

HOLD = """
import os, sys, time
from pathlib import Path
from autoemb.learning.machine.gpus import slot
with slot(os.environ, int(sys.argv[1]), Path(sys.argv[2]), every=0.02):
    start = time.monotonic()
    print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
    time.sleep(float(sys.argv[3]))
    print(start, time.monotonic())
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of three cards, as its nvidia-smi says, and nothing that assigns them."""
    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "SLURM_JOB_GPUS", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    said = tmp_path / "bin" / "said"
    said.parent.mkdir()
    said.write_text(LISTED)
    program = said.with_name("nvidia-smi")
    program.write_text(f'#!/bin/sh\ntest "$1" = -L && cat {said}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return program


def hold(folder: Path, share: int = 1, seconds: float = 60, *launcher: str) -> subprocess.Popen[str]:
    """A process that holds a slot, and says on which card once it has it."""
    command = [*launcher, sys.executable, "-c", HOLD, str(share), str(folder), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@contextlib.contextmanager
def ended(*processes: subprocess.Popen[str]):
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, [Device(card, card) for card in CARDS]),
        ("", []),
        (" ", []),
        ("2,0", [Device("2", CARDS[2]), Device("0", CARDS[0])]),
        ("1, 7, 0", [Device("1", CARDS[1])]),  # a card that is not there hides those after it, as in CUDA
        ("-1", []),
        ("-1,0", []),
        ("NoDevFiles", []),
        ("1,1", [Device("1", CARDS[1])]),
        (f"1,{CARDS[1]}", [Device("1", CARDS[1])]),
        (CARDS[2], [Device(CARDS[2], CARDS[2])]),
        ("GPU-2f,GPU-0f3", [Device("GPU-2f", CARDS[2]), Device("GPU-0f3", CARDS[0])]),
        ("GPU-", []),  # fits all of them
        ("MIG-GPU-2f/1/0", [Device("MIG-GPU-2f/1/0", "MIG-GPU-2f-1-0")]),
    ],
)
def test_the_visible_cards_are_those_that_cuda_would_see(machine, visible, expected):
    assert usable({} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}) == expected


def test_parts_of_a_card_are_not_cards(machine):
    machine.with_name("said").write_text(LISTED.replace("\n", "\n" + MIG, 1))
    assert installed() == CARDS


@pytest.mark.parametrize("script", ["exit 9", "echo Failed to initialize NVML; exit 0", None])
def test_without_a_working_driver_there_is_no_card(machine, script, tmp_path):
    if script is None:
        machine.unlink()
        machine.mkdir()  # a name on PATH that is no program
    else:
        machine.write_text(f"#!/bin/sh\n{script}\n")
    assert usable({"CUDA_VISIBLE_DEVICES": "0"}) == []
    environment: dict[str, str] = {}
    with slot(environment, 1, tmp_path / "locks"):
        assert environment == {}
    assert not (tmp_path / "locks").exists()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"CUDA_VISIBLE_DEVICES": "1"}, False),
        ({"SLURM_JOB_ID": "7"}, False),  # a job that asked for no GPU
        ({"SLURM_JOB_ID": "7", "SLURM_JOB_GPUS": "1"}, True),
        ({"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "1"}, True),
        ({"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0,1"}, False),  # an allocation that a workflow is run in
        ({"SLURM_JOB_ID": "7", "SLURM_JOB_GPUS": "0,1", "CUDA_VISIBLE_DEVICES": "0,1"}, False),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "CUDA_VISIBLE_DEVICES": "1"}, True),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False),  # a pod with three cards
    ],
)
def test_a_clusters_assignment_of_one_card_stands(machine, environment, expected, tmp_path):
    assert assigned(environment, usable(environment)) == expected
    assert places(environment) == (1 if expected else len(usable(environment)))
    before = dict(environment)
    with slot(environment, 1, tmp_path / "locks"):
        assert (environment == before) == (expected or before.get("CUDA_VISIBLE_DEVICES") == "1")
    assert environment == before
    assert (tmp_path / "locks").exists() != expected


@pytest.mark.parametrize(
    "cluster", [{"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0,1,2"}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}]
)
def test_jobs_within_one_allocation_of_several_cards_are_shared_out(machine, tmp_path, cluster):
    found = []
    with contextlib.ExitStack() as held:
        for _ in range(places(cluster)):
            environment = dict(cluster)
            held.enter_context(slot(environment, 1, tmp_path / "locks"))
            found.append(usable(environment)[0].card)
    assert found == CARDS


def test_a_pod_with_one_card_needs_no_slot(machine, tmp_path):
    machine.with_name("said").write_text(LISTED.splitlines(keepends=True)[0])
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    with slot(environment, 1, tmp_path / "locks"):
        assert environment == {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    assert not (tmp_path / "locks").exists()


def test_every_card_has_one_job_before_any_has_two(machine, tmp_path):
    found = []
    with contextlib.ExitStack() as held:
        for _ in range(6):
            environment: dict[str, str] = {}
            held.enter_context(slot(environment, 2, tmp_path / "locks"))
            found.append(environment["CUDA_VISIBLE_DEVICES"])
    assert found == CARDS * 2


def test_the_name_that_was_given_is_the_name_that_is_set(machine, tmp_path):
    environment = {"CUDA_VISIBLE_DEVICES": "2,GPU-0f"}
    with slot(environment, 1, tmp_path / "locks"):
        assert environment == {"CUDA_VISIBLE_DEVICES": "2"}
        other = {"CUDA_VISIBLE_DEVICES": f"{CARDS[2]},0"}  # another name of the same card
        with slot(other, 1, tmp_path / "locks"):
            assert other == {"CUDA_VISIBLE_DEVICES": "0"}
    assert environment == {"CUDA_VISIBLE_DEVICES": "2,GPU-0f"}


@pytest.mark.parametrize(("cards", "share"), [(3, 2), (2, 1)])
def test_no_race_among_twelve_processes(machine, tmp_path, cards, share):
    machine.with_name("said").write_text("".join(LISTED.splitlines(keepends=True)[:cards]))
    processes = [hold(tmp_path / "locks", share, 0.15) for _ in range(12)]
    with ended(*processes):
        told = [process.communicate(timeout=120)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * 12
    assert {card for card, _, _ in told} == set(CARDS[:cards])
    for card in CARDS[:cards]:
        spans = [(float(start), float(stop)) for name, start, stop in told if name == card]
        at_once = max(sum(start <= moment <= stop for start, stop in spans) for moment, _ in spans)
        assert 1 <= at_once <= share


def test_a_killed_job_frees_its_slot_and_an_orphan_keeps_it(machine, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    # a shell stands for Snakemake: it starts the job, says its number, and is killed
    started = 'trap "" TERM; "$@" & echo $!; wait'
    parent = hold(tmp_path / "locks", 1, 60, "sh", "-c", started, "sh")
    with ended(parent):
        job = int(parent.stdout.readline())
        try:
            assert parent.stdout.readline() == "1\n"
            parent.kill()
            parent.wait()
            waiting = hold(tmp_path / "locks", 1, 0)
            with ended(waiting):
                time.sleep(1.5)
                assert waiting.poll() is None  # the orphan has it
                os.kill(job, signal.SIGKILL)
                assert waiting.communicate(timeout=60)[0].startswith("1\n")
                assert waiting.returncode == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(job, signal.SIGKILL)


def test_who_wants_a_card_alone_keeps_away_from_those_who_share_it(machine, tmp_path, caplog, monkeypatch):
    def give_up(seconds: float) -> None:
        raise TimeoutError

    caplog.set_level("INFO")
    locks, sharing = tmp_path / "locks", hold(tmp_path / "locks", 3)
    with ended(sharing):
        assert sharing.stdout.readline() == f"{CARDS[0]}\n"
        alone: dict[str, str] = {}
        with slot(alone, 1, locks):
            assert alone["CUDA_VISIBLE_DEVICES"] == CARDS[1]
            only = {"CUDA_VISIBLE_DEVICES": "1"}
            monkeypatch.setattr(gpus, "time", SimpleNamespace(sleep=give_up))
            with pytest.raises(TimeoutError), slot(only, 3, locks):
                pass
    assert only == {"CUDA_VISIBLE_DEVICES": "1"}
    assert f"waiting: every GPU is taken (1; 3 jobs at a time on each; locks in {locks})" in caplog.messages


def test_a_job_that_waits_says_so_once_and_goes_on(machine, tmp_path, caplog, monkeypatch):
    caplog.set_level("INFO")
    first = slot({"CUDA_VISIBLE_DEVICES": "0"}, 1, tmp_path / "locks")
    first.__enter__()
    looks = itertools.count(1)

    def sleep(seconds: float) -> None:
        if next(looks) == 3:
            first.__exit__(None, None, None)

    monkeypatch.setattr(gpus, "time", SimpleNamespace(sleep=sleep))
    with slot({"CUDA_VISIBLE_DEVICES": "0"}, 1, tmp_path / "locks"):
        assert next(looks) == 4
    assert sum("waiting" in message for message in caplog.messages) == 1


def test_the_folder_of_the_locks_is_ones_own(machine, tmp_path):
    (tmp_path / "locks").symlink_to(tmp_path)
    with pytest.raises(InputError, match="locks: expected a folder of your own"), slot({}, 1, tmp_path / "locks"):
        pass
    with pytest.raises(InputError, match="File exists"), slot({}, 1, machine):
        pass
    with pytest.raises(InputError, match="gpu_share = 0: expected 1 or more"), slot({}, 0, tmp_path):
        pass


@pytest.mark.parametrize("found", [True, False])
def test_a_job_holds_its_slot_only_if_it_runs_there(machine, tmp_path, monkeypatch, found):
    """PyTorch is told that it has CUDA; with an old driver, it then finds no device all the same."""
    monkeypatch.setattr(torch.version, "cuda", "12.6")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: found)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Made Up")
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda on: None)
    monkeypatch.setattr(gpus, "slot", lambda environment, share: slot(environment, share, tmp_path / "locks"))
    with chosen("auto", 1) as device:
        assert device == ("cuda" if found else "cpu")
        assert os.environ.get("CUDA_VISIBLE_DEVICES") == (CARDS[0] if found else None)
        other: dict[str, str] = {}
        with slot(other, 1, tmp_path / "locks"):
            assert other["CUDA_VISIBLE_DEVICES"] == CARDS[1 if found else 0]
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    with chosen("cpu", 1) as device:
        assert device == "cpu"
        assert "CUDA_VISIBLE_DEVICES" not in os.environ
