"""The house's rules, held by reading the source: imports run one way, pins agree, notebooks are clean."""

import ast
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from autoemb.artifact.dependencies import dependencies, imported_names
from autoemb.artifact.record import commit
from autoemb.commands.render import PROGRAMS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "autoemb"

# each layer may import itself and what stands before it
WINGS = [
    {"errors", "schema", "config", "names"},
    {"artifact"},
    {"data"},
    {"learning"},
    {"experiment"},
    {"analysis"},
    {"commands"},
    {"cli"},
]
INSIDE = {
    "learning": [
        {"progress", "checkpoint", "recorder", "recording"},
        {"nn"},
        {"optim"},
        {"batch"},
        {"clock", "schedule"},
        {"plan"},
        {"methods"},
        {"machine"},
        {"prequential"},
        {"seeds"},
        {"levels"},
    ],
    "data": [
        {"columns", "ratings", "patience"},
        {"download"},
        {"readers"},
        {"datasets"},
        {"interactions", "stream", "stored", "fetch"},
        {"validation"},
        {"inspection"},
    ],
    "analysis": [
        {"published"},
        {"tables"},
        {"claims"},
        {"inputs"},
        {"replicates"},
        {"outcomes"},
        {"catalogue"},
        {"reading"},
        {"sentences"},
        {"plots"},
        {"explorer"},
        {"advice"},
    ],
}
"""The order inside of a wing."""

WITHOUT_TORCH = [
    "data",
    "analysis",
    "commands.tabulate",
    "commands.stream",
    "commands.inspect",
    "commands.join",
    "commands.explore",
    "commands.sheets",
]


def layer(layers, parts, depth, file):
    """The number of the layer that a module's part at this depth of its name belongs to."""
    ranks = [n for n, names in enumerate(layers) if parts[depth] in names]
    assert ranks, f"{file} names {'.'.join(parts)}, which is in no layer"
    return ranks[0]


@pytest.mark.parametrize("file", sorted(SOURCE.rglob("*.py")), ids=lambda file: str(file.relative_to(SOURCE)))
def test_imports_run_one_way(file):
    own = ["autoemb", *file.relative_to(SOURCE).with_suffix("").parts]
    imported = [name.split(".") for name in imported_names(file.read_text()) if name.startswith("autoemb.")]
    if own[1] == "__init__":
        assert not imported
        return
    for parts in imported:
        assert layer(WINGS, parts, 1, file) <= layer(WINGS, own, 1, file), f"{file} imports {'.'.join(parts)}"
        inside = INSIDE.get(own[1], [])
        if inside and parts[1] == own[1] and len(parts) > 2:
            assert layer(inside, parts, 2, file) <= layer(inside, own, 2, file), f"{file} imports {'.'.join(parts)}"


@pytest.mark.parametrize("wing", sorted(set().union(*WINGS[1:-1])))
def test_a_wings_own_init_runs_nothing(wing):
    """Else whatever imports one module of the wing would depend on all that it imports."""
    tree = ast.parse((SOURCE / wing / "__init__.py").read_text())
    assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in tree.body)


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_data_and_figures_need_no_torch(module):
    place = SOURCE.joinpath(*module.split("."))
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    modules = [".".join(["autoemb", *file.relative_to(SOURCE).with_suffix("").parts]) for file in files]
    assert "torch" not in dependencies(modules).packages


def test_the_workflow_imports_the_catalogue_fast():
    slow = ("torch", "scipy.stats", "statsmodels", "matplotlib")
    code = f"import sys, autoemb.analysis.catalogue; print([name for name in {slow} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_dependencies_follow_imports_and_name_versions():
    found = dependencies(["autoemb.commands.train", "autoemb.learning.methods.autoemb"])
    names = {Path(file).relative_to(SOURCE).as_posix() for file in found.files}
    assert {
        "commands/train.py",
        "learning/methods/autoemb.py",
        "learning/methods/_selection.py",
        "learning/nn/controller.py",
    } <= names
    assert not {"learning/methods/darts.py", "analysis/plots/__init__.py", "cli.py"} & names
    assert {"torch", "numpy", "pandas"} <= set(found.packages)


def test_packages_that_are_run_as_programs_are_dependencies_if_they_are_named():
    found = dependencies(["papermill"])
    assert (found.files, list(found.packages)) == ((), ["papermill"])
    render = dependencies(["autoemb.commands.render"]).packages
    assert dependencies(["autoemb.commands.render", *PROGRAMS]).packages.keys() == {*render, *PROGRAMS}


@pytest.mark.parametrize(
    ("module", "folder"),
    [
        ("tabulate", "analysis/published"),
        ("explore", "analysis/explorer"),
        ("sheets", "analysis/explorer"),
        ("settings", "experiment/protocols"),
    ],
)
def test_dependencies_have_the_data_files_of_the_packages_that_they_visit(module, folder):
    """But for the archive that the package ships: it is an input like any other."""
    files = {Path(file) for file in dependencies([f"autoemb.commands.{module}"]).files}
    data = {file for file in files if file.suffix != ".py"}
    here = {file for file in (SOURCE / folder).rglob("*.*") if file.suffix not in (".py", ".pyc")}
    assert here
    assert here <= data
    assert {file.relative_to(SOURCE).parts[1] for file in data} <= {"published", "explorer", "protocols"}
    fetch = dependencies(["autoemb.commands.fetch", "autoemb.data.datasets.ml_latest_small"]).files
    assert not [file for file in fetch if "shipped" in file]


def test_the_commit_is_this_checkouts_own_or_none(tmp_path):
    inside = tmp_path / "lib" / "autoemb"  # installed into the folder of another project
    shutil.copytree(SOURCE, inside, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    code = "from autoemb.artifact import record; print(record.__file__, record.commit())"
    environment = {**os.environ, "PYTHONPATH": str(inside.parent)}
    told = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert told.stdout == f"{inside / 'artifact' / 'record.py'} None\n"
    if (ROOT / ".git").exists():
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
        assert (commit() or "").removesuffix("-dirty") == head.stdout.strip()


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins() -> dict[str, str]:
    return dict(pin.split("==") for pin in project()["dependencies"])


def test_conda_environment_has_the_same_pins():
    rattler = pytest.importorskip("rattler", reason="py-rattler is not installed: conda specs cannot be parsed")
    conda_names = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
    lines = (ROOT / "environment.yml").read_text().partition("dependencies:")[2].split()
    specs = [rattler.MatchSpec(line, strict=True) for line in lines if line != "-"]
    found = {spec.name.normalized: str(spec.version) for spec in specs if spec.version is not None}
    expected = {conda_names.get(name, name): f"{version}.*" for name, version in pins().items()}
    assert found == {**expected, "python": project()["requires-python"]}


def test_constraints_have_the_same_pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    constraints = {name.lower().replace("_", "-"): version for name, version in (line.split("==") for line in lines)}
    assert {name: constraints[name] for name in pins()} == pins()
    extras = project()["optional-dependencies"]
    optional = dict(pin.split("==") for extra in extras.values() for pin in extra)
    assert {name: constraints[name] for name in optional} == optional


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs(notebook):
    cells = json.loads(notebook.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in code) == 1
