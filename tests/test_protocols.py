"""Protocols say everything, and a config's own word goes before theirs."""

import json
import re
from collections.abc import Iterator

import pytest

from autoemb.config import AblationConfig, StreamConfig
from autoemb.errors import InputError
from autoemb.experiment import ablation, grid, protocols
from autoemb.experiment.layers import merge
from autoemb.experiment.trials import resolve_ablation
from autoemb.learning import methods

BESIDE = ["sizes", "learning_rate", "weights_learning_rate", "selection", "hidden", "controller_hidden"]
"""Settings beside those of the ablation that every protocol has."""

OURS = ("selection", "sizes", "classification-start", "rows-rate", "scaled-rows-rate")
ODDITIES = [name for name in ablation.SETTINGS if name not in OURS and not name.startswith("temporal-")]
"""The fourteen of the list of the released code's oddities; of the FSE, size and path are two settings here."""

REPRODUCED = [(protocol, module) for module in methods.names() for protocol in methods.reproduces(module)]
"""Every method with every protocol that speaks of it."""

CONFIG = {"seeds": 2, "datasets": {"ml-latest-small": {}}}


def inside(values: dict, path: str) -> bool:
    """Whether nested mappings have this dotted path."""
    for key in path.split("."):
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def flat(values: dict) -> Iterator[tuple[str, object]]:
    """Every setting with its value, those of a group among them."""
    for key, value in values.items():
        yield from flat(value) if isinstance(value, dict) else [(key, value)]


def load(protocol: str, **config: object) -> grid.Grid:
    return grid.load({**CONFIG, "protocol": protocol, **config}, "c.yaml")


def test_the_protocols_are_the_files():
    assert protocols.names() == ["esapn-paper", "paper", "released-code"]


def test_the_list_of_oddities_is_whole():
    assert len(ODDITIES) == 14 + 1


def test_a_pair_of_settings_changes_both():
    resolved = resolve_ablation(AblationConfig(rare_items="drop-rarest"), ("regression",), "c.yaml")
    trial = "temporal-embedding-init.scaled"
    assert resolved.stream_of(trial) == "order.temporal"
    assert resolved.streams["order.temporal"].order == "temporal"
    assert resolved.methods[trial]["fse"].settings.embedding_init == "scaled"
    both = resolved.methods["scaled-rows-rate.0.01"]["autoemb"].settings
    assert (both.embedding_init, both.rows_learning_rate) == ("scaled", 0.01)
    assert resolved.stream_of("scaled-rows-rate.0.01") == ablation.BASE


def fields_of(protocol: str) -> dict[str, set[str]]:
    """The settings of every method that a protocol speaks of."""
    return {module: set(methods.find(module).Config.model_fields) for by, module in REPRODUCED if by == protocol}


def test_methods_reproduce_protocols_that_there_are():
    assert {protocol for protocol, _ in REPRODUCED} == set(protocols.names())


@pytest.mark.parametrize("protocol", protocols.names())
def test_the_methods_of_a_protocol_reproduce_it(protocol):
    modules = {str(entry.get("method", name)) for name, entry in protocols.find(protocol).methods.items()}
    assert modules <= set(fields_of(protocol))


@pytest.mark.parametrize("protocol", protocols.names())
@pytest.mark.parametrize("name", ablation.SETTINGS)
def test_every_protocol_has_every_setting(protocol, name):
    content, setting = protocols.find(protocol), ablation.SETTINGS[name]
    if setting.of == "stream":
        assert inside(content.stream, setting.field)
        return
    having = {module: fields for module, fields in fields_of(protocol).items() if setting.touches(module, fields)}
    assert having
    for module, fields in having.items():
        assert inside(content.of_method(module, fields), setting.field)


@pytest.mark.parametrize("protocol", protocols.names())
def test_every_protocol_has_what_stands_beside_the_oddities(protocol):
    content = protocols.find(protocol)
    assert set(BESIDE) <= set(content.defaults["all"])
    assert content.batch_size == 500
    assert "seed" in content.stream


@pytest.mark.parametrize("protocol", protocols.names())
def test_a_protocol_says_nothing_that_no_method_reads(protocol):
    content = protocols.find(protocol)
    fields = fields_of(protocol)
    assert set(content.defaults["all"]) <= set.union(*fields.values())
    assert set(content.stream) <= set(StreamConfig.model_fields)
    for module in set(content.defaults) - {"all"}:
        assert set(content.defaults[module]) <= fields.get(module, set()), f"defaults.{module}"


def departures(protocol: str, module: str) -> set[str]:
    """The settings whose defaults are not as a protocol says."""
    config = methods.find(module).Config
    default = dict(flat(config().model_dump(mode="json")))
    settings = protocols.find(protocol).of_method(module, config.model_fields)
    return {key for key, value in flat(settings) if value != default[key]}


def test_what_departs_is_seen():
    assert departures("paper", "fse") == departures("esapn-paper", "esapn") == set()
    assert departures("released-code", "fse") == {"size"}
    assert departures("paper", "autoemb") == {"policy", "validation"}


