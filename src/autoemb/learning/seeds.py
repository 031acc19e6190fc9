"""A run of several seeds, in groups that the device's memory holds, from checkpoint to checkpoint."""

import logging
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from autoemb.config import RunConfig
from autoemb.data.columns import Columns, cut
from autoemb.errors import InputError
from autoemb.learning.checkpoint import Checkpoint
from autoemb.learning.machine.device import clear, shortage
from autoemb.learning.machine.engine import Captured, compile_step, decide, may_compile
from autoemb.learning.methods.contract import Method
from autoemb.learning.plan import CHUNK
from autoemb.learning.prequential import Run
from autoemb.learning.progress import Progress
from autoemb.learning.recorder import Recorder

log = logging.getLogger(__name__)

Build = Callable[[Sequence[int]], Method]
"""Makes the method for some seeds."""


def run_stream(
    build: Build,
    columns: Columns,
    config: RunConfig,
    checkpoint: Checkpoint | None = None,
    seeds: range | None = None,
    chunk: int = CHUNK,
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
        chunk: batches prepared at a time; a state can be saved after each chunk.

    Raises:
        InputError: a loss was not a finite number, the step cannot be compiled as asked, or the
            device's memory does not hold one seed.
    """
    return _Seeds(build, columns, config, checkpoint, range(config.seeds) if seeds is None else seeds, chunk).run()


class _Seeds:
    """The seeds of a run on their way through the stream, a group at a time.

    Attributes:
        finished: sums and held sizes of the seeds that are through, by the names that a checkpoint gives them.
        saved: the state that a group goes on from; None once it was put back.
        compiles: whether the step is compiled.
    """

    def __init__(
        self,
        build: Build,
        columns: Columns,
        config: RunConfig,
        checkpoint: Checkpoint | None,
        seeds: range,
        chunk: int,
    ) -> None:
        self.build, self.columns, self.config = build, columns, config
        self.checkpoint, self.seeds, self.chunk = checkpoint, seeds, chunk
        self.interactions = sum(part.stop - part.start for part in columns.parts)
        self.saved = checkpoint.load() if checkpoint else None
        self.finished = {name: tensor for name, tensor in (self.saved or {}).items() if name.startswith("finished.")}

    def run(self) -> Recorder:
        """Every group, one after the other; then their sums together."""
        at_once = self.config.seeds_at_once or (len(self.seeds) if self.config.device == "cuda" else 1)
        self.compiles = self._decide_to_compile()
        group = self.seeds[:at_once]
        if self.saved is not None and all(f"finished.sums.{seed}" in self.finished for seed in self.seeds):
            return self._restored(self.saved, group)
        if self.saved is not None:
            group = range(*self.saved["group"].tolist())
        recorder = self._go_through(group)
        if self.checkpoint:
            self.checkpoint.finish({**self.finished, "counts": recorder.counts})
        return self._joined(recorder)

    def _decide_to_compile(self) -> bool:
        """By the steps of the run's seeds, not of those that go here: it must not depend on how a run is divided."""
        batches = sum(len(cut(part, self.config.batch_size)) for part in self.columns.parts)
        return decide(self.config.compile, batches * self.config.seeds, self.config.device)

    def _go_through(self, group: range) -> Recorder:
        """From this group to the last; the recorder of the last."""
        threads, config = torch.get_num_threads(), self.config
        forecast = (
            f"time on the CPU (threads: {threads}, seeds: {len(self.seeds)}):" if config.device == "cpu" else None
        )
        with Progress(self.interactions * len(self.seeds), forecast=forecast) as progress:
            progress.skip(self.interactions * (group.start - self.seeds.start))
            while True:
                recorder, group = self._fitting(group, progress)
                for i, seed in enumerate(group):
                    self.finished[f"finished.sums.{seed}"] = recorder.sums[i].to("cpu", copy=True)
                    self.finished[f"finished.held.{seed}"] = recorder.held[i].clone()
                if group.stop == self.seeds.stop:
                    return recorder
                clear()
                group = range(group.stop, min(group.stop + len(group), self.seeds.stop))

    def _fitting(self, group: range, progress: Progress) -> tuple[Recorder, range]:
        """Go through the stream with these seeds, or with the first of them whose memory the device has."""
        while True:
            before, at_once = progress.done, len(group)
            try:
                return self._through_the_stream(group, progress), group
            except RuntimeError as error:
                at_once = _fewer(group, error)
            # no longer in the handler: the error holds on to the method's memory
            self.saved = None
            clear()
            progress.skip(before - progress.done)
            group = group[:at_once]

    def _through_the_stream(self, group: range, progress: Progress) -> Recorder:
        """Run one group of seeds; what it holds in memory is free again afterwards."""
        run = self._begin(group, progress)
        for passed in run.advance():
            progress.add(passed * len(group), run.last_loss)
            if self.checkpoint and self.checkpoint.due():
                bounds = torch.tensor([group.start, group.stop])
                self.checkpoint.save({**run.state_dict(), **self.finished, "group": bounds})
        return run.recorder

    def _begin(self, group: range, progress: Progress) -> Run:
        """A run of these seeds at its start, or where the saved state was."""
        method = self.build(group)
        run = Run(method, self.columns, self.config, self.chunk)
        if self.saved is not None:
            run.load_state_dict(self.saved)
            progress.skip(run.interactions * len(group))
            log.info("seed %d goes on after batch %d", group[0], run.done)
            self.saved = None
        if self.compiles and may_compile(method, self.config.compile):
            compile_step(method, self.config.batch_size)
        if self.config.device == "cuda":
            run.step = Captured(method.step)
        return run

    def _restored(self, saved: dict[str, Tensor], group: range) -> Recorder:
        log.info("all seeds were done; nobody had taken note of it")
        recorder = Run(self.build(group), self.columns, self.config, self.chunk).recorder
        recorder.counts.copy_(saved["counts"])
        return self._joined(recorder)

    def _joined(self, recorder: Recorder) -> Recorder:
        """The recorder with the sums and the held sizes of all seeds."""
        sums, held = (
            torch.stack([self.finished[f"finished.{of}.{seed}"] for seed in self.seeds]) for of in ("sums", "held")
        )
        return recorder.of(sums, held)


def _fewer(group: range, error: RuntimeError) -> int:
    """How many seeds to try together after these failed with an error.

    Raises:
        RuntimeError: the error, which is not about the device's memory.
        InputError: it was a single seed.
    """
    needed = shortage(error)
    if needed is None:
        raise error
    if len(group) == 1:
        raise InputError(
            f"seed {group[0]}: one seed alone does not fit into the GPU's memory ({needed}); expected more free memory"
            " (gpu_share: 1, nothing else on the GPU), smaller embeddings, or device: cpu"
        ) from error
    fewer = math.ceil(len(group) / 2)
    log.info("seeds %d to %d do not fit into the GPU's memory (%s): %d at a time", group[0], group[-1], needed, fewer)
    return fewer
