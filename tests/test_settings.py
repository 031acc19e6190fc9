"""``autoemb settings``: every value, who set it, and what it is."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from autoemb.cli import main
from autoemb.config import AblationConfig, AdamConfig, LevelsConfig, StreamConfig
from autoemb.data import datasets
from autoemb.experiment import explain, grid, reference
from autoemb.learning import methods

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "config" / "README.md").read_text()
CONFIG = """
seeds: 2
protocol: released-code
datasets: {ml-1m: {}}
methods:
  fse: {}
  autoemb: {policy: 2, released_code_quirks: {item_context_loss: true}}
ablation: {settings: [order]}
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A config in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "mine.yaml").write_text(CONFIG)
    return "mine.yaml"


def shown(capsys, *words: str) -> str:
    assert main(["settings", *words]) == 0
    return capsys.readouterr().out


def table(capsys, *words: str) -> dict:
    return json.loads(shown(capsys, "--json", *words))


def test_values_and_who_set_them(config, capsys):
    tables = table(capsys, "--config", config)
    sections = ["data set ml-1m (ml-1m)", "stream shuffled", "method fse (fse)", "method autoemb (autoemb)"]
    assert list(tables) == ["config", *sections, "ablation"]
    flat = {
        (title.split()[0], *title.split()[-1:], key): (row["value"], row["set_by"])
        for title, rows in tables.items()
        for key, row in rows.items()
    }
    assert flat["config", "config", "seeds"] == (2, "mine.yaml")
    assert flat["config", "config", "batch_size"] == (500, "protocol released-code")
    assert flat["config", "config", "windows"] == (40, "default")
    assert flat["stream", "shuffled", "order"] == ("shuffled", "protocol released-code")
    assert flat["stream", "shuffled", "popularity"] == ("restart", "protocol released-code")
    assert flat["stream", "shuffled", "test"] == (0.25, "default")
    assert flat["method", "(fse)", "size"] == (222, "protocol released-code")
    assert flat["method", "(autoemb)", "policy"] == (2, "mine.yaml")
    quirks = "released_code_quirks"
    assert flat["method", "(autoemb)", f"{quirks}.item_context_loss"] == (True, "mine.yaml")
    assert flat["method", "(autoemb)", f"{quirks}.classification_start"] == (True, "protocol released-code")
    assert flat["ablation", "ablation", "settings"] == (["order"], "mine.yaml")
    assert flat["ablation", "ablation", "methods"] == (None, "default")


def test_another_protocol(config, capsys):
    tables = table(capsys, "--config", config, "--protocol", "paper")
    assert tables["config"]["protocol"] == {**tables["config"]["protocol"], "value": "paper", "set_by": "--protocol"}
    assert tables["method autoemb (autoemb)"]["validation"]["value"] == "last_random"
    assert tables["method autoemb (autoemb)"]["policy"]["set_by"] == "mine.yaml"


def test_it_reads_well(config, capsys):
    lines = shown(capsys, "--config", config).splitlines()
    start = lines.index("method fse (fse)")
    assert lines[start + 1] == "----------------"
    assert lines[start + 2] == "learning_rate             0.001   protocol released-code"
    assert lines[start + 3] == f"      {AdamConfig.model_fields['learning_rate'].description}"
    assert max(map(len, lines)) <= 100
    assert not [line for line in lines if line != line.rstrip()]
    assert sum("Width of the head's hidden layer" in line for line in lines) == 1  # explained once


def test_everything_is_explained(capsys):
    own = {"archive": "ratings.csv", "columns": {"user": "user", "item": "item", "rating": "rating"}}
    made = {"rows": 9, "users": 3, "items": 3}
    every = {
        "seeds": 1,
        "datasets": {name: {} for name in datasets.names()} | {"csv": own, "synthetic": made},
        "streams": {"temporal": {"order": "temporal"}},
        "methods": {name: {} for name in methods.names()},
        "levels": {},
        "ablation": {},
    }
    tables = explain.sections(every, "config")
    assert [(title, row.key) for title, rows in tables for row in rows if not row.explanation] == []


