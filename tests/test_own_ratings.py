"""What a person's own file may hold, and what becomes of it: the table of docs/data.md, row by row."""

import datetime as dt
import gzip
import json
import re
import uuid
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from autoemb import cli
from autoemb.data.datasets import find
from autoemb.data.ratings import Scale
from autoemb.data.readers import members
from autoemb.data.readers.archive import Source
from autoemb.data.readers.delimited import read_delimited
from autoemb.data.readers.iso import first_zone, has_zone, seconds_of_iso
from autoemb.data.readers.layout import Layout
from autoemb.errors import InputError

from .test_readers import rows_of

NAMES = {"user": "u", "item": "i", "rating": "r"}
TIMED = {**NAMES, "timestamp": "t"}


def settings(columns=NAMES, **more):
    return json.dumps({"archive": "a", "columns": columns, **more})


def read(tmp_path, data, text):
    path = tmp_path / "mine"
    path.write_bytes(data)
    return rows_of("csv", path, text)[0]


@pytest.mark.parametrize(
    ("data", "text", "rows"),
    [
        pytest.param(b"\xef\xbb\xbfu,i,r\na,b,3\n", settings(), [("a", "b", 3.0, 0)], id="byte order mark"),
        pytest.param(b"u,i,r\r\na,b,3\r\n", settings(), [("a", "b", 3.0, 0)], id="CRLF"),
        pytest.param(b"u,i,r\na,b,3\r\n\nc,d,4", settings(), [("a", "b", 3.0, 0), ("c", "d", 4.0, 0)], id="mixed ends"),
        pytest.param(b"x,r,u,note,i\n9,3,a,\xff,b\n", settings(), [("a", "b", 3.0, 0)], id="extra columns, any bytes"),
        pytest.param(b"u\ti\tr\na\tb,c\t3\n", settings(delimiter="\t"), [("a", "b,c", 3.0, 0)], id="TSV"),
        pytest.param(b'u,i,r\n"a,b","c ""d""",3\n', settings(), [("a,b", 'c "d"', 3.0, 0)], id="quotes"),
        pytest.param(b"u,i,r\nNA,null,3\n", settings(), [("NA", "null", 3.0, 0)], id="NA is an id"),
        pytest.param(
            b"u,i,r\n a,07,3\na,7,3\n", settings(), [(" a", "07", 3.0, 0), ("a", "7", 3.0, 0)], id="ids are text"
        ),
        pytest.param(
            b"u,i,r\n99999999999999999999,3000000000,3\n",
            settings(),
            [("99999999999999999999", "3000000000", 3.0, 0)],
            id="ids beyond int32",
        ),
        pytest.param(b"u,i,r\n\xe9,b,3\n", settings(encoding="latin-1"), [("é", "b", 3.0, 0)], id="Latin-1"),
        pytest.param(
            b"a,7,x,3\nb,8,x,4\n",
            settings({"user": 1, "item": 2, "rating": 4}),
            [("a", "7", 3.0, 0), ("b", "8", 4.0, 0)],
            id="no header",
        ),
        pytest.param(b"u,i,r,t\na,b,3,1500\n", settings(TIMED, timestamp_unit="ms"), [("a", "b", 3.0, 1)], id="ms"),
        pytest.param(b"u,i,r,t\na,b,3,-1\n", settings(TIMED, timestamp_unit="ms"), [("a", "b", 3.0, -1)], id="-1 ms"),
        pytest.param(b"u,i,r,t\na,b,3,-86400\n", settings(TIMED), [("a", "b", 3.0, -86400)], id="before 1970"),
        pytest.param(
            b"u,i,r,t\na,b,3,1970-01-02\na,c,3,1970-01-02 01:00\na,d,3,1970-01-02T01:00:05.75\n"
            b"a,f,3,1969-12-31T23:59:59.5\na,g,3,0001-01-01\n",
            settings(TIMED, timestamp_unit="iso"),
            [
                ("a", "b", 3.0, 86400),
                ("a", "c", 3.0, 90000),
                ("a", "d", 3.0, 90005),
                ("a", "f", 3.0, -1),
                ("a", "g", 3.0, -62135596800),
            ],
            id="ISO 8601",
        ),
        pytest.param(
            b"u,i,r,t\na,d,3,1970-01-02T01:00:05.75Z\na,e,3,1970-01-02T01:00:05+01:00\na,f,3,1970-01-02 01:00-0030\n",
            settings(TIMED, timestamp_unit="iso"),
            [("a", "d", 3.0, 90005), ("a", "e", 3.0, 86405), ("a", "f", 3.0, 91800)],
            id="ISO 8601 with zones",
        ),
        pytest.param(
            b"u,i,r,t\na,b,3,4102444800\n", settings(TIMED), [("a", "b", 3.0, 4102444800)], id="in the future"
        ),
        pytest.param(
            b"u,i,r\na,b,-9.5\na,c,10\n",
            settings(rating_range=[-10, 10], class_edges=[-5, 0, 5, 10], positive_from=2),
            [("a", "b", -9.5, 0), ("a", "c", 10.0, 0)],
            id="-10 to 10",
        ),
        pytest.param(
            b"u,i,r\na,b,0\na,c,1\n",
            settings(rating_range=[0, 1], rating_step=1, class_edges=[0, 1], positive_from=1),
            [("a", "b", 0.0, 0), ("a", "c", 1.0, 0)],
            id="binary",
        ),
        pytest.param(b"u,i,r\na,b,3\na,b,4\n", settings(), [("a", "b", 3.0, 0), ("a", "b", 4.0, 0)], id="duplicates"),
    ],
)
def test_read(tmp_path, data, text, rows):
    assert read(tmp_path, data, text) == rows


