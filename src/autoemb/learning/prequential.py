"""The prequential loop: predict a batch, record, learn from it, go on (AutoEmb, Algorithm 1).

``Run`` is strictly equivalent to this loop, which ``tests/test_prequential.py`` runs beside it::

    batches = [batch for chunk in method.plan(columns, config.batch_size, chunk=1).chunks() for batch in chunk]
    for number, batch in enumerate(batches):
        outcome = method.step(batch)  # predicts, before it uses the labels; then learns
        for side in (0, 1):
            for interaction in range(len(batch.label)):
                cell = windows[number], side, int(batch.bins[side, interaction])
                counts[cell] += 1
                sums[:, *cell] += outcome.statistics[:, side, :, interaction]

``Run`` prepares more batches at a time, adds whole batches, and can be cut between two chunks; ``seeds.py`` has what is
about groups of seeds, memory and checkpoints.
"""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from autoemb.config import RunConfig
from autoemb.data.columns import Columns, cut, occurring
from autoemb.errors import DivergedError
from autoemb.learning.methods.contract import Method
from autoemb.learning.plan import CHUNK
from autoemb.learning.recorder import Recorder, Window


class Run:
    """A method on its way through a stream, chunk by chunk; learning goes on in the test part.

    ``state_dict`` at the end of a chunk holds everything that it needs to go on from there.
    """

    def __init__(
        self, method: Method, columns: Columns, config: RunConfig, chunk: int = CHUNK, by_user: bool = False
    ) -> None:
        """Cut the stream into batches and windows.

        Args:
            method: at its start, or where a state was put back.
            columns: the stream.
            config: task, batches, windows.
            chunk: batches prepared at a time.
            by_user: whether the users of the test part are recorded one by one.
        """
        self.method, self.task, self.columns = method, config.task, columns
        self.plan = method.plan(columns, config.batch_size, chunk=chunk)
        parts = [cut(part, config.batch_size) for part in columns.parts]
        starts = [(split, batch.start) for split, batches in enumerate(parts) for batch in batches]
        per_window = math.ceil(len(starts) / config.windows)
        opens = [i % per_window == 0 for batches in parts for i in range(len(batches))]
        self.windows = np.cumsum(opens) - 1
        """Number of each batch's window; windows begin anew in the test part."""
        windows = [Window(*start) for start, is_first in zip(starts, opens, strict=True) if is_first]
        popularity = max(method.shape.user_popularity, method.shape.item_popularity)
        users = method.shape.users if by_user else 0
        self.recorder = Recorder(len(method.seeds), method.sizes, windows, popularity, method.device, users)
        self.step = method.step
        self.done = 0
        """Batches gone through."""

    @property
    def interactions(self) -> int:
        """Interactions gone through."""
        return self.plan.schedule.batches[self.done - 1].stop if self.done else 0

    def advance(self) -> Iterator[int]:
        """Go on to the end of the stream; yields after every chunk how many interactions it went through.

        Raises:
            DivergedError: a loss was not a finite number.
        """
        for chunk in self.plan.chunks(self.done):
            for batch in chunk:
                outcome = self.step(batch)
                ids = batch.lookups["id"]
                user = ids.rows[ids.inverse[: len(batch.label)]]
                self.recorder.update(int(self.windows[self.done]), batch.bins, outcome.statistics, user)
                self.done += 1
            self.last_loss = float(outcome.prediction.losses.mean())
            self._refuse(math.isfinite(self.last_loss))
            yield sum(len(batch.label) for batch in chunk)
        self._refuse(bool(torch.isfinite(self.recorder.sums).all()))
        self.recorder.held.copy_(self.method.held(*occurring(self.columns, self.method.shape)))

    def state_dict(self) -> dict[str, Tensor]:
        """The method's state, the sums so far, and the number of batches behind it; not copies."""
        done = torch.tensor(self.done)
        sums = {name: getattr(self.recorder, name) for name in ("counts", "sums", "users")}
        return {**self.method.state_dict(), **sums, "done": done}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put a state of ``state_dict`` back."""
        self.method.load_state_dict(state)
        for name in ("counts", "sums", "users"):
            getattr(self.recorder, name).copy_(state[name])
        self.done = int(state["done"])

    def _refuse(self, finite: bool) -> None:
        if not finite:
            raise DivergedError(f"learning_rate: {self.task}: a loss is not a finite number; expected a smaller rate")
