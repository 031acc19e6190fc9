"""Each file format against the exact rows, and the vectorised readers against plain Python."""

import calendar
import io
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoemb.data.datasets import find, netflix
from autoemb.data.readers.archive import Source
from autoemb.data.readers.lines import whole_lines

ROWS = [(7, 30, 4.5, 1000), (2, 5, 0.5, 900), (7, 5, 3.0, 1000), (10, 30, 5.0, 0)]
MV = {
    "mv_0000001.txt": "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n",
    "mv_0000013.txt": "13:\n822109,1,1999-12-31\n",
}
NETFLIX = [
    (1488844, 1, 3.0, 1125964800),
    (822109, 1, 5.0, 1115942400),
    (822109, 13, 1.0, 946598400),
]


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def tarred(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, text in members.items():
            data = text if isinstance(text, bytes) else text.encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def rows(blocks):
    """Blocks as a list of rows (user, item, rating, timestamp)."""
    found = []
    for block in blocks:
        assert (block.rating.dtype, block.timestamp.dtype) == ("float32", "int64")
        ids = [side.to_pylist() if isinstance(side, pa.Array) else side.tolist() for side in block[:2]]
        found += zip(*ids, block.rating.tolist(), block.timestamp.tolist(), strict=True)
    return found


def rows_of(name, archive, text="{}"):
    dataset = find(name)
    ratings = dataset.read(archive, dataset.settings(text))
    return rows(ratings.blocks), ratings.genome


def csv_text(rows, end="\r\n"):
    lines = ["userId,movieId,rating,timestamp", *(",".join(map(str, row)) for row in rows)]
    return "".join(line + end for line in lines)


def test_movielens_csv(tmp_path):
    genome = "movieId,tagId,relevance\r\n5,1,0.5\r\n5,2,0.25\r\n1,1,0.5\r\n"
    members = {"ml-25m/genome-scores.csv": genome, "ml-25m/ratings.csv": csv_text(ROWS)}
    rows, found = rows_of("ml-25m", zipped(tmp_path / "a.zip", members))
    assert rows == ROWS
    assert found.tolist() == [1, 5]
    rows, found = rows_of("ml-32m", zipped(tmp_path / "b.zip", {"ratings.csv": csv_text(ROWS)}))
    assert (rows, found) == (ROWS, None)


def test_movielens_dat_and_tabs(tmp_path):
    whole = [(user, item, max(1, int(rating)), timestamp) for user, item, rating, timestamp in ROWS[1:]]
    for name, member, separator in (("ml-1m", "ratings.dat", "::"), ("ml-100k", "u.data", "\t")):
        text = "\n".join(separator.join(map(str, row)) for row in whole)  # without an end of the last line
        assert rows_of(name, zipped(tmp_path / name, {f"{name}/{member}": text})) == (whole, None)


@pytest.mark.parametrize("layout", ["tar", "tar.gz", "nested", "combined zip", "combined tar"])
def test_netflix(tmp_path, layout):
    path = tmp_path / "archive"
    named = {f"training_set/{name}": text for name, text in MV.items()}
    combined = {"combined_data_2.txt": MV["mv_0000013.txt"], "combined_data_1.txt": MV["mv_0000001.txt"]}
    if layout == "nested":
        inner = tarred(tmp_path / "training_set.tar", named).read_bytes()
        tarred(path, {"download/README": "", "download/training_set.tar": inner, "download/probe.txt": "1:\n"}, "w:gz")
    elif layout == "combined zip":
        zipped(path, combined)
    elif layout == "combined tar":
        tarred(path, dict(sorted(combined.items())), "w:gz")
    else:
        tarred(path, named, "w:gz" if layout == "tar.gz" else "w")
    assert rows_of("netflix", path) == (NETFLIX, None)


def test_csv(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text('when;who;note;what;stars\n5;anna;"a; b";007;1\n6;NA;;7;10\n', encoding="utf-8-sig")
    settings_text = (
        '{"archive": "mine.csv", "delimiter": ";", "rating_range": [1, 10], "class_edges": [5, 10],'
        ' "columns": {"user": "who", "item": "what", "rating": "stars"%s}}'
    )
    rows, _ = rows_of("csv", path, settings_text % "")
    assert rows == [("anna", "007", 1.0, 0), ("NA", "7", 10.0, 0)]
    rows, _ = rows_of("csv", path, settings_text % ', "timestamp": "when"')
    assert rows == [("anna", "007", 1.0, 5), ("NA", "7", 10.0, 6)]


ids = st.integers(0, 2**31 - 1)
half_stars = st.integers(1, 10).map(lambda n: n / 2)
rating_rows = st.lists(st.tuples(ids, ids, half_stars, st.integers(-(2**40), 2**40)), min_size=1, max_size=30)


@settings(max_examples=25, deadline=None)
@given(rows=rating_rows, end=st.sampled_from(["\n", "\r\n"]))
def test_delimited_reader_is_plain_python(tmp_path_factory, rows, end):
    text = csv_text(rows, end)
    expected = []
    for line in text.split(end)[1:-1]:
        user, item, rating, timestamp = line.split(",")
        expected.append((int(user), int(item), float(rating), int(timestamp)))
    archive = zipped(tmp_path_factory.mktemp("h") / "a.zip", {"ratings.csv": text})
    assert rows_of("ml-20m", archive)[0] == expected


days = st.dates().map(lambda day: day.isoformat()).filter(lambda day: "1970" < day < "2100")
blocks = st.lists(st.tuples(st.integers(1, 17770), st.lists(st.tuples(ids, st.integers(1, 5), days), max_size=5)))


@settings(max_examples=40, deadline=None)
@given(movies=blocks, end=st.sampled_from(["\n", "\r\n"]), size=st.integers(1, 80))
def test_netflix_reader_is_plain_python(movies, end, size):
    text = "".join(f"{movie}:{end}" + "".join(f"{u},{r},{d}{end}" for u, r, d in rows) for movie, rows in movies)
    expected, movie = [], None
    for line in text.split(end)[:-1]:
        if line.endswith(":"):
            movie = int(line[:-1])
        else:
            user, rating, day = line.split(",")
            timestamp = calendar.timegm((*map(int, day.split("-")), 0, 0, 0))
            expected.append((int(user), movie, float(rating), timestamp))
    half = len(movies) // 2  # two files, the first of which may lack the end of its last line
    cut = sum(len(f"{m}:{end}") + sum(len(f"{u},{r},{d}{end}") for u, r, d in rows) for m, rows in movies[:half])
    found, movie = [], None
    for part in (text[:cut].rstrip("\r\n"), text[cut:]):
        for block_text in whole_lines(io.BytesIO(part.encode()), Source(Path("a")), size):
            block, movie = netflix.parse(block_text, movie)
            found += rows([block])
    assert found == expected


def test_reader_keeps_the_order_of_the_file(tmp_path):
    rows = [(user, 1, 1.0, 100 - user) for user in (3, 1, 2)]
    assert rows_of("ml-20m", zipped(Path(tmp_path / "a"), {"ratings.csv": csv_text(rows)}))[0] == rows
