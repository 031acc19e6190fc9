"""Times as ISO 8601 writes them, such as 2024-03-01T12:30:05.25+02:00: to seconds UTC, a column at a time."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

ISO = "iso"
"""The unit of times that are text."""

EXAMPLE = "a time such as 2024-03-01, 2024-03-01 12:30 or 2024-03-01T12:30:05Z"

_LEAP = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29"
_OTHER_DAYS = (
    r"[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_DAY = f"(?:{_OTHER_DAYS}|{_LEAP})"
_CLOCK = r"[T ](?:[01][0-9]|2[0-3])(?::[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?)?"
_ZONE = r"(?:Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)"

# the days and hours of the calendar, and no others: what has the form needs no second look
_FORMS = {False: f"{_DAY}(?:{_CLOCK})?", True: f"{_DAY}{_CLOCK}{_ZONE}"}
"""By whether they have a zone, all that is read as a time."""

_COMPILED = {zone: re.compile(form) for zone, form in _FORMS.items()}


def has_zone(text: str) -> bool | None:
    """Whether the time has a zone; None of a text that is no time."""
    return next((zone for zone, form in _COMPILED.items() if form.fullmatch(text)), None)


def first_zone(column: Any) -> bool | None:
    """Whether the first time of a column of text (n,) has a zone; None where no text is a time."""
    places = {zone: pc.index(_of_form(_whole(column), zone), True).as_py() for zone in _FORMS}
    found = {place: zone for zone, place in places.items() if place >= 0}
    return found[min(found)] if found else None


def seconds_of_iso(column: Any, missing: int, zoned: bool | None) -> npt.NDArray[np.int64]:
    """Seconds UTC of a column of text (n,); parts of a second are cut off, a time without a zone is UTC.

    Args:
        column: a pyarrow array of text.
        missing: what stands for a value that is no such time.
        zoned: whether the column's times have a zone, as ``first_zone`` finds; of a column that mixes both, those that
            are of the other kind are no times, as nobody knows by how many hours they are off.
    """
    if zoned is None:
        return np.full(len(column), missing, np.int64)
    text = _whole(column)
    text = pc.if_else(_of_form(text, zoned), text, pa.scalar(None, pa.string()))
    text = pc.replace_substring_regex(text, r"[.,][0-9]+", "")
    ticks = text.cast(pa.timestamp("s", tz="UTC" if zoned else None)).cast(pa.int64())
    return np.asarray(ticks.fill_null(missing).to_numpy(zero_copy_only=False), dtype=np.int64)


def expected(value: str, zoned: bool | None) -> str:
    """What was expected in place of a value that is refused, in a column whose times have a zone or have none."""
    if zoned is None or has_zone(value) in (zoned, None):
        return f"{EXAMPLE}, before 2100"
    return f"a time with{'' if zoned else 'out'} a zone, as the first one is: of both in a column the order is unknown"


def _whole(column: Any) -> Any:
    text = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return text.cast(pa.string())


def _of_form(text: Any, zoned: bool) -> Any:
    return pc.fill_null(pc.match_substring_regex(text, rf"\A(?:{_FORMS[zoned]})\z"), False)
