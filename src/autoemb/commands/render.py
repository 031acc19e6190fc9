"""Run a notebook over the tables: it draws its figures, and is kept, executed, as the record of what it says."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from autoemb.analysis.plots.style import POINTER
from autoemb.artifact.dependencies import imports_of_notebook
from autoemb.artifact.files import whole
from autoemb.artifact.record import add_argument, recorded
from autoemb.errors import InputError

PROGRAMS = ("papermill", "ipykernel")
"""Packages that execute a notebook; the workflow's rule names them too."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The notebook, what it reads and draws, and where to keep it."""
    parser.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="with a cell of parameters: tables, figures")
    parser.add_argument("--reads", type=Path, nargs="+", required=True, metavar="FILE", help="tables, of one folder")
    parser.add_argument("--draws", type=Path, nargs="+", required=True, metavar="FILE", help="figures, in one folder")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the executed notebook")
    add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Tables -> figures and an executed notebook."""
    notebook, reads, draws = arguments.notebook, arguments.reads, arguments.draws
    modules = [name for name in imports_of_notebook(notebook) if name.startswith("autoemb")]
    folders = {"tables": str(reads[0].parent), "figures": str(draws[0].parent)}
    used, generated = [notebook, *reads], [arguments.out, *draws]
    # no settings: where the folders are makes no other figures
    with recorded(arguments.record, {}, [__name__, *modules, *PROGRAMS], used, generated) as identity:
        with whole(arguments.out) as temporary:
            _execute(notebook, temporary, folders, identity)
        missing = [str(figure) for figure in draws if not figure.is_file()]
        if missing:
            raise InputError(f"{notebook}: did not draw {', '.join(missing)}")


FOREIGN = (
    "PYTHONWARNINGS", "PYTHONOPTIMIZE", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONVERBOSE", "MATPLOTLIBRC", "MPLBACKEND",
    "JUPYTER_CONFIG_DIR", "JUPYTER_CONFIG_PATH", "JUPYTER_NO_CONFIG",
)  # fmt: skip
"""What a person may have set for other programs, and what would change ours."""

KERNEL = ["-P", "-m", "ipykernel_launcher", "-f", "{connection_file}", "--InteractiveShellApp.ignore_cwd=True"]
"""How the kernel is started: modules of the folder in which a person stands are none of ours."""


def _execute(notebook: Path, out: Path, parameters: dict[str, str], identity: str) -> None:
    """Run it in a kernel of its own, whose figures carry no time, and the job's identity if it has one.

    The kernel is this interpreter, whatever kernels, start-up files and settings of Jupyter a person has.
    """
    words = [word for name, value in parameters.items() for word in ("-p", name, value)]
    papermill = [sys.executable, "-P", "-m", "papermill", "--log-output", "--no-progress-bar", "-k", "python3"]
    with tempfile.TemporaryDirectory() as folder, out.open("wb") as file:
        spec = Path(folder) / "kernels" / "python3" / "kernel.json"
        spec.parent.mkdir(parents=True)
        argv = [sys.executable, *KERNEL]
        spec.write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
        ours = {"SOURCE_DATE_EPOCH": "0", POINTER: identity, "JUPYTER_PATH": folder, "IPYTHONDIR": f"{folder}/ipython"}
        environment = {name: value for name, value in os.environ.items() if name not in FOREIGN} | ours
        finished = subprocess.run([*papermill, *words, str(notebook), "-"], env=environment, stdout=file, check=False)
    if finished.returncode != 0:
        raise InputError(f"{notebook}: did not run to its end; the lines above say where and why")
