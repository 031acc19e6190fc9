"""``python results/published/record.py [RECORD] [--from RESULTS]``: published records, from their committed outcomes.

A record is a folder with config.yaml, about.md (what a person wrote) and outcomes: the sums of every run. From these
its tables, figures and README.md are made, here and on any machine to the same bytes. With ``--from``, the outcomes of
a folder that the workflow has filled are taken first: runs that the record has already are replaced, others stay.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

import findings
import pandas as pd
from matplotlib.figure import Figure

from autoemb.analysis import catalogue, outcomes, plots, published, replicates, sentences
from autoemb.analysis.inputs import Inputs, Kind
from autoemb.analysis.reading import read_csv
from autoemb.analysis.tables import text
from autoemb.artifact.files import whole
from autoemb.artifact.yaml import read_yaml
from autoemb.experiment import grid
from autoemb.schema import RUN_TABLES

HERE = Path(__file__).parent
Tables = Mapping[str, pd.DataFrame]

OF_PARITY = ("datasets", "streams", "comparison", "parity")
"""The tables of a record on the order of the released code."""

FILES: Mapping[Kind, str] = {
    **{table.name: f"runs/*/*/*/*/{table.file}" for table in RUN_TABLES},
    "tuned": "tuned/*/*/*/*/seed_*/outcomes.parquet",
    "tuned-users": "tuned/*/*/*/*/seed_*/test-users.parquet",
    "choices": "tuning/*/*/*/*/seed_*/choice.json",
    "trials": "ablation/*/*/*/*/outcomes.parquet",
    "levels": "levels/*/*/*[!s]/*.parquet",  # not the splits
    "counts": "interactions/*.counts.json",
    "streams": "streams/**/*.parquet",
}
"""Where the workflow leaves the files of each kind."""

FIGURES: Mapping[str, tuple[str, Callable[[Tables], Figure]]] = {
    "claims": ("verdicts", lambda of: plots.claims(of["claims"])),
    "comparison": ("comparison", lambda of: plots.comparison(of["comparison"])),
    "tuned": ("tuned", lambda of: plots.tuned(of["tuned"])),
    "levels": ("levels", lambda of: plots.levels(of["levels"], of["crossings"], published.figure1())),
    "frontier": ("frontier", lambda of: plots.frontier(of["frontier"])),
    "popularity-differences": (
        "popularity-differences",
        lambda of: plots.popularity_differences(of["popularity-differences"]),
    ),
    "sizes": ("mean-size", lambda of: plots.sizes(of["mean-size"])),
    "size-stream": ("mean-size", lambda of: plots.size_stream(of["size-stream"])),
    "stream": ("stream", lambda of: plots.stream(of["stream"])),
    "ablation": ("ablation", lambda of: plots.ablation(of["ablation"])),
}
"""By figure: the table without which there is none, and how it is drawn."""

SAID: Mapping[str, Callable[[Tables], str]] = {
    "claims": lambda of: sentences.claims(of["verdicts"]),
    "comparison_said": lambda of: sentences.comparison(of["comparison"]),
    "frontier_said": lambda of: sentences.frontier(of["frontier"]),
    "tuned_said": lambda of: sentences.tuned(of["tuned"]),
    "levels_said": lambda of: sentences.levels(of["levels"], of["crossings"]),
    "popularity_said": lambda of: sentences.popularity_differences(of["popularity-differences"]),
    "sizes_said": lambda of: "\n".join([sentences.sizes(of["mean-size"]), sentences.size_stream(of["size-stream"])]),
    "stream_said": lambda of: sentences.stream(of["stream"]),
    "ablation_said": lambda of: sentences.ablation(of["ablation"]),
}
"""What the page's words stand for; ``NAME_table`` is the table of this name as people are shown it."""


def gathered(results: Path, of: grid.Grid) -> outcomes.Outcomes:
    """The outcomes in a folder that the workflow has filled."""
    files: dict[Kind, list[Path]] = {kind: sorted(results.glob(pattern)) for kind, pattern in FILES.items()}
    first = [path for path in files["streams"] if not path.stem.isdigit() or path.stem == "0"]
    inputs = Inputs(
        {**files, "streams": first},
        replicates.restarting(of),
        replicates.permuted(of),
        of.config.batch_size,
    )
    records = [
        *results.glob("[rat]*/**/run.json"),  # runs, ablation, tuning, tuned
        *results.glob("provenance/levels/*/*/*[!s]/*.json"),
    ]
    runs = {str(path.relative_to(results).parent / path.stem): _cost(path) for path in sorted(records)}
    return outcomes.gather(inputs, {"runs": runs})


def _cost(path: Path) -> dict[str, Any]:
    """What a job's own record says of how it was made."""
    record = json.loads(path.read_text())
    versions = {name: record["packages"][name] for name in ("numpy", "pandas", "torch") if name in record["packages"]}
    told = {name: record[name] for name in ("seconds", "device", "python")}
    return {**told, "commit": (record["commit"] or "unknown")[:10], "packages": versions}


