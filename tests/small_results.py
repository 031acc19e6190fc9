"""Results of 1,500 synthetic ratings, laid out and recorded as the workflow does it, made in a second or two."""

import json
from pathlib import Path

from autoemb.cli import main

CONFIG = {
    "seeds": 1,
    "datasets": {"synthetic": {"rows": 1500, "users": 40, "items": 30}},
    "streams": {"temporal": {"order": "temporal"}},
    "tasks": ["regression"],
    "methods": {"fse": {"size": 4, "hidden": 8}},
    "batch_size": 64,
    "windows": 4,
}
"""The config of these results, without the splits by popularity level, which some tests leave out."""

RUN = {"task": "regression", "seeds": 1, "batch_size": 64, "windows": 4}
LEVELS = {"sizes": [2], "at": [2, 4]}
TABLES = {"comparison": "outcomes", "stream": "progress"}


def make(root: Path) -> Path:
    """Fill ``root/results/small``; return ``root``."""
    results, name = root / "results/small", "synthetic"
    record = results / "provenance"
    archive, interactions = results / "archives" / name, results / "interactions"
    stream = results / "streams" / name / "temporal.parquet"
    run, levels = results / "runs" / name / "temporal/regression/fse", results / "levels" / name / "user"
    data = {"dataset": name, "settings": CONFIG["datasets"][name]}
    call("fetch", **data, out=archive)
    call(
        "interactions",
        **data,
        archive=archive,
        **{end: interactions / f"{name}.{end}.parquet" for end in ("users", "items")},
        counts=interactions / f"{name}.counts.json",
        out=interactions / f"{name}.parquet",
        record=record / "interactions" / f"{name}.json",
    )
    source = {"interactions": interactions / f"{name}.parquet", "labels": {}}
    call(
        "stream",
        **source,
        items=interactions / f"{name}.items.parquet",
        settings=CONFIG["streams"]["temporal"],
        out=stream,
        record=record / "streams" / name / "temporal.json",
    )
    call("train", stream=stream, method="fse", settings=CONFIG["methods"]["fse"], run=RUN, out=run)
    split = levels / "splits/0.parquet"
    level_record = record / "levels" / name / "user"
    call("split", **source, settings=LEVELS, out=split, record=level_record / "splits/0.json")
    call(
        "levels",
        splits=split,
        model={"method": "fse", "size": 2, "start": "normal"},
        settings={"at": LEVELS["at"]},
        run=RUN,
        out=levels / "regression/size-2.parquet",
        record=level_record / "regression/size-2.json",
    )
    for table, kind in TABLES.items():
        tabulate(results, table, [run / f"{kind}.parquet"])
    tabulate(results, "datasets", [interactions / f"{name}.counts.json"])
    (results / "config.json").write_text(json.dumps(CONFIG) + "\n")
    return root


def tabulate(results: Path, table: str, inputs: list[Path]) -> None:
    """One table and its record."""
    out, record = results / "tables" / table, results / "provenance/tables" / f"{table}.json"
    words = ["tabulate", table, "--inputs", *map(str, inputs), "--out", str(out), "--record", str(record)]
    assert main(words) == 0


def call(verb: str, **options: object) -> None:
    """``autoemb VERB --option value ...``; settings as JSON."""
    words = [verb]
    for name, value in options.items():
        words += [f"--{name}", json.dumps(value) if isinstance(value, dict) else str(value)]
    assert main(words) == 0
