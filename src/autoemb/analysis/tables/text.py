"""Tables for people: a few columns side by side, `mean ± half-width`, as Markdown and LaTeX.

The CSV beside them has everything; here the curves are reduced to a few points.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from autoemb.analysis.tables.ablation import BASE_VALUE
from autoemb.analysis.tables.intervals import RUN, arrange, lower_is_better, sort_methods, supported

_POINTS = 6
"""How many points of a curve are shown."""


def compact(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The reduced view of a table, every cell a string.

    Args:
        name: the table's name on the command line.
        table: what the function of that name returned; it may be empty.
    """
    if table.empty:
        return pd.DataFrame(columns=list(table.columns), dtype="str")
    metric = ["task", "metric"]
    match name:
        case "comparison":
            return _comparison(table)
        case "popularity":
            table = table[table["level"].isin(_points(table["level"]))]
            return _wide(table, ["dataset", "side", *metric, "level"], "size", 4, "size {}")
        case "crossings":
            return _crossings(table)
        case "claims":
            return _claims(table)
        case "claim-details":
            return _claim_details(table)
        case "running-popularity":
            table = table[(table["split"] == "test") & (table["metric"] != "accuracy")]
            return _by_popularity(table, ["dataset", "stream", *metric, "side", "method"], 4)
        case "ablation":
            return _ablation(table)
        case "sizes":
            table = _few_bins(table[table["split"] == "test"])
            labels = _bin_labels(table)
            view = _wide(table, [*RUN, "side", "popularity_low"], "size", 3, "size {}")
            view = view.assign(popularity_low=[labels[int(low)] for low in view["popularity_low"]])
            return view.rename(columns={"popularity_low": "popularity"})
        case "mean-size":
            return _by_popularity(table[table["split"] == "test"], [*RUN, "side"], 1)
        case "size-stream":
            table = table[(table["measure"] == "mean_size") & table["window"].isin(_points(table["window"]))]
            return _wide(table, [*RUN, "side"], "window", 1, "window {}")
        case "stream":
            table = table[table["window"].isin(_points(table["window"]))]
            return _wide(table, ["dataset", "stream", *metric, "method"], "window", 4, "window {}")
    return table.astype(object).where(table.notna(), "").astype("str")


def markdown(view: pd.DataFrame) -> str:
    """A pipe table."""
    return view.to_markdown(index=False, disable_numparse=True) + "\n"


def latex(view: pd.DataFrame) -> str:
    """A ``tabular`` with the rules of booktabs."""
    rows = [
        [str(name) for name in view.columns],
        *([str(cell) for cell in row] for row in view.itertuples(index=False)),
    ]
    lines = [" & ".join(map(_escape, row)) + r" \\" for row in rows]
    head = [rf"\begin{{tabular}}{{{'l' * len(view.columns)}}}", r"\toprule", lines[0], r"\midrule"]
    return "\n".join([*head, *lines[1:], r"\bottomrule", r"\end{tabular}"]) + "\n"


def plus_minus(mean: float, high: float, digits: int) -> str:
    """``mean ± half-width``; the mean alone where there is no interval."""
    if np.isnan(mean):
        return ""
    return f"{mean:.{digits}f}" + ("" if np.isnan(high) else f" ± {high - mean:.{digits}f}")


def change(effect: float, high: float) -> str:
    """``+0.0012 ± 0.0003``; zero, where rounded, is ``+0.0000``."""
    if np.isnan(effect):
        return ""
    return f"{effect:+z.4f}" + ("" if np.isnan(high) else f" ± {high - effect:.4f}")


def span(earliest: float, latest: float) -> str:
    """``2.8 to 13.2``, one number where they are the same to a tenth, empty where they are NaN."""
    if np.isnan(earliest):
        return ""
    return " to ".join(dict.fromkeys(f"{end:.1f}" for end in (earliest, latest)))


def popularity_label(low: int, high: int) -> str:
    """``4-5``, ``3``, or ``185364+`` for the open bin."""
    if high == np.iinfo(np.int32).max:
        return f"{low}+"
    return str(low) if low == high else f"{low}-{high}"


def _comparison(table: pd.DataFrame) -> pd.DataFrame:
    """Methods as columns, the best in bold, the paper's number and the difference to it beneath."""
    methods = sort_methods(table["method"].unique())
    rows = []
    for cell, group in table.groupby(["dataset", "stream", "task", "metric"], sort=False):
        row = dict(zip(["dataset", "stream", "task", "metric"], map(str, cell), strict=True))
        found = group.sort_values("mean", ascending=lower_is_better(row["metric"])).to_dict("records")
        ours = {line["method"]: plus_minus(line["mean"], line["high"], 4) for line in found}
        best = found[0]["method"]
        rows.append(row | ours | {best: f"**{ours[best]}**"})
        theirs = {
            line["method"]: plus_minus(line["paper"], line["paper"] + line["paper_plus_minus"], 4)
            for line in found
            if not np.isnan(line["paper"])
        }
        if theirs:
            differences = {line["method"]: f"{line['difference']:+.4f}" for line in found if line["method"] in theirs}
            rows.append(row | {"metric": f"{row['metric']}, paper"} | theirs)
            rows.append(row | {"metric": f"{row['metric']}, difference"} | differences)
    return pd.DataFrame(rows, columns=["dataset", "stream", "task", "metric", *methods]).fillna("")


