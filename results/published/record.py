"""``python results/published/record.py RESULTS RECORD``: what is published of a run, from the results of the workflow.

Copies tables and figures of RESULTS into the folder RECORD and writes its README.md: page.md, filled with tables and
their sentences, what the runs' own records say of them, and RECORD/about.md, the part that a person wrote.
"""

import argparse
import json
import shutil
from pathlib import Path
from string import Template

import pandas as pd

from autoemb.analysis import catalogue, sentences
from autoemb.analysis.tables import text

SHOWN = ("ablation", "comparison", "crossings")
KEPT = (*SHOWN, "levels", "running-popularity", "mean-size", "size-stream", "stream", "datasets")
JUDGED = ("verdicts", "claims", "claim-details")
"""Tables that a record has if its claims were judged by the rules that hold now."""


def made(results: Path) -> str:
    """How many runs these are, what they cost, with what and of which commits, by their records."""
    records = [json.loads(path.read_text()) for path in sorted(results.rglob("run.json"))]
    minutes = sum(record["seconds"] for record in records) / 60
    packages = {f"{name} {record['packages'][name]}" for record in records for name in ("numpy", "pandas", "torch")}
    with_ = [*sorted({f"Python {record['python']}" for record in records}), *sorted(packages)]
    commits = [f"`{commit}`" for commit in sorted({record["commit"][:10] for record in records})]
    devices = sorted({record["device"] for record in records})
    return (
        f"{len(records)} runs in {minutes:,.0f} core-minutes, on {', '.join(devices)}; {', '.join(with_)}; "
        f"commits {', '.join(commits)}."
    )


def page(results: Path, about: str, made: str) -> str:
    """The README.md of a record.

    Args:
        results: a folder with ``tables``: that of the workflow, or the record itself.
        about: what a person wrote; the first line is the title.
        made: what ``made`` says.
    """
    kinds = {"ablation": {"value": "str"}}
    table = {one: pd.read_csv(results / "tables" / f"{one}.csv", dtype=kinds.get(one)) for one in KEPT}
    (name,) = table["datasets"]["dataset"]
    title, rest = about.split("\n", 1)
    shown = {one: text.markdown(catalogue.compact(one, table[one])).strip() for one in SHOWN}
    return Template((Path(__file__).parent / "page.md").read_text()).substitute(
        shown,
        name=name,
        title=title,
        about=rest.strip(),
        made=made,
        claims=_claims(results, name),
        ablation_said=sentences.ablation(table["ablation"]),
        comparison_said=sentences.comparison(table["comparison"]),
        crossings_said=sentences.levels(table["levels"], table["crossings"]),
        sizes_said="\n".join([sentences.sizes(table["mean-size"]), sentences.size_stream(table["size-stream"])]),
        stream_said=sentences.stream(table["stream"]),
    )


def _claims(results: Path, name: str) -> str:
    """The page's part on the claims; a record without verdicts says why it has none."""
    folder = Path(__file__).parent
    if not (results / "tables" / "verdicts.csv").exists():
        return (folder / "unjudged.md").read_text().strip()
    said, cells = (pd.read_csv(results / "tables" / f"{one}.csv") for one in ("verdicts", "claims"))
    shown = text.markdown(catalogue.compact("claims", cells)).strip()
    return (
        Template((folder / "judged.md").read_text())
        .substitute(said=sentences.claims(said), cells=shown, name=name)
        .strip()
    )


def publish(results: Path, record: Path) -> None:
    """Write the record's tables, figures and README.md."""
    files = {
        "tables": [path for path in sorted((results / "tables").glob("*.csv")) if path.stem in (*KEPT, *JUDGED)],
        "figures": sorted((results / "figures").glob("*.png")),
    }
    readme = page(results, (record / "about.md").read_text(), made(results))
    for folder, copied in files.items():
        shutil.rmtree(record / folder, ignore_errors=True)
        (record / folder).mkdir()
        for file in copied:
            shutil.copy(file, record / folder)
    (record / "README.md").write_text(readme)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", type=Path, help="a folder that the workflow has filled, with one data set")
    parser.add_argument("record", type=Path, help="a folder with config.yaml and about.md")
    publish(**vars(parser.parse_args()))
