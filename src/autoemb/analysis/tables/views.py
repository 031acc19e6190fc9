"""What people are shown of each table: a few columns side by side, a few points of each curve, every cell a string.

Every function takes a table that has rows and returns such a view of it; the csv file has everything.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from autoemb.analysis.tables.ablation import BASE_VALUE
from autoemb.analysis.tables.intervals import RUN, arrange, lower_is_better, sort_methods, supported
from autoemb.analysis.tables.levels import model_names
from autoemb.analysis.tables.memory import BOTH
from autoemb.analysis.tables.student import excludes_zero
from autoemb.analysis.tables.text import change, plus_minus, popularity_label, signed, span
from autoemb.schema import SIDES

_POINTS = 6
"""How many points of a curve are shown."""


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """All of it."""
    return table.astype(object).where(table.notna(), "").astype("str")


def streams(table: pd.DataFrame) -> pd.DataFrame:
    """All of it, the share in three digits."""
    return plain(table.assign(positive=[f"{share:.3f}" for share in table["positive"]]))


def comparison(table: pd.DataFrame) -> pd.DataFrame:
    """Methods as columns, the best in bold, the paper's number and the difference to it beneath."""
    methods = sort_methods(table["method"].unique())
    rows = []
    for cell, group in table.groupby(["dataset", "stream", "task", "metric"], sort=False):
        row = dict(zip(["dataset", "stream", "task", "metric"], map(str, cell), strict=True))
        row["varies"] = str(group["varies"].iloc[0])
        ranked = group.sort_values("mean", ascending=lower_is_better(row["metric"])).to_dict("records")
        ours = {line["method"]: plus_minus(line["mean"], line["high"], 4) for line in ranked}
        best = ranked[0]["method"]
        rows.append(row | ours | {best: f"**{ours[best]}**"})
        theirs = {
            line["method"]: plus_minus(line["paper"], line["paper"] + line["paper_plus_minus"], 4)
            for line in ranked
            if not np.isnan(line["paper"])
        }
        if theirs:
            differences = {line["method"]: f"{line['difference']:+.4f}" for line in ranked if line["method"] in theirs}
            rows.append(row | {"metric": f"{row['metric']}, paper"} | theirs)
            rows.append(row | {"metric": f"{row['metric']}, difference"} | differences)
    return pd.DataFrame(rows, columns=["dataset", "stream", "task", "metric", "varies", *methods]).fillna("")


def ranking(table: pd.DataFrame) -> pd.DataFrame:
    """One row per value, best first; those of the papers have no stream."""
    rows = table.to_dict("records")
    text = [plus_minus(row["mean"], row["mean"] + row["plus_minus"], 4) for row in rows]
    view = table[["dataset", "task", "metric"]].assign(value=text, method=table["method"], source=table["source"])
    return view.assign(stream=table["stream"].fillna(""), varies=table["varies"].fillna("")).astype("str")


def levels(table: pd.DataFrame) -> pd.DataFrame:
    """A few levels, the models side by side."""
    few = table[table["level"].isin(_points(table["level"]))]
    names = model_names(few)
    few = few.assign(model=pd.Categorical(names, list(dict.fromkeys(names)), ordered=True))
    return _wide(few, ["dataset", "side", "task", "metric", "varies", "level"], "model", 4, "{}")


def differences(table: pd.DataFrame) -> pd.DataFrame:
    """One row per method, what it is against each other one; in bold what is decided."""
    methods = sort_methods(table["method"].unique())
    rows = table.assign(text=_decided(table))
    cell = ["dataset", "stream", "task", "metric", "varies", "method"]
    view = rows.pivot_table(index=cell, columns="other", values="text", aggfunc="first").reset_index()
    view = arrange(view, [*cell[:4], "method"])[[*cell, *methods]]
    return view.rename(columns={name: f"minus {name}" for name in methods}).fillna("").astype("str")


def popularity_differences(table: pd.DataFrame) -> pd.DataFrame:
    """One row per side and bin, the methods side by side; in bold what is decided."""
    cell = ["dataset", "stream", "task", "metric", "side", "popularity_low"]
    methods, reference = sort_methods(table["method"].unique()), str(table["other"].iloc[0])
    rows = table.assign(text=_decided(table))
    view = rows.pivot_table(index=cell, columns="method", values="text", aggfunc="first").reset_index()
    levels = rows.groupby(cell, as_index=False).agg(share=("share", "mean"), loss=("loss", "first"))
    view, labels = arrange(view.merge(levels, on=cell), cell), _bin_labels(table)
    view = view.assign(
        popularity_low=[labels[int(low)] for low in view["popularity_low"]],
        share=[f"{share:.1%}" for share in view["share"]],
        loss=[f"{loss:.4f}" for loss in view["loss"]],
    )
    names = {"popularity_low": "popularity", "share": "of the test part", "loss": reference}
    view = view[[*cell, "share", "loss", *methods]].rename(columns=names)
    return view.rename(columns={name: f"{name}, difference" for name in methods}).fillna("").astype("str")


