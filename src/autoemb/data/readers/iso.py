"""Times as ISO 8601 writes them, such as 2024-03-01T12:30:05.25+02:00: to seconds UTC, a column at a time."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

ISO = "iso"
"""The unit of times that are text."""

EXAMPLE = "a time such as 2024-03-01, 2024-03-01 12:30 or 2024-03-01T12:30:05Z"

_ZONE = r"\d[T ]\d\d.*(Z|[+-]\d\d(:?\d\d)?)$"
_FORM = r"^\d{4}-\d\d-\d\d([T ]\d\d(:?\d\d(:?\d\d(\.\d{1,9})?)?)?(Z|[+-]\d\d(:?\d\d)?)?)?$"


def seconds_of_iso(column: Any, missing: int) -> npt.NDArray[np.int64]:
    """Seconds UTC of a column of text (n,); parts of a second are cut off, a time without a zone is UTC.

    Args:
        column: a pyarrow array of text.
        missing: what stands for a value that is no such time.
    """
    text = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    text = text.cast(pa.string())
    formed = pc.fill_null(pc.match_substring_regex(text, _FORM), False)
    zoned = pc.fill_null(pc.match_substring_regex(text, _ZONE), False)
    seconds = np.full(len(text), missing, np.int64)
    for mask, kind in (
        (pc.and_(formed, pc.invert(zoned)), pa.timestamp("ns")),
        (pc.and_(formed, zoned), pa.timestamp("ns", tz="UTC")),
    ):
        places = np.flatnonzero(mask.to_numpy(zero_copy_only=False))
        if len(places):
            seconds[places] = _cast(text.take(places), kind, missing)
    return seconds


def _cast(text: Any, kind: Any, missing: int) -> npt.NDArray[np.int64]:
    """All at once; where one of them is no day or no hour of the calendar, one by one."""
    try:
        ticks = text.cast(kind).cast(pa.int64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        if len(text) == 1:
            return np.array([missing])
        half = len(text) // 2
        return np.concatenate([_cast(part, kind, missing) for part in (text[:half], text[half:])])
    return np.asarray(ticks // 1_000_000_000, dtype=np.int64)
