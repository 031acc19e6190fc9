"""``autoemb inspect``: what it finds in a file, and that its config reads that file."""

import gzip
import importlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autoemb.analysis.tables.intervals import fixed
from autoemb.cli import main
from autoemb.config import DatasetConfig, LevelsConfig, StreamConfig
from autoemb.data.datasets import csv
from autoemb.data.inspection import inspect, name_of, report
from autoemb.data.inspection.guess import Stated
from autoemb.data.inspection.proposal import BATCHES, batch_size, levels_of, step_of
from autoemb.data.inspection.survey import DIFFERENT
from autoemb.data.inspection.times import unit_of
from autoemb.data.interactions import Interactions
from autoemb.data.stream import build_stream, level_splits
from autoemb.data.stream import test_count as count_of_test
from autoemb.experiment import grid

ROOT = Path(__file__).parents[1]
SECONDS = 1_500_000_000


def made(rows: int = 2000, users: int = 120, items: int = 80, **columns: object) -> pd.DataFrame:
    """Ratings of 1 to 5, with times; the first users and items have the most."""
    dice = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "userId": (users * dice.random(rows) ** 2).astype(int),
            "itemId": (items * dice.random(rows) ** 2).astype(int),
            "rating": dice.integers(1, 6, rows),
            "timestamp": SECONDS + dice.integers(0, 10**7, rows),
        }
    )
    return frame.assign(**columns)


