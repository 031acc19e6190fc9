"""Where the columns stand in the lines of a text file, and what they hold."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

Column = Literal["user", "item", "rating", "timestamp"]


@dataclass(frozen=True)
class Layout:
    """Where the columns stand in the lines of a text file, and what they hold."""

    columns: dict[Column, int]
    """Position of each column, from 0; ``timestamp`` may be left out."""

    width: int
    """Fields of a line."""

    separator: str = ","
    ids: Literal["int32", "str"] = "int32"
    header: tuple[str, ...] = ()
    """The names in the first line, if it holds names."""

    empty: tuple[int, ...] = ()
    """Positions of fields that hold nothing, such as those inside of a separator '::'."""

    encoding: str = "utf-8"
    """Of the text; one in which the end of a line is a byte of its own."""

    per_second: int | None = 1
    """Units of the timestamps in a second; None where they are text by ISO 8601."""

    zoned: bool | None = None
    """Whether times by ISO 8601 have a zone; None until the first one is seen."""

    latest: int = np.iinfo(np.int64).max
    """Seconds UTC; a later timestamp is refused."""

    units: str = ""
    """What ``latest`` and ``per_second`` are, in words for a person whose timestamp is refused."""

    @property
    def types(self) -> dict[str, Any]:
        """The pyarrow type of each field that is read, by its position as text."""
        ids = pa.int32() if self.ids == "int32" else pa.dictionary(pa.int32(), pa.string())
        kinds = {"user": ids, "item": ids, "rating": pa.float32()}
        kinds["timestamp"] = pa.string() if self.per_second is None else pa.int64()
        types = {str(position): kinds[column] for column, position in self.columns.items()}
        return types | {str(position): pa.null() for position in self.empty}

    def name(self, column: Column) -> str:
        """The column's name in the header; in a file without one, ours."""
        return self.header[self.columns[column]] if self.header else column
