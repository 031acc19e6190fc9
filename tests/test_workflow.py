"""The workflow, run for real: on a few hundred shipped ratings, in a copy of the project.

One full run, then what Snakemake would do after each kind of change.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import resources
from pathlib import Path

import pandas as pd
import pytest
import yaml

from autoemb.analysis.catalogue import TABLES

from .test_records_published import record

ROOT = Path(__file__).parents[1]
COPIED = ["Snakefile", "workflow", "notebooks", "src", "environment.yml"]
COLUMNS = {"user": "userId", "item": "movieId", "rating": "rating", "timestamp": "timestamp"}
OTHERS = {"ablation", "tuned", "candidates", "parity"}
"""Tables of what the config here does not ask for."""
MADE = set(TABLES) - OTHERS
SMALL = {"hidden": 8, "sizes": [2, 4]}
NOTEBOOKS = ("popularity", "comparison", "sizes", "stream", "claims")
CONFIG = {
    "seeds": 2,
    "datasets": {"mine": {"source": "csv", "archive": "ratings.csv", "columns": COLUMNS}},
    "streams": {"shuffled": {"order": "shuffled", "popularity": "restart"}, "temporal": {"order": "temporal"}},
    "tasks": ["regression"],
    "methods": {
        "fse": {"size": 4, "hidden": 8},
        "darts": SMALL,
        "autoemb": {**SMALL, "controller_hidden": 8},
    },
    "levels": {"sizes": [2, 4], "at": [2, 4]},
    "batch_size": 32,
    "windows": 4,
}


class Project:
    """A copy of the project with a config and ratings of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in COPIED:
            source, target = ROOT / name, root / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            else:
                shutil.copy(source, target)
        (root / "profiles").symlink_to("workflow/profiles")
        self.configure(CONFIG)
        shipped = resources.files("autoemb.data.datasets") / "shipped" / "ml-latest-small.zip"
        with resources.as_file(shipped) as path, zipfile.ZipFile(path) as archive:
            ratings = archive.read("ml-latest-small/ratings.csv").splitlines(keepends=True)
        (root / "ratings.csv").write_bytes(b"".join(ratings[:700]))

    def configure(self, config: dict) -> None:
        (self.root / "config.yaml").write_text(yaml.safe_dump(config))

    def snakemake(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake as a user would, with the copy's own package."""
        command, environment = self.command(*words)
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)

    def popen(self, *words: str) -> subprocess.Popen[bytes]:
        """Start it in a process group of its own; what it says goes to a file."""
        command, environment = self.command(*words)
        with (self.root / "snakemake.log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.root, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def command(self, *words: str) -> tuple[list[str], dict[str, str]]:
        command = [sys.executable, "-m", "snakemake", "--configfile", "config.yaml", "--cores", "2", *words]
        return command, {**os.environ, "PYTHONPATH": str(self.root / "src"), "OMP_NUM_THREADS": "1"}

    def would_run(self) -> set[str]:
        """Names of the rules that a run would execute now; none only where Snakemake says so itself."""
        told = self.snakemake("--dry-run")
        assert told.returncode == 0, told.stderr
        text = told.stdout + told.stderr
        names = set(re.findall(r"^(?:local)?rule (\w+):", text, flags=re.MULTILINE))
        assert bool(names) != ("Nothing to be done" in text), text
        return names - {"default", "all", "tables", "figures", "explorer"}

    def bytes_of(self, pattern: str) -> dict[str, bytes]:
        return {str(file.relative_to(self.root)): file.read_bytes() for file in self.root.glob(pattern)}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose workflow has run once."""
    made = Project(tmp_path_factory.mktemp("project"))
    told = made.snakemake("--report", "results/config/report.html", "--report-after-run")
    assert told.returncode == 0, told.stderr[-5000:]
    return made


ENDS = (".py", ".ipynb", ".yaml", ".css", ".csv")


@pytest.fixture
def restored(project):
    """The project, put back afterwards as it was."""
    keep = {path: path.read_bytes() for path in project.root.rglob("*.*") if path.suffix in ENDS}
    yield project
    for path, content in keep.items():
        if path.read_bytes() != content:
            path.write_bytes(content)


def test_claims_are_told_which_streams_restart(project):
    for table, restarting in (("claims", ["shuffled"]), ("claim-details", ["shuffled"]), ("comparison", [])):
        record = json.loads((project.root / f"results/config/provenance/tables/{table}.json").read_text())
        assert record["config"]["restarting"] == restarting


def promised() -> list[tuple[str, str]]:
    """Of the README's table of what comes out: pairs of a pattern of files and the notebook that draws them, or ''."""
    text = (ROOT / "README.md").read_text()
    _, _, table = text.partition("| paper | file in `results/<name>/` | rule | notebook |\n")
    rows = [row.strip("| ").split(" | ") for row in table.partition("\n\n")[0].splitlines()[1:]]
    return [
        (pattern.replace("<data>", "mine"), "".join(re.findall(r"`(.*)`", "".join(row[3:]))))
        for row in rows
        for written in re.findall(r"`([^`]+)`", row[1])
        for pattern in alternatives(written)
    ]


def alternatives(pattern: str) -> list[str]:
    """A pattern for every one of its words in braces, as a shell would read it."""
    before, opened, rest = pattern.partition("{")
    words, _, after = rest.partition("}")
    return [before + word + after for word in words.split(",")] if opened else [pattern]


def test_the_results_are_those_that_the_readme_says(project):
    results, files = project.root / "results/config", promised()
    assert len(files) > 20
    lacking = {pattern for pattern, _ in files if not list(results.glob(pattern))}
    assert lacking == {"figures/ablation-mine.*", "figures/tuned-mine.*", *(f"tables/{name}.*" for name in OTHERS)}
    made = [path.relative_to(results) for folder in ("figures", "tables") for path in (results / folder).iterdir()]
    assert [path for path in made if not any(path.match(pattern) for pattern, _ in files)] == []
    named = {notebook for _, notebook in files} - {"", "ablation", "tuning"}
    assert named == {path.stem for path in (results / "notebooks").glob("*.ipynb")} == set(NOTEBOOKS)


def test_every_result_has_something_in_it(project):
    results = project.root / "results/config"
    figures = list((results / "figures").iterdir())
    assert len(figures) == 8 * 3
    assert [path for path in figures if path.stat().st_size <= 1000] == []
    assert {path.stem for path in (results / "tables").glob("*.csv")} == MADE
    for table in MADE:
        frame = pd.read_csv(results / "tables" / f"{table}.csv")
        assert len(frame) > 0
        assert list(frame.columns) == list(TABLES[table].columns)
        assert (results / "tables" / f"{table}.md").read_text().startswith("|")
        assert r"\begin{tabular}" in (results / "tables" / f"{table}.tex").read_text()
    for notebook in NOTEBOOKS:
        cells = json.loads((results / "notebooks" / f"{notebook}.ipynb").read_text())["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        assert any("image/png" in output.get("data", {}) for output in outputs)
        assert not [output for output in outputs if output.get("name") == "stderr" or output["output_type"] == "error"]
        page = (results / "notebooks" / f"{notebook}.html").read_text()
        assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="?https?:', page)
    report = (results / "report.html").read_text()
    assert [name for name in MADE if TABLES[name].caption.split("'")[-1] not in report] == []
    assert all(name in report for name in ("comparison-mine", "Tables", "popularity.html"))
    assert not list(results.rglob("*.part*"))


def test_a_record_made_of_its_outcomes_has_the_same_tables(project, tmp_path):
    """To the digits that a csv file has but one: sums over windows and bins are added in another order."""
    folder = tmp_path / "config"
    folder.mkdir()
    shutil.copy(project.root / "config.yaml", folder)
    (folder / "about.md").write_text("# Mine\n\nwords\n")
    record.publish(folder, project.root / "results/config")
    tables = {path.stem: pd.read_csv(path) for path in (folder / "tables").iterdir()}
    assert set(tables) == MADE
    for name, table in tables.items():
        theirs = pd.read_csv(project.root / f"results/config/tables/{name}.csv")
        pd.testing.assert_frame_equal(table, theirs, rtol=1e-7)
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    record.publish(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first
    record.publish(folder, project.root / "results/config")  # the same runs take their own places
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first


def test_the_report_opens_without_a_network(project, browser, tmp_path):
    """It begins with what was found. Every figure is seen, and every table sorts on its page: Snakemake offers a csv
    file for download only.
    """
    browser.open(project.root / "results/config" / "report.html")
    browser.wait("document.body.textContent.includes('Found on mine')")
    browser.wait("!!document.querySelector('.document svg path')")
    begins = browser.js("document.body.textContent")
    verdicts = pd.read_csv(project.root / "results/config/tables/verdicts.csv")
    assert all(sentence in begins for sentence in verdicts["sentence"])
    browser.screenshot(tmp_path / "report.png")
    for folder, count in (("Figures", 8), ("Tables", len(MADE))):
        browser.open(project.root / "results/config" / "report.html")
        find = "[...document.querySelectorAll('a')].find(e => e.textContent.trim() === name)"
        browser.wait(f"!!{find}", name=folder)
        browser.js(f"{find}.click()", name=folder)
        files = [path for path in browser.js("Object.keys(results)") if f"/{folder.lower()}/" in path]
        shown = [path for path in files if Path(path).suffix in (".svg", ".html")]
        assert len(shown) == count
        for path in shown:
            row = "[...document.querySelectorAll('tr')].find(e => e.textContent === name)"
            name = Path(path).stem.replace("-mine", "mine") + ("sortable page" if folder == "Tables" else "")
            browser.wait(f"!!{row}", name=name)
            browser.js(f"{row}.querySelector('a').click()", name=name)
            view = "[...document.querySelectorAll('img, iframe')].find(e => e.src === results[path].data_uri)"
            browser.wait(f"{view}?.getBoundingClientRect().width > 300", path=path)
            if folder == "Figures":
                browser.wait(f"{view}.complete && {view}.naturalWidth > 300", path=path)
            else:
                sorts(browser, Path(path).stem)
            browser.screenshot(tmp_path / f"{Path(path).stem}.png")
        assert [text for text in browser.problems if not text.startswith("warning: ")] == browser.requests == []


def sorts(browser, table: str) -> None:
    """The page of a table, in a frame of the report: a click on the first column that differs sorts its rows."""
    browser.wait(
        "document.title === table && document.querySelectorAll('tbody tr').length > 0", inner=True, table=table
    )
    cells = browser.js(
        "[...document.querySelectorAll('tbody tr')].map(r => [...r.cells].map(c => c.textContent))", inner=True
    )
    column = next((at for at, cell in enumerate(zip(*cells, strict=True)) if len(set(cell)) > 1), 0)
    for last in (False, True):
        browser.js(f"document.querySelectorAll('th button')[{column}].click()", inner=True)
        read = f"[...document.querySelectorAll('tbody tr')].map(r => r.cells[{column}].textContent)"
        assert browser.js(read, inner=True) == sorted((row[column] for row in cells), reverse=last)


def test_the_comparison_has_every_run(project):
    table = pd.read_csv(project.root / "results/config" / "tables" / "comparison.csv")
    assert set(table["method"]) == {"fse", "darts", "autoemb"}
    assert set(table["stream"]) == {"shuffled", "temporal"}
    assert set(table["seeds"]) == {2}
    outcomes = pd.read_parquet(project.root / "results/config/runs/mine/shuffled/regression/fse/outcomes.parquet")
    test = (
        outcomes[(outcomes["split"] == "test") & (outcomes["side"] == "user")].groupby("seed")[["n", "loss_sum"]].sum()
    )
    row = table.query("stream == 'shuffled' and method == 'fse' and metric == 'mse'").iloc[0]
    assert row["mean"] == pytest.approx((test["loss_sum"] / test["n"]).mean(), rel=1e-6)


def test_the_claims_are_those_of_the_methods_at_hand(project):
    table = pd.read_csv(project.root / "results/config" / "tables" / "claims.csv")
    assert set(table["claim"]) == {"A1", "A2", "A5", "A6", "S2", "S3"}
    assert set(table["verdict"]) == {
        "undecided",
        "not testable here",
        "descriptive",
    }  # two seeds, in which DARTS is still
    assert set(table.loc[table["verdict"] == "not testable here", "claim"]) == {"A5"}
    said = pd.read_csv(project.root / "results/config" / "tables" / "verdicts.csv")
    assert set(said["claim"]) == set(table["claim"])
    assert table.groupby("claim").size().to_dict() == {"A1": 2, "A2": 2, "A5": 4, "A6": 2, "S2": 4, "S3": 2}


def test_a_second_run_has_nothing_to_do(project):
    assert project.would_run() == set()


def test_a_touched_file_changes_nothing(restored):
    (restored.root / "notebooks" / "sizes.ipynb").touch()
    (restored.root / "src" / "autoemb" / "learning" / "prequential.py").touch()
    (restored.root / "ratings.csv").touch()
    assert restored.would_run() == set()


def test_other_ratings_are_noticed_whatever_their_time(restored):
    """``mv``, ``cp -p`` and unzip leave a file older than what was made of the one before."""
    ratings = restored.root / "ratings.csv"
    before = ratings.stat()
    lines = ratings.read_bytes().splitlines(keepends=True)
    ratings.write_bytes(b"".join([*lines[:-1], lines[-1].replace(b",4.0,", b",1.0,").replace(b",3.0,", b",1.0,")]))
    os.utime(ratings, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert ratings.stat().st_size == before.st_size
    assert "fetch" in restored.would_run()


def test_a_changed_notebook_reruns_only_itself(restored):
    notebook = restored.root / "notebooks" / "sizes.ipynb"
    content = json.loads(notebook.read_text())
    content["cells"][0]["source"] = ["# Another question?"]
    notebook.write_text(json.dumps(content, indent=1))
    assert restored.would_run() == {"render_sizes", "page"}


@pytest.mark.parametrize(
    ("module", "rules"),
    [
        ("analysis/plots/style.py", {*(f"render_{name}" for name in NOTEBOOKS), "page", "answer", "explore", "sheets"}),
        ("analysis/explorer/assets/page.css", {"answer", "explore", "sheets"}),
        ("analysis/tables/levels.py", None),
        ("analysis/published/table2.csv", None),
        ("data/datasets/ml_1m.py", set()),
        ("data/datasets/csv.py", None),
        ("learning/methods/sam.py", set()),
    ],
)
def test_a_changed_module_reruns_what_imports_it(restored, module, rules):
    file = restored.root / "src" / "autoemb" / module
    file.write_text(file.read_text() + "\n# a change\n")
    found = restored.would_run()
    if rules is not None:
        assert found == rules
    elif module.startswith("analysis"):
        assert "tabulate" in found
        assert not {"train", "stream", "fetch"} & found
    else:
        assert {"fetch", "interactions"} <= found


def test_a_changed_setting_reruns_only_its_method(restored):
    changed = json.loads(json.dumps(CONFIG))
    changed["methods"]["darts"]["learning_rate"] = 0.002
    restored.configure(changed)
    told = restored.snakemake("--dry-run")
    trained = re.findall(r"output: (results/config/runs/\S+)/outcomes.parquet", told.stdout + told.stderr)
    assert set(trained) == {f"results/config/runs/mine/{order}/regression/darts" for order in ("shuffled", "temporal")}
    assert "render_popularity" in restored.would_run()  # its running-popularity table reads every run
    assert "split" not in restored.would_run()


@pytest.mark.parametrize(
    ("package", "runs", "does_not"),
    [
        ("scipy", {"tabulate"}, {"train", "stream", "split"}),
        ("papermill", {f"render_{name}" for name in NOTEBOOKS}, {"tabulate"}),
        ("ipykernel", {f"render_{name}" for name in NOTEBOOKS}, {"tabulate"}),
        ("nbconvert", {"page"}, {f"render_{name}" for name in NOTEBOOKS}),
    ],
)
def test_a_changed_package_version_reruns_what_imports_or_runs_it(restored, package, runs, does_not):
    # an installed distribution of another version, found before the real one
    folder = restored.root / "src" / f"{package}-0.0.1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.0.1\n")
    (folder / "top_level.txt").write_text(f"{package}\n")
    try:
        found = restored.would_run()
    finally:
        shutil.rmtree(folder)
    assert runs <= found
    assert not does_not & found


def test_a_notebooks_record_names_what_executed_it(project):
    record = json.loads((project.root / "results/config/provenance/notebooks/sizes.json").read_text())
    assert {"papermill", "ipykernel", "matplotlib"} <= record["packages"].keys()


def test_removed_results_are_made_again_with_the_same_bytes(project):
    removed = ("results/config/runs/mine/*/regression/autoemb/*.parquet", "results/config/tables/comparison.*")
    before = project.bytes_of("results/config/**/*.parquet") | project.bytes_of("results/config/tables/*")
    for pattern in removed:
        for file in project.bytes_of(pattern):
            (project.root / file).unlink()
    told = project.snakemake()
    assert told.returncode == 0, told.stderr[-3000:]
    assert project.bytes_of("results/config/**/*.parquet") | project.bytes_of("results/config/tables/*") == before


def test_a_failing_job_names_its_log_and_the_row(tmp_path):
    broken = Project(tmp_path)
    lines = (tmp_path / "ratings.csv").read_bytes().splitlines(keepends=True)
    lines[5] = b"1,47,x,964983815\r\n"
    (tmp_path / "ratings.csv").write_bytes(b"".join(lines))
    told = broken.snakemake("results/config/interactions/mine.parquet")
    assert told.returncode != 0
    assert "results/config/logs/interactions/mine.log" in told.stderr
    assert "Error in rule interactions" in told.stderr  # also where a pipe stands behind the command that failed
    assert "MissingOutputException" not in told.stderr
    error = (tmp_path / "results/config/logs/interactions/mine.log").read_text()
    assert "line 6" in error
    assert "'x'" in error
    assert not (tmp_path / "results/config/interactions/mine.parquet").exists()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("seeds", -1, "config.yaml: seeds = -1: Input should be greater than or equal to 1"),
        ("methods", {"autoembb": {}}, "config.yaml: methods.autoembb: method = 'autoembb': unknown; expected one of"),
    ],
)
def test_a_bad_config_stops_before_any_job(tmp_path, key, value, message):
    wrong = Project(tmp_path)
    wrong.configure({**CONFIG, key: value})
    told = wrong.snakemake()
    assert told.returncode != 0
    assert message in told.stderr
    assert "Traceback" not in told.stderr
    assert not (tmp_path / "results").exists()


def test_it_runs_from_another_folder(project, tmp_path):
    for file in ("ratings.csv", "config.yaml"):
        shutil.copy(project.root / file, tmp_path)
    told = project.snakemake("--directory", str(tmp_path), "results/config/streams/mine/temporal.parquet")
    assert told.returncode == 0, told.stderr[-3000:]
    ours = (project.root / "results/config/streams/mine/temporal.parquet").read_bytes()
    assert (tmp_path / "results/config/streams/mine/temporal.parquet").read_bytes() == ours


def test_default_target_at_the_root_is_the_whole_workflow(project):
    told = project.snakemake("--dry-run", "--forceall", "--quiet", "rules")
    assert told.returncode == 0
    counted = dict(re.findall(r"^(\w+)\s+(\d+)$", told.stdout + told.stderr, flags=re.MULTILINE))
    assert counted["train"] == "6"
    assert counted["page"] == str(len(NOTEBOOKS))
