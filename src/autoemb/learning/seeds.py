"""A run of several seeds, in groups that the device's memory holds, from checkpoint to checkpoint."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

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
from autoemb.learning.recording import Recording, interactions_by_user, labels_by_bin, stacked

log = logging.getLogger(__name__)

Build = Callable[[Sequence[int]], Method]
"""Makes the method for some seeds."""


def run_stream(
    build: Build,
    columns: Columns | Mapping[int, Columns],
    config: RunConfig,
    checkpoint: Checkpoint | None = None,
    seeds: range | None = None,
    chunk: int = CHUNK,
    by_user: bool = False,
) -> Recording:
    """Run a method over the whole stream for every seed, and return the sums.

    On a CPU, the seeds go one after the other: together they gain nothing, and so a seed's numbers do
    not depend on how many there are. On a GPU they go together if they share a stream; those that do not fit into its
    memory are halved until they do.

    Args:
        build: makes the method for some seeds.
        columns: the stream; or by seed its own, of equally many interactions.
        config: seeds, batches, windows, and how to run them.
        checkpoint: where to leave the state now and then, and to look for one to go on from.
        seeds: those of the run's seeds to go through here; left out, all of them.
        chunk: batches prepared at a time; a state can be saved after each chunk.
        by_user: whether the users of the test part are recorded one by one.

    Raises:
        InputError: a loss was not a finite number, the step cannot be compiled as asked, or the
            device's memory does not hold one seed.
    """
    chosen = range(config.seeds) if seeds is None else seeds
    return _Seeds(build, columns, config, checkpoint, chosen, chunk, by_user).run()


class _Seeds:
    """The seeds of a run on their way through the stream, a group at a time.

    Attributes:
        apart: whether each seed has a stream of its own.
        streams: the stream of each seed.
        finished: what was recorded of the seeds that are through, by the names that a checkpoint gives it.
        saved: the state that a group goes on from; None once it was put back.
        compiles: whether the step is compiled.
        seedless: whether all seeds do the same on the same stream, so that one is enough; known once one has begun.
    """

    def __init__(
        self,
        build: Build,
        columns: Columns | Mapping[int, Columns],
        config: RunConfig,
        checkpoint: Checkpoint | None,
        seeds: range,
        chunk: int,
        by_user: bool,
    ) -> None:
        self.build, self.config, self.by_user = build, config, by_user
        self.checkpoint, self.seeds, self.chunk = checkpoint, seeds, chunk
        self.apart = not isinstance(columns, Columns)
        self.streams = {seed: columns if isinstance(columns, Columns) else columns[seed] for seed in seeds}
        self.parts = self.streams[seeds.start].parts
        self.interactions = sum(part.stop - part.start for part in self.parts)
        self.saved = checkpoint.load() if checkpoint else None
        self.finished = {name: tensor for name, tensor in (self.saved or {}).items() if name.startswith("finished.")}

    def run(self) -> Recording:
        """Every group, one after the other; then their sums together."""
        together = len(self.seeds) if self.config.device == "cuda" else 1
        at_once = 1 if self.apart else self.config.seeds_at_once or together
        self.compiles = self._decide_to_compile()
        group = self.seeds[:at_once]
        if self.saved is not None and all(f"finished.sums.{seed}" in self.finished for seed in self.seeds):
            log.info("all seeds were done; nobody had taken note of it")
            return self._joined(self._at_start(group).recorder)
        if self.saved is not None:
            group = range(*self.saved["group"].tolist())
        recorder = self._go_through(group)
        if self.checkpoint:
            self.checkpoint.finish(self.finished)
        return self._joined(recorder)

    def _decide_to_compile(self) -> bool:
        """By the steps of the run's seeds, not of those that go here: it must not depend on how a run is divided."""
        batches = sum(len(cut(part, self.config.batch_size)) for part in self.parts)
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
                    self._keep(recorder, i, seed)
                if self.seedless and not self.apart:  # the others would do the same
                    for seed in range(group.stop, self.seeds.stop):
                        self._keep(recorder, 0, seed)
                    progress.skip(self.interactions * (self.seeds.stop - group.stop))
                    return recorder
                if group.stop == self.seeds.stop:
                    return recorder
                clear()
                group = range(group.stop, min(group.stop + len(group), self.seeds.stop))

    def _keep(self, recorder: Recorder, i: int, seed: int) -> None:
        """What was recorded of the i-th seed of a group, as that of a seed that is through."""
        for name in ("sums", "held", "users"):
            self.finished[f"finished.{name}.{seed}"] = getattr(recorder, name)[i].to("cpu", copy=True)
        self.finished[f"finished.counts.{seed}"] = recorder.counts.to("cpu", copy=True)

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

    def _at_start(self, group: range) -> Run:
        """A run of these seeds, which share a stream, at its start."""
        return Run(self.build(group), self.streams[group.start], self.config, self.chunk, self.by_user)

    def _begin(self, group: range, progress: Progress) -> Run:
        """A run of these seeds at its start, or where the saved state was."""
        run = self._at_start(group)
        method = run.method
        self.seedless = method.seedless
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

    def _joined(self, recorder: Recorder) -> Recording:
        """What was recorded of all seeds; how the stream is cut, and the sizes, are those of any recorder."""
        of = {
            name: [self.finished[f"finished.{name}.{seed}"] for seed in self.seeds]
            for name in ("counts", "sums", "held", "users")
        }
        own = [self.streams[seed] for seed in (self.seeds if self.apart else self.seeds[:1])]
        classes = 2 if self.config.task == "regression" else self.config.classes
        bins = max(counts.shape[-1] for counts in of["counts"])
        labels = np.stack([labels_by_bin(columns, classes, bins) for columns in own])
        return Recording(
            task=self.config.task,
            sizes=recorder.sizes,
            windows=recorder.windows,
            counts=stacked(of["counts"], 2),
            sums=stacked(of["sums"], 2),
            held=torch.stack(of["held"]),
            labels=np.broadcast_to(labels, (len(self.seeds), *labels.shape[1:])),
            users=torch.stack(of["users"]),
            user_counts=interactions_by_user(own[0], of["users"][0].shape[0])
            if self.by_user
            else np.zeros(0, np.int64),
        )


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
