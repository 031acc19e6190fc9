"""The workflow with the seeds of a run spread over jobs, and on machines with several (made-up) GPUs."""

import json
import os
import re

import pytest

from tests.test_workflow import CONFIG, Project

CARDS = "".join(f"GPU {n}: NVIDIA Made Up (UUID: GPU-{n}f3a77c1)\n" for n in range(4))
RUN = "results/config/runs/mine/shuffled/regression/fse"
SPREAD = {**CONFIG, "seeds": 3, "seeds_per_job": 2}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project in which one run was trained in two jobs."""
    made = Project(tmp_path_factory.mktemp("spread"))
    made.configure(SPREAD)
    told = made.snakemake(f"{RUN}/outcomes.parquet")
    assert told.returncode == 0, told.stderr[-5000:]
    return made


def dry(project: Project, *words: str) -> str:
    told = project.snakemake("--dry-run", *words)
    assert told.returncode == 0, told.stderr[-5000:]
    return told.stdout + told.stderr


def test_each_job_has_its_seeds_and_their_files_are_put_together(project):
    record = json.loads((project.root / RUN / "run.json").read_text())
    assert [part["seeds"] for part in record["parts"]] == ["0-1", "2-2"]
    assert record["config"]["run"]["seeds"] == 3
    assert {path.name for path in (project.root / RUN / "parts").iterdir()} == {"0-1", "2-2"}
    for folder, end in (("logs", "log"), ("benchmarks", "tsv")):
        made = (project.root / "results/config" / folder / "train").rglob(f"*.{end}")
        assert {path.name for path in made} == {f"0-1.{end}", f"2-2.{end}"}
    assert "Nothing to be done" in dry(project, f"{RUN}/outcomes.parquet")


def test_every_run_is_spread_and_the_ablation_is_not(project):
    ablation = {"settings": ["mean"], "methods": ["autoemb"], "tasks": ["regression"], "rare_items": "drop-rarest"}
    project.configure({**SPREAD, "ablation": ablation})
    try:
        told = dry(project, "--forceall")
    finally:
        project.configure(SPREAD)
    counted = dict(re.findall(r"^(\w+)\s+(\d+)$", told, flags=re.MULTILINE))
    assert (counted["train"], counted["join"], counted["ablate"]) == ("12", "6", "2")
    assert "results/config/ablation/mine/mean.true/regression/autoemb/outcomes.parquet" in told
    assert f"output: {RUN}/parts/2-2/outcomes.parquet" in told


def test_one_job_has_all_seeds_if_nothing_else_is_said(project):
    project.configure(CONFIG)
    try:
        told = dry(project, "--forceall")
    finally:
        project.configure(SPREAD)
    counted = dict(re.findall(r"^(\w+)\s+(\d+)$", told, flags=re.MULTILINE))
    assert counted["train"] == "6"
    assert "join" not in counted
    assert "parts/" not in told


@pytest.mark.parametrize(
    ("config", "visible", "words", "expected"),
    [
        ({"gpu_share": 2}, None, [], "8"),
        ({}, "0,2", [], "2"),
        ({}, None, ["--resources", "gpu=3"], "3"),
        ({"device": "cpu"}, None, [], None),
    ],
)
def test_as_many_jobs_run_as_there_are_places_on_gpus(project, monkeypatch, config, visible, words, expected):
    program = project.root / "bin" / "nvidia-smi"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\nprintf '{CARDS}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    project.configure({**SPREAD, **config})
    try:
        told = project.snakemake("--force", f"{RUN}/parts/2-2/run.json", *words)
    finally:
        project.configure(SPREAD)
    assert told.returncode == 0, told.stderr[-5000:]
    limit = re.search(r'gpu=Resource\("gpu", (\d+)\)', told.stderr)
    assert (limit and limit[1]) == expected
    assert ("gpu=1, " in told.stderr) == (expected is not None)
