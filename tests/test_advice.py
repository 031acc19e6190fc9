"""Which size for whom: what is decided is said, what is not is not advised, and nothing learnt stops it all."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autoemb.analysis import tables
from autoemb.analysis.advice.answers import Answers, Step, answers
from autoemb.analysis.advice.page import for_programs, page
from autoemb.analysis.advice.sizes import Rated, sizes
from autoemb.analysis.advice.words import headline, said
from autoemb.analysis.catalogue import write_csv
from autoemb.artifact.parquet import write_table
from autoemb.cli import main
from autoemb.experiment import grid
from autoemb.experiment.advice import RECIPE, ROWS, SIZES, config_for
from autoemb.schema import INTERACTIONS, ITEMS, USERS
from tests.test_differences import COMMON, NOBODY, NOISE, RUN, SEEDS, outcomes

BINS = (0, 3, 15, 33)  # popularity 1, 4, 16 and 45

HELD = {"constant": 0, "means": 0, "fse-4": 4, "fse-16": 16, "fse-128": 128}
COUNTS = {"user": np.array([1, 3, 20, 50]), "item": np.array([0, 5, 69])}


def lose(*losses: float) -> np.ndarray:
    """By seed and bin; one loss for all bins, or each bin's own."""
    each = np.broadcast_to(losses, (len(BINS),))
    return each + COMMON[:, None] + np.outer(NOISE, each)


LEARNT = {
    "constant": lose(0.25), "means": lose(0.24), "fse-4": lose(0.20, 0.20, 0.22, 0.22),
    "fse-16": lose(0.205, 0.205, 0.21, 0.21), "fse-128": lose(0.21, 0.21, 0.20, 0.20),
}  # fmt: skip


def tabled(losses: dict[str, np.ndarray], seeds: int = SEEDS) -> dict[str, pd.DataFrame]:
    """The tables of methods that lose this much by seed and bin."""
    summed = outcomes(losses, bins=BINS).query(f"seed < {seeds}")
    held = pd.DataFrame([
        {"method": method, "seed": seed, "side": side, "size": HELD[method], "ids": 100}
        for method in losses
        for seed in range(seeds)
        for side in ("user", "item")
    ]).assign(**RUN)  # fmt: skip
    return {
        "comparison": tables.comparison(summed, NOBODY),
        "differences": tables.differences(summed, NOBODY),
        "popularity-differences": tables.popularity_differences(summed),
        "memory": tables.memory(held),
    }


def of(losses: dict[str, np.ndarray], seeds: int = SEEDS) -> Answers:
    (found,) = answers(tabled(losses, seeds))
    return found


def told(found: Answers) -> dict[str, str]:
    return {one.question: one.text for one in said(found)}


def test_small_sizes_are_advised_for_the_ids_for_which_they_are_decided_to_be_better():
    found = of(LEARNT)
    assert found.learnt
    assert found.pays == "better"
    assert found.steps("item") == [Step(0, 4), Step(16, 128)]
    text = told(found)["A smaller size for rare items?"]
    assert text.startswith("Yes, where it is decided, for 50% of the ratings.")
    assert "Size 4 is better than 128 at 1 and 4 to 7 ratings (by 0.0100); worse than 128 at 16 to 63 ratings" in text
    assert [one.tone for one in said(found)].count("stop") == 0


def test_of_sizes_that_are_all_as_good_the_smallest_is_advised():
    losses = LEARNT | {"fse-4": lose(0.2101), "fse-16": lose(0.2102), "fse-128": lose(0.21)}
    assert of(losses).steps("user") == [Step(0, 4)]
    assert of(losses).simplest == "fse-4"
    assert "Simplest: fse-4" in told(of(losses))["What to deploy?"]


def test_where_nothing_is_learnt_there_is_a_stop_and_no_size():
    losses = {name: lose(0.25 if name == "constant" else 0.26) for name in HELD}
    found = of(losses)
    first, *others = said(found)
    assert first.tone == "stop"
    assert first.text.startswith("STOP: every method is worse than a constant")
    assert [one.question for one in others] == ["What is not known?"]
    assert found.steps("item") == [Step(0, 0)]
    (programs,) = for_programs([found], {"d": COUNTS})
    assert [programs[key] for key in ("lowest_error", "simplest", "half_the_memory")] == [None] * 3
    assert 'class="stop"' in page([found], {"d": COUNTS})


