"""Which columns of a person's file hold times, by their values."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, get_args

import pyarrow as pa

from autoemb.data.datasets.csv import LATEST
from autoemb.data.readers.iso import has_zone, seconds_of_iso
from autoemb.data.readers.parquet import UNITS

Unit = Literal["s", "ms", "us", "ns", "iso"]

YEARS = (788_918_400, 2_082_758_400)
"""Seconds UTC of 1995-01-01 and 2036-01-01: what lies in between, in any unit, looks like the time of a rating."""

NEARLY = 0.95
"""Share of a column's values that must do so; the others must still be times, such as a 0 for an unknown one."""

REPEATS = 20
"""Different times, and rows of items that have come before, from which on a time that is always the same for an item
is called the item's."""

_NAMED_SO = re.compile(r"time|date|when|stamp|created|(^|[^a-z])(at|on|ts)$", re.IGNORECASE)
"""What names of times have in them."""

_MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_OTHER_FORMS = re.compile(
    r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
    r"|(19|20)\d\d[/.-]\d\d?[/.-]\d\d?\b.*|\d\d?[/.-]\d\d?[/.-](19|20)\d\d\b.*"
    rf"|([a-z]{{3,9}},? )?(\d\d?[ -]{_MONTH}|{_MONTH} \d\d?),?[ -](.{{0,12}} )?(19|20)\d\d\b.{{0,20}}",
    re.IGNORECASE,
)
"""Days as people write them: 20240301, 2024/3/1, 03/01/2024, 1.3.2024, Mar 1, 2024."""

_NUMBERS = re.compile(r"[0-9]{9,19}(\.[0-9]*)?|[0-9]\.[0-9]+[eE]\+?[0-9]{1,2}")
"""Seconds or parts of one, also as programs for tables write them: 1709294400, 1709294400.0, 1.7093E+12."""


class Judged(NamedTuple):
    """What the values of a column say of it."""

    unit: Unit | None
    """That of its times; None if it cannot be read as times, or these are of other years than ratings are."""
    why: str = ""
    """Why a column is not read as times although its values look like some; empty where they do not."""


def unit_of(times: Sequence[int]) -> Unit:
    """The largest unit in which all of the times lie before the year 2100."""
    latest = max(times, default=0)
    units: tuple[Unit, ...] = get_args(Unit)[:-1]
    return next((unit for unit in units if latest // UNITS[unit] <= LATEST), units[-1])


def readable(values: Sequence[object]) -> Unit | None:
    """The unit in which all of the values can be read as times, whatever years these are of; None if in none."""
    if not values:
        return None
    texts = [str(value) for value in values]
    if all(re.fullmatch(r"[-+]?[0-9]{1,19}", text) for text in texts):
        return unit_of([int(text) for text in texts])
    return "iso" if all(has_zone(text) is not None for text in texts) else None


def shown(value: object) -> str:
    """A value in a message; of a long text the beginning."""
    return repr(value[:80]) + "..." if isinstance(value, str) and len(value) > 80 else repr(value)


def judge(values: Sequence[object], items: Sequence[object] = ()) -> Judged:
    """Whether a column of a name that says nothing holds the times of the ratings.

    Args:
        values: the first of the column; None and the empty text are blanks.
        items: those of the same rows, where they are known.
    """
    given = [value for value in values if value not in (None, "")]
    alike = sum(map(_looks_like_one, given))
    if not given or alike < len(given) / 2:
        return Judged(None)
    if alike < NEARLY * len(given):
        return Judged(None, f"only {alike:,} of its first {len(given):,} values do")
    if len(given) < len(values):
        blanks = len(values) - len(given)
        return Judged(None, f"{blanks:,} of its first {len(values):,} values are empty, and every rating needs a time")
    unit = readable(given)
    if unit is None:
        strange = next(value for value in given if readable([value]) is None)
        return Judged(None, f"{shown(strange)} is neither a whole number nor a time by ISO 8601")
    zones = {has_zone(str(value)) for value in given} if unit == "iso" else set()
    if len(zones) > 1:
        return Judged(None, "some of its values have a zone and others have none")
    others = [value for value in given if not YEARS[0] <= _seconds(value, unit) < YEARS[1]]
    if len(given) - len(others) < NEARLY * len(given):  # such as times of several units, or days written 20240301
        return Judged(None, f"{others[0]!r} is no time of 1995 to 2035 in the unit that they would have ({unit})")
    if _is_of_the_item(given, items):
        return Judged(None, "it is always the same for an item, so it may be that of the item, such as its release")
    return Judged(unit)


def _is_of_the_item(values: Sequence[object], items: Sequence[object]) -> bool:
    """Whether an item always has the same value, in values and items that are enough to tell."""
    if len(items) != len(values) or len(set(values)) < REPEATS or len(items) - len(set(items)) < REPEATS:
        return False
    return len(set(zip(items, values, strict=True))) == len(set(items))


def likeliest(columns: Mapping[str | int, Sequence[object]], items: Sequence[object]) -> dict[str | int, Judged]:
    """Those of the columns whose values look like times, the likeliest of the ratings' times first.

    First come those that can be read, of these those with a name that speaks of time; then the file's order counts.
    """
    judged = {name: judge(values, items) for name, values in columns.items()}
    found = [name for name, said in judged.items() if said.unit or said.why]
    found.sort(key=lambda name: (judged[name].unit is None, not _NAMED_SO.search(str(name))))
    return {name: judged[name] for name in found}


def _looks_like_one(value: object) -> bool:
    """Whether a value is that of a time of the years in which ratings are given, in a form that is read or another."""
    text = str(value)
    if _NUMBERS.fullmatch(text):
        whole = int(float(text))
        return YEARS[0] <= whole // UNITS[unit_of([whole])] < YEARS[1]
    if has_zone(text) is not None:
        return YEARS[0] <= _seconds(text, "iso") < YEARS[1]
    return bool(_OTHER_FORMS.fullmatch(text))


def _seconds(value: object, unit: Unit) -> int:
    """Seconds UTC of a value that can be read."""
    if unit == "iso":
        return int(seconds_of_iso(pa.array([str(value)]), LATEST + 1, has_zone(str(value)))[0])
    return int(str(value)) // UNITS[unit]
