"""Properties of what is read and written; ``test_generated.py`` runs them briefly, ``fuzz.py`` for long."""

import bz2
import contextlib
import datetime
import gzip
import io
import lzma
import tarfile
import tempfile
import unicodedata
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import torch
import yaml
from hypothesis import event, given
from hypothesis import strategies as st
from safetensors import safe_open

from autoemb.artifact.yaml import dumped, read_yaml
from autoemb.cli import main
from autoemb.data.datasets import find, netflix
from autoemb.data.interactions import Interactions
from autoemb.data.ratings import Scale
from autoemb.data.readers.archive import Source
from autoemb.data.readers.delimited import read_delimited
from autoemb.data.readers.layout import Layout
from autoemb.data.readers.members import unpacked
from autoemb.errors import InputError
from autoemb.learning.checkpoint import TYPES, write_tensors

from . import slow_reader

COMPRESSORS = st.sampled_from([bz2, lzma])
ODD = st.text(alphabet=" \t-+.0123456789eE'aNn;é", max_size=6)
QUOTED = st.sampled_from(['"1"', '"2,5"', '""', '"', 'a"', '"a""b"'])
WHOLE = st.integers(-(2**31), 2**31 - 1).map(str) | st.sampled_from(["1", "22", "007", " 5", "-0", "3 "])
LARGE = st.sampled_from([str(2**31), str(-(2**31) - 1), str(2**63), str(-(2**63)), "99999999999999999999"])
STARS = st.sampled_from(
    ["0.5", "1", "3.0", "4.50", "5", "5.", "+2", "1e0", ".5", " 3", "50e-1", "\t4.5", "3", "2", "4"]
)
OFF = st.sampled_from(["0", "5.5", "0.7", "inf", "nan", "-1", "4.5001", "1e9", "", "3,5"])
ENDS = st.sampled_from(["\n", "\r\n"])


def mostly(usual):
    """Fields that are nearly always as expected."""
    return st.sampled_from([usual] * 90 + [QUOTED, ODD, OFF, LARGE]).flatmap(lambda kind: kind)


def texts(usual_id):
    """Files with four fields a line, nearly always; some lines are empty."""
    good = st.tuples(mostly(usual_id), mostly(usual_id), mostly(STARS), mostly(WHOLE)).map(list)
    line = st.one_of(*[good] * 8, st.lists(mostly(WHOLE), max_size=6)).map(",".join)
    return st.lists(st.tuples(line, ENDS), max_size=25).map(lambda lines: "".join(a + b for a, b in lines))


def outcome(blocks):
    """All rows; or the message."""
    rows = []
    try:
        for block in blocks:
            ids = [side.to_pylist() for side in (block.user, block.item)] if hasattr(block.user, "to_pylist") else []
            ids = ids or [block.user.tolist(), block.item.tolist()]
            rows += zip(*ids, block.rating.tolist(), block.timestamp.tolist(), strict=True)
    except InputError as error:
        return str(error)
    return rows


@given(data=st.data(), ids=st.sampled_from(["int32", "str"]), timed=st.booleans(), size=st.integers(1, 200))
def delimited_is_plain_python(data, ids, timed, size):
    """The fast reader finds the rows of the slow one, or names the line that the slow one names first."""
    text = data.draw(texts(WHOLE if ids == "int32" else st.sampled_from(["anna", "B 7", "NA", "10", "null", "é"])))
    columns = {"user": 0, "item": 1, "rating": 2} | ({"timestamp": 3} if timed else {})
    rows, bad = slow_reader.read(text, columns.values(), 4, ids, 0.5, 5.0, 0.5)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(text.encode())
        found = outcome(read_delimited(Source(path), Layout(columns, 4, ids=ids), Scale(0.5, 5.0, 0.5), size))
    event("bad" if bad else "good")
    if bad:
        more = f" ({len(bad) - 1} more such row{'s' * (len(bad) > 2)})" if len(bad) > 1 else ""
        assert isinstance(found, str), found
        assert found.startswith(f"{path}: line {bad[0]}: "), found
        assert found.endswith(more), (found, bad)
    elif not rows:
        assert "holds no ratings" in found
    else:
        assert found == rows


