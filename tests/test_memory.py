"""Seeds that do not fit into a GPU's memory together go in smaller groups.

The GPU is made up, a step that refuses; where there is a real one, a part of its memory is tried, too.
"""

import weakref

import pytest
import torch

from autoemb.config import RunConfig
from autoemb.data.columns import columns_of
from autoemb.errors import InputError
from autoemb.learning.checkpoint import Checkpoint
from autoemb.learning.machine.device import choose, clear, shortage
from autoemb.learning.seeds import run_stream

from .contracts.bench import make, shape_of, small_stream
from .contracts.variants import small

SAID = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB of which 1.21 GiB is free."
    " Process 41 has 6.58 GiB memory in use. Of the allocated memory 6.00 GiB is allocated by PyTorch."
)
TOLD = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB of which 1.21 GiB is free"
)
FRAME = small_stream()
SHAPE, COLUMNS = shape_of(FRAME, "regression", 5), columns_of(FRAME, "regression")
VARIANT = ("autoemb", {**small("autoemb"), "selection": "gumbel"})  # draws by seed


class Small:
    """Memory for so many seeds: the method of more than these cannot be built, or fails at its third step."""

    def __init__(self, seeds: int, at: str = "step") -> None:
        self.seeds, self.at = seeds, at
        self.groups: list[list[int]] = []

    def build(self, seeds):
        self.groups.append(list(seeds))
        if self.at == "build" and len(seeds) > self.seeds:
            raise torch.OutOfMemoryError(SAID)
        method = make(VARIANT, SHAPE, seeds, torch.float32)
        step, made = method.step, []

        def refusing(batch):
            made.append(batch)
            if len(made) == 3 and len(seeds) > self.seeds:
                raise torch.OutOfMemoryError(SAID)
            return step(batch)

        method.step = refusing
        return method


def config(seeds: int, at_once: int) -> RunConfig:
    return RunConfig(task="regression", seeds=seeds, batch_size=32, windows=6, seeds_at_once=at_once)


def apart(seeds: int, at_once: int):
    return run_stream(Small(99).build, COLUMNS, config(seeds, at_once))


