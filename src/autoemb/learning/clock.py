"""How far behind every row of every table is, and how many steps each optimiser has made."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from autoemb.learning.batch import Optimizer
from autoemb.learning.optim.rows import Decay

Steps = npt.NDArray[np.int64]


class Clock:
    """The time of lazy rows: a method holds it, and a plan that learns moves it on.

    A plan prepares batches ahead of the steps that learn from them, and writes into ``since``, ahead of time, at which
    step their rows will stand. So only one plan can be under way: from ``begin`` to ``end``, rows stand where ``since``
    says only between two of its chunks.

    Attributes:
        since: by table (V + 1,): the step of the table's optimiser at which each row stands.
        steps: by optimiser, the steps that the plans before have made.
        decay: what rows do by themselves between two steps, for all steps up to the end of the plan.
        is_open: whether a plan is under way.
    """

    def __init__(self) -> None:
        self.since: dict[str, Steps] = {}
        self.steps: dict[Optimizer, int] = {"w": 0, "theta": 0}
        self.decay = Decay(0)
        self.is_open = False

    def add(self, table: str, rows: int) -> None:
        """Begin with a table whose rows, V of them and a spare one, stand at the start."""
        self.since[table] = np.zeros(rows + 1, dtype=np.int64)

    def begin(self, steps: Mapping[Optimizer, int]) -> None:
        """A plan sets out to make so many more steps of each optimiser.

        Raises:
            RuntimeError: another plan is under way.
        """
        if self.is_open:
            raise RuntimeError("a plan that learns is under way; expected it to be gone through before another begins")
        self.decay, self.is_open = Decay(max(self.steps[name] + steps[name] for name in self.steps)), True

    def end(self, steps: Mapping[Optimizer, int]) -> None:
        """The plan has made its steps."""
        self.steps, self.is_open = {name: made + steps[name] for name, made in self.steps.items()}, False
