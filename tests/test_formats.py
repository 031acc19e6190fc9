"""Made-up archives: the real readers find the ratings that were made; and the benchmark that reads them runs."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from autoemb.data import datasets
from autoemb.data.ratings import Block
from autoemb.errors import InputError
from benchmarks import data, formats, ratings, render

ROWS = 5_000


@pytest.fixture(scope="module", params=formats.FORMATS)
def written(request, tmp_path_factory):
    """A format's name, its archive and the text of its ratings alone."""
    folder = tmp_path_factory.mktemp(request.param)
    formats.write(request.param, ROWS, folder / "archive", folder / "text")
    return request.param, folder / "archive", folder / "text"


def read(name, archive):
    dataset = datasets.find(formats.FORMATS[name].dataset)
    told = json.dumps({**formats.FORMATS[name].settings, "archive": str(archive)})
    return dataset.read(archive, dataset.settings(told))


def frame(found):
    """All rows that a reader found; a text id was a place in its block's dictionary."""
    columns = zip(*found.blocks, strict=True)
    plain = [[ids.cast("str") if isinstance(ids, pa.Array) else pa.array(ids) for ids in column] for column in columns]
    return pa.table(dict(zip(Block._fields, map(pa.chunked_array, plain), strict=True))).to_pandas()


def made(name):
    return pa.concat_tables(list(formats.blocks(name, ROWS))).to_pandas()


def test_the_readers_find_exactly_the_ratings_made(written):
    name, archive, _ = written
    assert_frame_equal(frame(read(name, archive)), made(name))


def test_pandas_reads_the_text_alone(written):
    name, _, text = written
    how = json.loads(json.dumps(formats.FORMATS[name].read_csv))  # as another process is told
    frame, expected = pd.read_csv(text, **how), made(name)
    if "date" in frame:  # has the ratings without their movies
        frame["date"] = pd.to_datetime(frame["date"].astype("str")).astype("datetime64[s]").astype("int64")
        expected = expected.drop(columns="item")
    assert_frame_equal(frame, expected.set_axis(frame.columns, axis=1))


def test_counts_ties_and_pairs(written):
    name, _, _ = written
    frame, counts = made(name), formats.counts(name, ROWS)
    found = (len(frame), frame["user"].nunique(), frame["item"].nunique())
    again = frame.duplicated(["user", "item"]).mean()
    if name == "csv":
        assert 0 < again < 0.5
        assert frame["timestamp"].is_monotonic_increasing
        assert frame["timestamp"].duplicated().mean() == pytest.approx(1 / 3, abs=0.05)
        assert found[0] == ROWS
        assert found[1] <= counts.users
        assert found[2] <= counts.items
        assert frame["user"].str.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").all()
    else:
        assert again == 0
        assert found == counts
    if name.startswith("netflix"):
        assert frame["timestamp"].duplicated().mean() > 0.5  # days
        assert frame["timestamp"].mod(86_400).eq(0).all()
    elif name != "csv":
        tied = frame.duplicated(["user", "timestamp"], keep=False).groupby(frame["user"]).mean()
        assert (tied > 0.5).mean() > 0.02  # some users have mostly ties
    first = "item" if name.startswith("netflix") else "timestamp" if name == "csv" else "user"
    assert frame[first].is_monotonic_increasing