@pytest.mark.parametrize("at", ["build", "step"])
@pytest.mark.parametrize(
    ("seeds", "at_once", "fits", "groups"),
    [
        (5, 5, 2, [[0, 1, 2, 3, 4], [0, 1, 2], [0, 1], [2, 3], [4]]),
        (4, 4, 1, [[0, 1, 2, 3], [0, 1], [0], [1], [2], [3]]),
        (5, 3, 3, [[0, 1, 2], [3, 4]]),
    ],
)
def test_seeds_that_do_not_fit_are_halved_to_the_same_numbers(seeds, at_once, fits, groups, at, caplog):
    caplog.set_level("INFO")
    memory = Small(fits, at)
    # two batches a chunk, so that some chunks were counted before it fails
    recorder = run_stream(memory.build, COLUMNS, config(seeds, at_once), chunk=2)
    assert memory.groups == groups
    expected = apart(seeds, min(fits, at_once))
    assert torch.equal(recorder.sums, expected.sums)
    assert torch.equal(recorder.held, expected.held)
    assert torch.equal(recorder.counts, expected.counts)
    together = apart(seeds, seeds)
    torch.testing.assert_close(recorder.sums, together.sums, rtol=1e-5, atol=1e-4)
    said = [message for message in caplog.messages if "do not fit" in message]
    assert len(said) == len(groups) - -(-seeds // min(fits, at_once))
    assert not said or said[0] == (
        f"seeds 0 to {at_once - 1} do not fit into the GPU's memory ({TOLD}): {-(-at_once // 2)} at a time"
    )


def test_a_seed_that_does_not_fit_alone_says_what_was_needed_and_free(caplog):
    with pytest.raises(InputError) as failure:
        run_stream(Small(0).build, COLUMNS, config(3, 2))
    assert str(failure.value).startswith(
        f"seed 0: one seed alone does not fit into the GPU's memory ({TOLD}); expected"
    )


def test_what_did_not_fit_is_no_longer_in_memory():
    alive, left = weakref.WeakSet(), []
    memory = Small(1)

    def build(seeds):
        left.append(len(alive))
        method = memory.build(seeds)
        alive.update(method.tables.values())
        return method

    run_stream(build, COLUMNS, config(2, 2))
    assert memory.groups == [[0, 1], [0], [1]]
    assert left[1] == 0  # though the method and the step that refuses hold on to each other


def test_other_errors_end_the_run():
    def build(seeds):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        run_stream(build, COLUMNS, config(3, 3))


def test_a_full_device_is_recognised_behind_other_errors():
    def raised(error, before=None):
        error.__context__ = before
        return error

    assert shortage(raised(torch.OutOfMemoryError(SAID))) == TOLD
    assert shortage(raised(RuntimeError("capture failed"), torch.OutOfMemoryError(SAID))) == TOLD
    assert shortage(raised(RuntimeError("CUDA error: out of memory\nmore"))) == "CUDA error: out of memory more"
    status = "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    assert shortage(raised(RuntimeError(status))) == status
    assert shortage(raised(RuntimeError("shapes differ"))) is None


class KilledError(Exception):
    pass


class Dying(Checkpoint):
    """Ends the process, as it were, after so many states."""

    left = 0

    def due(self):
        return True  # after every chunk, however long the last one took to write

    def save(self, state):
        super().save(state)
        self.left -= 1
        if self.left == 0:
            raise KilledError


@pytest.mark.parametrize("states", [1, 6, 9, 17])
def test_a_run_that_was_cut_after_halving_goes_on_to_the_same_bits(states, tmp_path):
    dying = Dying(tmp_path / "state.safetensors", "same", 0)
    dying.left = states
    with pytest.raises(KilledError):
        # 14 batches: 7 or 8 chunks a group, and one before it fails
        run_stream(Small(2).build, COLUMNS, config(5, 5), dying, chunk=2)
    memory, resumed = Small(2), Checkpoint(tmp_path / "state.safetensors", "same", 0)
    recorder = run_stream(memory.build, COLUMNS, config(5, 5), resumed, chunk=2)
    expected = apart(5, 2)
    assert torch.equal(recorder.sums, expected.sums)
    assert torch.equal(recorder.held, expected.held)
    # the first state is of the five together, which do not fit; the others are of two
    assert memory.groups[-1] == [4]
    assert max(map(len, memory.groups)) == (5 if states == 1 else 3 if states == 2 else 2)


def test_some_seeds_are_those_of_the_whole_run():
    first, rest = (run_stream(Small(9).build, COLUMNS, config(3, 1), seeds=seeds) for seeds in (range(2), range(2, 3)))
    whole = apart(3, 1)
    assert torch.equal(torch.cat([first.sums, rest.sums]), whole.sums)
    assert torch.equal(torch.cat([first.held, rest.held]), whole.held)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_a_real_gpu_of_which_little_may_be_used_does_the_same(caplog):
    """Eight seeds with tables of a gigabyte, of which 4.5 GB may be held: two or four go at a time."""
    caplog.set_level("INFO")
    large, groups = SHAPE._replace(users=1_500_000), []

    def build(device):
        def of(seeds):
            groups.append(len(seeds))
            return make(("autoemb", {**small("autoemb"), "sizes": [2, 16, 38]}), large, seeds, torch.float32, device)

        return of

    on = config(8, 8).model_copy(update={"device": "cuda"})
    choose("cuda", 1)
    try:
        together = run_stream(build("cuda"), COLUMNS, on)
        clear()
        torch.cuda.set_per_process_memory_fraction(4.5e9 / torch.cuda.get_device_properties(0).total_memory)
        halved = run_stream(build("cuda"), COLUMNS, on)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.use_deterministic_algorithms(False)
    clear()
    assert torch.cuda.memory_allocated() < 100e6
    assert groups[:2] == [8, 8]
    assert groups[-1] in (2, 4)
    assert [message for message in caplog.messages if "do not fit into the GPU's memory" in message]
    torch.testing.assert_close(halved.sums, together.sums, rtol=1e-4, atol=1e-3)
