"""The config at the door: what is wrong is named, with what was expected."""

import json
from pathlib import Path

import pytest
import yaml

from autoemb.config import LevelModel
from autoemb.data import datasets
from autoemb.errors import InputError
from autoemb.experiment import grid, protocols
from autoemb.learning import methods

ROOT = Path(__file__).parents[1]
GOOD = {
    "seeds": 2,
    "datasets": {"ml-latest-small": {}},
    "streams": {"temporal": {"order": "temporal"}},
    "methods": {"fse": {}, "small": {"method": "fse", "size": 2}},
}


def with_value(path: str, value: object) -> dict:
    config = json.loads(json.dumps(GOOD))
    *parents, last = path.split("/")
    inside = config
    for key in parents:
        inside = inside.setdefault(key, {})
    inside[last] = value
    return config


# own.yaml is an example with some of the methods, which test_inspect.py holds
WHOLE_GRIDS = sorted(file for file in (ROOT / "config").glob("*.yaml") if file.stem != "own")


PARTS = ("anchors", "anchors-small", "ml-20m", "parity")
"""Shipped configs that train some of the papers' methods only, or none."""


@pytest.mark.parametrize("file", WHOLE_GRIDS, ids=lambda path: path.stem)
def test_shipped_configs_are_valid(file):
    loaded = grid.load(yaml.safe_load(file.read_text()), file.name)
    assert {"constant", "means"} <= set(loaded.methods)
    if file.stem in PARTS:
        return
    reproduced = {method for name in protocols.names() for method in protocols.find(name).methods}
    assert reproduced <= {entry.module for entry in loaded.methods.values()}
    assert {stream.order for stream in loaded.config.streams.values()} == {"shuffled", "temporal"}


def test_entries_name_their_module():
    loaded = grid.load(GOOD, "config")
    assert loaded.methods["small"].module == "fse"
    assert loaded.methods["small"].settings.size == 2
    assert loaded.training("ml-latest-small", "regression").seeds == 2


def test_classes_follow_the_edges():
    loaded = grid.load(with_value("datasets/ml-latest-small/class_edges", [2.5, 5]), "config")
    assert loaded.training("ml-latest-small", "classification").classes == 2


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("seeds", -1, "c.yaml: seeds = -1: Input should be greater than or equal to 1"),
        ("seeds", "3", "c.yaml: seeds = '3': Input should be a valid integer"),
        ("sedes", 3, "c.yaml: unknown key 'sedes' (value 3)"),
        (
            "methods/autoembb",
            {},
            f"c.yaml: methods.autoembb: method = 'autoembb': unknown; expected one of {', '.join(methods.names())}",
        ),
        ("methods/fse/sise", 3, "c.yaml: methods.fse: unknown key 'sise' (value 3)"),
        ("methods/sam/sizes", [16, 2], "c.yaml: methods.sam: sizes = [16, 2]: expected ascending numbers, each once"),
        ("methods/esapn/sizes", [2, 2], "c.yaml: methods.esapn: sizes = [2, 2]: expected ascending numbers, each once"),
        ("methods/sam/sizes", [0, 2], "c.yaml: methods.sam: sizes.0 = 0: Input should be greater than or equal to 1"),
        ("methods/sam/sizes", [], "c.yaml: methods.sam: sizes = []: Tuple should have at least 1 item"),
        ("datasets/ml-2m", {}, "c.yaml: datasets.ml-2m: dataset = 'ml-2m': unknown; expected one of"),
        ("streams/temporal/order", "random", "c.yaml: streams.temporal.order = 'random': Input should be 'temporal'"),
        ("streams/a_b", {"order": "given"}, "c.yaml: streams.a_b"),
        ("levels/at", [4, 2], "c.yaml: levels.at = [4, 2]: expected ascending numbers, each once"),
        ("levels/passes", [27, 1], "c.yaml: levels.passes = [27, 1]: expected ascending numbers, each once"),
        ("levels/passes", 0, "c.yaml: levels.passes.0 = 0: Input should be greater than or equal to 1"),
        ("levels/passes", [], "c.yaml: levels.passes = []: expected at least one number"),
        ("levels/passes", "1", "c.yaml: levels.passes = '1': Input should be a valid"),
        ("levels/steps_like", "ml-2m", "c.yaml: levels.steps_like = 'ml-2m': unknown; expected one of ml-100k, ml-1m"),
        ("levels/steps_like", "csv", "c.yaml: levels.steps_like = 'csv': unknown; expected one of"),
        ("levels/sizes", [2, 2], "c.yaml: levels.sizes = [2, 2]: expected ascending numbers, each once"),
        (
            "tasks",
            ["regression", "ranking"],
            "c.yaml: tasks.1 = 'ranking': Input should be 'regression' or",
        ),
    ],
)
def test_what_is_wrong_is_named(path, value, message):
    with pytest.raises(InputError) as error:
        grid.load(with_value(path, value), "c.yaml")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", ["seeds", "datasets", "streams", "methods"])
def test_a_missing_key_is_named(key):
    with pytest.raises(InputError, match=f"c.yaml: key '{key}' is missing"):
        grid.load({name: value for name, value in GOOD.items() if name != key}, "c.yaml")


def test_every_data_set_is_found_by_its_name():
    assert {"ml-latest-small", "ml-100k", "ml-1m", "ml-20m", "ml-25m", "ml-32m", "ml-latest"} <= set(datasets.names())
    assert {"netflix", "csv", "synthetic"} <= set(datasets.names())


def test_items_of_a_set_that_nobody_counted_are_no_measure():
    levels = {"side": "item", "steps_like": "ml-32m"}
    with pytest.raises(InputError, match=r"levels\.steps_like = 'ml-32m': unknown; expected one of ml-100k"):
        grid.load(GOOD | {"levels": levels}, "c.yaml")
    assert grid.load(GOOD | {"levels": levels | {"side": "user"}}, "c.yaml").level_models()


def test_the_levels_have_a_model_for_each_size_start_and_length_of_training():
    levels = {"sizes": [2, 16], "starts": ["normal", 0.1], "passes": [1, 27], "steps_like": "ml-20m"}
    models = grid.load(GOOD | {"levels": levels}, "c.yaml").level_models()
    assert [name for name in models if "0.1" not in name] == [
        "constant", "means", "size-2", "size-16", "size-2-27-passes", "size-16-27-passes", "size-2-steps-of-ml-20m",
        "size-16-steps-of-ml-20m",
    ]  # fmt: skip
    assert len(models) == 2 + 2 * 2 * 3
    assert {model.training for model in models.values()} == {"1 pass", "27 passes", "steps of ml-20m"}
    alone = grid.load(GOOD | {"levels": {"sizes": [2], "starts": ["normal"], "passes": 1}}, "c.yaml").level_models()
    assert list(alone) == ["constant", "means", "size-2"]  # a single number, and the names of one pass


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"method": "fse", "size": 2, "start": "normal", "passes": None}, "passes None with steps_like None"),
        ({"method": "means", "passes": 2}, "method 'means': expected one pass"),
        ({"method": "fse", "size": 2, "start": "normal", "steps_like": {"dataset": "d", "ids": 9}}, "passes 1 with"),
    ],
)
def test_a_length_of_training_that_is_none_is_refused(model, message):
    with pytest.raises(ValueError, match=message):
        LevelModel(**model)
