"""The explorer and the sheets: what they take, what they refuse, and what a browser shows of them."""

import json
import re
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autoemb import cli
from autoemb.analysis import catalogue, plots
from autoemb.analysis.explorer.curves import curves, look
from autoemb.analysis.plots import findings as catalogue_findings
from autoemb.analysis.reading import EXPLORED, read_csv
from autoemb.analysis.tables.columns import Columns
from autoemb.analysis.tables.text import popularity_label

ROOT = Path(__file__).parents[1]
HARM = "<script>window.harm = 1</script><img src=x onerror='window.harm = 2'> & </script>"
RUNS = {"stream": ["shuffled", "temporal"], "task": ["regression", "classification"]}
METHODS = ["fse", "fse-16", "autoemb", "someone-new"]
LOSS = {"regression": "mse", "classification": "cross_entropy"}
MIB = {"fse": 5.0, "fse-16": 0.0004, "autoemb": 5.5, "someone-new": 0.0}
"""Of the embeddings: the last method has none."""
BINS = [(1, 1), (8, 15), (64, 90), (2**18, 2**31 - 1)]
NONE = "No data for this choice."


def values(frame: pd.DataFrame, seeds: int = 3, scale: float = 1.0) -> pd.DataFrame:
    """A table with means and intervals that differ in every row."""
    mean = scale * (0.2 + 0.1 * np.sin(np.arange(len(frame)) * 1.7))
    half = np.nan if seeds == 1 else 0.01 * scale
    return frame.assign(mean=mean, low=mean - half, high=mean + half, seeds=seeds, n=1000)


def every(**columns: list) -> pd.DataFrame:
    return pd.DataFrame(list(product(*columns.values())), columns=list(columns))