@pytest.mark.parametrize(("protocol", "module"), REPRODUCED)
def test_a_methods_docstring_names_every_departure(protocol, module):
    for key in departures(protocol, module):
        assert re.search(rf"``(\w+\.)?{key}\b", methods.find(module).__doc__), key


def test_the_released_code():
    loaded = load("released-code")
    stream = loaded.config.streams["shuffled"]
    assert (stream.order, stream.seed, stream.rare_items, stream.popularity) == ("shuffled", 0, "tag-genome", "restart")
    assert list(loaded.methods) == list(protocols.find("released-code").methods)
    fse, autoemb = loaded.methods["fse"].settings, loaded.methods["autoemb"].settings
    assert (fse.size, fse.path) == (222, "raw")
    assert autoemb.sizes == (2, 4, 8, 16, 64, 128)
    assert (autoemb.policy, autoemb.mean, autoemb.batch_norm, autoemb.validation) == (1, False, "shared", "last_batch")
    assert autoemb.released_code_quirks.classification_start
    assert not autoemb.released_code_quirks.item_context_loss


def test_the_papers_text():
    loaded = load("paper")
    stream = loaded.config.streams["temporal"]
    assert (stream.order, stream.rare_items, stream.popularity) == ("temporal", "keep", "continue")
    assert loaded.methods["fse"].settings.size == 146
    autoemb = loaded.methods["autoemb"].settings
    assert autoemb.sizes == (2, 16, 128)
    assert (autoemb.policy, autoemb.mean, autoemb.batch_norm) == (2, True, "per-candidate")
    assert autoemb.validation == "last_random"


def test_esapns_text():
    loaded = load("esapn-paper")
    assert loaded.methods["fse"].settings.size == 128
    assert loaded.methods["darts"].settings.sizes == (2, 4, 8, 16, 64, 128)


def test_default_then_protocol_then_config():
    methods_given = {"small": {"method": "fse", "size": 2}, "autoemb": {"policy": 0}, "fse": {}}
    loaded = load("released-code", methods=methods_given, streams={"mine": {"order": "temporal"}}, batch_size=64)
    assert list(loaded.methods) == ["small", "autoemb", "fse"]
    assert loaded.methods["small"].settings.size == 2  # the config's
    assert loaded.methods["autoemb"].settings.policy == 0
    assert loaded.methods["autoemb"].settings.batch_norm == "shared"  # the protocol's
    assert loaded.methods["autoemb"].settings.temperature == 1.0  # the field's default
    assert loaded.config.streams["mine"].order == "temporal"
    assert loaded.config.streams["mine"].popularity == "restart"
    assert loaded.config.streams["mine"].test == 0.25
    assert loaded.config.batch_size == 64
    assert load("released-code").config.batch_size == 500


@pytest.mark.parametrize("protocol", ["released-code", "esapn-paper"])
def test_a_protocol_leaves_a_method_alone_that_does_not_reproduce_it(protocol, monkeypatch):
    fse, own = methods.find("fse"), {"fse": {"learning_rate": 0.5}}
    assert load(protocol, methods=own).methods["fse"].settings != fse.Config(learning_rate=0.5)
    monkeypatch.delattr(fse, "REPRODUCES")
    assert load(protocol, methods=own).methods["fse"].settings == fse.Config(learning_rate=0.5)


@pytest.mark.parametrize("name", [name for name, setting in ablation.SETTINGS.items() if setting.method])
def test_a_field_of_one_method_is_not_taken_for_anothers(name):
    setting = ablation.SETTINGS[name]
    assert setting.field in methods.find(setting.method).Config.model_fields
    assert setting.touches(setting.method, {setting.field})
    assert not setting.touches("another", {setting.field})


def test_groups_of_settings_are_merged_key_by_key():
    quirks = {"released_code_quirks": {"item_context_loss": True}}
    sam = load("released-code", methods={"sam": quirks}).methods["sam"].settings
    assert sam.released_code_quirks.model_dump() == {"item_context_loss": True, "classification_start": True}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"protocol": "papers"},
            "c.yaml: protocol = 'papers': unknown; expected one of esapn-paper, paper, released-code",
        ),
        ({"streams": {"a": 3}}, "c.yaml: streams.a = 3: Input should be an object"),
        ({"streams": [1]}, "c.yaml: streams = [1]: Input should be an object"),
        ({"methods": {"fse": {"sise": 3}}}, "c.yaml: methods.fse: unknown key 'sise' (value 3)"),
        ({"methods": {"fse": 3}}, "c.yaml: methods.fse = 3: Input should be an object"),
        (
            {"ablation": {"settings": ["ordr"]}},
            f"c.yaml: ablation.settings: setting 'ordr': unknown; expected one of {', '.join(ablation.SETTINGS)}",
        ),
        (
            {"ablation": {"leave_out": ["ordr"]}},
            "c.yaml: ablation.leave_out: setting 'ordr': unknown; expected one of "
            + ", ".join([*ablation.SETTINGS, *ablation.TRIALS]),
        ),
        (
            {"ablation": {"settings": "order"}},
            "c.yaml: ablation.settings = 'order': expected all, or a list of settings",
        ),
        (
            {"ablation": {"methods": ["fsa"]}},
            "c.yaml: ablation.methods: method 'fsa': unknown; expected one of "
            + ", ".join(protocols.find("released-code").methods),
        ),
        ({"ablation": {"sets": "all"}}, "c.yaml: unknown key 'ablation.sets' (value 'all')"),
        ({"ablation": {"seeds": 0}}, "c.yaml: ablation.seeds = 0: Input should be greater than or equal to 1"),
    ],
)
def test_what_is_wrong_is_named(config, message):
    with pytest.raises(InputError) as error:
        load(**{"protocol": "paper", **config})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_without_a_protocol_the_keys_are_needed():
    with pytest.raises(InputError, match=r"c\.yaml: key 'streams' is missing"):
        grid.load(CONFIG, "c.yaml")