def drawn(values: np.ndarray) -> np.ndarray:
    """So many of them as there are rows."""
    return np.random.default_rng(1).choice(values, 2000)


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """Write a file, inspect it, and return the text and the config in it."""
    monkeypatch.chdir(tmp_path)

    def inspect(content: bytes | pd.DataFrame, *words: str, file: str = "ratings.csv") -> tuple[str, grid.Grid]:
        if isinstance(content, bytes):
            Path(file).write_bytes(content)
        elif file.endswith("parquet"):
            content.to_parquet(file)
        else:
            content.to_csv(file, index=False)
        status = main(["inspect", file, *words])
        out, err = capsys.readouterr()
        assert (status, err) == (0, "")
        return out, grid.load(yaml.safe_load(out), "printed")

    return inspect


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Write a file, have its inspection refused, and return the line on stderr."""
    monkeypatch.chdir(tmp_path)

    def inspect(content: bytes | pd.DataFrame, *words: str, file: str = "ratings.csv") -> str:
        if isinstance(content, bytes):
            Path(file).write_bytes(content)
        else:
            content.to_parquet(file)
        assert main(["inspect", file, *words]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        (line,) = err.splitlines()
        return line.removeprefix("autoemb inspect: error: ")

    return inspect


def only(loaded: grid.Grid) -> csv.Config:
    (entry,) = loaded.datasets.values()
    assert entry.module == "csv"
    assert isinstance(entry.settings, csv.Config)
    return entry.settings


def read(loaded: grid.Grid) -> Interactions:
    """The file, with the printed settings."""
    settings = only(loaded)
    return Interactions(csv.read(Path(settings.archive), settings), settings.duplicates)


def text_of(frame: pd.DataFrame, **how: object) -> bytes:
    return frame.to_csv(index=False, **how).encode()


N = np.arange(2000)
HALVES = drawn(np.arange(1, 11) / 2)
WHOLE = drawn(np.arange(11))
CONTINUOUS = np.r_[-10, 10, drawn(np.arange(-1000, 1001) / 100)[2:]]
FILES = {
    "csv": (text_of(made()), "ratings.csv"),
    "CRLF and a mark": (b"\xef\xbb\xbf" + text_of(made(), lineterminator="\r\n"), "ratings.csv"),
    "tsv": (text_of(made(), sep="\t"), "ratings.tsv"),
    "semicolons": (text_of(made(), sep=";"), "ratings.csv"),
    "bars": (text_of(made(), sep="|"), "ratings"),
    "spaces": (text_of(made(), sep=" "), "ratings"),
    "no header": (text_of(made(), sep="\t", header=False), "u.data"),
    "Parquet": (made(), "ratings.parquet"),
    "ms": (text_of(made(timestamp=made()["timestamp"] * 1000 + 999)), "ratings.csv"),
    "a type for times": (made(timestamp=pd.to_datetime(made()["timestamp"], unit="s")), "a.parquet"),
    "texts as ids": (text_of(made(userId="ü" + made()["userId"].astype(str))), "a.csv"),
}


@pytest.mark.parametrize(("content", "file"), FILES.values(), ids=FILES)
def test_the_printed_config_reads_the_file(told, content, file):
    text, loaded = told(content, file=file)
    expected, found = made(), read(loaded)
    assert (found.rows, len(found.users), len(found.items)) == (2000, 120, 80)
    assert found.frame()["rating"].tolist() == expected["rating"].tolist()
    assert found.frame()["timestamp"].tolist() == expected["timestamp"].tolist()
    assert "2,000 ratings by 120 users of 80 items" in text
    first, last = (
        f"{pd.to_datetime(expected['timestamp'].agg(end), unit='s'):%Y-%m-%d %H:%M}" for end in ("min", "max")
    )
    assert f"#   times    {first} to {last} UTC\n" in text
    assert list(loaded.config.streams) == ["temporal"]


@pytest.mark.parametrize("squeeze", [gzip.compress, lambda data: pa.compress(data, "zstd", asbytes=True)])
def test_compressed_text(told, squeeze):
    _, loaded = told(squeeze(text_of(made())), file="ratings.csv.gz")
    assert list(loaded.datasets) == ["ratings"]
    assert read(loaded).rows == 2000


def test_it_reads_well(told):
    frame = pd.DataFrame({"user": [1, 1, 2], "item": [7, 8, 7], "stars": [1, 5, 4], "when": [60, 0, 120], "note": 0})
    text, _ = told(frame, "--name", "my.shop-1")
    found, _, config = text.partition("# Ready")
    assert found == FOUND
    assert "  my.shop-1:\n    source: csv                            # your own ratings\n" in config
    assert "    class_edges: [1, 4, 5]                 # highest rating of each class: each rating is one\n" in config


FOUND = """\
# `autoemb inspect` found in ratings.csv:
#   file     text in utf-8, delimiter ',', names in the first line
#   columns  user 'user', item 'item', rating 'stars', timestamp 'when'; not used: 'note'
#   rows     3 ratings by 2 users of 2 items: 75.0 % of all pairs
#   scale    1 to 5 in steps of 1, 3 different ratings
#   shares   1: 33.3 %, 4: 33.3 %, 5: 33.3 %
#   times    1970-01-01 00:00 to 1970-01-01 00:02 UTC
#
#   ratings      min   25 %   median   75 %   95 %   max
#   of a user      1      1        1      2      2     2
#   of an item     1      1        1      2      2     2
#
# problems:
#   - all times lie before 1980, so they may be no seconds, but days or dates; only their order counts
#   - 1 of 3 ratings (33.3 %) have a time of 1970-01-01 00:00 or before, which may stand for an unknown one
#   - 1 of 2 users (50.0 %) have a single rating
#   - 0 of 2 users (0.0 %) have 2 ratings or more beside a test part: too few for the splits by popularity
#     level, which are left out
#   - 3 ratings make 1 steps in batches of 2, and fewer than 100 teach little: more ratings are needed to say
#     anything
#
"""


@pytest.mark.parametrize(
    ("rating", "low", "high", "step", "positive", "edges"),
    [
        (made()["rating"], 1, 5, 1, 4, (1, 2, 3, 4, 5)),
        (HALVES, 0.5, 5, 0.5, 4, tuple(np.arange(1, 11) / 2)),
        (WHOLE, 0, 10, 1, 8, (2, 4, 6, 8, 10)),
        (drawn(np.arange(101)), 0, 100, 1, 80, (20, 40, 60, 80, 100)),
        (drawn(np.array([0, 1])), 0, 1, 1, 1, (0, 1)),
        (drawn(np.array([-1, 1])), -1, 1, 2, 1, (-1, 1)),
        (drawn(np.arange(-10, 11)), -10, 10, 1, 6, (-6, -2, 2, 6, 10)),
        (CONTINUOUS, -10, 10, 0.01, 6, (-6, -2, 2, 6, 10)),
        (np.linspace(-10, 10, 2000), -10, 10, None, 6, (-6, -2, 2, 6, 10)),
        (drawn(np.array([0.1, 2.5, 9.99])), 0.1, 9.99, None, 9.99, (0.1, 2.5, 9.99)),
        (np.full(2000, 3), 2, 3, None, 3, (2, 3)),
    ],
)
def test_scale(told, rating, low, high, step, positive, edges):
    text, loaded = told(made(rating=rating))
    found = only(loaded)
    assert found.rating_range == (low, high)
    assert found.rating_step == (None if step is None else pytest.approx(step))
    assert found.positive_from == pytest.approx(positive, abs=0.02)
    assert found.class_edges == pytest.approx(edges, abs=0.02)
    assert read(loaded).rows == 2000
    share = float(re.search(r"([\d.]+) % are positive", text).group(1))
    assert share == pytest.approx(100 * np.mean(np.asarray(rating) >= found.positive_from), abs=0.051)


def test_shares_of_classes(told):
    text, loaded = told(made(rating=WHOLE))
    edges = [-np.inf, *only(loaded).class_edges]
    shares = 100 * np.histogram(-WHOLE, -np.array(edges[::-1]))[0][::-1] / 2000  # each with its upper edge
    printed = re.search(r"shares: ([^\n]+)", text).group(1)
    assert printed == ", ".join(f"{share:.1f} %" for share in shares)


def test_too_many_ratings_to_tell_apart(told):
    rows = DIFFERENT + 10
    text, loaded = told(made(rows).assign(rating=np.linspace(-10, 10, rows)))
    assert f"-10 to 10, more than {DIFFERENT:,} different ratings" in text
    assert "about 20.0 % are positive" in text
    assert "highest rating of each class; shares: about 20.0 %, 20.0 %, 20.0 %, 20.0 %, 20.0 %" in text
    assert only(loaded).class_edges == (-6, -2, 2, 6, 10)
    assert read(loaded).rows == rows


def test_steps():
    assert step_of([1, 2, 4, 5]) == 1
    assert step_of([0.1, 0.2, 0.3]) == 0.1
    assert step_of([-10, -9.99, 10]) is None
    assert step_of([3]) is None


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_units_of_times(told, unit):
    times = made()["timestamp"] * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    for file in ("ratings.csv", "ratings.parquet"):
        _, loaded = told(made(timestamp=times), file=file)
        assert only(loaded).timestamp_unit == unit
        assert read(loaded).frame()["timestamp"].tolist() == made()["timestamp"].tolist()


def test_units():
    assert [unit_of([0, SECONDS * 1000**n]) for n in range(4)] == ["s", "ms", "us", "ns"]
    assert unit_of([]) == unit_of([-5]) == "s"


ratings = st.one_of(
    st.floats(-1e6, 1e6, width=32).map(lambda number: float(str(np.float32(number)))),
    st.integers(-100, 1000).map(float),
    st.integers(-100, 1000).map(lambda number: number / 100),
)


@settings(max_examples=100, deadline=None)
@given(values=st.lists(ratings, min_size=3, max_size=30))
@example(values=[0.0, 0.0, 1e-45])  # below what float32 tells apart
def test_any_ratings_are_read_with_the_printed_config(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("any") / "a.csv"
    path.write_text("user,item,rating\n" + "".join(f"{n},1,{value}\n" for n, value in enumerate(values)))
    loaded = grid.load(yaml.safe_load(inspect(path, Stated(), None, 0)), "printed")
    found = read(loaded).frame()["rating"]
    assert found.tolist() == np.array(values, np.float32).tolist()
    stream = build_stream(read(loaded).frame(), read(loaded).items, StreamConfig(order="given"), loaded.labels("a"))
    assert len(stream) == len(values)


@pytest.mark.parametrize(
    "rating", [N % 5, 1 + N % 5, HALVES, N % 2, np.where(N % 2, 1, -1), N % 101, CONTINUOUS, WHOLE]
)
def test_usual_scales_have_no_rating_that_is_far(told, rating):
    assert "far from" not in told(made(rating=rating))[0]


def test_a_sample_of_ratings_that_are_too_many_is_of_the_whole_file(monkeypatch):
    surveying = importlib.import_module("autoemb.data.inspection.survey")  # the package has a function of that name
    monkeypatch.setattr(surveying, "SAMPLE", 100)
    values = surveying._Values()
    whole = np.arange(12_345, dtype=np.float32)
    for block in np.split(whole, [1, 2, 50, 1000, 1003, 9000]):
        values.add(block)
    stride = int(values.sample()[1])
    assert values.sample().tolist() == whole[::stride].tolist()
    assert 50 < len(values.sample()) <= 100


def test_names_from_files():
    assert name_of(Path("a/My Ratings (2).CSV.gz")) == "my-ratings-2"
    assert name_of(Path("u.data")) == "u"
    assert name_of(Path("ü.parquet")) == "mine"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("reviewerID,asin,overall,unixReviewTime", ["reviewerID", "asin", "overall", "unixReviewTime"]),
        ("user_id:token,item_id:token,rating:float,timestamp:float", None),
        ("time,Stars,Customer_ID,PRODUCT", ["Customer_ID", "PRODUCT", "Stars", "time"]),
        (",uid,movie,score", ["uid", "movie", "score", None]),
    ],
)
def test_usual_names(told, header, expected):
    expected = expected or header.split(",")
    lines = ["".join(f"{place + row % 3}," for place in range(4))[:-1] for row in range(20)]
    _, loaded = told("\n".join([header, *lines]).encode())
    columns = only(loaded).columns
    assert [columns.user, columns.item, columns.rating, columns.timestamp] == expected


def test_asked_for(told):
    content = b"a;b;c;d\n" + b"".join(b"%d;%d;x;%d\n" % (n % 5, n % 7, n % 3) for n in range(100))
    _, loaded = told(content, "--user", "b", "--item", "a", "--rating", "d", "--delimiter", ";", "--name", "swapped")
    assert only(loaded).columns.named == {"user": "b", "item": "a", "rating": "d"}
    assert list(loaded.datasets) == ["swapped"]
    _, loaded = told(content[8:], "--item", "1", "--rating", "4", "--user", "2")
    assert only(loaded).columns.named == {"user": 2, "item": 1, "rating": 4}
    _, loaded = told(text_of(made(), header=False), "--item", "1", "--timestamp", "none")
    assert only(loaded).columns.named == {"user": 2, "item": 1, "rating": 3}
    _, loaded = told(text_of(made(), sep="\t"), "--delimiter", r"\t", "--timestamp", "none")
    assert only(loaded).columns.timestamp is None


def test_other_encodings(told):
    text, loaded = told("user,item,rating\nJosé,b,1\nJosé,c,2\n".encode("cp1252"))
    assert "text in cp1252" in text
    assert read(loaded).users["id"].tolist() == ["José"]


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (made(timestamp=SECONDS * 2), "2,000 of 2,000 ratings (100.0 %) have a time that is yet to come"),
        (made(timestamp=SECONDS), "all times are equal: the streams below are those of a file without times"),
        (made(timestamp=np.arange(-999, 1001)), "1,000 of 2,000 ratings (50.0 %) have a time of 1970-01-01 00:00"),
        (made(timestamp=np.arange(20_210_000, 20_212_000)), "all times lie before 1980"),
        (made(timestamp="2 Feb 2020"), "column 'timestamp' holds '2 Feb 2020'; a time must be a whole number"),
        (made(rating=7), "all ratings are 7: there is nothing to predict"),
        (made(rating=np.where(np.arange(2000) < 900, 0, WHOLE)), "% of the ratings are 0, the lowest: if that"),
        (made(rating=np.where(WHOLE == 0, -1, WHOLE)), "% of the ratings are -1, the lowest: if that stands"),
        (made(300), "300 ratings make 100 steps only in batches of 2, of which batch normalisation has uncertain"),
        (made(200), "200 ratings make 75 steps in batches of 2, and fewer than 100 teach little"),
        (made(itemId=np.arange(2000) // 120), "rated the item in an earlier row; duplicates (below) says which stay"),
        (made(userId=np.arange(2000)), "2,000 of 2,000 users (100.0 %) have a single rating"),
        (made(userId=np.arange(2000)), "too few for the splits by popularity level, which are left out"),
        (made(users=20), "with so few its error is uncertain"),
    ],
)
def test_problems(told, frame, problem):
    text, loaded = told(frame)
    said = text.partition("# problems:")[2].partition("# Ready")[0]
    assert problem in " ".join(said.replace("#", " ").split())
    assert read(loaded).rows == len(frame)


MOMENT = {"timestamp": "moment"}


SKEWED = np.r_[np.linspace(0.01, 1, 11_988), np.linspace(90, 100, 12)]


def with_every_50th(sentinel: int) -> np.ndarray:
    return np.where(np.arange(2000) % 50 == 0, sentinel, 1 + np.arange(2000) % 5)


MIXED = np.where(np.arange(2000) % 4 == 0, SECONDS * 1000 + np.arange(2000), SECONDS + np.arange(2000))
DAYS = pd.Series(pd.date_range("2019-01-01", periods=2000, freq="h")).dt.strftime("%Y-%m-%d %H:%M:%S").to_numpy()


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (made(rating=with_every_50th(255)), "highest rating, 255, is far"),
        (made(rating=with_every_50th(-99)), "lowest rating, -99, is far"),
        (
            made(rating=with_every_50th(255)),
            "2.0 % of the ratings are pos",
        ),
        (
            made(rating=with_every_50th(10)),
            "highest rating, 10, is far from all others and the only one that is positive:",
        ),
        (made(rating=with_every_50th(-99)), "from all others and the only one that is not positive: if it stands for"),
        (
            made(rating=np.where(N % 50, N % 2, 99)),
            "highest rating, 99, is far from all others and the only one that is p",
        ),
        (made(12_000).assign(rating=SKEWED), "about 99.9 % of the ratings are of on"),
        (made(rating=np.where(np.arange(2000) % 40 == 0, 3, 5)), "97.5 % of the ratings are of one class"),
        (made(timestamp=MIXED), "1,500 of 2,000 ratings (75.0 %) have a time before 1980, and others a later one"),
        (made().rename(columns=MOMENT), "column 'moment' is taken for the times by its values"),
        (
            made(timestamp=DAYS).rename(columns=MOMENT),
            "column 'moment' is taken for the times by its values",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["text", "Parquet"])
def test_a_proposal_that_means_little_is_no_silent_one(told, frame, words, kind):
    """Sentinels, labels that are nearly all one, times of two units, times that nobody would look for."""
    content = text_of(frame) if kind == "text" else parquet_of(frame)
    said, _ = told(content)
    problems = " ".join(line.removeprefix("#").strip(" -") for line in said.partition("# problems:")[2].splitlines())
    assert words in problems


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "iso"])
@pytest.mark.parametrize("kind", ["text", "Parquet"])
def test_times_are_found_by_their_values_whatever_their_name(told, unit, kind):
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
    moments = DAYS if unit == "iso" else (SECONDS + np.arange(2000)) * factor[unit]
    frame = made(timestamp=moments).rename(columns={"timestamp": "bought", "rating": "stars"})
    frame = frame.assign(price=np.arange(2000) * 7, code=np.arange(2000) + 10_000_000)  # no times
    text, loaded = told(text_of(frame) if kind == "text" else parquet_of(frame))
    assert only(loaded).columns.timestamp == "bought"
    assert only(loaded).timestamp_unit == unit
    assert "temporal" in text
    assert np.ptp(
        np.concatenate([block.timestamp for block in csv.read(Path(only(loaded).archive), only(loaded)).blocks])
    ) == (2000 - 1) * (3600 if unit == "iso" else 1)


STAMPS = SECONDS + N * 3600


def said_of(text: str) -> str:
    """The problems that are printed, on one line."""
    lines = text.partition("# problems:")[2].partition("# Ready")[0].splitlines()
    return " ".join(" ".join(line.removeprefix("#").split()) for line in lines)


@pytest.mark.parametrize(
    ("columns", "taken", "words"),
    [
        ({"a": STAMPS, "b": STAMPS * 1000}, "a", ["column 'b' looks like times, too, but 'a' is taken: say --timesta"]),
        (
            {"code": STAMPS, "paid_at": STAMPS},
            "paid_at",
            ["column 'code' looks like times, too, but 'paid_at' is take"],
        ),
        (
            {"a": np.where(N % 25, STAMPS, 0)},
            "a",
            ["column 'a' is taken for the times by its values", "80 of 2,000 ra"],
        ),
        ({"a": np.where(N % 5, STAMPS, 0)}, None, ["looks like times, but only "]),
        ({"a": np.where(N % 5, 0, STAMPS)}, None, []),
        (
            {"a": np.where(N % 25, DAYS, "")},
            None,
            ["column 'a' looks like times, but", "values are empty, and eve"],
        ),
        (
            {"a": STAMPS + 0.5},
            None,
            ["column 'a' looks like times, but", "is neither a whole number nor a time by"],
        ),
        ({"a": "03/01/2024"}, None, ["but '03/01/2024' is neither a whole number nor a time by ISO 8601"]),
        ({"a": "Mar 1, 2024"}, None, ["but 'Mar 1, 2024' is neither a whole number nor a time by ISO 8601"]),
        (
            {"a": 20240301 + N % 28},
            None,
            ["but '20240301' is no time of 1995 to 2035 in the unit that they would have (s)"],
        ),
        (
            {"a": np.where(N % 2, DAYS, "2020-01-01T00:00Z")},
            None,
            ["some of its values have a zone and others have none"],
        ),
        (
            {"a": np.where(N % 2, STAMPS, STAMPS * 1000)},
            None,
            ["is no time of 1995 to 2035 in the unit that they would"],
        ),
        (
            {"released": SECONDS + made()["itemId"] * 86400},
            None,
            ["column 'released' looks like times, but it is always t"],
        ),
        ({"born": "1980-05-01"}, None, []),
        ({"born": -N * 86400, "price": N * 99, "phone": "+44 20 7946 0" + pd.Series(N).astype(str)}, None, []),
        ({"year": 1990 + N % 30, "version": "1.2.2013", "ean": 4_006_381_333_931 + N}, None, ["column 'version'"]),
        ({"note": "in March 2021 I bought it"}, None, []),
        ({"a": "Sat Mar 01 12:30:00 2024"}, None, ["'Sat Mar 01 12:30:00 2024' is neither"]),
    ],
)
@pytest.mark.parametrize("kind", ["text", "Parquet"])
def test_columns_that_look_like_times(told, columns, taken, words, kind):
    """What is taken, and why others are not, is said of each by its name; of columns that look like none, nothing."""
    frame = made().drop(columns="timestamp").assign(**columns)
    text, loaded = told(text_of(frame) if kind == "text" else parquet_of(frame))
    assert only(loaded).columns.timestamp == taken
    assert list(loaded.config.streams) == (["given", "shuffled"] if taken is None else ["temporal"])
    assert ("(by its values)" in text) == (taken is not None)
    said = said_of(text)
    for word in words:
        assert word.replace("'20240301'", "20240301") in said.replace("'20240301'", "20240301")
    assert ("look" in said or "taken" in said) == bool(words)
    assert read(loaded).rows == 2000


@pytest.mark.parametrize("times", [STAMPS, DAYS], ids=["whole", "iso"])
@pytest.mark.parametrize("bad", ["", "x"])
def test_times_that_end_later_in_the_file_are_left_out(told, times, bad):
    """A guess by the first values refuses no file that can be read without it."""
    rows = 20_000
    frame = made(rows).drop(columns="timestamp").assign(bought=np.tile(times.astype(object), 10))
    frame.loc[rows - 5, "bought"] = bad
    text, loaded = told(text_of(frame))
    assert only(loaded).columns.timestamp is None
    assert f"column 'bought' begins as times do, but line {rows - 3:}: column bought: '{bad}'; expected " in said_of(
        text
    )
    assert read(loaded).rows == rows


def test_a_bad_rating_is_told_also_where_times_are_guessed(refused):
    frame = made().rename(columns={"timestamp": "bought"}).astype({"rating": object})
    frame.loc[9, "rating"] = "x"
    assert refused(text_of(frame)) == "ratings.csv: line 11: column rating: 'x'; expected a number"


def test_no_rating_is_taken_for_a_time(told, refused):
    """Not by name, not by place, and not as the only column that looks like one."""
    frame = made(rating=STAMPS).drop(columns="timestamp")
    text, loaded = told(text_of(frame))
    assert only(loaded).columns.named == {"user": "userId", "item": "itemId", "rating": "rating"}
    assert (
        "the ratings, 1.5e+09 to 1.5072e+09, look like times: say --rating COLUMN if another one holds them"
        in said_of(text)
    )
    frame = made()[["userId", "itemId", "timestamp", "rating"]]
    text, loaded = told(text_of(frame, header=False))
    assert "look like times" in said_of(text)


def test_what_is_stated_is_not_guessed(told):
    frame = made().rename(columns={"timestamp": "bought"}).assign(paid=STAMPS)
    for stated in ("none", "paid"):
        text, loaded = told(text_of(frame), "--timestamp", stated)
        assert only(loaded).columns.timestamp == (None if stated == "none" else stated)
        assert "looks like times" not in text
        assert "by its values" not in text


def test_a_name_of_times_whose_values_are_none_does_not_hide_others(told):
    text, loaded = told(text_of(made(timestamp=STAMPS).rename(columns=MOMENT).assign(time="noon")))
    assert only(loaded).columns.timestamp == "moment"
    assert "column 'time' holds 'noon'; a time must be a whole number" in said_of(text)


def test_times_without_a_name_are_found_by_their_values(told):
    frame = made()[["userId", "itemId", "rating"]].assign(price=N, bought=DAYS)
    text, loaded = told(text_of(frame, header=False), "--user", "1", "--item", "2", "--rating", "3")
    assert only(loaded).columns.timestamp == 5
    assert only(loaded).timestamp_unit == "iso"
    assert "timestamp 5 (by its values)" in text


@pytest.mark.parametrize("times", [DAYS, STAMPS], ids=["iso", "whole"])
def test_times_of_a_dictionary_are_found(told, times):
    frame = made().rename(columns=MOMENT).assign(moment=pd.Categorical(times))
    _, loaded = told(parquet_of(frame))
    assert only(loaded).columns.timestamp == "moment"
    assert read(loaded).rows == 2000


def test_every_column_that_another_was_taken_for_is_told(told):
    frame = made().assign(customer=made()["userId"], product=1, score=2, date=DAYS, note="x")
    said = said_of(told(text_of(frame))[0])
    for side, other, taken in (
        ("users", "customer", "userId"),
        ("items", "product", "itemId"),
        ("ratings", "score", "rating"),
    ):
        assert f"column '{other}' may hold the {side}, too, by its name, but '{taken}' is taken: say --" in said
    assert "note" not in said
    assert said.count("column 'date'") == 1
    assert "column 'date' looks like times, too, but 'timestamp' is taken: say --timestamp date" in said
    said = said_of(told(text_of(frame.assign(date="x")))[0])
    assert "column 'date' may hold the times, too, by its name, but 'timestamp' is taken: say --timestamp date" in said


def test_times_of_two_kinds_of_zone_are_refused_by_their_row(refused):
    frame = made(timestamp=np.where(N < 1900, DAYS, "2019-01-01T00:00Z"))
    expected = "ratings.csv: line 1902: column timestamp: '2019-01-01T00:00Z'; expected a time without a zone, as the"
    assert refused(text_of(frame)).startswith(expected)
    assert refused(frame).startswith(expected.replace("line 1902", "row 1901"))


@pytest.mark.parametrize(
    ("rows", "size"), [(10**8, 500), (66_667, 500), (66_665, 200), (5_000, 20), (2_600, 10), (300, 2)]
)
def test_the_batch_makes_a_hundred_steps(rows, size):
    assert batch_size(rows) == size


@given(rows=st.integers(3, 10**6))
def test_the_batch_is_the_largest_that_makes_a_hundred_whole_steps(rows):
    train = rows - count_of_test(0.25, rows)
    size = batch_size(rows)
    assert train // size >= 100 or size == 2
    assert all(train // larger < 100 for larger in BATCHES if larger > size)


@pytest.mark.parametrize(("rows", "size", "steps"), [(5_000, 20, 187), (400, 2, 150), (200, 2, 75)])
def test_the_config_has_that_batch_and_says_why(told, rows, size, steps):
    text, loaded = told(made(rows))
    assert loaded.config.batch_size == size
    why = "for 100 steps or more" if steps >= 100 else "the smallest"
    assert f"# {why}: the train part makes {steps}, with the papers' 500 {int(rows * 0.75) // 500}" in text


def test_the_config_leaves_the_papers_batch_out(told):
    text, loaded = told(made(70_000))
    assert loaded.config.batch_size == 500
    assert "batch_size" not in text


def test_the_proposal_has_the_anchors_both_starts_and_the_searching_methods(told):
    """The fixed size with the papers' start has the name by which the tables find what they show differences from."""
    _, loaded = told(made())
    methods = {name: entry.settings.model_dump() for name, entry in loaded.methods.items()}
    starts = {name: settings.get("embedding_init") for name, settings in methods.items()}
    assert list(methods)[:3] == ["constant", "means", "mf"]
    assert {name: starts[name] for name in ("fse-128", "esapn")} == {"fse-128": "normal", "esapn": "normal"}
    sizes = [name for name in methods if re.fullmatch(r"fse-\d+-scaled", name)]
    assert sizes == ["fse-4-scaled", "fse-16-scaled", "fse-64-scaled", "fse-128-scaled"]
    assert [methods[name]["size"] for name in sizes] == [4, 16, 64, 128]
    assert {starts[name] for name in (*sizes, "autoemb-scaled")} == {"scaled"}
    assert fixed(pd.DataFrame({"method": list(methods)})) == "fse-128"
    assert loaded.config.levels.side == "user"
    assert set(loaded.config.levels.starts) == {"normal", "scaled"}


