"""Figures: drawn without a warning, the same bytes twice, the same colours everywhere."""

import numpy as np
import pandas as pd
import pytest

from autoemb.analysis import plots, published, tables
from autoemb.analysis.plots import findings
from autoemb.analysis.plots.style import verdict_mark
from autoemb.schema import NO_START, VERDICTS

METHODS = ("fse", "fse-2", "autoemb", "someone-new")
KNOWN = ("constant", "means", "mf", "uniform", "sam", "darts", "autoemb", "esapn")
PANELS = {"regression": ("mse", "accuracy"), "classification": ("cross_entropy", "accuracy")}


def grid(seeds: int, **columns: list) -> pd.DataFrame:
    """Every combination of the columns, with smooth means and their intervals."""
    index = pd.MultiIndex.from_product(columns.values(), names=columns)
    frame = index.to_frame(index=False)
    mean = 0.2 + 0.01 * np.sin(np.arange(len(frame)))
    half = np.nan if seeds == 1 else 0.003
    known = {"dataset": "mine", "varies": "start and order"}
    return frame.assign(mean=mean, low=mean - half, high=mean + half, seeds=seeds, n=1000, **known)


def by_metric(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per metric of each task."""
    parts = [frame[frame["task"] == task].assign(metric=metric) for task, names in PANELS.items() for metric in names]
    return pd.concat(parts, ignore_index=True)


def draw(
    name: str,
    seeds: int = 3,
    streams: tuple[str, ...] = ("shuffled", "temporal"),
    trainings: tuple[str, ...] = ("1 pass",),
):
    run = {"stream": list(streams), "task": list(PANELS), "method": list(METHODS)}
    sides = {"split": ["train", "test"], "side": ["user", "item"]}
    lows = [1, 8, 64, 2**18]
    match name:
        case "levels":
            of = {"side": ["user"], "task": list(PANELS), "start": ["normal", "scaled"]}
            of |= {"training": list(trainings)}
            table = by_metric(grid(seeds, **of, size=[2, 16, 128], level=[2, 8, 28])).assign(method="fse")
            anchors = grid(seeds, side=["user"], task=list(PANELS), method=["constant", "means"], level=[2, 8, 28])
            anchors = by_metric(anchors).assign(start=NO_START, training="1 pass", size=0)
            table = pd.concat([anchors, table], ignore_index=True).assign(paper=0.2)
            rings = by_metric(grid(seeds, **of, smaller=[2], larger=[16, 128])).assign(low=4.0, high=7.0)
            half = len(rings) // 2
            rings = rings.assign(crossing=[5.0, np.nan] * half, finding=["overtakes", "undecided"] * half)
            return plots.levels(table, rings, published.figure1())
        case "popularity_differences":
            table = by_metric(grid(seeds, **run, side=["user", "item"], popularity_low=lows))
            table = table[(table["metric"] != "accuracy") & (table["method"] != "fse")]
            low = table["low"]
            found = {"difference": table["mean"] - 0.2, "visible": (table["high"] - low) / 2, "tolerance": 0.002}
            ends = {"popularity_high": table["popularity_low"] + 1, "finding": "undecided", "other": "fse"}
            return plots.popularity_differences(table.assign(**found, **ends))
        case "frontier":
            table = by_metric(grid(seeds, **run))
            return plots.frontier(table.assign(mib=table["method"].map({"fse": 5.0, "fse-2": 0.1}).fillna(0.0)))
        case "comparison":
            table = by_metric(grid(seeds, **run))
            return plots.comparison(table.assign(paper=np.where(table["method"] == "fse", 0.21, np.nan)))
        case "sizes":
            table = grid(seeds, **run, **sides, popularity_low=lows)
            return plots.sizes(table.assign(popularity_high=table["popularity_low"] + 1))
        case "size_stream":
            table = grid(seeds, **run, side=["user", "item"], window=[0, 1, 2])
            table = table.assign(split=np.where(table["window"] == 2, "test", "train"), measure="mean_size")
            return plots.size_stream(table.assign(first=table["window"] * 1000))
        case "stream":
            table = by_metric(grid(seeds, **run, window=[0, 1, 2]))
            table = table.assign(split=np.where(table["window"] == 2, "test", "train"), first=table["window"] * 1000)
            moved = {
                "difference": table["mean"] - 0.2,
                "difference_low": table["low"],
                "difference_high": table["high"],
            }
            return plots.stream(
                table.assign(**{key: value.where(table["method"] != "fse") for key, value in moved.items()})
            )
    raise AssertionError(name)


FIGURES = ["levels", "popularity_differences", "frontier", "comparison", "sizes", "size_stream", "stream"]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_labelled_axes_and_one_legend(name):
    figure = draw(name)
    panels = figure.axes
    assert all(axes.get_title(loc="left") for axes in panels)
    assert panels[-1].get_xlabel()
    assert any(axes.get_ylabel() for axes in panels) or panels[0].get_yticklabels()
    assert sum(axes.get_legend() is not None for axes in panels) == 0  # no legend over data
    assert len(figure.legends) == 1


@pytest.mark.parametrize("name", FIGURES)
def test_one_seed_and_one_stream_are_drawn_without_bands(name, tmp_path):
    figure = draw(name, seeds=1, streams=("temporal",))
    assert not any(axes.collections for axes in figure.axes)
    plots.save(figure, tmp_path / name, formats=["png"])


def test_rings_are_drawn_where_a_crossing_is_decided_in_a_row_for_each_length_of_training():
    panels = draw("levels", trainings=("1 pass", "27 passes")).axes
    assert len(panels) == 2 * 2 * 2 * 2  # tasks, lengths, starts, metrics
    rings = [[line for line in axes.lines if line.get_markerfacecolor() == "none"] for axes in panels]
    assert [len(drawn) for drawn in rings] == [1] * len(panels)
    assert {float(line.get_xdata()[0]) for drawn in rings for line in drawn} == {5.0}
    titles = [axes.get_title(loc="left") for axes in panels]
    assert "1 pass" in titles[0]
    assert "27 passes" in titles[4]
    assert "pass" not in draw("levels").axes[0].get_title(loc="left")


def test_a_figure_is_the_same_bytes_twice(tmp_path):
    for folder in ("a", "b"):
        plots.save(draw("levels"), tmp_path / folder / "levels")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["levels.pdf", "levels.png", "levels.svg"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a" / "levels.png").stat().st_size < 500_000


def test_a_figure_is_whole_or_absent(tmp_path):
    with pytest.raises(ValueError, match="not supported"):
        plots.save(draw("comparison"), tmp_path / "comparison", formats=["png", "nonsense"])
    assert list(tmp_path.iterdir()) == []


def test_colours_belong_to_names():
    assert plots.method_mark("fse-16") == plots.size_mark(16)
    known = [plots.method_mark(name) for name in (*KNOWN, "someone-new")]
    assert len({mark.colour for mark in known}) == len(known)
    sizes = [plots.size_mark(size) for size in (2, 4, 8, 16, 32, 64, 128, 256)]
    assert len({mark.colour for mark in sizes}) == len({mark.marker for mark in sizes}) == len(sizes)
    lightness = [sum(int(mark.colour[at : at + 2], 16) for at in (1, 3, 5)) for mark in sizes]
    assert lightness == sorted(lightness, reverse=True)  # the larger, the darker
    assert not {mark.colour for mark in known} & {mark.colour for mark in sizes}  # one meaning per colour
    assert {verdict_mark(verdict).colour for verdict in VERDICTS} == {"#000000"}


@pytest.mark.parametrize("name", ["sam-slow", "autoemb-scaled", "darts-global", "fse-128-scaled"])
def test_a_variant_has_its_methods_colour_dashed(name):
    variant, base = plots.method_mark(name), plots.method_mark(name.rpartition("-")[0])
    assert (variant.colour, variant.line, base.line) == (base.colour, "--", "-")
    assert variant.marker != base.marker


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_says_what_it_found_and_of_what(name):
    figure = draw(name)
    assert figure.get_suptitle()
    (legend,) = figure.legends
    assert legend.get_title().get_text().startswith("mine; 3 replicates; 95 % intervals (start and order vary)")


def test_the_title_of_a_comparison_is_computed():
    cell = {"dataset": "mine", "stream": "temporal", "task": "regression", "metric": "mse", "seeds": 3}
    rows = [{**cell, "method": name, "mean": mean} for name, mean in (("constant", 0.2), ("sam", 0.1), ("fse", 0.3))]
    assert findings.comparison(pd.DataFrame(rows)) == "Lowest loss: sam in 1 of 1 cells. Worse than a constant: 1 of 2"
    rows[1]["mean"] = 0.21
    assert findings.comparison(pd.DataFrame(rows)) == (
        "Lowest loss: constant in 1 of 1 cells. Worse than a constant: 2 of 2"
    )


def test_the_front_is_named_at_its_dots_and_the_anchors_at_their_lines():
    cell = {"dataset": "mine", "stream": "temporal", "task": "regression", "metric": "mse", "seeds": 3, "n": 1000}
    found = {
        "constant": (0, 0.9), "means": (0, 0.17), "fse-2": (0.1, 0.3), "fse": (5, 0.22), "mf": (2, 0.2),
        "sam": (9, 0.18),
    }  # fmt: skip
    rows = [{**cell, "method": name, "mib": mib, "mean": mean} for name, (mib, mean) in found.items()]
    table = pd.DataFrame(rows).assign(low=0.1, high=0.3, varies="start")
    figure = plots.frontier(table)
    assert figure.get_suptitle() == (
        "Lowest loss with embeddings, of 1 panels: sam (9 MiB) in 1; one without any has a lower mean in 1"
    )
    (axes,) = figure.axes
    (step,) = [line for line in axes.lines if line.get_drawstyle() == "steps-post"]
    assert np.column_stack(step.get_data()).tolist() == [[0.1, 0.3], [2, 0.2], [9, 0.18]]
    named = {text.get_text(): text.xy for text in axes.texts}
    assert named == {
        "fse-2": (0.1, 0.3), "mf": (2, 0.2), "sam": (9, 0.18), "means": (1, 0.17), "constant ↑\n0.900": (1, 1)
    }  # fmt: skip
    assert axes.get_xscale() == "log"
    bare = plots.frontier(table[table["mib"] == 0])
    assert bare.get_suptitle() == ""
    assert len(bare.axes[0].get_xticks()) == 0


def test_unknown_names_look_the_same_on_every_machine():
    assert plots.method_mark("someone-new") == plots.Mark("#B8860B", "d")
    assert plots.size_mark(24) == plots.size_mark(24)


def test_the_curve_of_a_method_has_its_colour():
    axes = draw("stream").axes[0]
    others = [name for name in tables.sort_methods(METHODS) if name != "fse"]  # which is the line at zero
    assert [line.get_color() for line in axes.lines[: len(others)]] == [
        plots.method_mark(name).colour for name in others
    ]


def test_panels_that_share_an_axis_show_every_curve():
    cell = {
        "dataset": "mine",
        "seeds": 3,
        "task": "regression",
        "method": "sam",
        "split": "test",
        "n": 1000,
        "popularity_low": 1,
        "popularity_high": 1,
    }
    rows = [
        {**cell, "stream": "shuffled", "side": side, "mean": mean, "low": mean - 30.0, "high": mean + 5.0}
        for side, mean in (("user", 20.0), ("item", 100.0))
    ]
    bottom, top = plots.sizes(pd.DataFrame(rows)).axes[0].get_ylim()
    assert bottom == 0
    assert top > 100
