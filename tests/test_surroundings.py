"""Whatever a person has set for other programs, the same job makes the same bytes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TABLES = [ROOT / f"results/published/latest-small/tables/{name}.csv" for name in ("comparison", "frontier")]
RC = "text.usetex: True\naxes.prop_cycle: cycler('color', ['ff0000'])\nfont.size: 30\naxes.facecolor: yellow\n"
NO_KERNEL = '{"argv": ["/bin/false"], "display_name": "theirs", "language": "python"}'


def render(folder: Path, **environment: str) -> dict[str, bytes]:
    """The figures and the notebook that are made of a published table, in this folder."""
    draws = [folder / f"out/comparison-ml-latest-small.{end}" for end in ("svg", "pdf", "png")]
    words = ["render", ROOT / "notebooks/comparison.ipynb", "--reads", *TABLES, "--draws", *draws]
    # through the installed program: it is what the workflow calls
    program = Path(sys.executable).with_name("autoemb")
    command = [program, *words, "--out", folder / "out/comparison.ipynb"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MPL", "JUPYTER", "IPYTHON"))}
    told = subprocess.run(
        command, cwd=folder, env={**clean, **environment}, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr[-3000:]
    return {path.suffix: path.read_bytes() for path in draws}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return render(tmp_path_factory.mktemp("plain"))


def hostile(folder: Path, what: str) -> dict[str, str]:
    """Put something of a person's into the folder; the environment that leads to it."""
    if what == "matplotlibrc here":
        (folder / "matplotlibrc").write_text(RC)
    elif what == "matplotlibrc of theirs":
        (folder / "mpl").mkdir()
        (folder / "mpl/matplotlibrc").write_text(RC)
        return {"MPLCONFIGDIR": str(folder / "mpl")}
    elif what == "another kernel":
        kernel = folder / "jupyter/kernels/python3/kernel.json"
        kernel.parent.mkdir(parents=True)
        kernel.write_text(NO_KERNEL)
        return {"JUPYTER_PATH": str(folder / "jupyter")}
    elif what == "start-up files":
        startup = folder / "ipython/profile_default/startup"
        startup.mkdir(parents=True)
        (startup / "00.py").write_text("raise SystemExit(7)\n")
        return {"IPYTHONDIR": str(folder / "ipython")}
    elif what == "modules here":
        for name in ("pandas", "papermill", "matplotlib", "autoemb", "json"):
            (folder / f"{name}.py").write_text("raise ImportError('of the person')\n")
    elif what == "warnings":
        return {"PYTHONWARNINGS": "error"}
    elif what == "optimisation":
        return {"PYTHONOPTIMIZE": "2"}
    elif what == "locale":
        return {"LC_ALL": "C", "LANG": "C", "TZ": "Asia/Kolkata"}
    return {}


@pytest.mark.parametrize(
    "several",
    [
        ("matplotlibrc here", "modules here", "locale"),
        ("matplotlibrc of theirs", "another kernel", "start-up files", "warnings"),
        ("optimisation",),
    ],
    ids=" and ".join,
)
def test_it_makes_the_same_figures(several, tmp_path, plain):
    environment: dict[str, str] = {}
    for what in several:
        environment |= hostile(tmp_path, what)
    assert render(tmp_path, **environment) == plain


@pytest.mark.parametrize("verb", ["--help", "train --help", "tabulate --help"])
def test_help_is_there_without_docstrings(verb):
    command = [sys.executable, "-OO", "-m", "autoemb.cli", *verb.split()]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "usage: autoemb" in told.stdout
