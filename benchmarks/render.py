"""Put the tables of ``results/benchmarks`` into the pages of ``docs``, between their markers."""

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tabulate import tabulate

from autoemb.artifact.files import whole

PAGES = (Path("docs/performance.md"), Path("docs/data.md"))
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
    """Microseconds per step by number of seeds, of every device that was timed; a core is of the device's machine."""
    core = {(row["device"], row["method"], row["task"]): row["us_per_seed"] for row in rows if row["on"] == "cpu"}
    besides = [core.get((row["device"], row["method"], row["task"])) for row in rows]
    table = [
        {
            "method": row["method"],
            "task": row["task"],
            "on": "cpu" if row["on"] == "cpu" else row["device"],
            "step": row["step"],
            "seeds": row["seeds"],
            "us per step": f"{row['us_per_step']:,.0f}",
            "per seed": f"{row['us_per_seed']:,.0f}",
            "one core / this, per seed": "" if beside is None else f"{beside / row['us_per_seed']:.0f}",
            "start_s": f"{row['start_s']:.1f}",
            "products alone": f"{row['floor_flops_us']:,.0f}",
            "bytes alone": f"{row['floor_bytes_us']:,.0f}",
            "to the CPU": f"{row['largest_difference_to_cpu']:.0e}",
        }
        for row, beside in zip(rows, besides, strict=True)
    ]
    on = dict.fromkeys(
        f"{row['device']}, beside one core of {row['cpu']}; torch {row['torch']}, Python {row['python']}"
        for row in rows
    )
    counts = ", ".join(dict.fromkeys(row["counts"] for row in rows))
    text = tabulate(table, headers="keys", tablefmt="github", disable_numparse=True)
    return f"Device: {'. Device: '.join(on)}. Counts of {counts}.\n\n{text}"


def data(rows: list[dict[str, Any]]) -> str:
    """Seconds and memory of each stage, and of the way from the archive to the stream in the order of time."""
    table = []
    for (dataset, ratings), group in itertools.groupby(rows, lambda row: (row["dataset"], row["rows"])):
        stages = list(group)
        way = [row for row in stages if row["stage"] in ("interactions", "stream, temporal")]
        seconds, peak = sum(row["seconds"] for row in way), max(row["peak_mib"] for row in way)
        together = {**way[0], "stage": "archive to stream", "seconds": seconds, "peak_mib": peak}
        table += [
            {
                "data set": dataset,
                "ratings": f"{ratings:,}",
                "stage": row["stage"],
                "seconds": f"{row['seconds']:.1f}",
                "ratings per second": f"{ratings / row['seconds']:,.0f}",
                "peak, MiB": f"{row['peak_mib']:,.0f}",
                "read_csv, seconds": f"{row['reference_s']:.1f}",
                "read_csv, MiB": f"{row['reference_mib']:,.0f}",
                "seconds / read_csv": f"{row['seconds'] / row['reference_s']:.1f}",
                "disk, seconds": f"{row['disk_s']:.2f}",
            }
            for row in [*stages, together]
        ]
    row = rows[0]
    machine = (
        f"Measured on: {row['cpu']}, {row['cores']} cores, {row['memory_gib']:.0f} GiB; Python {row['python']}, "
        f"numpy {row['numpy']}, pandas {row['pandas']}, pyarrow {row['pyarrow']}."
    )
    return f"{machine}\n\n{tabulate(table, headers='keys', tablefmt='github', disable_numparse=True)}"


TABLES: dict[str, Callable[[list[dict[str, Any]]], str]] = {
    "engine": engine,
    "parts": parts,
    "scaling": scaling,
    "gpu": gpu,
    "data": data,
}


def put(page: str, name: str, table: str) -> str:
    """The page with a table between its two markers; a page without them stays as it is."""
    between = f"(<!-- {name}: made by `make [a-z-]+` -->\n).*?(<!-- end of {name} -->)"
    return re.sub(between, lambda markers: f"{markers[1]}{table}\n{markers[2]}", page, flags=re.DOTALL)


def main() -> None:
    """Render whatever has been measured."""
    files = {name: RESULTS / f"{name}.json" for name in TABLES}
    tables = {name: TABLES[name](json.loads(file.read_text())) for name, file in files.items() if file.exists()}
    for path in PAGES:
        page = path.read_text()
        for name, table in tables.items():
            page = put(page, name, table)
        with whole(path) as temporary:
            temporary.write_text(page)


if __name__ == "__main__":
    main()
