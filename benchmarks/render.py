"""Put the tables of ``results/benchmarks`` into ``docs/performance.md``, between its markers."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tabulate import tabulate

from autoemb.files import whole

PAGE = Path("docs/performance.md")
RESULTS = Path("results/benchmarks")


def where(rows: list[dict[str, Any]]) -> str:
    """The machine, in words."""
    row = rows[0]
    kind = "compiled" if row["compiled"] else "eager"
    return (
        f"Measured on: {row['cpu']} ({row['capability']}), {row['threads']} thread, "
        f"torch {row['torch']}, Python {row['python']}; {kind}."
    )


def engine(rows: list[dict[str, Any]]) -> str:
    """Milliseconds per step, and what they are to each other."""
    table = [
        {
            "counts": row["counts"],
            "method": row["method"],
            "task": row["task"],
            "engine": f"{row['engine_ms']:.1f}",
            "products": f"{row['floor_ms']:.1f}",
            "twin": f"{row['twin_ms']:.1f}",
            "twin, tuned": f"{row['twin_tuned_ms']:.1f}",
            "released style": f"{row['released_style_ms']:.0f}",
            "engine / products": f"{row['engine_ms'] / row['floor_ms']:.1f}",
            "twin / engine": f"{row['twin_ms'] / row['engine_ms']:.1f}",
            "released / engine": f"{row['released_style_ms'] / row['engine_ms']:.1f}",
        }
        for row in sorted(rows, key=lambda row: (row["counts"], row["method"], row["task"]))
    ]
    return f"{where(rows)}\n\n{tabulate(table, headers='keys', tablefmt='github', disable_numparse=True)}"


def parts(rows: list[dict[str, Any]]) -> str:
    """What a step is made of."""
    names = {
        "products_ms": "matrix products, in place",
        "elementwise": "BatchNorm, tanh, losses, gradients, Adam, rows caught up",
        "calls_ms": "guards, and calling products and kernels",
        "gather_ms": "gathering rows",
        "scatter_ms": "putting rows back",
        "record_ms": "recording the outcomes",
        "plan_ms": "preparing the stream",
    }
    for row in rows:
        row["elementwise"] = row["core_ms"] - row["products_ms"] - row["calls_ms"]
    table = [{"part": text, **{row["method"]: f"{row[key]:.2f}" for row in rows}} for key, text in names.items()]
    table.append({"part": "sum", **{row["method"]: f"{sum(row[key] for key in names):.2f}" for row in rows}})
    return f"{where(rows)}\n\n{tabulate(table, headers='keys', tablefmt='github', disable_numparse=True)}"


def scaling(rows: list[dict[str, Any]]) -> str:
    """Cost per interaction, and memory."""
    table = [
        {
            "method": f"{row['method']} {row['settings']}",
            "interactions": f"{row['interactions']:,}",
            "rows of the tables": f"{row['rows']:,}",
            "us per interaction": f"{row['us_per_interaction']:.1f}",
            "state, MiB": f"{row['state_mib']:.0f}",
            "chunk, MiB": f"{row['chunk_mib']:.1f}",
            "peak, MiB": f"{row['peak_mib']:.0f}",
            "peak / (state + chunk)": f"{row['ratio']:.2f}",
        }
        for row in rows
    ]
    return f"{where(rows)}\n\n{tabulate(table, headers='keys', tablefmt='github', disable_numparse=True)}"


def gpu(rows: list[dict[str, Any]]) -> str:
    """Microseconds per step by number of seeds."""
    table = [{key: row[key] for key in list(rows[0])[:10]} for row in rows]
    return f"Device: {rows[0]['device']}.\n\n{tabulate(table, headers='keys', tablefmt='github')}"


TABLES: dict[str, Callable[[list[dict[str, Any]]], str]] = {
    "engine": engine,
    "parts": parts,
    "scaling": scaling,
    "gpu": gpu,
}


def put(page: str, name: str, table: str) -> str:
    """The page with a table between its two markers."""
    start, stop = f"<!-- {name}: made by `make bench` -->", f"<!-- end of {name} -->"
    return re.sub(
        f"{re.escape(start)}.*?{re.escape(stop)}", lambda _: f"{start}\n{table}\n{stop}", page, flags=re.DOTALL
    )


def main() -> None:
    """Render whatever has been measured."""
    page = PAGE.read_text()
    for name, render in TABLES.items():
        file = RESULTS / f"{name}.json"
        if file.exists():
            page = put(page, name, render(json.loads(file.read_text())))
    with whole(PAGE) as temporary:
        temporary.write_text(page)


if __name__ == "__main__":
    main()
