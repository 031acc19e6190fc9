"""What README says was found, each sentence filled from the tables of the records."""

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from autoemb.analysis.claims.verdicts import COUNTS
from autoemb.analysis.plots import findings
from autoemb.analysis.tables import OVERTAKES, SEARCHING, UNDECIDED, below_constant, trainings_of
from autoemb.analysis.tables.text import change, span
from autoemb.artifact.files import whole
from autoemb.schema import DESCRIPTIVE

BEGIN, END = "<!-- findings: made by `make record` -->\n", "<!-- end of findings -->\n"
NAMES = {"fse": "FSE", "sam": "SAM", "darts": "DARTS", "autoemb": "AutoEmb", "esapn": "ESAPN"}
TITLES = {"ml-1m": "MovieLens 1M", "ml-latest-small": "MovieLens latest-small"}
WORDS = {name: verdict for verdict, name in COUNTS.items()}

Tables = Mapping[str, pd.DataFrame]


def found(record: Path) -> str:
    """The findings of one record, as a numbered list under its data set."""
    tables: Tables = {path.stem: pd.read_csv(path) for path in (record / "tables").iterdir()}
    (name,) = tables["datasets"]["dataset"]
    comparison = tables["comparison"]
    streams = " and ".join(comparison["stream"].unique())
    replicates = int(comparison["seeds"].max())
    head = f"Found on {TITLES[name]} ({replicates} replicates; {streams} order; regression and classification):"
    items = [_losses(comparison), _worse(comparison), _order(tables["verdicts"])]
    if "crossings" in tables:
        items.append(_start(tables))
    if "tuned" in tables:
        items.append(_tuned(tables))
    items.append(_holds(tables["verdicts"]))
    lines = [f"{number}. {item}" for number, item in enumerate(filter(None, items), start=1)]
    return "\n".join([head, "", *lines])


def parity(record: Path) -> str:
    """How near this project is to the authors' released code."""
    table = pd.read_csv(record / "tables" / "parity.csv")
    losses = table[table["metric"] != "accuracy"]
    known = losses[losses["difference_low"].notna()]
    agree = int(known["finding"].str.startswith("agrees").sum())
    return (
        f"Beside the authors' own code, on one fixed order of MovieLens 1M with its settings: the MSE of {agree} of the"
        f" {len(known)} methods whose spread it tells agrees (95 %), and of all {len(losses)} the largest difference is"
        f" {losses['difference'].abs().max():.5f} ([parity](results/published/{record.name}/README.md))."
    )


def text(published: Path) -> str:
    """What all records have to say, the largest data set first."""
    parts = [found(published / name) for name in ("ml-1m", "latest-small") if (published / name / "outcomes").exists()]
    if (published / "parity" / "outcomes").exists():
        parts.append(parity(published / "parity"))
    return "\n\n".join(parts)


def review(published: Path) -> str:
    """Every claim with the verdict of each record, as a table."""
    names = [name for name in ("ml-1m", "latest-small") if (published / name / "outcomes").exists()]
    tables = [pd.read_csv(published / name / "tables" / "verdicts.csv").set_index("claim") for name in names]
    head = ["claim", "says", *(f"[{name}](../results/published/{name}/README.md)" for name in names)]
    claims = list(dict.fromkeys(claim for table in tables for claim in table.index))
    rows = [
        [claim, next(table.loc[claim, "statement"] for table in tables if claim in table.index)]
        + [_counts(table.reset_index(), claim) if claim in table.index else "" for table in tables]
        for claim in claims
    ]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in [head, ["---"] * len(head), *rows])


def fill(readme: Path, text: str) -> None:
    """Put the findings in their place in README."""
    before, begin, rest = readme.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(
            f"{readme}: has no place for the findings; expected the lines {BEGIN.strip()} and {END.strip()}"
        )
    with whole(readme) as temporary:
        temporary.write_text(f"{before}{begin}\n{text}\n\n{end}{after}")


def _mse(comparison: pd.DataFrame, method: str) -> str:
    """``.1830 / .1916``: of every stream, in their order."""
    rows = comparison[(comparison["method"] == method) & (comparison["metric"] == "mse")]
    return " / ".join(f"{mean:.4f}".lstrip("0") for mean in rows["mean"])


def _losses(comparison: pd.DataFrame) -> str:
    streams = " / ".join(comparison["stream"].unique())
    others = ", ".join(f"{NAMES[name]} {_mse(comparison, name)}" for name in NAMES)
    return (
        f"**Two running means, without any embedding, have an MSE of {_mse(comparison, 'means')}** ({streams});"
        f" {others}; a constant {_mse(comparison, 'constant')}."
    )


def _worse(comparison: pd.DataFrame) -> str:
    """Where nothing was learnt."""
    cells = comparison[comparison["metric"] != "accuracy"].groupby(["stream", "task", "metric"], sort=False)
    worse = {f"{stream} {task}": below_constant(cell, str(metric)) for (stream, task, metric), cell in cells}
    told = [f"{where}: {len(names)} method{'s' * (len(names) > 1)}" for where, names in worse.items() if names]
    return f"Worse than the constant, so that nothing was learnt: {'; '.join(told)}." if told else ""