DAYS = st.dates().map(lambda day: f"{day.year:04}-{day.month:02}-{day.day:02}")
RATED = st.tuples(st.integers(0, 2**31 - 1), st.integers(1, 5), DAYS).map(lambda row: "{},{},{}".format(*row))
MOVIES = st.integers(1, 17_770).map(lambda movie: f"{movie}:")
NO_LINES = [
    "x:",
    "1:2",
    "5,6,2005-01-01",
    "5,3,2005-02-30",
    "5,3",
    "5,3,2005-01-01,1",
    "99999999999:",
    ",3,2005-01-01",
]


@given(
    first=MOVIES | RATED,
    lines=st.lists(st.one_of(*[RATED] * 6, MOVIES, MOVIES) | st.sampled_from(["", *NO_LINES]), max_size=20),
    end=ENDS,
    mark=st.sampled_from(["", "\ufeff"]),
)
def netflix_is_plain_python(first, lines, end, mark):
    """As above, of the Netflix Prize's text."""
    lines = [first, *lines]
    rows, bad, movie = [], [], None
    for number, line in enumerate(lines, start=1):
        if line.endswith(":") and line[:-1].isdigit() and len(line) < 11:
            movie = int(line[:-1])
        elif not line:
            continue
        elif movie is None or line in NO_LINES:
            bad.append(number)
        else:
            user, stars, day = line.split(",")
            seconds = (datetime.date.fromisoformat(day) - datetime.date(1970, 1, 1)).days * 86_400
            rows.append((int(user), movie, float(stars), seconds))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("combined_data_1.txt", mark + "".join(line + end for line in lines))
        found = outcome(netflix.read(path, netflix.Config()).blocks)
    if bad:
        assert isinstance(found, str), found
        assert f"(combined_data_1.txt): line {bad[0]}: " in found, found
        assert (f"({len(bad) - 1} more such row" in found) == (len(bad) > 1), (found, bad)
    elif not rows:
        assert "holds no ratings" in found
    else:
        assert found == rows


def archives():
    """A small good archive of every data set that is read from one, with its name and settings."""
    movielens = "userId,movieId,rating,timestamp\n1,2,3.0,4\n2,2,5.0,4\n"
    members = {
        "ml-20m": {"ml-20m/ratings.csv": movielens, "ml-20m/genome-scores.csv": "movieId,tagId,relevance\n2,1,0.5\n"},
        "ml-1m": {"ml-1m/ratings.dat": "1::2::3::4\n" * 40},
        "ml-100k": {"ml-100k/u.data": "1\t2\t3\t4\n"},
        "netflix": {"combined_data_1.txt": "1:\n5,3,2005-01-01\n"},
    }
    for name, held in members.items():
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, text in held.items():
                archive.writestr(zipfile.ZipInfo(member), text, zipfile.ZIP_DEFLATED)
        yield name, "{}", file.getvalue()
    for mode in ("w", "w:gz"):
        file = io.BytesIO()
        with tarfile.open(None, mode, file) as archive:
            entry = tarfile.TarInfo("training_set/mv_0000001.txt")
            entry.size = 19
            archive.addfile(entry, io.BytesIO(b"1:\n5,3,2005-01-01\n\n"[:19]))
        yield "netflix", "{}", file.getvalue()
    own = '{"archive": "a", "columns": {"user": "user", "item": "item", "rating": "rating", "timestamp": "timestamp"}}'
    table = pa.table({"user": ["a", "b"], "item": [1, 2], "rating": [3.0, 4.5], "timestamp": [5, 6]})
    parquet, text = io.BytesIO(), io.BytesIO()
    pq.write_table(table, parquet)
    pacsv.write_csv(table, text)
    yield "csv", own, parquet.getvalue()
    yield "csv", own, text.getvalue()
    yield "csv", own, gzip.compress(text.getvalue(), mtime=0)
    yield "csv", own, pa.compress(text.getvalue(), "zstd", asbytes=True)


CHANGES = st.lists(
    st.tuples(st.sampled_from(["flip", "cut", "drop", "add"]), st.floats(0, 1), st.binary(max_size=4)),
    min_size=1,
    max_size=4,
)


