"""Which column of a person's file holds the users, the items, the ratings and the times."""

import re
from collections.abc import Iterator, Mapping, Sequence

from autoemb.data.readers.layout import Column
from autoemb.errors import InputError

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


def by_name(where: str, names: Sequence[str], stated: Mapping[Column, str]) -> dict[Column, str | int]:
    """The name of each column: the stated one, else one of its usual names.

    Args:
        where: the file, in a message.
        names: those of all columns of the file.
        stated: names by column, as typed.

    Raises:
        InputError: no column has a stated name, or it is not clear which column is which.
    """
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


def by_place(where: str, first: Sequence[str], stated: Mapping[Column, str]) -> dict[Column, str | int]:
    """The number of each column, from 1, where no line names them: the stated one; of the others, by the usual order.

    Args:
        where: the file, in a message.
        first: the fields of the first line.
        stated: numbers by column, as typed.

    Raises:
        InputError: what is stated is no column's number, or it is not clear which column is which.
    """
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


def spare(names: Sequence[str], taken: Mapping[Column, str | int], stated: Mapping[Column, str]) -> Iterator[str]:
    """Say of each column that is not used, and whose name would do for one that is, which was taken in its place.

    Args:
        names: those of all columns of the file.
        taken: the column that is used for each.
        stated: those that a person has stated; for these no other is a candidate.
    """
    for name in names:
        for column, usual in USUAL.items():
            if name not in taken.values() and column in taken and column not in stated and _plain(name) in usual:
                yield (
                    f"column {name!r} may hold the {SIDES[column]}, too, by its name, but {taken[column]!r} is taken:"
                    f" say --{column} {name} if it does"
                )


def _plain(name: str) -> str:
    """Small letters and digits; without the type that RecBole's files put behind a ':'."""
    return re.sub(r"[^a-z0-9]", "", name.partition(":")[0].lower())
