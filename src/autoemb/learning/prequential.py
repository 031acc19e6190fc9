"""The prequential loop: predict a batch, record, learn from it, go on (AutoEmb, Algorithm 1)."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from autoemb.config import RunConfig
from autoemb.data.columns import Columns, cut, occurring
from autoemb.errors import InputError
from autoemb.learning.checkpoint import Checkpoint
from autoemb.learning.machine.device import clear, shortage
from autoemb.learning.machine.engine import Captured, compile_step, decide, may_compile
from autoemb.learning.methods.contract import Method
from autoemb.learning.plan import CHUNK
from autoemb.learning.progress import Progress
from autoemb.learning.recorder import Recorder, Window

log = logging.getLogger(__name__)


class Run:
    """A method on its way through a stream, chunk by chunk; learning goes on in the test part.

    ``state_dict`` at the end of a chunk holds everything that it needs to go on from there.
    """

    def __init__(self, method: Method, columns: Columns, config: RunConfig) -> None:
        self.method, self.task = method, config.task
        self.plan = method.plan(columns, config.batch_size, chunk=CHUNK)
        parts = [cut(part, config.batch_size) for part in columns.parts]
        per_window = math.ceil(len(self.plan.batches) / config.windows)
        starts = [(split, i) for split, part in enumerate(parts) for i in range(len(part))]
        opens = [i % per_window == 0 for _, i in starts]
        self.window_of = np.cumsum(opens) - 1
        windows = [Window(split, parts[split][i].start) for (split, i), new in zip(starts, opens, strict=True) if new]
        popularity = max(method.shape.user_popularity, method.shape.item_popularity)
        self.recorder = Recorder(len(method.seeds), method.sizes, windows, popularity, method.device)
        self.step = method.step
        self.done = 0
        """Batches gone through."""

    def advance(self) -> Iterator[int]:
        """Go on to the end of the stream; says after every chunk how many interactions it went through.

        Raises:
            InputError: a loss was not a finite number.
        """
        for chunk in self.plan.chunks(self.done):
            for batch in chunk:
                outcome = self.step(batch)
                self.recorder.update(int(self.window_of[self.done]), batch.bins, outcome.statistics)
                self.done += 1
            self.last_loss = float(outcome.prediction.losses.mean())
            self._refuse(math.isfinite(self.last_loss))
            yield sum(len(batch.label) for batch in chunk)
        self._refuse(bool(torch.isfinite(self.recorder.sums).all()))
        self.recorder.held.copy_(self.method.held(*occurring(self.plan.columns, self.method.shape)))

    def state_dict(self) -> dict[str, Tensor]:
        """The method's state, the sums so far, and the number of batches behind it; not copies."""
        done = torch.tensor(self.done)
        return {**self.method.state_dict(), "counts": self.recorder.counts, "sums": self.recorder.sums, "done": done}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put a state of ``state_dict`` back."""
        self.method.load_state_dict(state)
        self.recorder.counts.copy_(state["counts"])
        self.recorder.sums.copy_(state["sums"])
        self.done = int(state["done"])

    def _refuse(self, finite: bool) -> None:
        if not finite:
            raise InputError(f"learning_rate: {self.task}: a loss is not a finite number; expected a smaller rate")


def run_stream(
    build: Callable[[Sequence[int]], Method],
    columns: Columns,
    config: RunConfig,
    checkpoint: Checkpoint | None = None,
    seeds: range | None = None,
) -> Recorder:
    """Run a method over the whole stream for every seed, and return the sums.

    On a CPU, the seeds go one after the other: together they gain nothing, and so a seed's numbers do
    not depend on how many there are. On a GPU they go together; those that do not fit into its memory
    are halved until they do.

    Args:
        build: makes the method for some seeds.
        columns: the stream.
        config: seeds, batches, windows, and how to run them.
        checkpoint: where to leave the state now and then, and to look for one to go on from.
        seeds: those of the run's seeds to go through here; left out, all of them.

    Raises:
        InputError: a loss was not a finite number, the step cannot be compiled as asked, or the
            device's memory does not hold one seed.
    """
    seeds = range(config.seeds) if seeds is None else seeds
    at_once = config.seeds_at_once or (len(seeds) if config.device == "cuda" else 1)
    interactions = sum(part.stop - part.start for part in columns.parts)
    # of the run's seeds, not of those that go here: what is compiled must not depend on how a run is divided
    steps = sum(len(cut(part, config.batch_size)) for part in columns.parts) * math.ceil(config.seeds / at_once)
    compiles = decide(config.compile, steps, config.device)
    saved = checkpoint.load() if checkpoint else None
    finished = {name: tensor for name, tensor in (saved or {}).items() if name.startswith("finished.")}

    def joined(recorder: Recorder) -> Recorder:
        sums, held = (torch.stack([finished[f"finished.{of}.{seed}"] for seed in seeds]) for of in ("sums", "held"))
        return recorder.of(sums, held)

    group = seeds[:at_once]
    if saved is not None and all(f"finished.sums.{seed}" in finished for seed in seeds):
        log.info("all seeds were done; nobody had taken note of it")
        recorder = Run(build(group), columns, config).recorder
        recorder.counts.copy_(saved["counts"])
        return joined(recorder)
    if saved is not None:
        group = range(*saved["group"].tolist())
        at_once = len(group)

    def go(progress: Progress) -> Recorder:
        """Run one group of seeds; what it holds in memory is free again afterwards."""
        nonlocal saved
        method = build(group)
        run = Run(method, columns, config)
        if saved is not None:
            run.load_state_dict(saved)
            progress.skip(run.plan.batches[run.done - 1].stop * len(group))
            log.info("seed %d goes on after batch %d", group[0], run.done)
            saved = None
        if compiles and may_compile(method, config.compile):
            compile_step(method, config.batch_size)
        if config.device == "cuda":
            run.step = Captured(method.step)
        for passed in run.advance():
            progress.add(passed * len(group), run.last_loss)
            if checkpoint and checkpoint.due():
                bounds = torch.tensor([group.start, group.stop])
                checkpoint.save({**run.state_dict(), **finished, "group": bounds})
        return run.recorder

    forecast = f"time on the CPU (threads: {torch.get_num_threads()}, seeds: {len(seeds)}):"
    with Progress(interactions * len(seeds), forecast=forecast if config.device == "cpu" else None) as progress:
        progress.skip(interactions * (group.start - seeds.start))
        while True:
            before, done = progress.done, None
            try:
                done = go(progress)
            except RuntimeError as error:
                at_once = _fewer(group, error)
            if done is None:  # no longer in the handler: the error holds on to the method's memory
                saved = None
                clear()
                progress.skip(before - progress.done)
                group = group[:at_once]
                continue
            for i, seed in enumerate(group):
                finished[f"finished.sums.{seed}"] = done.sums[i].to("cpu", copy=True)
                finished[f"finished.held.{seed}"] = done.held[i].clone()
            if group.stop == seeds.stop:
                break
            group = range(group.stop, min(group.stop + at_once, seeds.stop))
    if checkpoint:
        checkpoint.finish({**finished, "counts": done.counts})
    return joined(done)


def _fewer(group: range, error: RuntimeError) -> int:
    """How many seeds to try together after these failed with an error.

    Raises:
        RuntimeError: the error, which is not about the device's memory.
        InputError: it was a single seed.
    """
    said = shortage(error)
    if said is None:
        raise error
    if len(group) == 1:
        raise InputError(
            f"seed {group[0]}: one seed alone does not fit into the GPU's memory ({said}); expected more free memory"
            " (gpu_share: 1, nothing else on the GPU), smaller embeddings, or device: cpu"
        ) from error
    fewer = math.ceil(len(group) / 2)
    log.info("seeds %d to %d do not fit into the GPU's memory (%s): %d at a time", group[0], group[-1], said, fewer)
    return fewer
