"""What the data sets declare, and what their real archives hold."""

import hashlib
import json
import os
import zipfile
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from autoemb import cli
from autoemb.config import DatasetConfig
from autoemb.data import datasets
from autoemb.data.interactions import Interactions, Numbering
from autoemb.data.ratings import Block, Ratings, Scale
from autoemb.errors import InputError
from autoemb.schema import INTERACTIONS, ITEMS, USERS

NAMES = [
    "csv", "ml-100k", "ml-1m", "ml-20m", "ml-25m", "ml-32m", "ml-latest", "ml-latest-small", "netflix", "synthetic",
]  # fmt: skip
ARCHIVES = Path(os.environ.get("AUTOEMB_ARCHIVES", Path(__file__).parents[2] / "shared" / "data"))


def interactions(folder, name, archive, settings="{}"):
    """Run the verb; return its three tables and the counts."""
    paths = {key: folder / f"{key}.parquet" for key in ("out", "users", "items")} | {"counts": folder / "counts.json"}
    options = [word for key, path in paths.items() for word in (f"--{key}", str(path))]
    words = ["interactions", "--dataset", name, "--settings", settings, "--archive", str(archive), *options]
    assert cli.main(words) == 0
    tables = [pd.read_parquet(paths[key]) for key in ("out", "users", "items")]
    return *tables, json.loads(paths["counts"].read_text())


def test_names_are_the_modules():
    assert datasets.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_declaration_is_complete(name):
    dataset = datasets.find(name)
    assert dataset.name == name
    assert all((dataset.title, dataset.licence, dataset.citation))
    assert "\n" not in dataset.licence
    assert issubclass(dataset.config, DatasetConfig)
    sources = [dataset.url, dataset.shipped, dataset.generate]
    assert sum(source is not None for source in sources) == (0 if dataset.how_to_get else 1)
    for md5 in (dataset.archive_md5, dataset.ratings_md5):
        assert md5 is None or (len(md5) == 32 and int(md5, 16))


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match=r"'ml-2m': unknown; expected one of csv, ml-100k, .*synthetic"):
        datasets.find("ml-2m")


@pytest.mark.parametrize("name", NAMES)
def test_settings_refuse_unknown_keys(name):
    with pytest.raises(InputError, match="unknown key 'colour'"):
        datasets.find(name).settings('{"colour": 1}')


def test_settings_of_csv():
    text = '{"archive": "a.csv", "columns": {"user": "u", "item": "i", "rating": "r"}, "rating_range": [1, 5]}'
    config = datasets.find("csv").settings(text)
    assert config.rating_range == (1.0, 5.0)
    assert config.columns.timestamp is None
    for change, message in (
        (('"r"}', '"u"}'), "another column for each"),
        (("[1, 5]", "[5, 1]"), "the lower one first"),
        (("[1, 5]", "[1, 10]"), "expected classes for every rating"),
    ):
        with pytest.raises(InputError, match=message):
            datasets.find("csv").settings(text.replace(*change))


def test_shipped_archive_is_the_publishers(tmp_path):
    assert cli.main(["fetch", "--dataset", "ml-latest-small", "--out", str(tmp_path / "archive")]) == 0
    with zipfile.ZipFile(tmp_path / "archive") as archive:
        held = {Path(name).name for name in archive.namelist()}
        assert held == {"README.txt", "links.csv", "movies.csv", "ratings.csv", "tags.csv"}
        ratings = archive.read("ml-latest-small/ratings.csv")
        assert hashlib.md5(ratings, usedforsecurity=False).hexdigest() == "325a6f09399d1c45671f187505e1a100"
        beside = resources.files(datasets) / "shipped" / "ml-latest-small-README.txt"
        assert archive.read("ml-latest-small/README.txt") == beside.read_bytes()
    rows, users, items, counts = interactions(tmp_path, "ml-latest-small", tmp_path / "archive")
    assert (len(rows), len(users), len(items)) == (100_836, 610, 9_724)
    assert counts["expected"] == {"ratings": 100_836, "users": 610, "items": 9_724}
    assert counts["paper"] is None
    assert counts["matches"] is True
    # the first and the last line of ratings.csv
    assert rows.iloc[0].tolist() == [0, 0, 4.0, 964982703]
    last = rows.iloc[-1]
    assert [users["id"][int(last["user"])], items["id"][int(last["item"])]] == ["610", "170875"]
    assert last[["rating", "timestamp"]].tolist() == [3.0, 1493846415]
    for frame, table in ((rows, INTERACTIONS), (users, USERS), (items, ITEMS)):
        table.check(frame)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "archive", "counts.json", "items.parquet", "out.parquet", "users.parquet",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ml-100k", (100_000, 943, 1_682)),
        ("ml-1m", (1_000_209, 6_040, 3_706)),
        ("ml-latest-small", (100_836, 610, 9_724)),
    ],
)
def test_real_archives_have_the_published_counts(tmp_path, name, expected):
    source = ARCHIVES / f"{name}.zip"
    if not source.is_file():
        pytest.skip(f"{source} is not there; AUTOEMB_ARCHIVES names the folder of the archives")
    settings = json.dumps({"archive": str(source)})
    assert cli.main(["fetch", "--dataset", name, "--settings", settings, "--out", str(tmp_path / "archive")]) == 0
    rows, users, items, counts = interactions(tmp_path, name, tmp_path / "archive", settings)
    assert (len(rows), len(users), len(items)) == expected
    assert (rows["user"].nunique(), rows["item"].nunique()) == expected[1:]
    assert counts["matches"] is True