def test_popularity_falls_by_a_power_law(written):
    frame = made(written[0])
    for side in ("user", "item"):
        count = frame[side].value_counts()
        assert count.head(len(count) // 4).sum() > 0.4 * ROWS
        assert count.iloc[0] > 10 * count.iloc[-1]


def test_the_same_bytes_each_time(written, tmp_path):
    name, archive, _ = written
    formats.write(name, ROWS, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == archive.read_bytes()
    formats.write(name, ROWS, tmp_path / "other", seed=1)
    assert (tmp_path / "other").read_bytes() != archive.read_bytes()


def test_ml_20m_has_movies_and_a_genome(tmp_path):
    formats.write("ml-20m", 100_000, tmp_path / "archive")
    found = read("ml-20m", tmp_path / "archive")
    assert len(found.genome) == round(10_381 * 100_000 / 20_000_263)
    items = frame(found)["item"]
    popularity = items.value_counts()
    assert popularity[found.genome].min() >= popularity.drop(found.genome).max()
    with zipfile.ZipFile(tmp_path / "archive") as archive, archive.open("ml-20m/movies.csv") as file:
        movies = pd.read_csv(file)
    assert movies["movieId"].is_monotonic_increasing
    assert set(items) < set(movies["movieId"])
    assert len(movies) == round(items.nunique() * 27_278 / 26_744)
    with zipfile.ZipFile(tmp_path / "archive") as archive, archive.open("ml-20m/genome-scores.csv") as file:
        scores = pd.read_csv(file)
    assert scores.groupby("movieId").size().eq(1_128).all()
    assert scores["relevance"].between(0, 1).all()


def test_real_size_has_the_published_counts():
    assert formats.counts("ml-20m", 20_000_263) == (20_000_263, 138_493, 26_744)
    assert formats.counts("netflix-tar", 100_480_507) == (100_480_507, 480_189, 17_770)
    with pytest.raises(InputError, match="rows = 999: expected at least 1000"):
        formats.counts("csv", 999)


@pytest.mark.parametrize(
    ("groups", "total", "least", "most"),
    [(138_493, 20_000_263, 20, 13_372), (17_770, 100_480_507, 3, 240_094), (10, 55, 20, 9), (7, 7, 3, 1)],
)
def test_degrees(groups, total, least, most):
    degree = ratings.degrees(groups, total, least, most)
    assert degree.shape == (groups,)
    assert degree.sum() == total
    assert degree.min() >= min(least, max(1, total // groups // 4))
    assert degree.max() <= most
    assert (np.diff(degree) <= 0).all()


@settings(max_examples=50, deadline=None)
@given(
    degree=st.lists(st.integers(1, 20), min_size=1, max_size=30),
    spare=st.integers(0, 30),
    block=st.integers(20, 200),
    seed=st.integers(0, 99),
)
def test_pairs_are_distinct_and_nobody_is_left_out(degree, spare, block, seed):
    members = min(max(degree) + spare, sum(degree))
    parts = list(ratings.pairs(np.random.default_rng(seed), np.array(degree), members, block))
    group, member = (np.concatenate(side) for side in zip(*parts, strict=True))
    assert np.bincount(group).tolist() == degree
    assert set(member.tolist()) == set(range(members))
    assert (np.diff(group * members + member) > 0).all()  # in order, no pair twice


def test_the_benchmark_writes_its_columns(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(Path(__file__).parents[1])
    out = tmp_path / "data.json"
    data.main(["--rows", "20000", "--formats", "ml-20m", "--out", str(out)])
    assert list(tmp_path.iterdir()) == [out]
    assert "GiB of disk are needed" in capsys.readouterr().out
    rows = json.loads(out.read_text())
    assert [row["stage"] for row in rows] == ["fetch", "interactions", "stream, temporal", "stream, shuffled"]
    for row in rows:
        assert (row["dataset"], row["rows"]) == ("ml-20m", 20_000)
        assert row.keys() >= {"cpu", "cores", "memory_gib", "python", "pandas", "pyarrow"}
        assert all(row[key] > 0 for key in ("seconds", "reference_s", "disk_s", "rows_per_s", "archive_mib"))
        assert all(50 < row[key] < 2_000 for key in ("peak_mib", "reference_mib"))
    page = render.put(Path("docs/data.md").read_text(), "data", render.data(rows))
    assert "| archive to stream |" in " ".join(page.split())
    assert f"| {rows[0]['peak_mib']:,.0f} " in page


def test_other_sizes_on_this_machine_stay_in_the_table():
    here = data.machine()
    old = [{"dataset": "csv", "rows": rows, "stage": stage, **here} for rows in (1, 2) for stage in "fi"]
    elsewhere = {**old[0], "rows": 3, "cpu": "another"}
    new = [{**row, "seconds": 1} for row in old[:2]]
    assert data.merged([*old, elsewhere], new) == [*new, *old[2:]]


def test_a_full_disk_is_noticed_before(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 40, 1 << 40, 1 << 30))
    with pytest.raises(SystemExit):
        data.main(["--linear", "--out", str(tmp_path / "data.json")])
    said = capsys.readouterr()
    assert "up to 9.4 GiB of disk are needed" in said.out
    assert "too little" in said.err
    assert list(tmp_path.iterdir()) == []
