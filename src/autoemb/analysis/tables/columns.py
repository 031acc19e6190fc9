"""What the columns of a table hold: text, numbers or flags, and in which of them a cell may be empty."""

from typing import Literal, NamedTuple


class Column(NamedTuple):
    """What all cells of a column hold."""

    kind: Literal["text", "number", "flag"]
    may_lack: bool = False
    """Whether a cell may be empty."""


Columns = dict[str, Column]
"""The columns of a table by name, in their order."""


def texts(*names: str, may_lack: bool = False) -> Columns:
    """Columns of text."""
    return dict.fromkeys(names, Column("text", may_lack))


def numbers(*names: str, may_lack: bool = False) -> Columns:
    """Columns of numbers."""
    return dict.fromkeys(names, Column("number", may_lack))


def flags(*names: str, may_lack: bool = False) -> Columns:
    """Columns of true and false."""
    return dict.fromkeys(names, Column("flag", may_lack))
