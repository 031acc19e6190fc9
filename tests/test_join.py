"""A run trained in parts, some of its seeds each, and put together to the very files that one job writes."""

import json
import re
import shutil

import pandas as pd
import pytest

from autoemb.artifact.files import digest
from autoemb.artifact.parquet import write_table
from autoemb.cli import main
from autoemb.commands.train import seeds_of
from autoemb.errors import InputError
from autoemb.experiment.grid import load
from autoemb.schema import RUN_TABLES, STREAM

from .contracts.bench import small_stream

TABLES = tuple(table.name for table in RUN_TABLES)
SETTINGS = json.dumps({"sizes": [2, 4], "hidden": 8, "controller_hidden": 8, "selection": "gumbel"})
RUN = {"task": "regression", "seeds": 3, "batch_size": 64, "windows": 5, "device": "cpu"}


def train(folder, out, *words, **changes) -> int:
    run = json.dumps({**RUN, **changes})
    options = ["--stream", folder / "stream", "--method", "autoemb", "--settings", SETTINGS, "--run", run]
    return main([str(word) for word in ("train", *options, "--out", folder / out, *words)])


def train_apart(folder, out, *words) -> int:
    """Every seed on a stream of its own."""
    options = ["--method", "autoemb", "--settings", SETTINGS, "--run", json.dumps(RUN)]
    return main([str(word) for word in ("train", *options, "--out", folder / out, *words)])


def join(folder, *parts, out="joined") -> int:
    return main([str(word) for word in ("join", "--parts", *(folder / part for part in parts), "--out", folder / out)])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run of three seeds as one job, and as parts of two and one."""
    folder = tmp_path_factory.mktemp("parts")
    write_table(small_stream(), folder / "stream", STREAM)
    assert train(folder, "whole") == 0
    assert train(folder, "0-1", "--seeds", "0-1") == 0
    assert train(folder, "2-2", "--seeds", "2-2") == 0
    return folder


@pytest.fixture
def parts(made, tmp_path):
    """The same in a folder of one's own."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.parametrize("order", [("0-1", "2-2"), ("2-2", "0-1")])
def test_parts_put_together_are_the_bytes_of_one_job(parts, order):
    assert join(parts, *order) == 0
    for table in TABLES:
        name = f"{table}.parquet"
        assert (parts / "joined" / name).read_bytes() == (parts / "whole" / name).read_bytes()
    assert {path.name for path in (parts / "joined").iterdir()} == {path.name for path in (parts / "whole").iterdir()}


def test_the_record_is_that_of_one_job_and_lists_the_parts(parts):
    assert join(parts, "0-1", "2-2") == 0
    joined, whole, *own = (
        json.loads((parts / of / "run.json").read_text()) for of in ("joined", "whole", "0-1", "2-2")
    )
    listed = joined.pop("parts")
    assert joined.pop("seconds") == round(sum(part["seconds"] for part in own), 3)
    assert joined.pop("peak_mib") == max(part["peak_mib"] for part in own)
    assert joined.pop("start") == min(part["start"] for part in own)
    assert joined.pop("end") == max(part["end"] for part in own)
    assert set(joined.pop("used").values()) == {sha for part in own for sha in part["generated"].values()}
    assert joined.pop("identity") not in {record["identity"] for record in (whole, *own)}
    assert joined.pop("sha256") not in {record["sha256"] for record in (whole, *own)}
    assert joined == {key: whole[key] for key in joined}
    assert whole.keys() - joined.keys() == {"seconds", "peak_mib", "start", "end", "used", "identity", "sha256"}
    assert [part["seeds"] for part in listed] == ["0-1", "2-2"]
    for of, part in zip(own, listed, strict=True):
        seeds = of["config"]["seeds"]
        files = {f"{table}.parquet": digest(parts / seeds / f"{table}.parquet") for table in TABLES}
        assert part["generated"] == files
        assert part == {"seeds": seeds, **{key: of[key] for key in part if key != "seeds"}}


def test_a_part_says_which_seeds_it_has(made):
    for name, seeds in (("0-1", [0, 1]), ("2-2", [2]), ("whole", [0, 1, 2])):
        for table in TABLES:
            assert pd.read_parquet(made / name / f"{table}.parquet")["seed"].unique().tolist() == seeds
    assert "seeds" not in json.loads((made / "whole" / "run.json").read_text())["config"]


def change(folder, **values):
    path = folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_machines_may_differ_and_are_told_apart(parts):
    change(parts / "0-1", device="cuda", commit="one", python="3.11.9")
    assert join(parts, "0-1", "2-2") == 0
    joined = json.loads((parts / "joined" / "run.json").read_text())
    assert joined["device"] == "cpu, cuda"
    assert "python" not in joined
    assert [part["device"] for part in joined["parts"]] == ["cuda", "cpu"]
    assert joined["parts"][0]["python"] == "3.11.9"
    assert joined["parts"][0]["commit"] == "one"


@pytest.mark.parametrize(
    ("commits", "expected"),
    [((None, None), None), (("b", "a"), "a, b"), (("a", "a"), "a"), (("a", None), "a")],
)
def test_the_commit_is_the_parts_or_null(parts, commits, expected):
    for name, commit in zip(("0-1", "2-2"), commits, strict=True):
        change(parts / name, commit=commit)
    assert join(parts, "0-1", "2-2") == 0
    assert json.loads((parts / "joined" / "run.json").read_text())["commit"] == expected


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("packages", r"packages.torch = '0'; expected '2.*', as in .*0-1/run.json"),
        ("inputs", r"inputs.torch = '0'; expected None, as in"),
        ("code", r"code.torch = '0'; expected None, as in"),
    ],
)
def test_parts_of_other_making_are_refused(parts, capsys, key, message):
    own = json.loads((parts / "2-2" / "run.json").read_text())[key]
    change(parts / "2-2", **{key: {**own, "torch": "0"}})
    assert join(parts, "0-1", "2-2") == 2
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told.startswith(f"autoemb join: error: {parts}/2-2/run.json: ")
    assert re.search(message, told), told
    assert not (parts / "joined").exists()


