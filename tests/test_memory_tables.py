"""What embeddings hold, and which methods are beaten by none that needs as little."""

import numpy as np
import pandas as pd
import pytest

from autoemb.analysis import sentences, tables
from autoemb.analysis.catalogue import compact

RUN = {"dataset": "d", "stream": "temporal", "task": "regression"}
USERS, ITEMS = 1000, 300


def allocated(method: str, by_seed: list[dict[int, int]], items: list[dict[int, int]] | None = None) -> pd.DataFrame:
    """``schema.ALLOCATION``: by seed, size -> ids; of the items, all ids with the sizes' last, if nothing is said."""
    items = items or [{max(users): ITEMS} for users in by_seed]
    rows = [
        {"seed": seed, "side": side, "size": size, "ids": ids, "method": method}
        for side, held in (("user", by_seed), ("item", items))
        for seed, of_seed in enumerate(held)
        for size, ids in of_seed.items()
    ]
    return pd.DataFrame(rows).assign(**RUN)


ALL = dict.fromkeys((2, 16, 128), USERS)
HELD = pd.concat([
    allocated("means", [{0: USERS}] * 2),
    allocated("fse-2", [{2: USERS}] * 2),
    allocated("fse-128", [{128: USERS}] * 2),
    allocated("autoemb", [ALL] * 2, [dict.fromkeys((2, 16, 128), ITEMS)] * 2),
    allocated("esapn", [{2: 600, 16: 0, 128: 400}, {2: 400, 16: 200, 128: 400}], [{2: 100, 16: 100, 128: 100}] * 2),
])  # fmt: skip


def of(table: pd.DataFrame, method: str, part: str) -> pd.Series:
    return table[(table["method"] == method) & (table["embeddings_of"] == part)].iloc[0]


def test_memory_is_that_of_every_id_at_the_sizes_that_it_holds():
    table = tables.memory(HELD)
    mib = 4 / 2**20
    assert of(table, "fse-128", "both")["mib"] == pytest.approx(128 * (USERS + ITEMS) * mib)
    assert of(table, "fse-128", "both")["training_mib"] == pytest.approx(3 * 128 * (USERS + ITEMS) * mib)
    assert of(table, "autoemb", "user")["mib"] == pytest.approx((2 + 16 + 128) * USERS * mib)
    assert of(table, "autoemb", "user")[["ids", "all_candidates", "sizes"]].tolist() == [USERS, True, "2, 16, 128"]
    two = [600 * 2 + 400 * 128, 400 * 2 + 200 * 16 + 400 * 128]
    assert of(table, "esapn", "user")["mib"] == pytest.approx(np.mean(two) * mib)
    assert of(table, "esapn", "user")[["ids", "all_candidates"]].tolist() == [USERS, False]
    assert of(table, "means", "both")["mib"] == 0
    assert of(table, "fse-2", "user")["deployable_mib"] == pytest.approx(4 * USERS * mib)  # rows are a multiple of 4
    assert of(table, "autoemb", "both")["of_fixed"] == pytest.approx(146 / 128)
    assert set(table["fixed"]) == {"fse-128"}
    assert "2, 16, 128 (all of each id)" in compact("memory", table)["sizes"].tolist()


def test_as_many_ids_of_each_size_in_one_seed_are_no_method_that_holds_all():
    held = allocated("esapn", [{2: 500, 16: 500}, {2: 400, 16: 600}], [{2: 150, 16: 150}, {2: 100, 16: 200}])
    table = tables.memory(held)
    assert len(table) == 3
    assert not table["all_candidates"].any()
    assert of(table, "esapn", "user")["ids"] == USERS


def compared(**means: float) -> pd.DataFrame:
    rows = [{"method": name.replace("_", "-"), "mean": mean, "metric": "mse"} for name, mean in means.items()]
    return pd.DataFrame(rows).assign(low=0.1, high=0.3, seeds=2, n=100, varies="start", **RUN)


def test_the_front_is_what_nothing_as_small_beats():
    losses = {"means": 0.20, "fse_2": 0.22, "fse_128": 0.19, "autoemb": 0.18, "esapn": 0.21}
    table = tables.frontier(compared(**losses), tables.memory(HELD))
    assert table["method"].tolist() == ["means", "fse-2", "esapn", "fse-128", "autoemb"]
    assert table["front"].tolist() == [True, False, False, True, True]
    assert table["beaten_by"].tolist() == ["", "means", "means", "", ""]
    accuracy = tables.frontier(compared(**losses).assign(metric="accuracy"), tables.memory(HELD))
    assert accuracy[accuracy["front"]]["method"].tolist() == ["means", "fse-2"]  # more is better there
    said = sentences.frontier(table)
    assert said == (
        "- temporal, regression, MSE: beaten by none that needs as little memory: means (0.00 MiB, 0.2000), fse-128"
        " (0.63 MiB, 0.1900), autoemb (0.72 MiB, 0.1800); of those that hold embeddings: fse-2 (0.01 MiB, 0.2200),"
        " esapn (0.26 MiB, 0.2100), fse-128 (0.63 MiB, 0.1900), autoemb (0.72 MiB, 0.1800)."
    )
    view = compact("frontier", table)
    assert view["value"].str.startswith("**").tolist() == table["front"].tolist()


def test_without_runs_there_are_no_rows():
    none = tables.memory(HELD[:0])
    assert none.empty
    assert tables.frontier(compared(means=0.2)[:0], none).empty