def made(runs: Mapping[str, Mapping[str, Any]]) -> str:
    """How many runs these are, what they cost, with what and of which commits."""
    packages = {f"{name} {version}" for run in runs.values() for name, version in run["packages"].items()}
    with_ = [*sorted({f"Python {run['python']}" for run in runs.values()}), *sorted(packages)]
    commits = [f"`{commit}`" for commit in sorted({run["commit"] for run in runs.values()})]
    cost = []
    for device, what in (("cpu", "core-minutes on the CPU"), ("cuda", "job-minutes on a GPU")):
        seconds = [run["seconds"] for run in runs.values() if run["device"] == device]
        if seconds:
            cost.append(f"{len(seconds)} training jobs in {sum(seconds) / 60:,.0f} {what}")
    return f"{', '.join(cost)}; {', '.join(with_)}; commits {', '.join(commits)}."


def built(of: outcomes.Outcomes) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every table that these outcomes have something of."""
    for name, entry in catalogue.TABLES.items():
        kind = entry.reads[0]
        if of.parity and name not in OF_PARITY:  # it is there for one question
            continue
        if kind == "fixed" and not of.parity:
            continue
        if kind == "fixed" or of.has(kind):
            yield name, catalogue.build_from(name, of)


def read_tables(record: Path) -> dict[str, pd.DataFrame]:
    """The tables of a record, as they were written."""
    return {path.stem: read_csv(path) for path in sorted((record / "tables").glob("*.csv"))}


def page(record: Path, tables: Tables, runs: Mapping[str, Mapping[str, Any]]) -> str:
    """The README.md of a record: the sections of page.md whose tables it has."""
    title, about = (record / "about.md").read_text().split("\n", 1)
    (name,) = tables["datasets"]["dataset"]
    head, *sections = re.split(r"<!-- with (\S+) -->\n", (HERE / "page.md").read_text())
    kept = [head] + [text for table, text in zip(sections[::2], sections[1::2], strict=True) if table in tables]
    template = Template("".join(kept).rstrip() + "\n")
    words: dict[str, str] = {"name": name, "title": title, "about": about.strip(), "made": made(runs)}
    for word in template.get_identifiers():
        if word in SAID:
            words[word] = SAID[word](tables)
        elif word.endswith("_table"):
            table = word.removesuffix("_table")
            words[word] = text.markdown(catalogue.compact(table, tables[table])).strip()
    return template.substitute(words)


def publish(record: Path, results: Path | None = None) -> None:
    """Write the record's tables, figures and README.md; first, if there are ``results``, its outcomes."""
    of = grid.load(read_yaml(record / "config.yaml"), f"{record}/config.yaml")
    parity = bool(replicates.like_released_code(of))
    kept = outcomes.read(record / "outcomes", replicates.restarting(of), replicates.permuted(of), parity)
    if results is not None:
        outcomes.write(kept.with_more(gathered(results, of)), record / "outcomes")
        kept = outcomes.read(record / "outcomes", replicates.restarting(of), replicates.permuted(of), parity)
    made = set()
    for name, table in built(kept):
        made.add(path := record / "tables" / f"{name}.csv")
        with whole(path) as temporary:
            catalogue.write_csv(table, temporary)
    _forget(record / "tables", made)
    tables = read_tables(record)
    (name,) = tables["datasets"]["dataset"]
    made = {
        plots.save(draw(tables), record / "figures" / f"{figure}-{name}", formats=["png"])
        for figure, (needs, draw) in FIGURES.items()
        if needs in tables
    }
    _forget(record / "figures", made)
    with whole(record / "README.md") as temporary:
        temporary.write_text(page(record, tables, kept.documents["runs"]))


def _forget(folder: Path, made: Collection[Path]) -> None:
    """Remove what was made once and is not any more."""
    for path in set(folder.iterdir()) - set(made):
        path.unlink()


def main() -> None:
    """The records that are named, or all of them; then what README says was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("record", type=Path, nargs="?", help="a folder with config.yaml, about.md and outcomes; or all")
    parser.add_argument("--from", dest="results", type=Path, help="a folder of results to take outcomes from")
    arguments = parser.parse_args()
    if arguments.results and not arguments.record:
        parser.error("--from: expected the record that takes these results")
    records = [arguments.record] if arguments.record else sorted(path.parent for path in HERE.glob("*/outcomes"))
    for record in records:
        publish(record, arguments.results)
        print(f"{record}/README.md", file=sys.stderr)
    if not arguments.record or arguments.record.parent.resolve() == HERE:
        findings.fill(HERE.parents[1] / "README.md", findings.text(HERE))
        findings.fill(HERE.parents[1] / "docs" / "review.md", findings.review(HERE))


if __name__ == "__main__":
    main()
