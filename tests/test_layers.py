"""The last source has the last word, key by key, and what says so is what is merged."""

from autoemb.experiment.layers import Layer, Layers

LAYERS = Layers(
    (
        Layer("protocol", {"a": 1, "group": {"x": 1, "y": 1}}),
        Layer("file", {"b": 2, "group": {"y": 2}, "list": [1]}),
    )
)


def test_groups_are_merged_key_by_key():
    assert LAYERS.values() == {"a": 1, "b": 2, "group": {"x": 1, "y": 2}, "list": [1]}


def test_who_set_a_value_is_who_the_value_is_from():
    paths = {("a",): 1, ("b",): 2, ("group", "x"): 1, ("group", "y"): 2}
    source_of = {1: "protocol", 2: "file"}
    assert {path: LAYERS.set_by(*path) for path in paths} == {path: source_of[value] for path, value in paths.items()}
    assert LAYERS.set_by("c") == LAYERS.set_by("group", "z") == LAYERS.set_by("a", "deeper") == "default"


def test_a_group_by_itself_knows_its_sources():
    group = LAYERS.inside("group")
    assert group.values() == {"x": 1, "y": 2}
    assert (group.set_by("x"), group.set_by("y")) == ("protocol", "file")
    assert LAYERS.inside("list").values() == LAYERS.inside("a").values() == {}


def test_layers_are_put_beneath_and_on_top():
    more = LAYERS.over("below", {"a": 0, "c": 0}).under("option", {"b": 3})
    assert more.values() == {**LAYERS.values(), "c": 0, "b": 3}
    assert (more.set_by("a"), more.set_by("b"), more.set_by("c")) == ("protocol", "option", "below")