@given(which=st.sampled_from(list(archives())), changes=CHANGES)
def damaged_files_are_refused_or_read(which, changes):
    """Whatever is done to the bytes: ratings on the scale, or one clear error that names the file."""
    name, settings, data = which
    for kind, where, extra in changes:
        at = int(where * len(data))
        byte = bytes([data[at] ^ (extra[0] if extra else 255)]) if at < len(data) else b""
        data = {"flip": data[:at] + byte + data[at + 1 :], "cut": data[:at], "drop": data[:at] + data[at + 3 :],
                "add": data[:at] + extra + data[at:]}[kind]  # fmt: skip
    dataset = find(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        path.write_bytes(data)
        try:
            found = Interactions(dataset.read(path, dataset.settings(settings)))
            ratings, refused = found.frame()["rating"], ""
        except InputError as error:
            ratings, refused = pd.Series([1.0]), str(error)
        event("refused" if refused else "read")
        assert ratings.between(0.5, 5).all()
        assert not refused or (str(path) in refused and "\n" not in refused), refused


def packed(module, parts):
    return b"".join(module.compress(part) for part in parts)


def plain(content):
    return unpacked(io.BufferedReader(io.BytesIO(content))).read()


@given(module=COMPRESSORS, parts=st.lists(st.binary(max_size=40), min_size=1, max_size=3), zeros=st.integers(0, 12))
def several_streams_and_padding_are_read_whole(module, parts, zeros):
    """Of bzip2 and xz."""
    assert plain(packed(module, parts) + bytes(zeros)) == b"".join(parts)


@given(
    module=COMPRESSORS,
    at=st.integers(0, 10**6),
    flip=st.integers(1, 255),
    what=st.sampled_from(["flip", "cut"]),
)
def a_damaged_copy_is_never_read_as_another(module, at, flip, what):
    """Of two streams: a byte changed anywhere, or the end cut off, ends in an error, or reads the same bytes."""
    whole = [b"user,item\n" * 30, b"1,2\n" * 50]
    content = bytearray(packed(module, whole))
    at %= len(content)
    if what == "cut":
        del content[max(at, 6) :]
    else:
        content[at] ^= flip
    if bytes(content[:3]) != b"BZh" and bytes(content[:6]) != b"\xfd7zXZ\0":
        return  # no such file any more
    try:
        found = plain(bytes(content))
    except (OSError, EOFError, ValueError, lzma.LZMAError):
        return
    first = len(module.compress(whole[0]))
    assert found == b"".join(whole) or (what == "cut" and max(at, 6) == first and found == whole[0])


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
LIKE_OTHERS = [
    *("1e5", "-1e5", "+1", "0o17", "1_000", ".5e3", "no", "null", "~"),
    *("2024-05-01", "12:30:00", "0x1F", "=", "<<"),
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.sampled_from(LIKE_OTHERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(content=st.dictionaries(TEXTS, VALUES, max_size=5))
def yaml_is_read_as_written(content):
    """By our reader and by PyYAML's: an archive's config must run as the one that it was made of."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(dumped(content), encoding="utf-8")
        assert read_yaml(path) == content
        assert yaml.safe_load(path.read_text(encoding="utf-8")) == content


@given(name=TEXTS | st.sampled_from(["two\nlines", "\n", "a\x1b[31m\nb", "./a//b\n"]))
def what_is_said_moves_no_cursor(name):
    """One line for one problem, without control characters, whatever is given."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        status = main(["settings", "--config", f"no-such-folder/{name}"])
    line = said.getvalue().removesuffix("\n")
    assert status == 2
    assert line.startswith("autoemb settings: error: no-such-folder")
    assert not [letter for letter in line if unicodedata.category(letter) == "Cc"]


TENSORS = st.dictionaries(
    TEXTS.filter(lambda name: name != "__metadata__"),
    st.tuples(st.sampled_from(list(TYPES)), st.lists(st.integers(0, 4), max_size=3), st.integers(0, 2**31)),
    max_size=6,
)


@given(drawn=TENSORS, metadata=st.dictionaries(TEXTS, TEXTS, max_size=3))
def states_are_read_as_written(drawn, metadata):
    """By the library that defines the format."""
    state = {
        name: torch.randint(0, 2, shape, generator=torch.Generator().manual_seed(seed)).to(dtype)
        for name, (dtype, shape, seed) in drawn.items()
    }
    with tempfile.NamedTemporaryFile() as file:
        write_tensors(state, metadata, file)
        file.flush()
        with safe_open(file.name, framework="pt") as opened:
            assert (opened.metadata() or {}) == metadata
            names = opened.keys()
            found = {name: opened.get_tensor(name) for name in names}
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) and found[name].dtype == state[name].dtype for name in state)


PROPERTIES = [
    delimited_is_plain_python,
    netflix_is_plain_python,
    damaged_files_are_refused_or_read,
    several_streams_and_padding_are_read_whole,
    a_damaged_copy_is_never_read_as_another,
    yaml_is_read_as_written,
    what_is_said_moves_no_cursor,
    states_are_read_as_written,
]
