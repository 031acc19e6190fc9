"""The reference of a config's keys, made of the fields: values, meaning, default and source of each.

A field's docstring that ends with its only brackets has the setting's source in them. Where the values have sources of
their own, these stand with the values.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from pydantic import BaseModel

from autoemb.config import AblationConfig, LevelsConfig, Settings, StreamConfig, TuningConfig
from autoemb.data import datasets
from autoemb.data.datasets.base import Dataset
from autoemb.errors import InputError
from autoemb.experiment import protocols
from autoemb.experiment.ablation import SETTINGS
from autoemb.experiment.explain import spelt
from autoemb.experiment.grid import GridConfig
from autoemb.learning import methods
from autoemb.names import expect

COMMAND = "autoemb settings --document config/README.md"
"""What makes the committed page anew."""

GROUP = "keys"
"""What the values of a group of settings are called."""

KINDS = {"integer": "whole number", "number": "number", "string": "text", "null": "nothing"}
"""What the values of JSON's types are called."""


class Key(NamedTuple):
    """A row of a table, as Markdown."""

    key: str
    values: str
    meaning: str
    default: str
    source: str


def document(page: str, where: str) -> str:
    """A page with every part of the reference between its two markers; the rest of the page stays as it is.

    Args:
        page: its present text.
        where: its name, for error messages.

    Raises:
        InputError: the markers of a part are not there, or those of an unknown one are.
    """
    parts = _parts()
    for name in re.findall(r"^<!-- ([a-z ]+): made by ", page, flags=re.MULTILINE):
        expect(name, parts, f"{where}: a place for {name!r}")
    for name, text in parts.items():
        page = _put(text, page, name, where)
    return page


def _put(text: str, page: str, name: str, where: str) -> str:
    begin, end = f"<!-- {name}: made by `{COMMAND}` -->\n", f"<!-- end of {name} -->\n"
    before, begins, rest = page.partition(begin)
    _, ends, after = rest.partition(end)
    if not (begins and ends):
        raise InputError(f"{where}: has no place for {name!r}; expected the line {begin.strip()}, later {end.strip()}")
    return f"{before}{begin}\n{text}\n\n{end}{after}"


def _parts() -> dict[str, str]:
    """Every part of the reference, as Markdown, by its name."""
    sets = {name: datasets.find(name) for name in datasets.names()}
    modules = {name: methods.find(name) for name in methods.names()}
    parts = {
        "config": [_keys(GridConfig)],
        "protocols": [_table(("protocol", "what it says"), _protocols())],
        "data sets": [
            _table(("data set", "what it is", "from"), map(_dataset, sets.values())),
            *_families({name: dataset.config for name, dataset in sets.items()}),
        ],
        "streams": [_keys(StreamConfig)],
        "methods": [
            _table(("method", "what it is", "protocols that speak of it"), map(_method, modules, modules.values())),
            *_families({name: module.Config for name, module in modules.items()}),
        ],
        "levels": [_keys(LevelsConfig)],
        "ablation": [
            _keys(AblationConfig),
            _table(("setting", "of", "key", "changed to", "compared with"), _settings()),
        ],
        "tuning": [_keys(TuningConfig)],
    }
    return {name: "\n\n".join(texts) for name, texts in parts.items()}


def _protocols() -> Iterator[tuple[str, str]]:
    for name in protocols.names():
        yield f"`{name}`", protocols.find(name).title


def _method(name: str, module: ModuleType) -> tuple[str, str, str]:
    title = _prose((module.__doc__ or "").partition("\n")[0])
    return f"`{name}`", title, ", ".join(f"`{protocol}`" for protocol in methods.reproduces(name))


def _dataset(dataset: Dataset[Any]) -> tuple[str, str, str]:
    return f"`{dataset.name}`", dataset.title, _origin(dataset)


def _origin(dataset: Dataset[Any]) -> str:
    if dataset.shipped is not None:
        return "this package"
    if dataset.generate is not None:
        return "a generator"
    return "a download" if dataset.url is not None else "your file"