@pytest.mark.parametrize("file", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_configs_are_shown(file, capsys):
    assert table(capsys, "--config", str(file))["config"]["seeds"]["value"] == yaml.safe_load(file.read_text())["seeds"]


@pytest.mark.parametrize(
    ("words", "content", "message"),
    [
        (["--config", "no.yaml"], CONFIG, "no.yaml: no such file; expected a config as YAML"),
        (["--config", "mine.yaml"], "a: [", "mine.yaml: line 1: not a readable YAML file (expected the node content"),
        (["--config", "mine.yaml"], "\x00", "mine.yaml: not a readable YAML file ("),
        (["--config", "mine.yaml"], "- a", "mine.yaml: holds list; expected a YAML mapping of keys to values"),
        (["--config", "mine.yaml"], "", "mine.yaml: holds NoneType; expected a YAML mapping of keys to values"),
        (
            ["--config", "mine.yaml", "--protocol", "papers"],
            CONFIG,
            "--protocol papers: unknown; expected one of esapn-paper, paper, released-code",
        ),
        (
            ["--config", "mine.yaml"],
            CONFIG.replace("released-code", "esapn"),
            "mine.yaml: protocol = 'esapn': unknown; expected one of esapn-paper, paper, released-code",
        ),
        (["--config", "mine.yaml"], CONFIG.replace("seeds: 2", ""), "mine.yaml: key 'seeds' is missing"),
    ],
)
def test_a_bad_file_is_one_clear_line(config, capsys, words, content, message):
    Path("mine.yaml").write_text(content)
    assert main(["settings", *words]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"autoemb settings: error: {message}")


def test_the_page_of_the_keys_is_made_from_the_fields():
    made = reference.document(PAGE, "config/README.md")
    assert made == PAGE, f"a field, a method or a data set has changed; run: {reference.COMMAND}"


def test_the_page_has_every_key():
    kinds = [grid.GridConfig, StreamConfig, LevelsConfig, AblationConfig]
    kinds += [datasets.find(name).config for name in datasets.names()]
    kinds += [methods.find(name).Config for name in methods.names()]
    assert [key for kind in kinds for key in kind.model_fields if f"\n| `{key}` |" not in PAGE] == []
    assert "\n| `released_code_quirks.classification_start` | `true`, `false` |" in PAGE


def test_a_new_method_is_documented_by_being_there(monkeypatch):
    class Config(AdamConfig):
        """Settings of a toy."""

        depth: int = 3
        """How deep it is (a child's word)."""

    toy, names, find = SimpleNamespace(Config=Config, __doc__="A toy.\n\nMore."), methods.names(), methods.find
    monkeypatch.setattr(methods, "names", lambda: [*names, "toy"])
    monkeypatch.setattr(methods, "find", lambda name: toy if name == "toy" else find(name))
    page = reference.document(PAGE, "page")
    assert "| `toy` | A toy. |  |\n" in page
    assert "| `depth` | whole number | How deep it is. | `3` | a child's word |" in page


def test_tables_are_made_anew_and_what_is_written_by_hand_stays(tmp_path):
    begin, end = f"<!-- streams: made by `{reference.COMMAND}` -->\n", "<!-- end of streams -->\n"
    assert begin in PAGE
    page = tmp_path / "page.md"
    page.write_text("By hand.\n" + PAGE.partition(begin)[0] + begin + "| old |\n" + end + PAGE.partition(end)[2])
    assert main(["settings", "--document", str(page)]) == 0
    assert page.read_text() == "By hand.\n" + reference.document(PAGE, "page")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<!-- streams: made", "<!-- stream: made", "a place for 'stream': unknown; expected one of config, protocols"),
        ("<!-- end of streams -->", "", "has no place for 'streams'; expected the line <!-- streams: made by `autoemb"),
        (PAGE, "", "has no place for 'config'; expected the line <!-- config: made by `autoemb settings --document"),
    ],
)
def test_a_page_without_its_places_is_refused_and_stays(tmp_path, capsys, old, new, message):
    page = tmp_path / "page.md"
    page.write_text(PAGE.replace(old, new))
    before = page.read_text()
    assert main(["settings", "--document", str(page)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"autoemb settings: error: {page}: {message}")
    assert page.read_text() == before


def test_a_page_that_is_not_there_is_named(tmp_path, capsys):
    assert main(["settings", "--document", str(tmp_path / "no.md")]) == 2
    assert f"{tmp_path / 'no.md'}: cannot be read (No such file" in capsys.readouterr().err