@pytest.mark.parametrize(
    ("data", "text", "message"),
    [
        (b"u,i,r\na,b,nan\n", settings(), "line 2: column r: 'nan'; expected a rating from 0.5 to 5"),
        (b"u,i,r\na,b,\n", settings(), "line 2: column r: ''; expected a rating from 0.5 to 5"),
        (b"u,i,r\na,,3\n", settings(), "line 2: column i: ''; expected an id in UTF-8"),
        (b"u,i,r\na,b,3\na,b,3,4\nc\n", settings(), "line 3: 4 fields; expected 3 (1 more such row)"),
        (
            b"a,b,3\n",
            settings(),
            "line 1: expected one column 'u'; found the columns 'a', 'b', '3'; is the header missing?",
        ),
        (b"u;i;r\n", settings(), "line 1: expected one column 'u'; found the columns 'u;i;r'; is the delimiter ';'?"),
        (b"u,i,r\n\xe9,b,3\n", settings(), r"line 2: column u: '\xe9'; expected an id in UTF-8"),
        (b"\xff\xfeu\0,\0", settings(), "line 1: "),
        (
            b"u,i,r\na,b,6\na,b,0\na,b,3\n",
            settings(),
            "line 2: column r: '6'; expected a rating from 0.5 to 5 (1 more such",
        ),
        (
            b"u,i,r\na,b,3.25\n",
            settings(rating_step=0.5),
            "line 2: column r: '3.25'; expected a rating from 0.5 to 5 in steps",
        ),
        (b'u,i,r\na,"b,3\nc,d,4\n', settings(), "line 2: '"),
        (b"u,i,r,t\na,b,3,2001-01-01\n", settings(TIMED), "line 2: column t: '2001-01-01'; expected a whole number"),
        (b"u,i,r,t\na,b,3,\n", settings(TIMED), "line 2: column t: ''; expected a whole number"),
        (b"u,i,r,t\na,b,3,1.5\n", settings(TIMED), "line 2: column t: '1.5'; expected a whole number"),
        (
            b"u,i,r,t\na,b,3,978300760000\n",
            settings(TIMED),
            "line 2: column t: '978300760000'; expected a whole number of type int64, at most 4102444800"
            " (the year 2100 in the timestamp_unit s)",
        ),
        (
            b"u,i,r,t\na,b,3,2024-02-30\na,b,3,2024-02-29\na,b,3,1700000000\n",
            settings(TIMED, timestamp_unit="iso"),
            "line 2: column t: '2024-02-30'; expected a time such as 2024-03-01, 2024-03-01 12:30 or"
            " 2024-03-01T12:30:05Z, before 2100 (1 more such row)",
        ),
        (
            b"u,i,r,t\na,b,3,x\na,b,3,2024-02-28\na,b,3,2024-02-28T12:00Z\n",
            settings(TIMED, timestamp_unit="iso"),
            "line 2: column t: 'x'; expected a time such as 2024-03-01, 2024-03-01 12:30 or 2024-03-01T12:30:05Z,"
            " before 2100 (1 more such row)",
        ),
        (
            b"u,i,r,t\na,b,3,2024-02-28\na,b,3,2024-02-28T12:00Z\na,b,3,2024-02-28T12:00+01:00\n",
            settings(TIMED, timestamp_unit="iso"),
            "line 3: column t: '2024-02-28T12:00Z'; expected a time without a zone, as the first one is: of both in a"
            " column the order is unknown (1 more such row)",
        ),
        (
            b"u,i,r,t\na,b,3,2024-02-28T12:00Z\na,b,3,2024-02-28T12:00\n",
            settings(TIMED, timestamp_unit="iso"),
            "line 3: column t: '2024-02-28T12:00'; expected a time with a zone, as the first one is: of both in a",
        ),
        (
            b"u,i,r,t\na,b,3,2099-12-31T23:00-02:00\n",
            settings(TIMED, timestamp_unit="iso"),
            "line 2: column t: '2099-12-31T23:00-02:00'; expected a time such as 2024-03-01, 2024-03-01 12:30 or"
            " 2024-03-01T12:30:05Z, before 2100",
        ),
        (
            b"u,i,r,t\na,b,3,2001-01-01\n",
            settings(TIMED),
            "line 2: column t: '2001-01-01'; expected a whole number of type int64, at most 4102444800 (the year 2100"
            " in the timestamp_unit s); for times by ISO 8601 set timestamp_unit: iso",
        ),
        (b"u,i,r,t\na,b,3,\n", settings(TIMED, timestamp_unit="iso"), "line 2: column t: ''; expected a time such as"),
        (
            b"u,i,r,t\na,b,3,2100-01-02\n",
            settings(TIMED, timestamp_unit="iso"),
            "line 2: column t: '2100-01-02'; expected a time such as",
        ),
        (b"u,i,r,t\na,b,3,\xff\n", settings(TIMED, timestamp_unit="iso"), r"line 2: column t: '\xff'; expected a time"),
        (b"a,7,3\n", settings({"user": 1, "item": 2, "rating": 4}), "line 1: 3 fields; expected at least 4"),
        (b"u,i,r\n", settings(), "holds no ratings"),
    ],
)
def test_refused(tmp_path, data, text, message):
    with pytest.raises(InputError) as caught:
        read(tmp_path, data, text)
    assert str(caught.value).startswith(f"{tmp_path / 'mine'}: {message}")


