"""From the beginning of a file: its kind, delimiter and encoding, and which column is which."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from autoemb.artifact.parquet import one_line
from autoemb.data.datasets.csv import LATEST, Columns
from autoemb.data.readers.archive import Source
from autoemb.data.readers.layout import Column
from autoemb.data.readers.lines import skip_mark
from autoemb.data.readers.parquet import KINDS, UNITS, is_parquet
from autoemb.errors import InputError

Encoding = Literal["utf-8", "latin-1", "cp1252"]
Unit = Literal["s", "ms", "us", "ns"]

SAMPLE = 1 << 16
"""Bytes of text, or rows of Parquet, from which the guess is made."""

DELIMITERS = (",", ";", "\t", "|", " ")

USUAL: Mapping[Column, tuple[str, ...]] = {
    "user": (
        *("userid", "user", "uid", "users", "userno", "usernumber", "customerid", "customer", "custid"),
        *("reviewerid", "reviewer", "memberid", "member", "accountid", "account", "visitorid", "visitor"),
        *("playerid", "player", "personid", "person", "authorid", "username", "profilename"),
    ),
    "item": (
        *("itemid", "item", "iid", "items", "movieid", "movie", "filmid", "film", "productid", "product"),
        *("parentasin", "asin", "isbn", "bookid", "book", "businessid", "business", "restaurantid", "restaurant"),
        *("songid", "song", "trackid", "track", "artistid", "artist", "albumid", "album", "animeid", "anime"),
        *("gameid", "game", "appid", "app", "articleid", "article", "newsid", "recipeid", "recipe", "jokeid", "joke"),
        *("beerid", "beer", "hotelid", "hotel", "placeid", "place", "venueid", "venue", "videoid", "video", "sku"),
    ),
    "rating": (
        *("rating", "ratings", "score", "scores", "stars", "star", "starrating", "overall", "userrating", "rate"),
        *("bookrating", "movierating", "reviewrating", "reviewscore", "reviewoverall", "preference", "grade", "vote"),
        *("feedback", "liked", "like", "label", "click", "clicked"),
    ),
    "timestamp": (
        *("timestamp", "timestamps", "ts", "unixreviewtime", "unixtimestamp", "unixtime", "time", "datetime", "date"),
        *("ratingtimestamp", "ratedat", "reviewtime", "reviewdate", "ratingdate", "createdat", "created", "when"),
    ),
}
"""Usual names of each column, the likeliest first, as small letters and digits."""

SIDES: Mapping[Column, str] = {"user": "users", "item": "items", "rating": "ratings", "timestamp": "times"}


class Stated(NamedTuple):
    """What a person states of the file."""

    columns: Mapping[Column, str] = {}
    """Their names or numbers, as typed; that of the timestamp may be ``none``."""
    delimiter: str | None = None
    encoding: Encoding | None = None


@dataclass(frozen=True)
class Guess:
    """What the file looks like."""

    kind: Literal["text", "Parquet"]
    names: tuple[str, ...]
    """The names of all columns of the file; none of a text file whose first line holds no names."""
    columns: Columns
    """Which of them hold the users, items, ratings and times."""
    timestamp_unit: Unit
    delimiter: str = ","
    encoding: Encoding = "utf-8"
    problem: str = ""
    """Why the column of the times is left out, if it cannot be read."""


def guess(path: Path, stated: Stated) -> Guess:
    """What the beginning of the file looks like, where a person does not state it.

    Raises:
        InputError: the file is of another kind, or it is not clear which column is which; the message lists the
            columns, and the options by which a person can state it.
    """
    return _of_parquet(path, stated) if is_parquet(path) else _of_text(Source(path, packed=True), stated)


def unit_of(times: Sequence[int]) -> Unit:
    """The largest unit in which all of the times lie before the year 2100."""
    latest = max(times, default=0)
    units: tuple[Unit, ...] = get_args(Unit)
    return next((unit for unit in units if latest // UNITS[unit] <= LATEST), units[-1])


def _of_parquet(path: Path, stated: Stated) -> Guess:
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            columns = _by_name(str(path), schema.names, stated.columns)
            times: list[int] = []
            problem = ""
            if "timestamp" in columns:
                name = columns["timestamp"]
                kind = schema.field(name).type
                if pa.types.is_integer(kind):
                    rows = next(file.iter_batches(SAMPLE, columns=[name]), None)
                    times = [] if rows is None else rows.column(0).drop_null().to_pylist()
                elif "timestamp" not in stated.columns and not any(test(kind) for test in KINDS["timestamp"]):
                    problem = _left_out(columns.pop("timestamp"), f"is of type {kind}")
    except (OSError, ValueError, pa.ArrowException) as error:  # ValueError: names that are no UTF-8
        raise InputError(f"{path}: damaged, or not a Parquet file ({one_line(error)})") from error
    return Guess("Parquet", tuple(schema.names), Columns.model_validate(columns), unit_of(times), problem=problem)


def _of_text(source: Source, stated: Stated) -> Guess:
    if stated.delimiter is not None and (len(stated.delimiter) != 1 or stated.delimiter in '"\r\n'):
        raise InputError(f"--delimiter {stated.delimiter!r}: expected one character, and no quote or end of a line")
    head = _head(source)
    encoding = stated.encoding or _encoding(head)
    try:
        lines = [line for line in re.split(r"\r?\n", head.decode(encoding)) if line]
    except UnicodeDecodeError as error:
        raise InputError(f"{source}: {head[error.start :][:40]!r}; expected text in {encoding.upper()}") from error
    delimiter = stated.delimiter or _delimiter(source, lines)
    rows = [_fields(line, delimiter) for line in lines]
    first = rows[0]
    stated_names = [name for name in stated.columns.values() if not name.isdecimal()]
    named = any(name in first for name in stated_names) or not any(map(_is_number, first))
    columns = (_by_name if named else _by_place)(str(source), first, stated.columns)
    times: list[int] = []
    problem = ""
    if "timestamp" in columns:
        name = columns["timestamp"]
        place = name - 1 if isinstance(name, int) else first.index(name)
        values = [row[place] for row in rows[named:] if place < len(row)]
        strange = next((value for value in values if not re.fullmatch(r"[-+]?\d{1,19}", value)), None)
        if strange is None:
            times = [int(value) for value in values]
        elif "timestamp" not in stated.columns:
            problem = _left_out(columns.pop("timestamp"), f"holds {strange!r}")
    names = tuple(first) if named else ()
    return Guess("text", names, Columns.model_validate(columns), unit_of(times), delimiter, encoding, problem)


def _left_out(column: str | int, why: str) -> str:
    return (
        f"column {column!r} {why}; a time must be a whole number or a timestamp of Parquet, so it is left out:"
        " without times the order is the file's"
    )


def _head(source: Source) -> bytes:
    """Whole lines from the beginning, of a file that looks like delimited text."""
    with source.open() as stream:
        skip_mark(stream)
        head = stream.read(SAMPLE)
    if not head.strip():
        raise InputError(f"{source}: holds no ratings; expected at least one row")
    other = ""
    if head.startswith(b"PK\x03\x04"):
        other = (
            "is a zip archive: unpack it and name the file with the ratings; of MovieLens and Netflix, name the"
            " data set in a config instead, which reads the archive itself (config/README.md)"
        )
    elif head.startswith((b"\xff\xfe", b"\xfe\xff")):
        other = "is text in UTF-16: save it in UTF-8"
    elif head.lstrip().startswith((b"{", b"[")):
        other = "looks like JSON: write user, item, rating and time of each rating as a line of a table"
    elif b"\0" in head:
        other = "is no text"
    if other:
        raise InputError(f"{source}: {other}; expected delimited text, also in gzip or zstd, or Parquet")
    return head[: head.rfind(b"\n") + 1] or head


def _encoding(head: bytes) -> Encoding:
    encodings: tuple[Encoding, ...] = ("utf-8", "cp1252")
    for encoding in encodings:
        try:
            head.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"  # in which every byte is a letter


def _delimiter(source: Source, lines: Sequence[str]) -> str:
    """The one that divides most lines as it does the first, into at least three fields; of equals, the most fields."""
    if all(line.count("::") >= 2 for line in lines):
        raise InputError(
            f"{source}: fields are separated by '::', which is no single character; of MovieLens 1M, name the data set"
            " ml-1m in a config instead; of another file, replace '::' by tabs"
        )

    def fit(delimiter: str) -> tuple[int, int]:
        widths = [len(_fields(line, delimiter)) for line in lines]
        # texts hold spaces, too, so a space is the last that is tried
        return (0, 0) if widths[0] < 3 else (1 if delimiter == " " else widths.count(widths[0]), widths[0])

    best = max(DELIMITERS, key=fit)
    if fit(best) == (0, 0):
        raise InputError(
            f"{source}: line 1: {lines[0][:80]!r}; expected at least three fields with ',', ';', '|', a tab or a space"
            " between them; say another by --delimiter"
        )
    return best


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # such as a field of more than 128 KiB
        return []


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _by_name(where: str, names: Sequence[str], stated: Mapping[Column, str]) -> dict[Column, str | int]:
    """The name of each column: the stated one, else one of its usual names."""
    listed = f"found the columns {', '.join(map(repr, names))}"
    for column, name in stated.items():
        if name not in names and (column, name) != ("timestamp", "none"):
            raise InputError(f"{where}: --{column} {name}: no such column; {listed}")
    columns: dict[Column, str | int] = {}
    missing = []
    free = [name for name in names if name not in stated.values()]
    for column, usual in USUAL.items():
        plain = [_plain(name) for name in free]
        likeliest = next((name for name in usual if name in plain), None)
        matches = [name for name, short in zip(free, plain, strict=True) if short == likeliest]
        if column in stated:
            columns[column] = stated[column]
        elif len(matches) == 1:
            columns[column] = matches[0]
        elif matches or column != "timestamp":
            missing.append(f"which holds the {SIDES[column]} (say it by --{column} COLUMN)")
    if missing:
        raise InputError(f"{where}: cannot tell {', '.join(missing)}; {listed}")
    return {column: name for column, name in columns.items() if (column, name) != ("timestamp", "none")}


def _plain(name: str) -> str:
    """Small letters and digits; without the type that RecBole's files put behind a ':'."""
    return re.sub(r"[^a-z0-9]", "", name.partition(":")[0].lower())


def _by_place(where: str, first: Sequence[str], stated: Mapping[Column, str]) -> dict[Column, str | int]:
    """The number of each column where no line names them: the stated one; of the others, by the usual order."""
    listed = f"the first line holds no names: {', '.join(map(repr, first))}"
    numbers = {column: text for column, text in stated.items() if (column, text) != ("timestamp", "none")}
    for column, text in numbers.items():
        if not text.isdecimal() or not 1 <= int(text) <= len(first):
            raise InputError(f"{where}: --{column} {text}: expected a column's number from 1 to {len(first)}; {listed}")
    columns: dict[Column, str | int] = {column: int(text) for column, text in numbers.items()}
    needed: list[Column] = [column for column in USUAL if column not in stated]
    places = [place for place in range(1, len(first) + 1) if place not in columns.values()]
    if len(first) > len(USUAL):
        needed = [column for column in needed if column != "timestamp"]
        places = []
    columns.update(zip(needed, places, strict=False))
    missing = [column for column in needed if column not in columns and column != "timestamp"]
    if missing:
        words = " ".join(f"--{column} NUMBER" for column in missing)
        raise InputError(f"{where}: {listed}; say which column is which by {words}, from 1")
    return {column: columns[column] for column in USUAL if column in columns}