def test_what_may_as_well_be_a_constant_is_not_advised():
    losses = {name: lose(0.25) if name == "constant" else lose(0.2499) + 0.3 * COMMON[:, None] for name in HELD}
    first = said(of(losses))[0]
    assert first.tone == "stop"
    assert "undecided" in first.text


def test_one_seed_advises_nothing():
    found = of(LEARNT, seeds=1)
    assert said(found)[0].tone == "stop"
    assert found.steps("item") == [Step(0, 0)]
    assert "which decides nothing" in headline(found)


def test_where_two_means_are_ahead_no_embedding_is_advised():
    found = of(LEARNT | {"means": lose(0.18)})
    assert told(found)["Does an embedding pay at all?"].startswith("No: two running means")
    assert found.steps("user") == [Step(0, 0)]
    assert told(found)["What to deploy?"].startswith("Lowest error: means, ")
    assert "Of those with embeddings: fse-128, " in told(found)["What to deploy?"]


def test_what_is_undecided_against_the_best_is_named_and_never_the_simplest():
    wide = 0.004 * np.array([1, -1, 1, -1, 0])[:, None]
    losses = LEARNT | {"fse-16": lose(0.2055) + wide, "fse-128": lose(0.2045)}
    found = of(losses)
    assert (found.best, found.not_told_from(found.best), found.simplest) == ("fse-128", ["fse-16"], "fse-128")
    assert "whether it is better than fse-16 is undecided" in told(found)["What to deploy?"]


def test_without_anchors_and_sizes_it_says_what_was_not_run():
    found = of({name: LEARNT[name] for name in ("fse-128",)})
    assert told(found)["Was anything learnt?"].startswith("Not known: `constant`")
    assert said(found)[2].text == "Not known: fixed sizes smaller than another were not run."


def test_a_sample_of_the_users_is_told():
    (found,) = answers(tabled(LEARNT), {"temporal": 0.1})
    assert "the ratings of 10.0% of the users" in told(found)["What is not known?"]
    assert "drawn at random" not in told(of(LEARNT))["What is not known?"]


def test_every_id_gets_the_size_of_its_ratings():
    ids = {"user": pd.Series(["a", "b", "c", "d"]), "item": pd.Series(["x", "y", "z"])}
    table = sizes([(of(LEARNT), Rated(ids, COUNTS))])
    assert table[["side", "id", "ratings", "size"]].to_numpy().tolist() == [
        ["user", "d", 50, 128], ["user", "c", 20, 128], ["user", "b", 3, 4], ["user", "a", 1, 4],
        ["item", "z", 69, 128], ["item", "y", 5, 4],
    ]  # fmt: skip


def test_the_page_stands_alone_and_shows_what_the_tables_say():
    found = of(LEARNT)
    html = page([found], {"d": COUNTS})
    assert html == page([found], {"d": COUNTS})
    assert not re.search(r'(src|href)="?(https?:)?//', html)
    assert "<script" not in html
    for one in said(found):
        assert one.text.split(".")[0].replace("'", "&#39;") in html
    assert html.count('class="number better"') >= 4
    assert "2 items" not in html or "the fourth root" in html