@pytest.mark.parametrize("squeeze", [gzip.compress, lambda data: pa.compress(data, "zstd", asbytes=True)])
def test_compressed_text(tmp_path, squeeze):
    data = b"u,i,r\n" + b"".join(b"%d,b,3\n" % n for n in range(2000))
    assert read(tmp_path, squeeze(data), settings()) == read(tmp_path, data, settings())
    with pytest.raises(InputError, match="mine: "):
        read(tmp_path, squeeze(data)[:-20], settings())


@pytest.mark.parametrize("squeeze", [gzip.compress, lambda data: pa.compress(data, "zstd", asbytes=True)])
def test_a_bomb_is_refused(tmp_path, monkeypatch, squeeze):
    monkeypatch.setattr(members, "EXPANSION_FLOOR", 1 << 16)
    bomb = squeeze(b"u,i,r\n" + b"a,b,3\n" * 400_000)
    with pytest.raises(
        InputError, match=f"mine: expands to more than {max(1 << 16, 200 * len(bomb))} bytes, .*; refused"
    ):
        read(tmp_path, bomb, settings())


def test_parquet_is_its_text(tmp_path):
    table = pa.table(
        {
            "t": pa.array([5000, 6000, -1], pa.timestamp("ms")),
            "u": pa.array([str(uuid.UUID(int=n)) for n in (7, 8, 7)]).dictionary_encode(),
            "i": pa.array([2**40, 3, 3]),
            "r": pa.array([1, 5, 2], pa.int8()),
        }
    )
    pq.write_table(table, tmp_path / "a")
    text = pa.BufferOutputStream()
    seconds = table.set_column(0, "t", pa.array([5, 6, -1]))
    pacsv.write_csv(seconds.set_column(1, "u", table["u"].cast(pa.string())), text)
    found = rows_of("csv", tmp_path / "a", settings(TIMED))[0]
    assert found == read(tmp_path, text.getvalue().to_pybytes(), settings(TIMED))
    assert found[2] == (str(uuid.UUID(int=7)), "3", 2.0, -1)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"r": [3.0, None, 9.0]}, "row 2: column r: None; expected a rating from 0.5 to 5 (1 more such row)"),
        ({"u": ["a", "", None]}, "row 2: column u: ''; expected an id (1 more such row)"),
        ({"t": [5, None, 5_000_000_000]}, "row 2: column t: None; expected a time, at most 4102444800 s UTC (1 more"),
        ({"u": [0.5, 1.0, 2.0]}, "column 'u': double; expected a type that can be a user"),
        (
            {"t": ["a", "b", "c"]},
            "column 't': string; expected a type that can be a timestamp; for times by ISO 8601 set timestamp_unit:"
            " iso",
        ),
    ],
)
def test_refused_in_parquet(tmp_path, columns, message):
    good = {"u": ["a", "b", "c"], "i": [1, 2, 3], "r": [1.0, 2.0, 3.0], "t": [1, 2, 3]}
    pq.write_table(pa.table(good | columns), tmp_path / "a")
    with pytest.raises(InputError) as caught:
        rows_of("csv", tmp_path / "a", settings(TIMED))
    assert str(caught.value).startswith(f"{tmp_path / 'a'}: {message}")


