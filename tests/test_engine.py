"""The engine against its twin in float32, its memory, and the ways in which a step can be run."""

import gc
import json
import logging
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils import _pytree as pytree

from autoemb.config import RunConfig
from autoemb.data.columns import columns_of
from autoemb.errors import InputError
from autoemb.learning import methods
from autoemb.learning.machine import engine
from autoemb.learning.machine.device import keep_memory, use_onednn
from autoemb.learning.machine.engine import PAYS_FROM, compile_step, decide, obstacle
from autoemb.learning.nn.task import losses
from autoemb.learning.progress import Progress, spoken
from autoemb.learning.seeds import run_stream
from benchmarks import engine as timing
from benchmarks import steps as all_steps

from .contracts.bench import logits_of, make, predictions, shape_of, small_stream, twin_of, twin_turns
from .contracts.variants import small


@pytest.mark.parametrize("name", methods.names())
def test_every_method_can_be_timed(name):
    config = methods.find(name).Config
    assert isinstance(timing.settings(name), config)
    assert all(config(**given) for given in all_steps.settings(name))


@pytest.mark.parametrize(
    ("sizes", "seeds", "task"),
    [([2, 16, 128], 1, "classification"), ([2, 4, 8, 16, 64, 128], 3, "regression")],
    ids=["three", "six"],
)
@pytest.mark.parametrize("name", methods.names())
def test_float32_follows_the_twin_for_200_steps(name, sizes, seeds, task):
    known = methods.find(name).Config.model_fields
    # one rate for all: steps that follow rounding (below) grow with it, and mf's default is ten times the others'
    settings = {"sizes": sizes, "size": sum(sizes), "hidden": 32, "controller_hidden": 32, "learning_rate": 1e-3}
    variant = name, {key: value for key, value in settings.items() if key in known}
    frame = small_stream(200 * 40, 120, 90)
    method = make(variant, shape_of(frame, task, 5), range(seeds), torch.float32)
    plan = method.plan(columns_of(frame, task), 40)
    twin, exact = (twin_of(variant, method, seeds - 1, dtype) for dtype in (torch.float32, torch.float64))
    losses_of: list[list[float]] = [[], [], []]
    batches = [batch for chunk in plan.chunks() for batch in chunk]
    for batch, turn in zip(batches, twin_turns(plan)[-1], strict=True):
        losses_of[0].append(method.step(batch).prediction.losses[-1].mean().item())
        for plain, into in zip((twin, exact), losses_of[1:], strict=True):
            logits, _, _ = plain.step(turn)
            into.append(losses(task, logits.T[None], turn.batch.label).mean().item())
    ours, theirs, truth = (np.array(values) for values in losses_of)
    assert len(ours) == 200
    # Adam makes full steps of gradients that are nothing but rounding (of an early popularity's, of a size
    # that hardly matters), so float32 itself drifts, in the twin as in the engine
    drift = np.abs(theirs / truth - 1).max()
    assert drift < 1e-4
    assert np.abs(ours / theirs - 1).max() < 1e-6 + 10 * drift
    assert abs(ours[0] / theirs[0] - 1) < 1e-6


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
@pytest.mark.parametrize("name", ["fse", "autoemb"])
def test_memory_does_not_grow_with_the_steps(name):
    keep_memory()
    batch = 8
    frame = small_stream(2_600 * batch, 50, 50)
    method = make((name, small(name)), shape_of(frame, "regression", 5), [0], torch.float32)
    resident, done = [], 0
    for chunk in method.plan(columns_of(frame, "regression"), batch).chunks():
        for each in chunk:
            method.step(each)
        done += len(chunk)
        if done % 640 == 0:  # every tenth chunk
            resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4096)
    assert len(resident) == 4
    assert resident[-1] - resident[0] < 1 << 20  # over 1,920 steps: 550 bytes a step would show


def test_a_step_makes_nothing_of_a_tables_size():
    # were anything of the table's size allocated (its dense gradient, a copy), the peak would show it
    frame = small_stream(400, 30, 40)
    shape = shape_of(frame, "regression", 5)._replace(users=400_000)
    method = make(("fse", {"size": 8, "hidden": 8}), shape, [0], torch.float32)
    table = method.tables["candidates"].packed
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        predictions(method, frame, "regression")
    largest = max(event.cpu_memory_usage for event in profile.events())
    assert largest < table.nbytes / 100


@pytest.fixture
def fresh_compiler():
    """A process compiles one method; the tests compile many, and the compiler keeps few versions of one function."""
    torch.compiler.reset()
    yield
    torch.compiler.reset()


compiles = pytest.mark.skipif(obstacle("cpu") is not None, reason=f"cannot compile here: {obstacle('cpu')}")


