"""What the embeddings of every method hold in memory, and how much error that buys.

Counted are the numbers of the embeddings of the ids that occur, as they are at the end of the stream: no biases,
running means or layers. A method that weighs its candidates holds all of them for every id.
"""

import numpy as np
import pandas as pd

from autoemb.analysis.tables.columns import Columns, flags, numbers, texts
from autoemb.analysis.tables.intervals import RUN, arrange, fixed, lower_is_better

MIB = 1 << 20
FLOAT = 4
"""Bytes of a number in float32."""

MOMENTS = 3
"""Numbers that Adam holds for each: itself and two moments."""

MULTIPLE = 4
"""Serving libraries store rows whose width is a multiple of this."""

BOTH = "both"
"""What stands for users and items together."""

MEMORY: Columns = (
    texts(*RUN, "embeddings_of", "sizes")
    | flags("all_candidates")
    | numbers("ids", "mib", "training_mib", "deployable_mib")
    | numbers("of_fixed", may_lack=True)
    | texts("fixed", may_lack=True)
)

FRONTIER: Columns = (
    texts(*RUN[:3], "metric", "method")
    | numbers("mib", "mean")
    | numbers("low", "high", may_lack=True)
    | numbers("seeds", "n")
    | texts("varies")
    | flags("front")
    | texts("beaten_by", may_lack=True)
)


def memory(allocation: pd.DataFrame) -> pd.DataFrame:
    """The memory of the embeddings of every run, in MiB of float32.

    Args:
        allocation: ``schema.ALLOCATION`` of every run, with ``dataset``, ``stream``, ``task``, ``method``.

    Returns:
        One row per run x ``embeddings_of`` (``user``, ``item``, ``both``), means over seeds: ``sizes`` (such as
        ``2, 16, 128``), ``all_candidates`` (whether every id holds all of them), ``ids`` (that occur), ``mib``,
        ``training_mib`` (with Adam's moments), ``deployable_mib`` (each size rounded up to a multiple of
        ``MULTIPLE``), and ``of_fixed``: ``mib`` as a share of that of the method of one size, whose name is ``fixed``.
    """
    held = allocation.assign(
        numbers=allocation["ids"] * allocation["size"],
        stored=allocation["ids"] * -(-allocation["size"] // MULTIPLE) * MULTIPLE,
    )
    run = [*RUN, "embeddings_of"]
    held = held.rename(columns={"side": "embeddings_of"})
    of_run = held.groupby(run)  # of all seeds: in one, as many ids may have chosen one size as another
    all_candidates = (of_run["size"].transform("nunique") > 1) & (of_run["ids"].transform("nunique") == 1)
    held = held.assign(all_candidates=all_candidates, sizes=held["size"].astype("str"))
    by_seed = held.groupby([*run, "seed"], as_index=False).agg(
        sizes=("sizes", ", ".join),
        all_candidates=("all_candidates", "all"),
        total=("ids", "sum"),
        most=("ids", "max"),
        numbers=("numbers", "sum"),
        stored=("stored", "sum"),
    )
    by_seed = by_seed.assign(ids=by_seed["total"].where(~by_seed["all_candidates"], by_seed["most"]))
    together = by_seed.groupby([*RUN, "seed"], as_index=False).agg(
        sizes=("sizes", lambda sizes: " | ".join(dict.fromkeys(sizes))),
        all_candidates=("all_candidates", "all"),
        ids=("ids", "sum"),
        numbers=("numbers", "sum"),
        stored=("stored", "sum"),
    )
    sides = pd.concat([by_seed, together.assign(embeddings_of=BOTH)], ignore_index=True)
    table = sides.groupby([*run, "sizes", "all_candidates"], as_index=False)[["ids", "numbers", "stored"]].mean()
    table = table.assign(
        mib=table["numbers"] * FLOAT / MIB,
        training_mib=table["numbers"] * FLOAT * MOMENTS / MIB,
        deployable_mib=table["stored"] * FLOAT / MIB,
    )
    name = fixed(table)
    others = table.loc[table["method"] == name, [*RUN[:3], "embeddings_of", "mib"]].rename(columns={"mib": "fixed_mib"})
    table = table.merge(others, on=[*RUN[:3], "embeddings_of"], how="left")
    share = (table["mib"] / table["fixed_mib"]).replace(np.inf, np.nan)
    named = np.where(table["fixed_mib"].notna(), name, "")
    return arrange(table.assign(of_fixed=share, fixed=named)[list(MEMORY)], run)


def frontier(compared: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """Error against memory: which methods are beaten by none that needs no more.

    Args:
        compared: ``comparison``, with the losses and accuracies.
        held: ``memory``.

    Returns:
        One row per data set x stream x task x metric x method, the least memory first: ``mib`` of both sides;
        ``mean`` with its interval, ``seeds``, ``n`` and ``varies`` as in ``comparison``; ``front`` (whether no method
        that needs as little has a better mean) and ``beaten_by``, the best of those that do.
    """
    total = held.loc[held["embeddings_of"] == BOTH, [*RUN, "mib"]]
    table = compared.merge(total, on=RUN)
    cell = [*RUN[:3], "metric"]
    parts = []
    for (*_, metric), rows in table.groupby(cell, sort=False):
        better = (1 if lower_is_better(str(metric)) else -1) * rows["mean"]
        pairs = zip(rows["mib"], better, strict=True)
        best = [_best(better, rows["method"], rows["mib"] <= mib, value) for mib, value in pairs]
        parts.append(rows.assign(beaten_by=best).sort_values(["mib", "mean"], kind="stable"))
    found = pd.concat(parts, ignore_index=True) if parts else table.assign(beaten_by="")
    return found.assign(front=found["beaten_by"] == "")[list(FRONTIER)]


def lowest_for_less(cell: pd.DataFrame) -> pd.DataFrame:
    """Of the methods that hold embeddings, the front by loss: none of them with as little memory has a lower mean.

    Args:
        cell: ``mib`` and ``mean`` of one data set, stream, task and loss.

    Returns:
        Its rows, the least memory first, each with a lower mean than the one before.
    """
    held = cell[cell["mib"] > 0].sort_values(["mib", "mean"], kind="stable")
    return held[held["mean"] < held["mean"].cummin().shift(fill_value=np.inf)]


def _best(better: "pd.Series[float]", methods: "pd.Series[str]", small: "pd.Series[bool]", value: float) -> str:
    """The method with the least of ``better`` among the small ones, if that is less than ``value``; else empty."""
    among = np.where(small, better, np.inf)
    return str(methods.iloc[int(among.argmin())]) if among.min() < value else ""