def resolved(**config: object):
    return load("paper", ablation=config).ablation


def test_an_ablation_changes_the_released_code_whatever_the_config_is():
    trials = resolved(settings=["order", "fse-size", "mean"], rare_items="drop-rarest", test=0.5, tasks=["regression"])
    assert list(trials.methods) == ["released-code", "order.temporal", "mean.true", "fse-size.146", "fse-size.128"]
    assert list(trials.streams) == ["released-code", "order.temporal"]
    base, temporal = trials.streams.values()
    assert base == StreamConfig(order="shuffled", popularity="restart", rare_items="drop-rarest", test=0.5)
    assert temporal == base.model_copy(update={"order": "temporal"})
    assert trials.stream_of("order.temporal") == "order.temporal"
    assert trials.stream_of("mean.true") == "released-code"
    every = set(protocols.find("released-code").methods)
    assert set(trials.methods["order.temporal"]) == set(trials.methods["released-code"]) == every
    assert {"sam", "darts", "autoemb"} == set(trials.methods["mean.true"])
    assert list(trials.methods["fse-size.146"]) == ["fse"]
    assert trials.methods["fse-size.146"]["fse"].settings.size == 146
    assert trials.methods["mean.true"]["sam"].settings.mean
    assert trials.methods["mean.true"]["sam"].settings.batch_norm == "shared"


def test_every_setting_changes_its_methods_in_nothing_else():
    trials = resolved()
    for name, trained in trials.methods.items():
        if name == ablation.BASE:
            continue
        against = ablation.TRIALS[name].setting.against
        assert trials.tasks[name]
        for method, entry in trained.items():
            before = json.loads(trials.methods[against][method].settings.model_dump_json())
            after = json.loads(entry.settings.model_dump_json())
            change = json.loads(json.dumps(ablation.TRIALS[name].change()))
            stream = ablation.TRIALS[name].setting.of == "stream"
            assert after == (before if stream else merge(before, change))
            assert (after != before) != stream


def test_a_setting_brings_the_trial_that_it_is_compared_with():
    trials = resolved(settings=["item-context-loss"])
    assert list(trials.methods) == ["released-code", "policy.2", "item-context-loss.true"]
    settings = trials.methods["item-context-loss.true"]["sam"].settings
    assert settings.policy == 2
    assert settings.released_code_quirks.item_context_loss
    assert "darts" not in trials.methods["item-context-loss.true"]


def test_a_setting_of_one_task_is_tried_there_alone():
    only_regression = resolved(settings=["classification-start"], tasks=["regression"])
    assert list(only_regression.methods) == ["released-code"]
    trials = resolved(settings=["classification-start", "mean"])
    assert trials.tasks["mean.true"] == ("regression", "classification")
    assert trials.tasks["classification-start.false"] == ("classification",)


def test_settings_can_be_left_out_and_methods_chosen():
    trials = resolved(leave_out=["item-context-loss", "policy"], methods=["fse", "sam"], seeds=7)
    assert not [name for name in trials.methods if name.startswith(("item", "policy"))]
    assert set(trials.methods["order.temporal"]) == {"fse", "sam"}
    assert "darts-weights.global" not in trials.methods  # there is nothing to train
    assert load("paper", ablation={"seeds": 7}).trying("ml-latest-small", "regression").seeds == 7
    assert load("paper", batch_size=9, ablation={}).trying("ml-latest-small", "regression").batch_size == 500


@pytest.mark.parametrize(
    ("name", "label"),
    [("sizes", "2-16-128"), ("mean", "true"), ("validation", "last-random"), ("hypergradient", "exact")],
)
def test_trials_are_named_for_folders(name, label):
    assert f"{name}.{label}" in ablation.TRIALS


def test_single_values_can_be_left_out():
    trials = resolved(settings=["policy", "item-context-loss"], leave_out=["policy.0", "policy.2", "policy.5"])
    # policy.2 comes back: item-context-loss is compared with it
    assert list(trials.methods) == ["released-code", "policy.2", "policy.3", "policy.4", "item-context-loss.true"]
