"""The advice on ratings whose best answer is known: planted, and asked for through the whole chain of commands."""

import json
from pathlib import Path

import pytest

from autoemb.cli import main
from autoemb.data.datasets import synthetic
from autoemb.experiment.advice import RECIPE

CUT = 64
"""Items with fewer ratings are noise in one of the two plants."""

METHODS = {
    "constant": ("constant", {}), "means": ("means", {}),
    **{f"fse-{size}": ("fse", {"size": size, **RECIPE}) for size in (4, 16, 128)},
}  # fmt: skip
RUN = {"task": "regression", "seeds": 5, "batch_size": 200}


def advice(folder: Path, noise_below: int, rows: int, users: int, items: int) -> dict:
    """What `advice.json` says of planted ratings."""
    config = synthetic.Config(
        rows=rows, users=users, items=items, rank=8, biases=0.08, signal=0.8, noise_below=noise_below
    )
    synthetic.generate(config, folder / "ratings.csv")
    settings = config.model_dump_json()
    data, stream = folder / "interactions/planted.parquet", folder / "streams/planted/temporal.parquet"
    ids = [f"--{side}={data.with_suffix(f'.{side}.parquet')}" for side in ("users", "items")]
    words = [
        "--dataset",
        "synthetic",
        "--settings",
        settings,
        "--archive",
        folder / "ratings.csv",
    ]
    run_verb("interactions", *words, "--out", data, *ids, "--counts", data.with_suffix(".counts.json"))
    order = '{"order": "temporal", "test": 0.25}'
    labels = json.dumps({"positive_from": 4.0, "class_edges": [1, 2, 3, 4, 5]})
    words = ["--interactions", data, "--items", data.with_suffix(".items.parquet"), "--settings", order]
    run_verb("stream", *words, "--labels", labels, "--out", stream)
    runs = {name: folder / f"runs/planted/temporal/regression/{name}" for name in METHODS}
    for name, (method, settings) in METHODS.items():
        words = ["--stream", stream, "--method", method, "--settings", json.dumps(settings), "--run", json.dumps(RUN)]
        run_verb("train", *words, "--threads", 1, "--out", runs[name])
    kinds = {"comparison": ["outcomes", "test-users"], "differences": ["outcomes", "test-users"],
             "memory": ["allocation"], "popularity-differences": ["outcomes"]}  # fmt: skip
    for table, reads in kinds.items():
        inputs = [run / f"{kind}.parquet" for run in runs.values() for kind in reads]
        run_verb("tabulate", table, "--inputs", *inputs, "--out", folder / "tables" / table)
    tables = [folder / f"tables/{table}.csv" for table in kinds]
    written = ["--out", folder / "advice.html", "--json", folder / "advice.json", "--sizes", folder / "sizes.csv"]
    run_verb("answer", "--tables", *tables, "--interactions", data, *written)
    (answers,) = json.loads((folder / "advice.json").read_text())["answers"]
    return answers


def run_verb(*words: object) -> None:
    assert main([str(word) for word in words]) == 0


def found(answers: dict, side: str, size: int) -> dict[int, str]:
    """By the least popularity of a class, what one size is against the largest."""
    rows = [row for row in answers["by_popularity"] if row["side"] == side and row["size"] == size]
    return {row["popularity_low"]: row["finding"] for row in rows}


def test_small_sizes_are_found_where_rare_items_are_noise(tmp_path):
    answers = advice(tmp_path, CUT, rows=120_000, users=400, items=3000)
    assert answers["learnt"]
    assert answers["embedding_against_means"] == "better"
    against = {size: found(answers, "item", size) for size in (4, 16)}
    rare = [finding for size in against for low, finding in against[size].items() if low < CUT // 2]
    assert "better" in rare
    assert "worse" not in rare
    assert {against[4][low] for low in against[4] if 2 * CUT <= low < 4096} == {"worse"}
    steps = answers["sizes"]["item"]
    assert any(step["size"] < 128 for step in steps if step["ratings"] < CUT // 2)
    assert steps[-1]["size"] == 128
    assert answers["sizes"]["user"] == [{"ratings": 0, "size": 128}]


def test_no_small_size_is_advised_where_all_items_can_be_learnt(tmp_path):
    answers = advice(tmp_path, 0, rows=120_000, users=400, items=3000)
    assert {finding for side in ("user", "item") for finding in found(answers, side, 4).values()} <= {
        "worse", "undecided"
    }  # fmt: skip
    assert answers["sizes"] == {side: [{"ratings": 0, "size": 128}] for side in ("user", "item")}
    assert (answers["lowest_error"], answers["simplest"]) == ("fse-128", "fse-128")


@pytest.mark.parametrize(("noise_below", "true"), [(0, "worse"), (CUT, "better")])
def test_of_few_ratings_nothing_is_said_that_they_cannot_tell(noise_below, true, tmp_path):
    answers = advice(tmp_path, noise_below, rows=3000, users=100, items=300)
    assert {step["size"] for side in ("user", "item") for step in answers["sizes"][side]} <= {0, 128}
    rare = [finding for low, finding in found(answers, "item", 4).items() if low < CUT // 2]
    assert rare.count("undecided") > len(rare) / 2
    assert set(rare) <= {"undecided", "alike", true}