def _settings() -> Iterator[tuple[str, ...]]:
    for name, setting in SETTINGS.items():
        of = "every stream" if setting.of == "stream" else "every method that has it"
        values = ", ".join(f"`{spelt(value)}`" for value in setting.alternatives)
        whose = f"`{setting.method}`" if setting.method else of
        yield f"`{name}`", whose, f"`{setting.field}`", values, f"`{setting.against}`"


def _families(kinds: Mapping[str, type[Settings]]) -> Iterator[str]:
    """A table for each class of settings with keys of its own; those that most entries have come first."""
    having: dict[type[Settings], list[str]] = {}
    for name, kind in kinds.items():
        for base in reversed(kind.__mro__):
            if issubclass(base, Settings) and _own(base):
                having.setdefault(base, []).append(name)
    for kind, names in sorted(having.items(), key=lambda family: -len(family[1])):
        whose = "All" if len(names) == len(kinds) else ", ".join(f"`{name}`" for name in names)
        yield f"{whose}: {_sentence(kind)}\n\n{_keys(kind, _own(kind))}"


def _own(kind: type[Settings]) -> list[str]:
    """The keys that a class has and none of those that it is made of."""
    return [key for key in kind.model_fields if key in vars(kind).get("__annotations__", {})]


def _sentence(kind: type[Settings]) -> str:
    text = _prose((kind.__doc__ or "").partition("\n")[0])
    return text[:1].lower() + text[1:]


def _keys(kind: type[BaseModel], keys: Iterable[str] | None = None) -> str:
    rows = _rows(kind, kind.model_fields if keys is None else keys)
    return _table(("key", "values", "meaning", "default", "source"), rows)


def _rows(kind: type[BaseModel], keys: Iterable[str], group: str = "") -> Iterator[Key]:
    """A row for each key, and for each key of a group of them."""
    properties = kind.model_json_schema()["properties"]
    for key in keys:
        field = kind.model_fields[key]
        meaning, source = _split(field.description or "")
        default = "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
        inside = field.annotation
        if isinstance(inside, type) and issubclass(inside, BaseModel):
            default = "required" if field.is_required() else ""
            yield Key(f"`{group}{key}`", GROUP, f"{_prose(inside.__doc__ or '')} {meaning}", default, source)
            yield from _rows(inside, inside.model_fields, f"{group}{key}.")
        else:
            yield Key(f"`{group}{key}`", _values(properties[key]), meaning, default, source)


def _default(value: object) -> str:
    return "left out" if value is None else f"`{spelt(value)}`"


def _split(description: str) -> tuple[str, str]:
    """What a docstring says, and the source in its only brackets, at its end."""
    text = _prose(description)
    ending = re.fullmatch(r"([^()]*) \(([^()]*)\)\.", text)
    return (f"{ending[1]}.", ending[2]) if ending else (text, "")


def _prose(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _values(schema: Mapping[str, Any], ending: str = "") -> str:
    """The values that a key can have, from pydantic's JSON schema of its field; ``ending`` makes a plural."""
    if "anyOf" in schema:
        return " or ".join(_values(one, ending) for one in schema["anyOf"] if one != {"type": "null"})
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{spelt(value)}`" for value in schema.get("enum", [schema.get("const")]))
    if "prefixItems" in schema:
        return f"list of {len(schema['prefixItems'])} {_values(schema['prefixItems'][0], 's')}"
    if "items" in schema:
        return f"list of {_values(schema['items'], 's')}"
    kind = schema.get("type", "")
    if kind == "boolean":
        return "`true`, `false`"
    return f"{KINDS[kind]}{ending}{_range(schema)}" if kind in KINDS else GROUP


def _range(schema: Mapping[str, Any]) -> str:
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    return "".join(f" {word} {schema[bound]:g}" for bound, word in words.items() if bound in schema)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *cells])
