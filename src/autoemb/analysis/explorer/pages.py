"""The pages' HTML: a template, with the style, the scripts and the data in it."""

import base64
import gzip
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import pandas as pd
import vl_convert
from jinja2 import Environment, StrictUndefined

from autoemb.analysis.explorer.curves import curves, look
from autoemb.analysis.plots import findings, method_mark
from autoemb.analysis.plots.panels import METRIC_LABELS
from autoemb.analysis.tables import sort_methods, starts_of, trainings_of
from autoemb.analysis.tables.intervals import LOSSES
from autoemb.schema import SIDES, TASKS

_VEGA_LITE = "6.4"


def explorer(tables: Mapping[str, pd.DataFrame]) -> str:
    """The page on which a person chooses data set, order, task, side and methods, and sees their curves.

    Args:
        tables: name -> table, as ``reading.EXPLORED`` has them; a panel without its table says that there are no data.
    """
    named = [frame for name, frame in tables.items() if name not in ("datasets", "streams", "verdicts")]
    fig1 = tables.get("levels")
    runs = [frame for frame in named if {"method", "stream"} <= set(frame)]
    methods = sort_methods({name for frame in runs for name in frame["method"]})
    data = {
        "choices": {
            "dataset": _all("dataset", named),
            "stream": _all("stream", runs),
            "task": [task for task in TASKS if any((frame["task"] == task).any() for frame in named)],
            "side": list(SIDES),
            "start": [] if fig1 is None else starts_of(fig1),
            "training": [] if fig1 is None else trainings_of(fig1),
        },
        "datasets": _titles(tables.get("datasets")),
        "streams": _streams(tables.get("streams")),
        "methods": {name: look(method_mark(name)) for name in methods},
        "losses": LOSSES,
        "metrics": {name: label.replace("\n", ", ") for name, label in METRIC_LABELS.items()},
        "findings": said_of(tables),
        "curves": curves(tables),
        "comparison": _records(tables.get("comparison")),
        "claims": _records(tables.get("claims")),
    }
    # the charts' library in one file, as its package carries it; the pages ask no network for it
    vega = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=_VEGA_LITE)
    return _render("explorer.html", data, vega=vega)


def sheet(name: str, table: pd.DataFrame) -> str:
    """A page with one table, whose rows can be sorted by every column and searched.

    Args:
        name: what the table is called.
        table: any; numbers are shown with four significant digits, and with all those of its csv where one points.
    """
    first = [column for column in ("claim", "dataset", "verdict", "finding", "sentence") if column in table]
    table = table[[*first, *(column for column in table.columns if column not in first)]]
    types = {column: table[column].dtype for column in table.columns}
    columns = [
        {"name": column, "number": dtype.kind in "iuf"} | ({"significant": 4} if dtype.kind == "f" else {})
        for column, dtype in types.items()
    ]
    return _render("sheet.html", {"columns": columns, "rows": _rows(table)}, name=name, number=len(table))


def render(template: str, **names: Any) -> str:
    """A page of ``assets`` with these names in it, which the template escapes, and with the styles and scripts."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    files = {name: _asset(name) for name in ("page.css", "advice.css", "page.js", "explorer.js")}
    return environment.from_string(_asset(template)).render(files=files, **names)


def _render(template: str, data: Any, **names: Any) -> str:
    """What comes from data cannot become HTML: names are escaped by the template, the rest is packed."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    return render(template, data=packed, **names)


def _asset(name: str) -> str:
    return (resources.files("autoemb.analysis.explorer") / "assets" / name).read_text(encoding="utf-8")


def _all(column: str, frames: list[pd.DataFrame]) -> list[str]:
    """Every value, in the order of the tables."""
    return list(dict.fromkeys(value for frame in frames if column in frame for value in frame[column]))


def said_of(tables: Mapping[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Data set -> what was found on it, in sentences: of the methods, then of each claim."""
    said: dict[str, list[str]] = {}
    for dataset, rows in _by_dataset(tables.get("comparison")):
        said.setdefault(dataset, []).append(f"{findings.comparison(rows)}.")
    for dataset, rows in _by_dataset(tables.get("verdicts")):
        said.setdefault(dataset, []).extend(map(str, rows["sentence"]))
    return said


def opening(said: Mapping[str, Sequence[str]]) -> str:
    """What was found, as reStructuredText: with it the workflow's report begins.

    Args:
        said: ``said_of`` the tables.
    """
    parts = []
    for dataset, sentences in said.items():
        plain = [re.sub(r"([*`|_\\])", r"\\\1", each) for each in sentences]
        parts.append(f"**Found on {dataset}**\n\n" + "\n".join(f"- {each}" for each in plain))
    return "\n\n".join(parts) + "\n"


def _by_dataset(table: pd.DataFrame | None) -> list[tuple[str, pd.DataFrame]]:
    return [] if table is None else [(str(name), rows) for name, rows in table.groupby("dataset", sort=False)]


def _titles(table: pd.DataFrame | None) -> dict[str, str]:
    """Data set -> what it is, in one line."""
    if table is None:
        return {}
    return {
        row["dataset"]: f"{row['title']}: {int(row['ratings']):,} ratings by {int(row['users']):,} users"
        f" of {int(row['items']):,} items"
        for row in table.to_dict("records")
    }


def _streams(table: pd.DataFrame | None) -> dict[str, dict[str, str]]:
    """Data set -> stream -> what it holds, in one sentence."""
    held: dict[str, dict[str, str]] = {}
    for row in [] if table is None else table.to_dict("records"):
        held.setdefault(row["dataset"], {})[row["stream"]] = (
            f"{row['stream']}: {int(row['train']):,} interactions to learn from first, {int(row['test']):,} in the test"
            f" part, {row['positive']:.1%} of all positive; half of the batches of {int(row['batch_size']):,} hold at"
            f" most {row['users_per_batch']:g} users and {row['items_per_batch']:g} items"
        )
    return held


def _records(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    return [] if table is None else [dict(zip(table.columns, row, strict=True)) for row in _rows(table)]


def _rows(table: pd.DataFrame) -> list[list[Any]]:
    """Plain values, None where one is missing."""
    return table.astype(object).where(table.notna(), None).to_numpy().tolist()