def _decided(table: pd.DataFrame) -> list[str]:
    """Each difference with its interval: in bold where one method is better, with a word where both are alike."""
    forms = {"better": "**{}**", "worse": "**{}**", "alike": "{} (alike)"}
    rows = table.to_dict("records")
    return [forms.get(row["finding"], "{}").format(change(row["difference"], row["high"])) for row in rows]


def running_popularity(table: pd.DataFrame) -> pd.DataFrame:
    """The losses of the test part, a few popularity bins side by side."""
    losses = table[(table["split"] == "test") & (table["metric"] != "accuracy")]
    return _by_popularity(losses, ["dataset", "stream", "task", "metric", "varies", "side", "method"], 4)


def stream(table: pd.DataFrame) -> pd.DataFrame:
    """A few windows side by side."""
    few = table[table["window"].isin(_points(table["window"]))]
    return _wide(few, ["dataset", "stream", "task", "metric", "varies", "method"], "window", 4, "window {}")


def sizes(table: pd.DataFrame) -> pd.DataFrame:
    """A few popularity bins of the test part, the sizes side by side."""
    few = _few_bins(table[table["split"] == "test"])
    labels = _bin_labels(few)
    view = _wide(few, [*RUN, "varies", "side", "popularity_low"], "size", 3, "size {}")
    view = view.assign(popularity_low=[labels[int(low)] for low in view["popularity_low"]])
    return view.rename(columns={"popularity_low": "popularity"})


def mean_size(table: pd.DataFrame) -> pd.DataFrame:
    """A few popularity bins of the test part side by side."""
    return _by_popularity(table[table["split"] == "test"], [*RUN, "varies", "side"], 1)


def size_stream(table: pd.DataFrame) -> pd.DataFrame:
    """The mean size in a few windows, side by side."""
    few = table[(table["measure"] == "mean_size") & table["window"].isin(_points(table["window"]))]
    return _wide(few, [*RUN, "varies", "side"], "window", 1, "window {}")


def crossings(table: pd.DataFrame) -> pd.DataFrame:
    """One row per pair of sizes."""
    rows = []
    for row in table.to_dict("records"):
        within = not np.isnan(row["crossing"])
        where = f"{row['crossing']:.1f}" if within else "not within the levels"
        rows.append(
            {key: row[key] for key in ("dataset", "side", "task", "metric", "start", "training")}
            | {"pair": f"{row['larger']} over {row['smaller']}", "finding": row["finding"], "popularity": where}
            | {"95 % interval": span(row["low"], row["high"]) if within and row["seeds"] > 1 else ""}
            | {"varies": row["varies"]}
            | {"paper (ml-20m)": "" if np.isnan(row["paper"]) else f"{row['paper']:.1f}"}
        )
    return pd.DataFrame(rows)


def claims(table: pd.DataFrame) -> pd.DataFrame:
    """One row per cell, what is claimed in the first row of each claim."""
    keys = ["claim", "dataset", "stream", "task", "metric"]
    view = table[keys].assign(**_effects(table), verdict=table["verdict"], note=table["note"].fillna(""))
    return view.assign(statement=table["statement"].mask(table.duplicated(["dataset", "claim"]), "")).astype("str")


def claim_details(table: pd.DataFrame) -> pd.DataFrame:
    """One row per comparison."""
    keys = ["claim", "comparison", "dataset", "stream", "task", "metric"]
    return table[keys].assign(**_effects(table), finding=table["finding"], note=table["note"].fillna("")).astype("str")


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """One row per claim."""
    return table[["dataset", "claim", "verdict", "sentence", "source"]].astype("str")


def memory(table: pd.DataFrame) -> pd.DataFrame:
    """One row per run, its sides side by side."""
    of_side = table.set_index([*RUN, "embeddings_of"])["mib"].map("{:.2f}".format).to_dict()
    rows = [
        {name: str(line[name]) for name in RUN}
        | {"sizes": f"{line['sizes']}{' (all of each id)' if line['all_candidates'] else ''}"}
        | {f"{side}s": of_side.get((*(line[name] for name in RUN), side), "") for side in SIDES}
        | {"MiB": f"{line['mib']:.2f}", "with moments": f"{line['training_mib']:.2f}"}
        | {"sizes in fours": f"{line['deployable_mib']:.2f}"}
        | {"of the fixed size": "" if np.isnan(line["of_fixed"]) else f"{line['of_fixed']:.2f}"}
        for line in table[table["embeddings_of"] == BOTH].to_dict("records")
    ]
    return pd.DataFrame(rows)