def measured(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per metric of each task."""
    loss = frame.assign(metric=frame["task"].map(LOSS))
    return pd.concat([loss, frame.assign(metric="accuracy")], ignore_index=True)


def binned(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(
        **{f"popularity_{end}": [pair[at] for pair in frame["bin"]] for at, end in enumerate(("low", "high"))}
    )


def windows(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(first=1000 * frame["window"], split=np.where(frame["window"] > 2, "test", "train"))


def tables() -> dict[str, pd.DataFrame]:
    """Of two data sets: ``007`` of several seeds, ``na`` of one, without splits of Fig. 1 or claims."""
    runs = {"dataset": ["007", "na"], **RUNS, "method": METHODS}
    sides = {"split": ["train", "test"], "side": ["user", "item"]}
    splits = {"dataset": ["007"], "side": ["user"], "task": ["regression"]}
    made = {
        "datasets": pd.DataFrame({"dataset": ["007", "na"], "title": [HARM, "One seed"]}),
        "comparison": values(measured(every(**runs))).assign(paper=np.nan),
        "running-popularity": values(binned(measured(every(**runs, **sides, bin=BINS)))),
        "stream": values(windows(measured(every(**runs, window=[0, 1, 2, 3])))),
        "mean-size": values(binned(every(**runs, **sides, bin=BINS)), scale=100.0),
        "size-stream": values(windows(every(**runs, side=["user", "item"], window=[0, 1, 2, 3])), scale=100.0),
        "levels": values(measured(pd.concat([
            every(**splits, method=["constant"], start=["none"], training=["1 pass"], size=[0], level=[2, 4, 40]),
            every(**splits, method=["fse"], start=["normal", "scaled"], training=["1 pass", "9 passes"], size=[2, 128],
                  level=[2, 4, 40]),
        ]))),
    }  # fmt: skip
    memory = values(measured(every(**runs)))
    beaten = memory["method"].map({"autoemb": "fse", "fse": HARM})  # of the others none: an empty cell
    made["frontier"] = memory.assign(mib=memory["method"].map(MIB), front=beaten.isna(), beaten_by=beaten)
    made["datasets"] = made["datasets"].assign(users=10, items=20, ratings=3000)
    made["streams"] = every(dataset=["007"], stream=RUNS["stream"]).drop(columns="mean", errors="ignore")
    made["streams"] = made["streams"].assign(train=2000, test=1000, batch_size=500, positive=0.4567)
    made["streams"]["users_per_batch"] = np.where(made["streams"]["stream"] == "temporal", 12.0, 457.5)
    along_stream = made["stream"]
    moved = {
        "difference": along_stream["mean"] - 0.2,
        "difference_low": along_stream["low"] - 0.2,
        "difference_high": along_stream["high"] - 0.2,
    }
    made["stream"] = along_stream.assign(
        **{name: column.where(along_stream["method"] != "fse") for name, column in moved.items()}
    )
    made["size-stream"] = made["size-stream"].assign(measure="mean_size")
    for name in ("mean-size", "size-stream"):  # fixed sizes choose none
        made[name] = made[name][~made[name]["method"].str.startswith("fse")]
    for name, frame in made.items():
        if "low" in frame:
            ends = [end for end in frame if re.search("(low|high)$", end) and not end.startswith("popularity")]
            one = frame["dataset"] == "na"
            made[name] = frame.assign(seeds=np.where(one, 1, 3), **{end: frame[end].mask(one) for end in ends})
    claim = {"claim": "A1", "statement": HARM, "verdict": "holds", "metric": "mse", "stream": "shuffled"}
    made["claims"] = values(every(dataset=["007"], task=["regression"])).assign(effect=0.5, **claim)
    made["verdicts"] = every(dataset=["007"], claim=["A1"]).assign(sentence=HARM, verdict="holds")
    return {name: whole(frame, EXPLORED[name]) for name, frame in made.items()}


def whole(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """With the columns that the explorer has no use for."""
    plain = {"text": "x", "number": 0, "flag": True}
    left = {name: None if column.may_lack else plain[column.kind] for name, column in columns.items()}
    return frame.assign(**{name: value for name, value in left.items() if name not in frame})[list(columns)]


def write(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_csv(path, index=False, float_format="%.8g", lineterminator="\n")
    return path


def explore(folder: Path, **made: pd.DataFrame) -> Path:
    """The page of these tables, made as the workflow makes it."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [write(frame, folder / f"{name.replace('_', '-')}.csv") for name, frame in made.items()]
    assert cli.main(["explore", "--inputs", *map(str, files), "--out", str(folder / "explorer.html")]) == 0
    return folder / "explorer.html"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return explore(tmp_path_factory.mktemp("explorer"), **tables())


def look_at(browser, page: Path, **how) -> None:
    browser.open(page, **how)
    browser.wait("document.body.dataset.drawn === 'yes'")


def choose(browser, **choices: str) -> None:
    for name, value in choices.items():
        browser.js(
            "(e => { e.value = value; e.dispatchEvent(new Event('change', {bubbles: true})); })"
            "(document.getElementById(id))",
            id=name,
            value=value,
        )
        assert browser.js("document.getElementById(id).value", id=name) == value


def tick(browser, *methods: str) -> None:
    """Exactly these methods, by clicks."""
    browser.js(
        "document.querySelectorAll('#methods input')"
        ".forEach(e => { if (e.checked !== names.includes(e.value)) e.click(); })",
        names=methods,
    )


def rows(browser, panel: str) -> list[list[str]]:
    """The values shown beneath a panel's chart."""
    return browser.js(
        "[...document.querySelectorAll(`#${panel} tbody tr`)].map(r => [...r.cells].map(c => c.textContent))",
        panel=panel,
    )


def expected(frame: pd.DataFrame, label: pd.Series, digits: int, first: str = "method") -> list[list[str]]:
    numbers = [
        ["" if np.isnan(cell) else f"{cell:.{digits}f}" for cell in frame[name]] for name in ("mean", "low", "high")
    ]
    return [list(row) for row in zip(frame[first], label, *numbers, [f"{n:,}" for n in frame["n"]], strict=True)]


def none(browser, panel: str) -> str:
    """What a panel says instead of values; empty if it has some."""
    return browser.js(
        "(e => e.checkVisibility() ? e.textContent : '')(document.querySelector(`#${panel} .none`))", panel=panel
    )


def test_the_page_is_quiet_complete_and_small(page, browser, tmp_path):
    for width, dark in ((1200, False), (400, True)):
        look_at(browser, page, width=width, dark=dark)
        browser.wait("document.querySelectorAll('.chart svg.marks').length === 7")
        shapes = browser.js(
            "[...document.querySelectorAll('.chart svg.marks')].map(e => [e.getBoundingClientRect().width,"
            " e.querySelectorAll('.mark-line path, .mark-area path').length])"
        )
        assert all(width / 2 < wide < width and lines > 0 for wide, lines in shapes)
        assert browser.js("document.documentElement.scrollWidth") <= width  # nothing is pushed off the page
        ground = browser.js("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(22, 22, 22)" if dark else "rgb(255, 255, 255)")
        assert browser.problems == browser.requests == []
        browser.screenshot(tmp_path / f"{width}-{dark}.png")
    assert page.stat().st_size < 2_000_000
    assert not re.findall(r'<[^>]+\s(?:src|href)="?https?:', page.read_text().partition('<script type="module">')[0])


def test_the_values_are_the_tables(page, browser):
    look_at(browser, page)
    for choice in (
        ("shuffled", "regression", "loss", "user"),
        ("temporal", "regression", "accuracy", "item"),
        ("temporal", "classification", "loss", "item"),
    ):
        compare(page, browser, *choice)
    assert browser.problems == browser.requests == []


def compare(page: Path, browser, stream: str, task: str, measure: str, side: str) -> None:
    """Choose, and read what is shown."""
    choose(browser, dataset="007", stream=stream, task=task, measure=measure, side=side)
    tick(browser, "fse", "autoemb")
    metric = LOSS[task] if measure == "loss" else "accuracy"
    run = f"dataset == '007' and stream == '{stream}' and task == '{task}' and method in ('fse', 'autoemb')"

    def table(name: str, more: str) -> pd.DataFrame:
        return read_csv(page.parent / f"{name}.csv").query(f"{run} and {more}")

    shown = table("running-popularity", f"metric == '{metric}' and split == 'test' and side == '{side}'")
    labels = [
        popularity_label(low, high) for low, high in zip(shown["popularity_low"], shown["popularity_high"], strict=True)
    ]
    assert labels[:4] == ["1", "8-15", "64-90", "262144+"]
    assert rows(browser, "running-popularity") == expected(shown, pd.Series(labels), 5)

    shown = table("stream", f"metric == '{metric}'")
    labels = (shown["first"] + 1).map("{:,}".format) + " to " + (shown["first"] + shown["n"]).map("{:,}".format)
    assert rows(browser, "stream-curve") == expected(shown, labels, 5)
    assert rows(browser, "stream-curve")[1][:2] == ["fse", "1,001 to 2,000"]
    apart = shown[shown["method"] == "autoemb"].drop(columns=["mean", "low", "high"])
    apart = apart.rename(columns={"difference": "mean", "difference_low": "low", "difference_high": "high"})
    assert rows(browser, "difference") == expected(apart, labels[apart.index], 5)

    sizes = table("mean-size", f"split == 'test' and side == '{side}'")
    assert [row[2] for row in rows(browser, "mean-size")] == [f"{mean:.2f}" for mean in sizes["mean"]]
    sizes = table("size-stream", f"side == '{side}'")
    assert [row[2] for row in rows(browser, "size-stream")] == [f"{mean:.2f}" for mean in sizes["mean"]]

    whole = table("comparison", f"metric == '{metric}'")
    assert [row[:2] for row in rows(browser, "comparison")] == [
        [name, f"{mean:.5f}"] for name, mean in zip(whole["method"], whole["mean"], strict=True)
    ]


def test_error_against_memory_has_a_front_and_lines_for_what_holds_no_embeddings(page, browser):
    look_at(browser, page)
    for task, measure in (("regression", "loss"), ("classification", "accuracy")):
        choose(browser, dataset="007", stream="temporal", task=task, measure=measure)
        tick(browser, *METHODS)
        metric = LOSS[task] if measure == "loss" else "accuracy"
        cell = f"dataset == '007' and stream == 'temporal' and task == '{task}' and metric == '{metric}'"
        shown = read_csv(page.parent / "frontier.csv").query(cell)
        wanted = expected(shown, shown["method"].map({"fse": "5", "fse-16": "0.0004", "autoemb": "5.5"}).fillna("0"), 5)
        beaten = shown["beaten_by"].fillna("")
        assert rows(browser, "frontier") == [[*row, by] for row, by in zip(wanted, beaten, strict=True)]
        best = shown["mean"] if measure == "loss" else -shown["mean"]
        front, least = [], np.inf
        for method in ("fse-16", "fse", "autoemb"):  # the least memory first
            if (value := best[shown["method"] == method].item()) < least:
                front.append(method)
                least = value
        # each step after the first dot is two straight pieces
        corners = "document.querySelector('#frontier .mark-line.role-mark path')?.getAttribute('d').split('L').length"
        browser.wait(f"{corners} === {2 * len(front) - 1}")
        texts = "[...document.querySelectorAll('#frontier .mark-symbol.role-mark path')].map(e => e.ariaLabel)"
        told = {label.split("method: ")[1] for label in browser.js(texts) if "method: " in label}  # what is pointed at
        assert told == {
            f"{row[0]}; MiB: {row[1]}; mean: {row[2]}; low: {row[3]}; high: {row[4]}; interactions per seed: {row[5]}"
            for row in wanted
            if row[0] != "someone-new"
        }
    wanted = plots.method_mark("someone-new").colour
    rules = "[...document.querySelectorAll('#frontier .mark-rule.role-mark line')]"
    dotted = f"{rules}.filter(e => e.getAttribute('stroke-dasharray') === '2,3').map(e => e.getAttribute('stroke'))"
    assert browser.js(dotted) == [wanted]
    assert browser.js("document.querySelector('#frontier .seeds').textContent").startswith("Mean and 95 % interval")
    tick(browser, "someone-new")  # none of the chosen ones has embeddings
    browser.wait("document.querySelectorAll('#frontier .mark-symbol.role-mark path').length === 0")
    assert none(browser, "frontier") == ""
    assert [row[0] for row in rows(browser, "frontier")] == ["someone-new"]
    choose(browser, dataset="na")
    tick(browser, *METHODS)
    browser.wait(f"{rules}.length === 2")  # one line and what is pointed at, no intervals of one seed
    assert browser.js("window.harm === undefined")
    assert browser.problems == browser.requests == []


def test_a_method_looks_as_in_the_figures(page, browser):
    look_at(browser, page)
    choose(browser, dataset="007")
    tick(browser, "autoemb", "someone-new")
    drawn = "[...document.querySelectorAll('#stream-curve .mark-line path')].map(e => e.getAttribute('stroke'))"
    wanted = [plots.method_mark(name).colour for name in ("autoemb", "someone-new")]
    browser.wait(f"JSON.stringify({drawn}) === wanted", wanted=json.dumps(wanted, separators=(",", ":")))
    assert browser.js("document.querySelectorAll('#stream-curve .mark-area path').length") == 2  # their bands
    assert browser.js("document.querySelector('#stream-curve svg').textContent").endswith("autoembsomeone-new")
    assert (
        browser.js("document.querySelector('#stream-curve .seeds').textContent")
        == "Mean and 95 % interval over 3 seeds."
    )


def test_thin_bins_are_left_out_as_in_the_figures():
    table = tables()["mean-size"]
    table = table.assign(n=table["dataset"].map({"007": 1000, "na": 9}).where(table["popularity_low"] != 8, 7))
    shown = curves({"mean-size": table})["mean-size"]
    assert {len(curve["x"]) for curve in shown if curve["dataset"] == "007"} == {3}
    assert {len(curve["x"]) for curve in shown if curve["dataset"] == "na"} == {4}  # none has enough, so all are shown


def test_every_mark_of_the_figures_has_a_shape():
    unknown = [plots.method_mark(f"unknown-{number}") for number in range(200)]
    known = [plots.method_mark(name) for name in ("fse", "sam", "darts", "darts-global", "autoemb", "esapn")]
    sizes = [plots.size_mark(size) for size in (2, 4, 8, 16, 32, 64, 128, 146)]
    shapes = {mark.marker: look(mark)["shape"] for mark in (*unknown, *known, *sizes)}
    assert len(set(shapes.values())) == len(shapes) > 12


def test_a_choice_without_data_says_so(page, browser):
    look_at(browser, page)
    choose(browser, dataset="007", task="regression", side="user")
    assert [none(browser, panel) for panel in ("levels", "claims", "running-popularity")] == ["", "", ""]
    assert len(rows(browser, "levels")) == 9  # three levels of two sizes and of the anchor
    assert {row[0] for row in rows(browser, "levels")} == {"constant", "size 2", "size 128"}
    before = [row[2] for row in rows(browser, "levels")]
    choose(browser, start="scaled", training="9 passes")
    after = [row[2] for row in rows(browser, "levels")]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True] * 3 + [False] * 6
    choose(browser, side="item")
    assert none(browser, "levels") == NONE  # was asked of the users only
    assert rows(browser, "levels") == []
    choose(browser, dataset="na")
    assert none(browser, "claims") == NONE
    tick(browser, "fse")
    assert none(browser, "mean-size") == NONE  # it has one size
    assert none(browser, "stream-curve") == ""
    browser.js("document.getElementById('no').click()")
    assert none(browser, "stream-curve") == NONE
    assert browser.js("document.querySelectorAll('.chart svg').length") == 0
    browser.js("document.getElementById('every').click()")
    assert none(browser, "stream-curve") == ""
    assert browser.problems == []