def test_fresh_data_that_differ_from_the_paper_are_named_and_used(tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("ml-latest/ratings.csv", "userId,movieId,rating,timestamp\r\n1,2,0.5,10\r\n")
    rows, _, _, counts = interactions(tmp_path, "ml-latest", tmp_path / "a.zip")
    assert len(rows) == 1
    assert counts["matches"] is False
    assert counts["paper"] == {"ratings": 27_753_444, "users": 283_228, "items": 58_098}
    (line,) = capsys.readouterr().err.splitlines()
    assert "warning: ml-latest has 1 ratings of 1 users for 1 items" in line
    assert "Table 1 has 27,753,444 ratings" in line
    assert "ml-25m and ml-32m are stable" in line


def numbered(*blocks):
    """Numbers and ascending ids of blocks of ids."""
    numbering = Numbering()
    for ids in blocks:
        numbering.add(pa.array(ids).dictionary_encode() if isinstance(ids[0], str) else np.array(ids, np.int32))
    ascending = numbering.ascending()
    numbers = list(numbering.numbered(ascending))
    assert {block.dtype for block in numbers} == {np.dtype("int32")}
    return [block.tolist() for block in numbers], ascending.tolist()


def test_ids_ascend_as_numbers_where_they_are_numbers():
    assert numbered(["10", "2", "10"], ["2", "11"]) == ([[1, 0, 1], [0, 2]], ["2", "10", "11"])
    assert numbered(["10", "2"], ["b", "007"]) == ([[1, 2], [3, 0]], ["007", "10", "2", "b"])
    assert numbered([10, 2, 10], [-3]) == ([[2, 1, 2], [0]], [-3, 2, 10])


def block(user, item, rating, timestamp):
    return Block(*(np.array(ids, np.int32) for ids in (user, item)), np.float32(rating), np.array(timestamp, np.int64))


def test_tag_genome_is_marked_by_item():
    ratings = Ratings(iter([block([1, 1], [30, 20], [1, 2], [5, 4])]), np.array([30, 99], np.int32))
    found = Interactions(ratings)
    assert found.users["id"].tolist() == ["1"]
    assert (found.items["id"].tolist(), found.items["tag_genome"].tolist()) == (["20", "30"], [False, True])


@pytest.mark.parametrize(
    ("which", "ratings"),
    [("all", [1, 2, 3, 4, 5, 6]), ("first", [2, 4, 5]), ("last", [2, 3, 6])],
)
def test_of_several_ratings_of_a_pair(which, ratings):
    """User 7 rates item 5 at times 3, 2 and 3 again, and item 6 at 9 and 1: by time, and of equal times by place."""
    first = block([7, 8, 7], [5, 5, 6], [1, 2, 3], [3, 0, 9])
    found = Interactions(Ratings(iter([first, block([7, 7, 7], [5, 6, 5], [4, 5, 6], [2, 1, 3])])), which)
    assert found.frame()["rating"].tolist() == ratings
    assert found.rows == len(ratings)


def test_scale():
    ratings = np.array([0, 0.5, 0.7, 5, 5.5, np.nan, np.inf], np.float32)
    assert Scale(0.5, 5.0, 0.5).allows(ratings).tolist() == [False, True, False, True, False, False, False]
    tenths = np.arange(-100, 101).astype(np.float32) / 10
    assert Scale(-10.0, 10.0, 0.1).allows(tenths.astype(np.float32)).all()
    assert not Scale(-10.0, 10.0, 0.1).allows(tenths + np.float32(0.01)).any()
    assert Scale(0.1, 0.7).allows(np.array([0.1, 0.7, 0.71], np.float32)).tolist() == [True, True, False]
