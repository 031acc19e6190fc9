"""The ablation, run for real: two settings of the released code on a few hundred shipped ratings."""

import json
import re

import pandas as pd
import pytest

from tests.test_workflow import CONFIG, Project

ABLATION = {
    "settings": ["order", "mean"],
    "rare_items": "drop-rarest",
    "methods": ["fse", "autoemb"],
    "tasks": ["regression"],
}
TARGETS = ("results/config/tables/ablation.csv", "results/config/notebooks/ablation.html")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose ablation has run once, and nothing else."""
    made = Project(tmp_path_factory.mktemp("ablation"))
    made.configure({**CONFIG, "ablation": ABLATION})
    told = made.snakemake(*TARGETS)
    assert told.returncode == 0, told.stderr[-5000:]
    return made


def trained(told: str) -> set[str]:
    """Which runs a dry run would make."""
    return set(re.findall(r"output: results/config/(?:ablation|runs)/(\S+)/outcomes.parquet", told))


def test_it_trains_what_a_setting_touches_and_nothing_else(project):
    found = {str(path.parent.relative_to(project.root / "results/config/ablation/mine")) for path in
             (project.root / "results/config").rglob("outcomes.parquet")}  # fmt: skip
    assert found == {
        "released-code/regression/fse",
        "released-code/regression/autoemb",
        "order.temporal/regression/fse",
        "order.temporal/regression/autoemb",
        "mean.true/regression/autoemb",
    }
    trials = project.root / "results/config/ablation/mine"
    streams = {str(path.relative_to(trials)) for path in trials.rglob("*.parquet") if "stream" in str(path)}
    assert streams == {
        "released-code/streams/0.parquet",  # shuffled: each replicate has its own order
        "released-code/streams/1.parquet",
        "order.temporal/stream.parquet",
    }
    record = json.loads(
        (project.root / "results/config/ablation/mine/mean.true/regression/autoemb/run.json").read_text()
    )
    assert record["config"]["settings"]["mean"]
    assert record["config"]["settings"]["batch_norm"] == "shared"
    assert record["config"]["run"]["batch_size"] == 500  # the released code's, not the config's


def test_the_table_and_the_page_are_there(project):
    table = pd.read_csv(project.root / "results/config/tables/ablation.csv", dtype={"value": "str"})
    assert table[["setting", "value", "method"]].to_numpy().tolist() == [
        [setting, value, method]
        for setting, value in (("released-code", "base"), ("order", "temporal"), ("mean", "true"))
        for method in ("fse", "autoemb")
    ]
    assert set(table["seeds"]) == {2}
    assert (project.root / "results/config/tables/ablation.md").read_text().count("\n") == 2 + 3
    for end in ("pdf", "svg", "png"):
        assert (project.root / f"results/config/figures/ablation-mine.{end}").stat().st_size > 1000
    cells = json.loads((project.root / "results/config/notebooks/ablation.ipynb").read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output.get("name") == "stderr" or output["output_type"] == "error"]


def test_another_setting_trains_only_itself(project):
    project.configure({**CONFIG, "ablation": {**ABLATION, "settings": ["order", "mean", "fse-size"]}})
    try:
        told = project.snakemake("--dry-run", *TARGETS)
    finally:
        project.configure({**CONFIG, "ablation": ABLATION})
    sizes = {f"mine/fse-size.{size}/regression/fse" for size in (146, 128)}
    assert trained(told.stdout + told.stderr) == sizes
    assert "Nothing to be done" in project.snakemake("--dry-run", *TARGETS).stdout


def test_without_an_ablation_there_is_none(project):
    project.configure(CONFIG)
    try:
        told = project.snakemake("--dry-run")
    finally:
        project.configure({**CONFIG, "ablation": ABLATION})
    assert told.returncode == 0
    assert not re.search("rule (ablate|trial_stream|render_ablation):", told.stdout + told.stderr)