def _counts(verdicts: pd.DataFrame, claim: str) -> str:
    """``reversed in 2, undecided in 2 of 4 cells``."""
    row = verdicts[verdicts["claim"] == claim].iloc[0]
    told = [f"{WORDS[name]} in {row[name]}" for name in WORDS if row[name]]
    return f"{', '.join(told)} of {row['cells']} cells"


def _order(verdicts: pd.DataFrame) -> str:
    by_rule = ""
    if "S4" in set(verdicts["claim"]):
        by_rule = f" A learnt controller over the same sizes given by popularity alone: {_counts(verdicts, 'S4')}."
    return (
        f"The paper's order, FSE < SAM < DARTS < AutoEmb: {_counts(verdicts, 'A3')}. AutoEmb over SAM as released:"
        f" {_counts(verdicts, 'A4')}; at equal rates of the controller, and over equal weights:"
        f" {_counts(verdicts, 'A4r')}. ESAPN over AutoEmb: {_counts(verdicts, 'E1e')}.{by_rule}"
    )


def _tuned(tables: Tables) -> str:
    """Tuned alike, what each search is to the fixed size; and the anchors, of which the means have nothing to tune."""
    told = []
    for stream, cell in tables["tuned"][tables["tuned"]["task"] == "regression"].groupby("stream", sort=False):
        rows = {row["method"]: row for row in cell.to_dict("records")}
        fixed = rows[cell["fixed"].iloc[0]]
        others = [f"{NAMES[name]} {change(rows[name]['to_fixed'], rows[name]['to_fixed_high'])}" for name in SEARCHING]
        compared = tables["comparison"].query("stream == @stream and metric == 'mse'").set_index("method")
        told.append(
            f"{stream}, {fixed['method']} has an MSE of {fixed['mean']:.4f}; beside it {', '.join(others)};"
            f" mf has {rows['mf']['mean']:.4f}, the running means, which have nothing to tune,"
            f" {compared.loc['means', 'mean']:.4f}"
        )
    numbers = re.sub(r"\b0(?=\.\d)", "", ". In the order ".join(told))
    return f"**{findings.tuned(tables['tuned'])}** (all with the same candidates). In the order {numbers}."


STARTS = {"normal": "the released start, normal(0, 1)", "scaled": "a variance of 1/size"}
TRAININGS = {
    "1 pass": "one pass",
    "steps of ml-20m": "as many steps as one pass over MovieLens 20M takes, which is many passes here",
}
METRICS = {"mse": "MSE", "cross_entropy": "cross-entropy"}


def _start(tables: Tables) -> str:
    """The largest size against the smallest, for each start and each length of training."""
    pairs = tables["crossings"]
    pairs = pairs[(pairs["smaller"] == pairs["smaller"].min()) & (pairs["larger"] == pairs["larger"].max())]
    pairs = pairs[pairs["metric"].isin(list(METRICS))]
    ends = pairs.iloc[0]
    told = []
    for training in trainings_of(pairs):
        found: dict[str, list[str]] = {}
        for start in dict.fromkeys(pairs["start"]):
            cells = pairs[(pairs["start"] == start) & (pairs["training"] == training)]
            ways = [f"{_overtaking(row)} in {METRICS[row['metric']]}" for row in cells.to_dict("records")]
            found.setdefault(f"size {ends['larger']} {', and '.join(ways)}", []).append(STARTS.get(start, start))
        starts = "; ".join(f"with {' as with '.join(names)}, {what}" for what, names in found.items())
        told.append(f"after {TRAININGS.get(training, training)}, {starts}")
    depends = " and on ".join(_depends(pairs))
    head = f"**That small sizes suit rare ids depends on {depends}** (Fig. 1, " if depends else "Fig. 1 ("
    return f"{head}against size {ends['smaller']}): {'; '.join(told)}."


def _depends(pairs: pd.DataFrame) -> list[str]:
    """What a decided finding of some metric changes with, all else equal."""
    decided = pairs[pairs["finding"] != UNDECIDED]
    along = {"start": "the start of the embeddings", "training": "the length of the training"}
    found = {}
    for name in along:
        others = [key for key in ("metric", *along) if key != name]
        found[name] = any(len(set(cell)) > 1 for _, cell in decided.groupby(others)["finding"])
    return [words for name, words in along.items() if found[name]]


def _overtaking(row: Mapping[Hashable, Any]) -> str:
    if row["finding"] == OVERTAKES:
        return f"overtakes at popularity {row['crossing']:.1f} ({span(row['low'], row['high'])})"
    return f"is {row['finding']}"


def _holds(verdicts: pd.DataFrame) -> str:
    holding = verdicts[verdicts["verdict"] == WORDS["holds"]]
    told = "; ".join(f"{row.claim}, {row.statement}" for row in holding.itertuples() if row.verdict != DESCRIPTIVE)
    return f"What holds in every cell: {told or 'none of the claims'}."