ISO = settings(TIMED, timestamp_unit="iso")
TEXTS = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]


@pytest.mark.parametrize("kind", TEXTS, ids=str)
def test_iso_times_in_parquet(tmp_path, kind):
    """Text of any type; the types for times say their own unit, and need no other setting."""
    good = {"u": ["a", "b", "c"], "i": [1, 2, 3], "r": [1.0, 2.0, 3.0]}
    texts = pa.array(["1970-01-02", "1970-01-02T00:00:05.5", "1969-12-31 23:59:59"])
    pq.write_table(pa.table({**good, "t": texts.cast(kind)}), tmp_path / "a")
    assert [row[3] for row in rows_of("csv", tmp_path / "a", ISO)[0]] == [86400, 86405, -1]
    for bad, message in (
        (["1970-01-02", None, "x"], "row 2: column t: None; expected a time such as 2024-03-01, 2024-03-01 12:30 or"),
        (["1970-01-02", "1970-01-02T00:00Z", "x"], "row 2: column t: '1970-01-02T00:00Z'; expected a time without a"),
    ):
        pq.write_table(pa.table({**good, "t": pa.array(bad).cast(kind)}), tmp_path / "a")
        with pytest.raises(InputError) as caught:
            rows_of("csv", tmp_path / "a", ISO)
        assert str(caught.value).startswith(f"{tmp_path / 'a'}: {message}")
        assert str(caught.value).endswith(" (1 more such row)")


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        (pa.array([1, 2, None][:2], pa.date32()), [86400, 172800]),
        (pa.array([86_400_000, 0], pa.date64()), [86400, 0]),
        *((pa.array([1_500, -1], pa.timestamp("ms", zone)), [1, -1]) for zone in (None, "UTC", "Europe/Paris")),
        (pa.array([1_500_000_000, -1], pa.timestamp("ns")), [1, -1]),
    ],
)
@pytest.mark.parametrize("unit", ["s", "iso"])
def test_types_for_times_in_parquet(tmp_path, times, seconds, unit):
    pq.write_table(pa.table({"u": ["a", "b"], "i": [1, 2], "r": [1.0, 2.0], "t": times}), tmp_path / "a")
    found = rows_of("csv", tmp_path / "a", settings(TIMED, timestamp_unit=unit))[0]
    assert [row[3] for row in found] == seconds