def test_one_seed_has_no_band(page, browser):
    look_at(browser, page)
    choose(browser, dataset="na")
    browser.wait("document.querySelectorAll('#stream-curve .mark-line path').length === 4")
    assert (
        browser.js("document.querySelector('#stream-curve .seeds').textContent") == "One seed, so there is no interval."
    )
    assert browser.js("document.querySelectorAll('#stream-curve .mark-area path').length") == 0
    assert {tuple(row[3:5]) for row in rows(browser, "stream-curve")} == {("", "")}
    assert browser.problems == []


def test_text_of_the_data_is_shown_as_text(page, browser):
    look_at(browser, page)
    choose(browser, dataset="007", task="regression")
    title = browser.js("document.getElementById('title').textContent")
    assert title.startswith(f"{HARM}: 3,000 ratings by 10 users of 20 items; shuffled: 2,000 interactions to learn")
    assert "45.7% of all positive; half of the batches of 500 hold at most 457.5 users" in title
    choose(browser, stream="temporal")
    assert "hold at most 12 users" in browser.js("document.getElementById('title').textContent")
    choose(browser, stream="shuffled")
    assert rows(browser, "claims")[0][1] == HARM
    assert browser.js("window.harm === undefined")
    assert browser.problems == browser.requests == []


def test_a_table_sorts_by_any_column(page, browser):
    look_at(browser, page)
    choose(browser, dataset="007")
    for column, number in ((1, True), (2, True), (0, False)):
        click = f"document.querySelectorAll('#running-popularity th button')[{column}].click()"
        for direction in ("ascending", "descending"):
            browser.js(click)
            assert browser.js(f"document.querySelectorAll('#running-popularity th')[{column}].ariaSort") == direction
            shown = [row[column] for row in rows(browser, "running-popularity")]
            keys = [float(re.match(r"[\d.]+", cell)[0]) for cell in shown] if number else shown
            assert keys == sorted(keys, reverse=direction == "descending")
            assert len(set(keys)) > 1