@compiles
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the compiler uses what PyTorch deprecates
@pytest.mark.filterwarnings("ignore:Guards may run slower on Python 3.13.0")  # of this one version alone
@pytest.mark.parametrize(
    ("name", "task", "settings"),
    [
        ("fse", "regression", {}),
        ("sam", "classification", {"policy": 4}),
        ("autoemb", "regression", {"selection": "gumbel", "rows_optimizer": "sparse"}),
        ("darts", "regression", {"validation": "last_random"}),
        ("esapn", "classification", {"batch_norm_over": "chosen"}),
    ],
)
def test_compiled_steps_are_the_eager_ones(name, task, settings, fresh_compiler):
    frame = small_stream(331)  # with short last batches
    variant, shape = (name, {**small(name), **settings}), shape_of(frame, task, 5)
    eager = logits_of(make(variant, shape, range(2)), frame, task)
    method = make(variant, shape, range(2))
    compile_step(method, 32)
    compiled = logits_of(method, frame, task)
    torch.testing.assert_close(compiled, eager, rtol=0, atol=1e-9)
    # another seed needs no other kernels, and the same seed gives the same bits
    with torch.compiler.set_stance("fail_on_recompile"):
        again = make(variant, shape, range(2))
        compile_step(again, 32)
        assert torch.equal(logits_of(again, frame, task), compiled)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the compiler uses what PyTorch deprecates
@pytest.mark.filterwarnings("ignore:Guards may run slower on Python 3.13.0")  # of this one version alone
@pytest.mark.parametrize("how", ["never", pytest.param("always", marks=compiles)])
def test_one_group_of_seeds_is_in_memory_at_a_time(how, fresh_compiler):
    frame = small_stream()
    shape, alive, most = shape_of(frame, "regression", 5), weakref.WeakSet(), []

    def build(seeds):
        most.append(len(alive))
        method = make(("autoemb", small("autoemb")), shape, seeds)
        alive.update(method.tables.values())
        return method

    config = RunConfig(task="regression", seeds=4, batch_size=32, dtype="float64", compile=how)
    gc.disable()  # or it would only be in memory until Python looks for cycles
    try:
        run_stream(build, columns_of(frame, "regression"), config)
    finally:
        gc.enable()
    assert most == [0, 0, 0, 0]


