"""The profiles are options that Snakemake takes, and the image is made from the project's own files and pins."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROFILES = ROOT / "workflow" / "profiles"
PLUGINS = {"slurm": "snakemake_executor_plugin_slurm", "kubernetes": "snakemake_executor_plugin_kubernetes"}
CONFIG = """
seeds: 1
datasets: {made: {source: synthetic, rows: 100, users: 9, items: 9}}
streams: {shuffled: {order: shuffled}, temporal: {order: temporal}}
tasks: [regression]
methods: {fse: {}}
ablation: {settings: [order], methods: [fse], tasks: [regression], seeds: 1, rare_items: drop-rarest}
levels: {sizes: [2], at: [2]}
device: cuda
"""
STREAMS = {"stream", "stream_of_replicate", "trial_stream", "trial_stream_of_replicate"}
SUBMITTED = {*STREAMS, "interactions", "train", "ablate", "split", "levels", "tabulate", "page"}
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()


def profile(name: str) -> dict:
    return yaml.safe_load((PROFILES / name / "profile.yaml").read_text())


@pytest.fixture(params=PLUGINS)
def name(request):
    """A profile for a cluster, if its executor is installed."""
    if importlib.util.find_spec(PLUGINS[request.param]) is None:
        pytest.skip(f"{PLUGINS[request.param]} is not installed: its options are not known")
    return request.param


def snakemake(*words: object) -> str:
    command = [sys.executable, "-m", "snakemake", *map(str, words)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-3000:]
    return told.stdout + told.stderr


@pytest.fixture
def asked(tmp_path):
    """What a grid's jobs ask for, by rule, as a dry-run with these options tells."""
    (tmp_path / "config.yaml").write_text(CONFIG)

    def dry_run(*words: object) -> dict[str, dict[str, str]]:
        told = snakemake("--dry-run", "--directory", tmp_path, "--configfile", tmp_path / "config.yaml", *words)
        jobs = re.findall(r"^(?:local)?rule (\w+):$.*?^    resources: (.*?)$", told, flags=re.MULTILINE | re.DOTALL)
        found = {rule: dict(pair.split("=", 1) for pair in resources.split(", ")) for rule, resources in jobs}
        assert found.keys() >= SUBMITTED
        return {rule: found[rule] for rule in SUBMITTED}

    return dry_run


def test_every_key_is_an_option(name):
    options = set(re.findall(r"--([a-z][a-z-]+)", snakemake("--help")))
    assert set(profile(name)) - options == set()


@pytest.mark.parametrize("name", PLUGINS)
def test_what_holds_on_one_machine_holds_on_a_cluster(name):
    default = profile("default")
    assert {key: profile(name).get(key) for key in default} == default
    assert profile(name)["retries"] == 2
    assert "retries" not in profile("default")  # a bad input would be tried three times


def test_jobs_are_retried_with_twice_the_memory_and_time(asked):
    first, second = asked("--cores", 1), asked("--cores", 1, "--attempt", 2)
    for rule, resources in first.items():
        for resource in ("mem_mb", "runtime"):
            assert int(second[rule][resource]) == 2 * int(resources[resource]), rule


def test_the_slurm_profile_says_partition_and_more_by_rule(asked):
    pytest.importorskip(PLUGINS["slurm"], reason="the executor is not installed")
    of_rule = ("train:slurm_partition=gpu", "train:mem_mb=32000 * 2 ** (attempt - 1)")
    words = ["--workflow-profile", PROFILES / "slurm", "--set-resources", *of_rule]
    found = asked(*words, "--default-resources", "slurm_partition=main")
    assert {rule: resources["slurm_partition"] for rule, resources in found.items()} == {
        rule: "gpu" if rule == "train" else "main" for rule in found
    }
    assert found["train"]["mem_mb"] == "32000"
    assert found["ablate"]["mem_mb"] == "8000"
    assert {rule for rule, resources in found.items() if resources.get("gpu") == "1"} == {
        "train",
        "ablate",
        "levels",
    }


def test_the_kubernetes_profile_reads_from_the_volume(asked, tmp_path):
    pytest.importorskip(PLUGINS["kubernetes"], reason="the executor is not installed")
    pytest.importorskip("snakemake_storage_plugin_fs", reason="the storage is not installed")
    found = asked("--workflow-profile", PROFILES / "kubernetes", "--default-storage-prefix", tmp_path)
    assert found["train"]["gpu"] == "1"
    assert all(resources["gpu_manufacturer"] == "nvidia" for resources in found.values())
    assert all(resources["scale"] == "0" for resources in found.values())


def test_the_image_is_made_from_files_that_are_there_and_sent():
    copied = [file for line in DOCKERFILE if line.startswith("COPY ") for file in line.split()[1:-1]]
    assert {"pyproject.toml", "constraints.txt", "src"} <= set(copied)
    assert [file for file in copied if not (ROOT / file).exists()] == []
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    assert sorted(line[1:] for line in sent if line.startswith("!")) == sorted(copied)


def test_the_image_has_the_pins_and_the_plugins():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    installs = [part for line in DOCKERFILE for part in line.split("&&") if re.search(r"\bpip (install|wheel)\b", part)]
    assert len(installs) == 2
    assert all("--constraint constraints.txt" in part for part in installs)
    assert "'.[slurm,kubernetes]'" in installs[0]
    assert {"slurm", "kubernetes"} <= project["optional-dependencies"].keys()
    assert installs[1].split()[-1] == f"snakemake-storage-plugin-{profile('kubernetes')['default-storage-provider']}"
    (base,) = (line for line in DOCKERFILE if line.startswith("FROM "))
    assert base.startswith("FROM python:3.11-")
    assert project["requires-python"].startswith(">=3.11,")


def test_the_image_runs_the_sources_that_pods_are_given_as_a_plain_user():
    assert "ENV PYTHONPATH=/workdir/src" in DOCKERFILE
    (user,) = (line.split()[1] for line in DOCKERFILE if line.startswith("USER "))
    assert int(user) >= 1000
    volumes = dict(volume.split(":") for volume in profile("kubernetes")["kubernetes-persistent-volumes"])
    assert profile("kubernetes")["default-storage-prefix"].startswith(volumes["autoemb"])
    assert volumes["autoemb-checkpoints"] == "/workdir/results/checkpoints"  # as workflow/rules/train.smk has it