def test_parts_of_another_run_are_refused(parts, capsys):
    assert train(parts, "more", "--seeds", "2-2", seeds=4) == 0
    assert join(parts, "0-1", "more") == 2
    assert "more/run.json: config.run.seeds = 4; expected 3, as in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["0-1"], "0-1: ends with seed 1; expected all 3 seeds of the run"),
        (["2-2"], "2-2: begins with seed 2; expected seed 0 next"),
        (["0-1", "2-2", "2-2"], "2-2: begins with seed 2; expected seed 3 next"),
        (["0-1", "whole"], "whole/run.json: has no 'seeds'; expected a record of autoemb train --seeds"),
        (["0-1", "nowhere"], "nowhere/run.json: no such file; expected the record of a part"),
    ],
)
def test_all_seeds_must_be_there_once(parts, capsys, names, message):
    assert join(parts, *names) == 2
    assert message in capsys.readouterr().err
    assert not (parts / "joined").exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"config": 3}',
        '{"config": {"seeds": 3}}',
        '{"config": {"seeds": "3"}}',
        '{"config": {"seeds": "0-1"}}',
    ],
)
def test_a_record_that_is_none_is_named(parts, capsys, text):
    (parts / "2-2" / "run.json").write_text(text)
    assert join(parts, "0-1", "2-2") == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert told[0].startswith(f"autoemb join: error: {parts}/2-2/run.json: ")


def test_tables_of_other_seeds_are_refused(parts, capsys):
    shutil.copy(parts / "whole" / "sizes.parquet", parts / "2-2")
    assert join(parts, "0-1", "2-2") == 2
    assert "2-2/sizes.parquet: seeds [0, 1, 2]; expected [2], as its run.json says" in capsys.readouterr().err
    assert not list(parts.glob("joined/*"))


@pytest.mark.parametrize("text", ["3", "1-0", "0-3", "-1-1", "a-b", "0-1-2"])
def test_seeds_that_are_not_the_runs_are_refused(text):
    with pytest.raises(InputError, match=f"--seeds {text}: expected FIRST-LAST, both among the run's seeds 0 to 2"):
        seeds_of(text, 3)


GRID = {"datasets": {"ml-100k": {}}, "streams": {"temporal": {"order": "temporal"}}, "methods": {"fse": {}}}


@pytest.mark.parametrize(
    ("seeds", "each", "parts"),
    [
        (5, None, []),
        (5, 5, []),
        (5, 7, []),
        (5, 2, ["0-1", "2-3", "4-4"]),
        (12, 10, ["0-9", "10-11"]),
        (2, 1, ["0-0", "1-1"]),
    ],
)
def test_a_config_says_how_many_seeds_a_job_has(seeds, each, parts):
    grid = load({**GRID, "seeds": seeds, "seeds_per_job": each}, "config.yaml")
    assert grid.parts() == parts
    for text in parts:
        assert len(seeds_of(text, seeds)) <= each


def test_groups_of_seeds_are_not_torn_apart():
    assert load({**GRID, "seeds": 5, "seeds_per_job": 4, "seeds_at_once": 2}, "config.yaml").parts() == ["0-3", "4-4"]
    with pytest.raises(InputError, match=r"^config.yaml: seeds_per_job = 3: expected a multiple of seeds_at_once, 2$"):
        load({**GRID, "seeds": 5, "seeds_per_job": 3, "seeds_at_once": 2}, "config.yaml")


def test_parts_whose_seeds_have_streams_of_their_own_are_put_together(made, tmp_path):
    (tmp_path / "mine").mkdir()
    streams = [tmp_path / "mine" / f"{seed}.parquet" for seed in range(3)]
    for seed, path in enumerate(streams):
        write_table(small_stream(seed=seed), path, STREAM)
    assert train_apart(tmp_path, "whole", "--streams", *streams) == 0
    assert train_apart(tmp_path, "0-1", "--streams", *streams[:2], "--seeds", "0-1") == 0
    assert train_apart(tmp_path, "2-2", "--streams", streams[2], "--seeds", "2-2") == 0
    assert join(tmp_path, "0-1", "2-2") == 0
    for table in TABLES:
        name = f"{table}.parquet"
        assert (tmp_path / "joined" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert pd.read_parquet(tmp_path / "joined/test-users.parquet").empty
    inputs = [json.loads((tmp_path / of / "run.json").read_text())["inputs"] for of in ("joined", "whole")]
    assert inputs[0] == inputs[1] == {f"mine/{seed}.parquet": digest(path) for seed, path in enumerate(streams)}
    assert (tmp_path / "whole/outcomes.parquet").read_bytes() != (made / "whole/outcomes.parquet").read_bytes()


@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        (["stream", "stream"], "--streams: 2 files; expected 3, one for each seed that is trained here"),
        (["stream", "stream", "stream"], "--streams: a file stands there twice"),
    ],
)
def test_streams_that_are_not_the_seeds_are_refused(made, tmp_path, capsys, streams, expected):
    assert train_apart(tmp_path, "out", "--streams", *(made / name for name in streams)) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