def test_it_is_compiled_where_that_pays(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(engine, "obstacle", lambda device: None)
    for device, steps in PAYS_FROM.items():
        assert decide("auto", steps, device)
        assert not decide("auto", steps - 1, device)
        assert decide("always", 1, device)
        assert not decide("never", steps, device)
    monkeypatch.setattr(engine, "obstacle", lambda device: "no C++ compiler was found")
    assert not decide("auto", PAYS_FROM["cpu"], "cpu")
    assert "no C++ compiler was found" in caplog.messages[-1]
    with pytest.raises(InputError, match="compile = 'always': no C"):
        decide("always", PAYS_FROM["cpu"], "cpu")


def test_no_compiler_is_noticed(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert obstacle("cpu") == "no C++ compiler was found"


@pytest.mark.parametrize("at_once", [None, 2, 3])
def test_seeds_together_or_apart_are_the_same(at_once):
    frame = small_stream()
    shape, columns = shape_of(frame, "regression", 5), columns_of(frame, "regression")
    config = RunConfig(task="regression", seeds=3, batch_size=32, dtype="float64", seeds_at_once=at_once)
    groups = []

    def build(seeds):
        groups.append(list(seeds))
        return make(("autoemb", small("autoemb")), shape, seeds)

    recorder = run_stream(build, columns, config)
    expected = {None: [[0], [1], [2]], 2: [[0, 1], [2]], 3: [[0, 1, 2]]}[at_once]
    assert groups == expected
    together = run_stream(
        lambda seeds: make(("autoemb", small("autoemb")), shape, seeds),
        columns,
        config.model_copy(update={"seeds_at_once": 3}),
    )
    torch.testing.assert_close(recorder.sums, together.sums, rtol=1e-9, atol=1e-9)
    assert torch.equal(recorder.counts, together.counts)


def test_a_captured_step_reads_each_batch(monkeypatch):
    """Without CUDA, a stand-in for a graph makes the recorded step anew; all of a batch must get into it."""

    class Graph:
        def __init__(self):
            self.recorded = False

        def replay(self):
            if self.recorded:  # the recording itself has made the first step
                static, said = self.made
                for into, each in zip(pytree.tree_leaves(said), pytree.tree_leaves(method.step(static)), strict=True):
                    into.copy_(each)
            self.recorded = True

    class Stand:
        wait_stream = __enter__ = __exit__ = lambda self, *_: None

    frame = small_stream(331)
    shape, columns = shape_of(frame, "regression", 5), columns_of(frame, "regression")
    variant = ("autoemb", {**small("autoemb"), "validation": "last_random", "policy": 2})
    expected = logits_of(make(variant, shape, range(2)), frame, "regression")
    method = make(variant, shape, range(2))
    for name in ("Stream", "current_stream"):
        monkeypatch.setattr(torch.cuda, name, Stand)
    for name, thing in {"CUDAGraph": Graph, "graph": lambda graph, stream: stream, "stream": lambda it: it}.items():
        monkeypatch.setattr(torch.cuda, name, thing)
    stepped = []

    def step(batch):
        stepped.append(batch)
        return method.step(batch)

    captured, said = engine.Captured(step), []
    tree_unflatten = pytree.tree_unflatten
    statics, given = [], []
    monkeypatch.setattr(pytree, "tree_unflatten", lambda *x: statics.append(tree_unflatten(*x)) or statics[-1])
    for chunk in method.plan(columns, 32).chunks():
        for batch in chunk:
            given.append(batch)
            outcome = captured(batch)
            said.append(outcome.prediction.logits.clone())
            for (graph, _, made), static in zip(captured.graphs.values(), statics, strict=True):
                graph.made = static, made
    assert captured.graphs
    torch.testing.assert_close(torch.cat(said, dim=2), expected, rtol=0, atol=0)
    for kind, (_, inputs, _) in captured.graphs.items():  # warm, then recorded with tensors that are nobody else's
        alike = [batch for batch in stepped if engine.kind_of(batch) == kind]
        assert len(alike) == captured.WARM + 1
        leaves = [leaf for batch in given for leaf in pytree.tree_leaves(batch) if torch.is_tensor(leaf)]
        places = [{tensor.data_ptr() for tensor in tensors if tensor.numel()} for tensors in (leaves, inputs)]
        assert all(places)
        assert not places[0] & places[1]


def test_products_stay_in_float32():
    before = torch.backends.mkldnn.matmul.fp32_precision
    try:
        onednn = use_onednn()
        # whether it says so or not, the switch stands as it says
        assert (torch.backends.mkldnn.matmul.fp32_precision == "bf16") == onednn
        a, b = torch.rand(300, 200), torch.rand(200, 100)
        torch.testing.assert_close((a @ b).double(), a.double() @ b.double(), rtol=1e-5, atol=0)
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = before


def test_products_that_are_not_in_float32_are_refused(monkeypatch):
    """On a processor with units for bfloat16 the switch does what it says: then it is taken back."""
    before, product = torch.backends.mkldnn.matmul.fp32_precision, torch.Tensor.__matmul__

    def rounded(a, b):
        exact = a.dtype == torch.float64
        return product(a, b) if exact else product(a.bfloat16(), b.bfloat16()).float()

    monkeypatch.setattr(torch.Tensor, "__matmul__", rounded)
    assert not use_onednn()
    assert torch.backends.mkldnn.matmul.fp32_precision == before


def test_progress_in_a_log_is_lines_of_json(caplog):
    caplog.set_level(logging.INFO)
    with Progress(100, every=0) as progress:
        progress.skip(20)
        progress.add(30, 0.25)
        progress.add(50, 0.125)
    first, last = (json.loads(message) for message in caplog.messages)
    assert (first["interactions"], first["of"], first["loss"]) == (50, 100, 0.25)
    assert (last["interactions"], last["seconds_left"], last["loss"]) == (100, 0, 0.125)
    assert first["per_second"] > 0


def test_progress_in_a_log_is_quiet_otherwise(caplog, capsys):
    caplog.set_level(logging.INFO)
    with Progress(100, every=1000) as progress:
        progress.add(100, 0.25)
    assert not caplog.messages
    assert capsys.readouterr() == ("", "")


def test_what_all_will_take_is_said_once(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    clock = iter([0, 100, 110, 120, 130, 140])  # the first chunk was compiled, too
    monkeypatch.setattr("autoemb.learning.progress.time", SimpleNamespace(monotonic=lambda: next(clock)))
    with Progress(1000, every=1000, forecast="time on the CPU:") as progress:
        progress.skip(100)
        for interactions in (10, 5, 5, 10, 10):
            progress.add(interactions, 0.25)
    assert caplog.messages == ["time on the CPU: about 30 min"]  # 10 in 20 s, and 900 to go through


@pytest.mark.parametrize(("seconds", "words"), [(0.1, "1 s"), (89, "89 s"), (840, "14 min"), (18_720, "5.2 h")])
def test_durations_are_said_in_words(seconds, words):
    assert spoken(seconds) == words
