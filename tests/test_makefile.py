"""What a newcomer types first: the Makefile finds a Python that fits, or says in one line what it wants."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.11", "3.12", "3.13")

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def machine(tmp_path):
    """A checkout's first files, on a machine that has nothing but make and a shell."""
    (tmp_path / "bin").mkdir()
    for program in ("make", "sh", "rm", "awk", "touch", "mkdir", "ls"):
        (tmp_path / "bin" / program).symlink_to(str(shutil.which(program)))
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def python(machine, name, version, makes_environments=True):
    """A Python of some version, whose ``-m venv`` notes who made the environment, and whose pip does nothing."""
    makes = f'mkdir -p .venv/bin; echo "{name}" > .venv/by; echo > .venv/bin/pip; chmod +x .venv/bin/pip'
    script = f'if [ "$1" = -c ]; then echo {version}; else {makes if makes_environments else "exit 1"}; fi'
    (machine / "bin" / name).write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
    (machine / "bin" / name).chmod(0o755)


def make(machine, *words):
    environment = {"PATH": str(machine / "bin")}
    return subprocess.run(["make", *words], cwd=machine, env=environment, capture_output=True, text=True, check=False)


def refusal(ran):
    """The one line that make's recipe printed."""
    assert ran.returncode != 0
    (line,) = (line for line in ran.stderr.splitlines() if "***" not in line)
    return line


@needs_make
@pytest.mark.parametrize("words", [["install"], ["smoke"], ["test"], ["check"]])
def test_without_a_python_that_fits_it_says_what_it_wants(machine, words):
    expected = "expected one of 3.11 3.12 3.13: make PYTHON=/path/to/python"
    assert refusal(make(machine, *words)) == f"make: no Python that fits, none at all; {expected}"
    python(machine, "python3", "3.10")
    assert refusal(make(machine, *words)) == f"make: no Python that fits, python3 is 3.10; {expected}"
    python(machine, "python3.14", "3.14")
    assert "python3.14 is 3.14" in refusal(make(machine, *words, "PYTHON=python3.14"))
    assert not (machine / ".venv").exists()


@needs_make
def test_a_python_without_venv_is_named(machine):
    python(machine, "python3", "3.12", makes_environments=False)
    assert refusal(make(machine, "install")).startswith(
        "make: python3 cannot make an environment; expected its module venv"
    )
    assert not (machine / ".venv").exists()


@needs_make
def test_an_environment_that_was_there_is_not_lost(machine):
    python(machine, "python3", "3.12", makes_environments=False)
    (machine / ".venv").mkdir()
    (machine / ".venv/mine").write_text("x")
    assert refusal(make(machine, "install")).startswith("make: python3 cannot make an environment")
    assert (machine / ".venv/mine").read_text() == "x"


@needs_make
@pytest.mark.parametrize("version", VERSIONS)
def test_it_takes_the_first_that_fits(machine, version):
    python(machine, "python3", "3.9")
    python(machine, f"python{version}", version)
    assert make(machine, "install").returncode == 0
    assert (machine / ".venv/by").read_text() == f"python{version}\n"


@needs_make
def test_help_and_clean_need_no_python(machine):
    (machine / "results").mkdir()
    assert "make smoke" in make(machine, "help").stdout
    assert "find" in make(machine, "--dry-run", "clean").stdout


def test_every_page_names_the_same_versions():
    low, high = re.fullmatch(
        r">=3\.(\d+),<3\.(\d+)", tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    ).groups()
    assert tuple(f"3.{minor}" for minor in range(int(low), int(high))) == VERSIONS
    assert f"VERSIONS := {' '.join(VERSIONS)}\n" in (ROOT / "Makefile").read_text()
    assert f"Python {', '.join(VERSIONS[:-1])} or {VERSIONS[-1]}" in (ROOT / "README.md").read_text()
    image = re.search(r"^FROM python:(\d\.\d+)-", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert image[1] in VERSIONS
    script = (ROOT / "src/autoemb/artifact/bundle/rerun.sh").read_text()
    assert " ".join(f"python{version}" for version in VERSIONS) in script