def _crossings(table: pd.DataFrame) -> pd.DataFrame:
    """One row per pair of sizes."""
    rows = []
    for row in table.to_dict("records"):
        where = "never" if np.isnan(row["crossing"]) else f"{row['crossing']:.1f}"
        rows.append(
            {key: row[key] for key in ("dataset", "side", "task", "metric")}
            | {"pair": f"{row['larger']} over {row['smaller']}", "popularity": where}
            | {"from the start": "yes" if row["from_start"] else ""}
            | {"seeds that cross": f"{row['seeds_crossing']} of {row['seeds']}"}
            | {"range of these": span(row["earliest"], row["latest"])}
            | {"paper (ml-20m)": "" if np.isnan(row["paper"]) else f"{row['paper']:.1f}"}
        )
    return pd.DataFrame(rows)


def _claims(table: pd.DataFrame) -> pd.DataFrame:
    """One row per verdict, what is claimed in the first row of each claim."""
    keys = ["claim", "dataset", "stream", "task", "metric"]
    view = table[keys].assign(**_effects(table), verdict=table["verdict"])
    return view.assign(statement=table["statement"].mask(table.duplicated(["dataset", "claim"]), "")).astype("str")


def _claim_details(table: pd.DataFrame) -> pd.DataFrame:
    """One row per comparison."""
    keys = ["claim", "comparison", "dataset", "stream", "task", "metric"]
    return table[keys].assign(**_effects(table), finding=table["finding"]).astype("str")


def _effects(table: pd.DataFrame) -> dict[str, list[str]]:
    """Effect and 95 % interval, the smallest detectable one, and the paper's."""
    rows = table.to_dict("records")
    return {
        "effect": [signed(row["effect"], row["metric"]) for row in rows],
        "95 % interval": [
            "" if np.isnan(row["low"]) else " to ".join(signed(row[end], row["metric"]) for end in ("low", "high"))
            for row in rows
        ],
        "detectable": [signed(row["detectable"], row["metric"]).lstrip("+") for row in rows],
        "paper": [signed(row["paper_effect"], row["metric"]) for row in rows],
    }


def signed(value: float, metric: str) -> str:
    """A difference with its sign: two digits behind the point for sizes, else four; empty where it is NaN."""
    return "" if np.isnan(value) else f"{value:+z.{2 if metric == 'mean_size' else 4}f}"


def _ablation(table: pd.DataFrame) -> pd.DataFrame:
    """A row per setting and value: the effect on each method, in bold where its interval excludes zero, and the order.

    The base's own row has the methods' losses.
    """
    methods = sort_methods(table["method"].unique())
    rows = []
    for cell, group in table.groupby(["dataset", "task", "metric", "setting", "value"], sort=False):
        row = dict(zip(["dataset", "task", "metric", "setting", "value"], map(str, cell), strict=True))
        for line in group.to_dict("records"):
            effect = change(line["effect"], line["high"])
            clear = line["low"] > 0 or line["high"] < 0
            text = f"**{effect}**" if clear else effect
            row[line["method"]] = plus_minus(line["mean"], np.nan, 4) if row["value"] == BASE_VALUE else text
        rows.append(row | {"order before": group["order_base"].iloc[0], "order": group["order"].iloc[0]})
    columns = ["dataset", "task", "metric", "setting", "value", *methods, "order before", "order"]
    return pd.DataFrame(rows, columns=columns).fillna("")


def _wide(table: pd.DataFrame, rows: Sequence[str], columns: str, digits: int, heading: str) -> pd.DataFrame:
    """``mean ± half-width`` with the values of one column side by side."""
    text = [plus_minus(mean, high, digits) for mean, high in zip(table["mean"], table["high"], strict=True)]
    view = table.assign(text=text).pivot_table(index=list(rows), columns=columns, values="text", aggfunc="first")
    view = view.rename(columns={name: heading.format(name) for name in view.columns}).reset_index()
    return arrange(view, rows).fillna("").astype("str")


def _by_popularity(table: pd.DataFrame, rows: Sequence[str], digits: int) -> pd.DataFrame:
    """A few popularity bins side by side."""
    table = _few_bins(table)
    labels = {f"{low}": label for low, label in _bin_labels(table).items()}
    return _wide(table, rows, "popularity_low", digits, "{}").rename(columns=labels)


def _few_bins(table: pd.DataFrame) -> pd.DataFrame:
    table = supported(table)
    return table[table["popularity_low"].isin(_points(table["popularity_low"]))]


def _bin_labels(table: pd.DataFrame) -> dict[int, str]:
    """How each popularity bin is called, by its lowest popularity."""
    bounds = zip(table["popularity_low"], table["popularity_high"], strict=True)
    return {int(low): popularity_label(low, high) for low, high in bounds}


def _points(values: "pd.Series[int]") -> list[int]:
    """A few of the values, evenly spread in rank, the first and the last among them."""
    ranked = sorted({int(value) for value in values})
    return [ranked[round(at)] for at in np.linspace(0, len(ranked) - 1, _POINTS)] if ranked else []


def _escape(cell: str) -> str:
    r"""LaTeX text: ``**bold**`` becomes ``\textbf``, ``±`` a sign, and special characters are quoted."""
    for plain, quoted in (("&", r"\&"), ("%", r"\%"), ("_", r"\_"), ("#", r"\#"), ("±", r"$\pm$")):
        cell = cell.replace(plain, quoted)
    cell = cell.replace("~", r"$\sim$").replace("<", "$<$")
    return rf"\textbf{{{cell[2:-2]}}}" if cell.startswith("**") else cell