@pytest.fixture
def files(tmp_path) -> tuple[list[str], Path]:
    """The words of `autoemb answer`, and the folder of what it writes."""
    for name, table in tabled(LEARNT).items():
        (tmp_path / "tables").mkdir(exist_ok=True)
        write_csv(table, tmp_path / "tables" / f"{name}.csv")
    pairs = [(user, item) for user in range(3) for item in range(2)]
    rows = pd.DataFrame(pairs, columns=["user", "item"]).astype("int32")
    rows = rows.assign(rating=np.float32(3), timestamp=np.arange(len(rows), dtype=np.int64))
    write_table(rows[list(INTERACTIONS.columns)], tmp_path / "d.parquet", INTERACTIONS)
    write_table(pd.DataFrame({"id": ["a", "b", "c"]}).astype("str"), tmp_path / "d.users.parquet", USERS)
    items = pd.DataFrame({"id": ["x", "y"], "tag_genome": [False, False]}).astype({"id": "str"})
    write_table(items, tmp_path / "d.items.parquet", ITEMS)
    written = [f"--{option}={tmp_path / name}" for option, name in
               (("out", "advice.html"), ("json", "advice.json"), ("sizes", "sizes.csv"))]  # fmt: skip
    inputs = [str(path) for path in sorted((tmp_path / "tables").iterdir())]
    return ["answer", "--tables", *inputs, "--interactions", str(tmp_path / "d.parquet"), *written], tmp_path


def test_the_command_writes_page_json_and_sizes(files):
    words, folder = files
    assert main(words) == 0
    (answered,) = json.loads((folder / "advice.json").read_text())["answers"]
    assert answered["sizes"]["item"] == [{"ratings": 0, "size": 4}, {"ratings": 16, "size": 128}]
    assert (folder / "sizes.csv").read_text().splitlines()[:2] == ["dataset,side,id,ratings,size", "d,user,a,2,4"]
    assert (folder / "advice.html").read_text().startswith("<!doctype html>")


def test_the_command_refuses_a_share_that_is_none(files, capsys):
    words, folder = files
    assert main([*words, "--sampled", "temporal"]) == 2
    assert "--sampled temporal: expected a stream and its share" in capsys.readouterr().err
    assert not (folder / "advice.html").exists()


@pytest.mark.parametrize(
    ("missing", "expected"), [("memory.csv", "memory.csv: is not among"), ("d.parquet", "d.parquet")]
)
def test_the_command_refuses_what_is_not_all_there(files, missing, expected, capsys):
    words, folder = files
    if missing == "d.parquet":
        (folder / missing).unlink()
    else:
        words = [word for word in words if not word.endswith(missing)]
    assert main(words) == 2
    assert expected in capsys.readouterr().err
    assert not (folder / "advice.html").exists()


PROPOSED = {
    "seeds": 3, "batch_size": 100, "methods": {"fse-2": {"method": "fse", "size": 2}},
    "datasets": {"ml-latest-small": {}}, "streams": {"temporal": {"order": "temporal", "test": 0.25}},
}  # fmt: skip


def test_the_config_gives_every_method_one_recipe_and_takes_a_sample_of_many_ratings():
    few, many = config_for(PROPOSED, "mine", ROWS), config_for(PROPOSED, "mine", 10 * ROWS)
    assert few["streams"] == PROPOSED["streams"]
    assert many["streams"]["temporal"]["users"] == 0.1
    loaded = grid.load(few, "config")
    assert loaded.config.batch_size == 100
    for name, entry in loaded.methods.items():
        if name not in ("constant", "means", "mf"):
            assert RECIPE.items() <= entry.settings.model_dump().items()
    assert [loaded.methods[f"fse-{size}"].settings.model_dump()["size"] for size in SIZES] == list(SIZES)


def test_a_file_of_noise_goes_all_the_way_to_a_stop(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    dice = np.random.default_rng(0)
    noise = {name: dice.integers(0, number, 1500) for name, number in (("user", 200), ("item", 80), ("stars", 5))}
    pd.DataFrame(noise | {"time": 1_600_000_000 + np.arange(1500)}).to_csv("noise.csv", index=False)
    assert main(["advise", "noise.csv", "--cores", "2"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[1].strip().startswith("STOP:")
    assert (
        said.err.splitlines()[-1] == "Open results/noise/advice.html; results/noise/sizes.csv has a size for every id."
    )
    assert set(pd.read_csv("results/noise/sizes.csv")["size"]) == {0}


def test_advise_refuses_a_file_that_is_not_there_and_leaves_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["advise", "nothing.csv"]) == 2
    assert "nothing.csv" in capsys.readouterr().err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
    assert main(["advise", "nothing.csv", "--cores", "0"]) == 2
