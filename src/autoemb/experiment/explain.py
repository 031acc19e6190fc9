"""Every setting of a config: its value, who set it, what it is and where that is from."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel

from autoemb.config import Settings
from autoemb.errors import InputError
from autoemb.experiment import grid, protocols
from autoemb.experiment.protocols import Values
from autoemb.names import expect

_SECTIONS = ("datasets", "streams", "methods", "popularity", "ablation")
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


class Sources(NamedTuple):
    """Who can have set a value, the last word first: the values of the file, and of the protocol."""

    file: str
    given: Mapping[str, Any]
    protocol: str | None
    said: Mapping[str, Any]

    def of(self, path: Sequence[str]) -> str:
        """Who set the value at this path."""
        if _has(self.given, path):
            return self.file
        return f"protocol {self.protocol}" if _has(self.said, path) else "default"


def read(path: Path) -> Values:
    """A config's content.

    Raises:
        InputError: it is not there, or not a YAML mapping.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a config as YAML")
    try:
        raw = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a readable YAML file ({reason})") from error
    if not isinstance(raw, dict):
        raise InputError(f"{path}: holds {type(raw).__name__}; expected a YAML mapping of keys to values")
    return raw


def sections(raw: Mapping[str, Any], file: str, instead: str | None = None) -> list[Section]:
    """Every setting of a config.

    Args:
        raw: its content.
        file: its name.
        instead: the protocol to use instead of its own.

    Raises:
        InputError: it is not a valid config, or there is no such protocol.
    """
    if instead is not None:
        expect(instead, protocols.names(), f"--protocol {instead}")
    loaded = grid.load(raw if instead is None else {**raw, "protocol": instead}, file)
    config, name = loaded.config, loaded.config.protocol
    protocol = None if name is None else protocols.find(name)

    def table(title: str, settings: Settings, given: object, said: Mapping[str, Any]) -> Section:
        sources = Sources(file, given if isinstance(given, Mapping) else {}, name, said)
        return Section(title, list(_rows(settings, sources)))

    whole = table("config", config, raw, {"batch_size": protocol.batch_size} if protocol else {}).rows
    own = [row for row in whole if row.key.partition(".")[0] not in _SECTIONS]
    if instead is not None:
        own = [row._replace(set_by="--protocol") if row.key == "protocol" else row for row in own]
    found = [Section("config", own)]
    for key, entry in loaded.datasets.items():
        found.append(table(f"data set {key} ({entry.module})", entry.settings, _inside(raw, "datasets", key), {}))
    for key, stream in config.streams.items():
        said = protocols.merge(protocol.stream, protocol.streams.get(key, {})) if protocol else {}
        found.append(table(f"stream {key}", stream, _inside(raw, "streams", key), said))
    for key, method in loaded.methods.items():
        said = protocol.of_method(method.module, type(method.settings).model_fields) if protocol else {}
        found.append(table(f"method {key} ({method.module})", method.settings, _inside(raw, "methods", key), said))
    for key, settings in (("popularity", config.popularity), ("ablation", config.ablation)):
        if settings is not None:
            found.append(table(key, settings, raw.get(key), {}))
    return found


def text(found: Sequence[Section], width: int) -> str:
    """Aligned tables, under each row what it is; what was explained above is not explained again.

    Args:
        found: all settings.
        width: of a line, in characters; a row takes what it needs, explanations are wrapped.
    """
    wrapped = textwrap.TextWrapper(width, initial_indent=_INDENT, subsequent_indent=_INDENT, break_on_hyphens=False)
    lines, explained = [], set()
    for title, rows in found:
        widths = [max(len(cell) for cell in column) for column in zip(*map(_cells, rows), strict=True)]
        lines += [title, "-" * len(title)]
        for row in rows:
            lines.append("  ".join(cell.ljust(size) for cell, size in zip(_cells(row), widths, strict=True)).rstrip())
            if row.explanation not in explained:
                lines += wrapped.wrap(row.explanation)
                explained.add(row.explanation)
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def for_machines(found: Sequence[Section]) -> dict[str, dict[str, Any]]:
    """All settings as JSON has them: section -> key -> value, who set it, what it is."""
    return {title: {row.key: _of_row(row) for row in rows} for title, rows in found}


def _rows(settings: BaseModel, sources: Sources, group: tuple[str, ...] = ()) -> Iterator[Row]:
    """A row for every field, and for every field of a group of them."""
    for key, field in type(settings).model_fields.items():
        value, path = getattr(settings, key), (*group, key)
        explanation = field.description or ""
        if isinstance(value, BaseModel):
            yield from _rows(value, sources, path)
        else:
            yield Row(".".join(path), value, sources.of(path), " ".join(explanation.replace("``", "").split()))


def _cells(row: Row) -> tuple[str, str, str]:
    return row.key, _spelt(row.value), row.set_by


def _spelt(value: object) -> str:
    """As YAML spells it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_spelt, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _of_row(row: Row) -> dict[str, Any]:
    return {"value": row.value, "set_by": row.set_by, "explanation": row.explanation}


def _inside(raw: Mapping[str, Any], *path: str) -> object:
    """What stands at this path, None where there is nothing."""
    found: object = raw
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _has(values: Mapping[str, Any], path: Sequence[str]) -> bool:
    *groups, key = path
    inside = _inside(values, *groups)
    return isinstance(inside, Mapping) and key in inside