def parquet_of(frame: pd.DataFrame) -> bytes:
    written = io.BytesIO()
    frame.to_parquet(written)
    return written.getvalue()


def test_no_problems(told):
    pairs = np.arange(12_000)
    text, _ = told(
        pd.DataFrame({"user": pairs // 60, "item": pairs % 60, "rating": pairs % 5, "time": SECONDS + pairs})
    )
    assert "# problems: none\n" in text


def test_a_quarter_of_the_users_have_the_proposed_levels(told):
    """The number that is printed is that of the splits themselves."""
    for rows in (500, 2000, 8000):
        text, loaded = told(made(rows))
        splits = loaded.config.levels
        frame = level_splits(read(loaded).frame(), splits, loaded.labels("ratings"))
        having = frame["user"].nunique()
        assert f"users with the ratings for the highest: {having}" in text
        assert having >= 30
        more = LevelsConfig(at=(max(splits.at) + 2,))
        if max(splits.at) < 28:
            assert level_splits(read(loaded).frame(), more, DatasetConfig())["user"].nunique() < 30


def test_levels():
    assert levels_of(np.array([1, 1, 2])) == ()
    assert levels_of(np.array([3])) == (1, 2)
    assert levels_of(np.array([5])) == (2, 4)
    assert levels_of(np.array([500])) == tuple(range(2, 29, 2))
    assert levels_of(np.r_[np.full(1000, 10), np.full(9000, 1)]) == (2, 4, 6, 8)  # a tenth, but a thousand users


@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        (
            b"a,b,rating\n1,2,3\n",
            [],
            "ratings.csv: cannot tell which holds the users (say it by --user COLUMN), which holds the items (say it"
            " by --item COLUMN); found the columns 'a', 'b', 'rating'",
        ),
        (b"user,User,item,rating\n", [], "ratings.csv: cannot tell which holds the users (say it by --user COLUMN)"),
        (b"user,item,rating\n", ["--user", "1"], "ratings.csv: --user 1: no such column; found the columns 'user',"),
        (b"1,2,3\n", ["--user", "4"], "ratings.csv: --user 4: expected a column's number from 1 to 3; the first"),
        (b"1,2,3,4,5\n", ["--user", "4"], "ratings.csv: the first line holds no names: '1', '2', '3', '4', '5'; say"),
        (b"1::2::3::4\n", [], "ratings.csv: fields are separated by '::', which is no single character; of MovieLens"),
        (b"just text\n", [], "ratings.csv: line 1: 'just text'; expected at least three fields with ',', ';', '|'"),
        (b"", [], "ratings.csv: holds no ratings; expected at least one row"),
        (b"user,item,rating\n", [], "ratings.csv: holds no ratings; expected at least one row"),
        (b"PK\x03\x04", [], "ratings.csv: is a zip archive: unpack it and name the file with the ratings"),
        ("user,item,rating".encode("utf-16"), [], "ratings.csv: is text in UTF-16: save it in UTF-8; expected"),
        (b'{"user": 1}\n', [], "ratings.csv: looks like JSON: write user, item, rating and time of each rating"),
        (b"user,item,rating\n1,2,x\n", [], "ratings.csv: line 2: column rating: 'x'; expected a number"),
        (b"user,item,rating\n1,2,nan\n", [], "ratings.csv: line 2: column rating: 'nan'; expected a number"),
        (b"user,item,rating\n", ["--delimiter", "::"], "--delimiter '::': expected one character, and no quote or end"),
        (b"user,item,rating\n1,2,1\n1,2\n1\n", [], "ratings.csv: line 3: 2 fields; expected 3 (1 more such row)"),
        (b"user,item,rating,time\n1,2,3,x\n", ["--timestamp", "time"], "ratings.csv: line 2: column time: 'x'; expect"),
        (b"user,item,rating\n\xe9,2,3\n", ["--encoding", "utf-8"], r"ratings.csv: b'\xe9,2,3\n'; expected text in UTF"),
        (b"user,item,rating\n", ["--name", "No Name"], "--name No Name: expected small letters and digits, with"),
        (pd.DataFrame({"a": [1], "b": [2]}), [], "ratings.csv: cannot tell which holds the users (say it by --user"),
        (b"PAR1 and no more", [], "ratings.csv: damaged, or not a Parquet file"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_line(refused, content, words, message):
    assert refused(content, *words).startswith(message)


def test_no_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["inspect", "none.csv"]) == 2
    assert capsys.readouterr().err == "autoemb inspect: error: none.csv: no such file\n"


def test_names_that_could_leave_their_comment(told):
    """YAML ends a line at characters that a file's names may hold."""
    content = "user,item,rating,a\x85seeds: 9,\u2028b: c\n1,2,3,4,5\n1,3,4,4,5\n".encode()
    text, loaded = told(content)
    assert loaded.config.seeds == 3
    assert r"'a\x85seeds: 9', '\u2028b: c'" in text


def test_through_the_stages(told):
    """An odd file goes from its archive to a stream with the printed settings."""
    frame = made(rating=CONTINUOUS).assign(timestamp=lambda frame: frame["timestamp"] * 1000)
    _, loaded = told(text_of(frame, sep=";", header=False), file="odd.txt")
    settings = only(loaded).model_dump_json()
    words = ["--dataset", "csv", "--settings", settings]
    assert main(["fetch", *words, "--out", "archive"]) == 0
    outs = [word for name in ("out", "users", "items", "counts") for word in (f"--{name}", name)]
    assert main(["interactions", *words, "--archive", "archive", *outs]) == 0
    assert json.loads(Path("counts").read_text())["ratings"] == 2000
    stream = loaded.config.streams["temporal"].model_dump_json()
    labels = loaded.labels("odd").model_dump_json()
    words = ["--settings", stream, "--labels", labels, "--out", "stream"]
    assert main(["stream", "--interactions", "out", "--items", "items", *words]) == 0
    found = pd.read_parquet("stream")
    assert found["split"].sum() == 500
    ordered = frame.sort_values("timestamp", kind="stable")["rating"]
    assert found["regression"].tolist() == (ordered >= only(loaded).positive_from).astype(int).tolist()
    assert set(found["classification"]) == {0, 1, 2, 3, 4}


def own(scale: str) -> grid.Grid:
    """config/own.yaml with the commented scale of this title instead of its own."""
    text = (ROOT / "config" / "own.yaml").read_text()
    groups = re.split(r"^    # (.*):\n(?=    (?:# )?rating_range)", text, flags=re.MULTILINE)
    before, titles, bodies = groups[0], groups[1::2], groups[2::2]
    rest = bodies[-1][bodies[-1].index("streams:") :]
    scales = dict(zip(titles, [*bodies[:-1], bodies[-1].removesuffix(rest)], strict=True))
    return grid.load(yaml.safe_load(before + scales[scale].replace("    # ", "    ") + rest), "own.yaml")


@pytest.mark.parametrize(
    ("title", "low", "high", "classes"),
    [
        ("1 to 5 stars", 1, 5, 5),
        ("Half stars, two to a class", 0.5, 5, 5),
        ("0 to 10", 0, 10, 5),
        ("-10 to 10, anything between", -10, 10, 5),
        ("Binary, 0 or 1", 0, 1, 2),
    ],
)
def test_every_scale_of_the_example_loads(title, low, high, classes):
    found = only(own(title))
    assert found.rating_range == (low, high)
    assert own(title).training("mine", "classification").classes == classes
    assert found.scale.allows(np.array([low, high, found.positive_from, *found.class_edges], np.float32)).all()


def test_the_example_is_ready_as_it_stands():
    loaded = grid.load(yaml.safe_load((ROOT / "config" / "own.yaml").read_text()), "own.yaml")
    assert loaded == own("1 to 5 stars")


def test_without_its_file_the_run_says_so(tmp_path):
    words = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path), "--dry-run"]
    told = subprocess.run(
        [sys.executable, "-m", "snakemake", *words, "--configfile", str(ROOT / "config" / "own.yaml")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert told.returncode != 0
    expected = (
        f"path/to/ratings.csv: no such file in {tmp_path}; expected the ratings, as the config's key datasets.mine"
    )
    assert expected in told.stdout + told.stderr  # a dry run logs to stdout


def test_lines_are_not_too_long(told):
    text, _ = told(made(rating=HALVES, **{f"column {n}": n for n in range(40)}))
    assert max(map(len, text.splitlines())) <= report.WIDTH + 15