def test_the_keyboard_is_enough(page, browser):
    look_at(browser, page)
    browser.js("document.getElementById('stream').focus()")
    before = rows(browser, "stream-curve")
    browser.press("ArrowDown")
    browser.wait("document.getElementById('stream').value === 'temporal'")
    assert rows(browser, "stream-curve") != before
    browser.press(*["Tab"] * 6, " ")  # task, measure, side, start, length of training, the first method
    browser.wait("document.querySelectorAll('#methods input:checked').length === 3")
    assert {row[0] for row in rows(browser, "stream-curve")} == set(METHODS[1:])
    browser.js("document.querySelector('#comparison th button').focus()")
    browser.press("Tab", "Enter")
    shown = [row[1] for row in rows(browser, "comparison")]
    assert shown == sorted(shown)
    unnamed = "[...document.querySelectorAll('select, input')].filter(e => !e.labels.length).length"
    assert browser.js(unnamed) == 0


def test_a_sheet_sorts_and_searches(browser, tmp_path):
    many = pd.DataFrame(
        {"method": [f"m{n % 7}" for n in range(600)], "mean": np.arange(600) * 37 % 600 / 7, "own": True}
    )
    many.loc[0, ["method", "mean"]] = [HARM, np.nan]
    source = write(many, tmp_path / "many.csv")
    assert cli.main(["sheets", "--inputs", str(source), "--out", str(tmp_path)]) == 0
    look_at(browser, tmp_path / "many.html", width=400)
    read = "[...document.querySelectorAll('tbody tr')].map(r => r.cells[1].textContent)"
    assert len(browser.js(read)) == 500
    browser.js("document.querySelectorAll('th button')[1].click()")
    browser.js("[...document.querySelectorAll('button')].at(-1).click()")
    shown = browser.js(read)
    assert shown[-1] == ""  # missing ones last
    means = sorted(pd.read_csv(source)["mean"].dropna())
    assert [float(cell) for cell in shown[:-1]] == [float(f"{mean:.4g}") for mean in means]
    titles = browser.js("[...document.querySelectorAll('tbody tr')].map(r => r.cells[1].title)")
    assert [float(title) for title in titles[:-1]] == means
    browser.js(
        "(e => { e.value = 'M3 true'; e.dispatchEvent(new Event('input')); })(document.getElementById('search'))"
    )
    assert len(browser.js(read)) == (many["method"] == "m3").sum()
    assert browser.js("document.documentElement.scrollWidth") <= 400
    assert browser.js("window.harm === undefined")
    assert browser.problems == browser.requests == []