def frontier(table: pd.DataFrame) -> pd.DataFrame:
    """One row per method, the least memory first; those on the front in bold."""
    rows = [
        {name: str(line[name]) for name in (*RUN[:3], "metric", "method")}
        | {"MiB": f"{line['mib']:.2f}"}
        | {"value": plus_minus(line["mean"], line["high"], 4)}
        | {"beaten by": line["beaten_by"] or "none that needs no more"}
        for line in table.to_dict("records")
    ]
    for row, front in zip(rows, table["front"], strict=True):
        row["value"] = f"**{row['value']}**" if front else row["value"]
    return pd.DataFrame(rows)


def parity(table: pd.DataFrame) -> pd.DataFrame:
    """One row per method and metric."""
    rows = [
        {name: str(line[name]) for name in ("dataset", "metric", "method")}
        | {"here": f"{line['mean']:.5f}", "sd": _five(line["sd"]), "seeds": str(line["seeds"])}
        | {"released code": f"{line['released']:.5f}", "its sd": _five(line["released_sd"])}
        | {"its seeds": str(line["released_seeds"]), "difference": f"{line['difference']:+.5f}"}
        | {"95 % interval": "" if np.isnan(line["difference_low"])
           else f"{line['difference_low']:+.5f} to {line['difference_high']:+.5f}"}
        | {"finding": line["finding"]}
        for line in table.to_dict("records")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _five(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.5f}"


def tuned(table: pd.DataFrame) -> pd.DataFrame:
    """One row per method, the least loss first in each cell."""
    rows = [
        {name: str(line[name]) for name in (*RUN[:3], "metric", "method")}
        | {"as configured": plus_minus(line["configured"], np.nan, 4)}
        | {"tuned": plus_minus(line["mean"], line["high"], 4)}
        | {"difference": change(line["difference"], line["difference_high"])}
        | {"tuned, minus the fixed size": change(line["to_fixed"], line["to_fixed_high"])}
        | {"varies": line["varies"], "settings": line["settings"]}
        for _, cell in table.groupby(RUN[:3], sort=False)
        for line in cell.sort_values("mean", kind="stable").to_dict("records")
    ]
    return pd.DataFrame(rows)


def candidates(table: pd.DataFrame) -> pd.DataFrame:
    """One row per candidate."""
    rows = table.to_dict("records")
    told = {
        "loss": ["diverged" if np.isnan(row["mean"]) else f"{row['mean']:.4f}" for row in rows],
        "diverged": [f"{row['diverged']} of {row['tried']}" if row["diverged"] else "" for row in rows],
        "chosen": [f"{row['chosen']} of {row['tried']}" if row["chosen"] else "" for row in rows],
    }
    return table[[*RUN, "candidate"]].assign(**told).astype("str")


def ablation(table: pd.DataFrame) -> pd.DataFrame:
    """A row per setting and value: the effect on each method, in bold where its interval excludes zero, and the order.

    The base's own row has the methods' losses.
    """
    methods = sort_methods(table["method"].unique())
    rows = []
    for cell, group in table.groupby(["dataset", "task", "metric", "setting", "value"], sort=False):
        row = dict(zip(["dataset", "task", "metric", "setting", "value"], map(str, cell), strict=True))
        row["varies"] = str(group["varies"].iloc[0])
        for line in group.to_dict("records"):
            effect = change(line["effect"], line["high"])
            clear = excludes_zero(line["low"], line["high"])
            text = f"**{effect}**" if clear else effect
            row[line["method"]] = plus_minus(line["mean"], np.nan, 4) if row["value"] == BASE_VALUE else text
        rows.append(row | {"order before": group["order_base"].iloc[0], "order": group["order"].iloc[0]})
    columns = ["dataset", "task", "metric", "setting", "value", "varies", *methods, "order before", "order"]
    return pd.DataFrame(rows, columns=columns).fillna("")


def _effects(table: pd.DataFrame) -> dict[str, list[str]]:
    """Effect and 95 % interval, what varies in it, and the paper's effect."""
    rows = table.to_dict("records")
    return {
        "effect": [signed(row["effect"], row["metric"]) for row in rows],
        "95 % interval": [
            "" if np.isnan(row["low"]) else " to ".join(signed(row[end], row["metric"]) for end in ("low", "high"))
            for row in rows
        ],
        "varies": [str(row["varies"]) for row in rows],
        "paper": [signed(row["paper_effect"], row["metric"]) for row in rows],
    }


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