@given(
    times=st.lists(st.datetimes(dt.datetime(1, 1, 2), dt.datetime(2099, 12, 30)), min_size=1, max_size=5),
    zone=st.none() | st.integers(-1439, 1439),
    parts=st.sampled_from(["minutes", "seconds", "milliseconds", "microseconds"]),
    between=st.sampled_from("T "),
)
def test_iso_times_are_those_of_plain_python(times, zone, parts, between):
    """To the second, whatever the year, the zone and the parts of a second."""
    told = None if zone is None else dt.timezone(dt.timedelta(minutes=zone))
    texts = [time.replace(tzinfo=told).isoformat(between, parts) for time in times]
    plain = [dt.datetime.fromisoformat(text) for text in texts]
    plain = [time if time.tzinfo else time.replace(tzinfo=dt.UTC) for time in plain]
    found = seconds_of_iso(pa.array(texts), -(2**62), first_zone(pa.array(texts)))
    assert found.tolist() == [
        (time - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(seconds=1) for time in plain
    ]
    assert {has_zone(text) for text in texts} == {zone is not None}


@given(text=st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,6})?)?)?\Z"))
@example("2023-02-29")
@example("1900-02-29")
@example("2000-02-29")
@example("2024-03-01T24:00")
@example("2024-03-01T12:00:60")
def test_what_is_no_day_or_hour_of_the_calendar_is_no_time(text):
    try:
        dt.datetime.fromisoformat(text)
        is_time = True
    except ValueError:
        is_time = False
    assume(not text.startswith("0000") and re.fullmatch("[ -~]+", text))  # plain Python has no year 0
    assert (has_zone(text) is not None) == (first_zone(pa.array([text])) is not None) == is_time


def test_the_zone_of_the_first_time_holds_for_the_whole_file(tmp_path):
    """However the file is cut into blocks."""
    data = b"u,i,r,t\n" + b"a,b,3,2024-02-28\n" * 20_000 + b"a,b,3,2024-02-28T00:00Z\n"
    (tmp_path / "mine").write_bytes(data)
    layout = Layout({"user": 0, "item": 1, "rating": 2, "timestamp": 3}, 4, ids="str", header=("u", "i", "r", "t"))
    layout = replace(layout, per_second=None, latest=4_102_444_800)
    expected = "mine: line 20002: column t: '2024-02-28T00:00Z'; expected a time without a zone"
    for size in (100, 1 << 24):
        with pytest.raises(InputError, match=expected):
            list(read_delimited(Source(tmp_path / "mine"), layout, Scale(0.5, 5.0), size))


DATES = "u,i,r,t\n" + "a,b,3,2024-05-01T12:00:00Z\n" * 30_000