@pytest.mark.parametrize(
    "folder", sorted((ROOT / "results" / "published").glob("*/tables")), ids=lambda path: path.parent.name
)
def test_published_tables_can_be_explored(folder, tmp_path):
    files = [folder / f"{name}.csv" for name in EXPLORED if (folder / f"{name}.csv").exists()]
    for name in ("a", "b"):
        assert cli.main(["explore", "--inputs", *map(str, files), "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").stat().st_size < 5_000_000


@pytest.mark.parametrize(
    "path", sorted((ROOT / "results" / "published").glob("*/tables/*.csv")), ids=lambda path: path.stem
)
def test_published_tables_have_the_columns_of_the_catalogue(path):
    frame, columns = read_csv(path), catalogue.TABLES[path.stem].columns
    assert list(frame.columns) == list(columns)
    assert {name for name in frame if frame[name].isna().any()} <= {name for name in columns if columns[name].may_lack}
    numeric = {name for name in frame if frame[name].dtype.kind in "if"}
    assert numeric == {name for name, column in columns.items() if column.kind == "number"}


def test_it_opens_on_what_was_found_and_its_address_keeps_the_choice(browser, tmp_path):
    page = explore(tmp_path, **tables())
    look_at(browser, page)
    said = "[...document.querySelectorAll('#findings li')].map(e => e.textContent)"
    best = catalogue_findings.comparison(tables()["comparison"].query("dataset == '007'"))
    assert browser.js(said) == [f"{best}.", HARM]
    links = browser.js("[...document.querySelectorAll('nav a')].map(e => e.getAttribute('href').slice(1))")
    assert browser.js(
        "[...arguments[0]].every(id => document.getElementById(id))".replace("arguments[0]", json.dumps(links))
    )
    choose(browser, task="classification", stream="temporal")
    browser.js("document.querySelector('#methods input').click()")
    address = browser.js("location.hash")
    assert "task=classification" in address
    look_at(browser, page)  # opened anew, and then by the address that was kept
    assert browser.js("document.getElementById('task').value") == "regression"
    browser.js(f"(location.hash = {json.dumps(address)}, location.reload())")
    browser.wait("document.body?.dataset.drawn === 'yes' && document.getElementById('task').value === 'classification'")
    assert browser.js("document.getElementById('stream').value") == "temporal"
    assert browser.js("document.querySelector('#methods input').checked") is False
    assert browser.problems == browser.requests == []


def test_empty_tables_make_a_page(browser, tmp_path):
    page = explore(tmp_path, **{name: frame.iloc[:0] for name, frame in tables().items()})
    look_at(browser, page)
    assert {none(browser, panel) for panel in ("comparison", "running-popularity", "stream-curve", "claims")} == {NONE}
    assert browser.problems == []


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("other", lambda frame: frame, "other.csv: expected one of datasets.csv, streams.csv, comparison.csv"),
        ("stream", lambda frame: frame.drop(columns="first"), "stream.csv: column 'first' is missing; expected "),
        ("stream", lambda frame: frame.assign(mean="x"), "stream.csv: row 1: mean = 'x': expected a number"),
        ("stream", lambda frame: frame.assign(n=np.nan), "stream.csv: row 1: n = '': expected a value"),
        ("stream", lambda frame: frame.assign(task="guessing"), "row 1: task = 'guessing': expected one of ("),
        ("stream", None, "stream.csv: no such file; expected a table that `autoemb tabulate` wrote"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_in_one_line(name, change, message, tmp_path, capsys):
    source = tmp_path / f"{name}.csv"
    if change:
        write(change(tables()["stream"]), source)
    assert cli.main(["explore", "--inputs", str(source), "--out", str(tmp_path / "explorer.html")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "explorer.html").exists()


def test_a_damaged_table_and_one_given_twice_are_refused(tmp_path, capsys):
    source = write(tables()["stream"], tmp_path / "stream.csv")
    out = ["--out", str(tmp_path / "page.html")]
    assert cli.main(["explore", "--inputs", str(source), str(source), *out]) == 2
    assert "there are two tables stream; expected each once" in capsys.readouterr().err
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"\xff\xfe\x00bad,\n1,2,3\n")
    assert cli.main(["sheets", "--inputs", str(source), str(bad), "--out", str(tmp_path)]) == 2
    assert "bad.csv: not a readable csv file" in capsys.readouterr().err
    assert {file.suffix for file in tmp_path.iterdir()} == {".csv"}  # all pages or none
