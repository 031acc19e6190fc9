"""Every setting of a config: its value, who set it, what it is and where that is from."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from autoemb.config import Settings
from autoemb.experiment import grid, protocols
from autoemb.experiment.layers import Layer, Layers
from autoemb.names import expect

_SECTIONS = ("datasets", "streams", "methods", "levels", "ablation", "tuning")
"""Keys of a config that have tables of their own; the others share one."""

_INDENT = " " * 6
"""Before an explanation."""


class Row(NamedTuple):
    """One setting."""

    key: str
    value: Any
    set_by: str
    """``default``, ``protocol NAME`` or the config's file."""
    explanation: str
    """The docstring of its field."""


class Section(NamedTuple):
    """The settings of one thing."""

    title: str
    rows: Sequence[Row]


def sections(raw: Mapping[str, Any], file: str, instead: str | None = None) -> list[Section]:
    """Every setting of a config.

    Args:
        raw: its content.
        file: its name.
        instead: the protocol to use instead of its own.

    Raises:
        InputError: it is not a valid config, or there is no such protocol.
    """
    layers = Layers((Layer(file, raw),))
    if instead is not None:
        expect(instead, protocols.names(), f"--protocol {instead}")
        layers = layers.under("--protocol", {"protocol": instead})
    return list(_sections(grid.resolve(layers, file)))


def _sections(resolved: grid.Grid) -> Iterator[Section]:
    config, sources = resolved.config, resolved.sources
    rows = _rows(config, sources)
    yield Section("config", [row for row in rows if row.key.partition(".")[0] not in _SECTIONS])
    for key, dataset in resolved.datasets.items():
        yield _section(f"data set {key} ({dataset.module})", dataset.settings, dataset.sources)
    for key, stream in config.streams.items():
        yield _section(f"stream {key}", stream, sources.inside("streams", key))
    for key, method in resolved.methods.items():
        yield _section(f"method {key} ({method.module})", method.settings, method.sources)
    for key, settings in (("levels", config.levels), ("ablation", config.ablation), ("tuning", config.tuning)):
        if settings is not None:
            yield _section(key, settings, sources.inside(key))


def _section(title: str, settings: Settings, sources: Layers) -> Section:
    return Section(title, list(_rows(settings, sources)))


def text(tables: Sequence[Section], width: int) -> str:
    """Aligned tables, under each row what it is; what was explained above is not explained again.

    Args:
        tables: all settings.
        width: of a line, in characters; a row takes what it needs, explanations are wrapped.
    """
    wrapped = textwrap.TextWrapper(width, initial_indent=_INDENT, subsequent_indent=_INDENT, break_on_hyphens=False)
    lines, explained = [], set()
    for title, rows in tables:
        widths = [max(len(cell) for cell in column) for column in zip(*map(_cells, rows), strict=True)]
        lines += [title, "-" * len(title)]
        for row in rows:
            lines.append("  ".join(cell.ljust(size) for cell, size in zip(_cells(row), widths, strict=True)).rstrip())
            if row.explanation not in explained:
                lines += wrapped.wrap(row.explanation)
                explained.add(row.explanation)
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def for_machines(tables: Sequence[Section]) -> dict[str, dict[str, Any]]:
    """All settings as JSON has them: section -> key -> value, who set it, what it is."""
    return {title: {row.key: _of_row(row) for row in rows} for title, rows in tables}


def spelt(value: object) -> str:
    """As YAML spells it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(spelt, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _rows(settings: BaseModel, sources: Layers, group: tuple[str, ...] = ()) -> Iterator[Row]:
    """A row for every field, and for every field of a group of them."""
    for key, field in type(settings).model_fields.items():
        value, path = getattr(settings, key), (*group, key)
        explanation = field.description or ""
        if isinstance(value, BaseModel):
            yield from _rows(value, sources, path)
        else:
            yield Row(".".join(path), value, sources.set_by(*path), " ".join(explanation.replace("``", "").split()))


def _cells(row: Row) -> tuple[str, str, str]:
    return row.key, spelt(row.value), row.set_by


def _of_row(row: Row) -> dict[str, Any]:
    return {"value": row.value, "set_by": row.set_by, "explanation": row.explanation}