def test_of_very_many_bad_rows_some_are_counted(tmp_path):
    """Each costs a look at it: 20 million would cost an hour before the line that says so."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, DATES.encode(), settings(TIMED))
    assert str(caught.value).startswith(
        f"{tmp_path / 'mine'}: line 2: column t: '2024-05-01T12:00:00Z'; expected a whole"
    )
    assert str(caught.value).endswith(" (1,000 more such rows, and then it was read no further)")
    pq.write_table(pa.table({"u": ["a"] * 30_000, "i": ["b"] * 30_000, "r": [9.0] * 30_000}), tmp_path / "a")
    with pytest.raises(InputError, match=r"row 1: column r: 9.0; .* \(1,000 more such rows, and then"):
        rows_of("csv", tmp_path / "a", settings())


def test_a_long_field_is_not_blamed_for_another_line(tmp_path):
    """The fast reader takes fields of any length, and so does the slow one, which says what is wrong."""
    long = "x" * 200_000
    assert len(read(tmp_path, f"u,i,r\n{long},b,3\n".encode(), settings())) == 1
    with pytest.raises(InputError, match="line 3: column r: 'x'; expected a rating"):
        read(tmp_path, f'u,i,r\n"{long}",b,3\na,b,x\n'.encode(), settings())


def test_one_long_text_many_times_takes_the_memory_of_one(tmp_path):
    rows, text = 1 << 18, "x" * 10_000
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))
    table = pa.table({"u": column, "i": np.arange(rows) % 7, "r": np.full(rows, 3.0)})
    pq.write_table(table, tmp_path / "a", compression="zstd")
    dataset = find("csv")
    before = pa.total_allocated_bytes()
    for block in dataset.read(tmp_path / "a", dataset.settings(settings())).blocks:
        assert pa.total_allocated_bytes() - before < 100 << 20
        assert block.user.dictionary.to_pylist() == [text]
        assert sorted(block.item.dictionary.to_pylist()) == [str(n) for n in range(7)]


def test_a_table_that_expands_too_far_is_refused(tmp_path):
    text = pa.array(["x" * 10_000] * 20_000)
    table = pa.table({"u": text, "i": np.arange(20_000), "r": np.full(20_000, 3.0)})
    pq.write_table(table, tmp_path / "a", compression="zstd", use_dictionary=False)
    with pytest.raises(InputError, match=r"expands to more than \d+ bytes, the most that an archive of its size may"):
        rows_of("csv", tmp_path / "a", settings())


def test_ids_are_those_that_occur_in_their_order(tmp_path):
    """Also where a dictionary has more entries, or one text twice."""
    users = pa.DictionaryArray.from_arrays(pa.array([3, 1, 3, 0], pa.int32()), pa.array(["a", "b", "c", "a"]))
    pq.write_table(pa.table({"u": users, "i": [1, 2, 3, 4], "r": [3.0] * 4}), tmp_path / "a")
    assert [row[0] for row in rows_of("csv", tmp_path / "a", settings())[0]] == ["a", "b", "a", "a"]
    blank = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int32()), pa.array(["a", ""]))
    pq.write_table(pa.table({"u": blank, "i": [1, 2, 3], "r": [3.0] * 3}), tmp_path / "a")
    with pytest.raises(InputError, match=r"row 2: column u: ''; expected an id \(1 more such row\)"):
        rows_of("csv", tmp_path / "a", settings())


def test_missing_column_in_parquet(tmp_path):
    pq.write_table(pa.table({"u": [1], "i": [1]}), tmp_path / "a")
    with pytest.raises(InputError, match="expected one column 'r'; found the columns 'u', 'i'"):
        rows_of("csv", tmp_path / "a", settings())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positive_from": 6}, "positive_from 6: expected a rating above 0.5"),
        ({"columns": {"user": "u", "item": 2, "rating": "r"}}, "expected names for all columns, or numbers for all"),
        ({"timestamp_unit": "h"}, "timestamp_unit = 'h'"),
        ({"duplicates": "none"}, "duplicates = 'none'"),
        ({"encoding": "utf-16"}, "encoding = 'utf-16'"),
    ],
)
def test_settings_refused(change, message):
    with pytest.raises(InputError, match=message):
        find("csv").settings(json.dumps({**json.loads(settings()), **change}))


def test_one_rating_of_a_pair_by_time(tmp_path):
    """Through the verb: the last by time stays, and counts.json counts what stays."""
    path = tmp_path / "mine"
    path.write_text("u,i,r,t\na,b,1,9\na,b,2,5\nb,b,3,1\n")
    outs = {name: tmp_path / name for name in ("out", "users", "items", "counts")}
    words = [word for name, out in outs.items() for word in (f"--{name}", str(out))]
    text = settings(TIMED, duplicates="last")
    assert cli.main(["interactions", "--dataset", "csv", "--settings", text, "--archive", str(path), *words]) == 0
    assert pd.read_parquet(outs["out"])["rating"].tolist() == [1.0, 3.0]
    assert json.loads(outs["counts"].read_text())["ratings"] == 2


def test_many_blocks_are_one_file(tmp_path):
    """Ids get the same numbers however the file is cut."""
    dice = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"u": dice.integers(0, 50, 3000), "i": dice.integers(0, 9, 3000), "r": dice.integers(1, 6, 3000)}
    )
    data = frame.to_csv(index=False).encode()
    rows = read(tmp_path, data, settings())
    assert [(int(u), int(i), r) for u, i, r, _ in rows] == list(frame.itertuples(index=False, name=None))


@pytest.mark.parametrize("line", ['a,b,3,"', 'a,"b,3', '"a,b,3', 'a,b,"3'])
def test_a_quoted_field_that_is_cut_at_the_end_of_the_file_is_refused(tmp_path, line):
    header = "u,i,r,x\n" if line.count(",") == 3 else "u,i,r\n"
    for end in ("", "\n", "\r\n\r\n"):
        with pytest.raises(InputError, match=r"line 3: .*expected delimited text"):
            read(tmp_path, f"{header}a,b,3{',x' * (header.count(',') == 3)}\n{line}{end}".encode(), settings())
