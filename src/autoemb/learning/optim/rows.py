"""Exact lazy rows: dense Adam over a table, computed only for the rows that a batch looks at.

Dense Adam goes on moving a row that is not in the batch, by its momentum; results depend on it
(row-sparse Adam is another method, and differs most for rare ids). The motion has a closed form. A
row that stands at step s with m and v, untouched for k steps, has

    m <- b1^k m        v <- b2^k v        p <- p - lr m sum_j w_j / (sqrt(v) + eps q_j),   j = 1 .. k
    w_j = (b1 / sqrt(b2))^j c_{s+j},  c_t = sqrt(1 - b2^t) / (1 - b1^t),  q_j = sqrt(1 - b2^{s+j}) b2^{-j/2}

The sum depends on sqrt(v), so on every number of the row; but it is an integral of a smooth function
against k point masses w_j / q_j at q_j, of which only the first moments N_i = sum_j w_j q_j^(i-1)
matter: a Gauss rule with two nodes that has N_0 .. N_3 replaces it,

    sum_j w_j / (sqrt(v) + eps q_j)  ~  a_1 / (sqrt(v) + eps x_1) + a_2 / (sqrt(v) + eps x_2)

It is exact for k <= 2, for sqrt(v) far above eps and for sqrt(v) far below it. Its relative error is largest
at sqrt(v) = 3e-10: below 1e-2 for rows that stand at the first step, 1e-4 from step 20 on, 1e-6 from step
100 on (``tests/test_optim.py``).
The moments are differences of tables of tails, T_i[s] = r_i (y_i[s+1] + T_i[s+1]) with
r_i = b1 / b2^(i/2) and y_i[t] = (1 - b2^t)^(i/2) / (1 - b1^t):  N_i(s, k) = T_i[s] - r_i^k T_i[s+k].
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autoemb.learning.nn.layers import Generators
from autoemb.learning.optim.adam import BETA1, BETA2, EPS, Slot, corrections

Steps = npt.NDArray[np.int64]
COEFFICIENTS = 6
"""a_1, eps x_1, a_2, eps x_2, b1^k, b2^k."""


class Decay:
    """What rows do by themselves between two steps, for any pair of steps up to ``steps``."""

    def __init__(self, steps: int) -> None:
        ratios = BETA1 / BETA2 ** (np.arange(4) / 2)
        gaps = np.arange(steps + 1)
        self.powers = ratios[:, None] ** gaps
        self.decays = np.array([[BETA1], [BETA2]]) ** gaps
        # beyond 400 steps the weights are below 1e-18 of the first. The sums of every block of steps begin
        # at its own end, so that they are the same to the last bit however long the stream is.
        block, reach = 1024, 400
        starts = np.arange(0, steps + 1, block)
        t = starts[:, None] + np.arange(1, block + reach + 1)  # (blocks, steps of a block and its reach)
        bias, root = corrections(t.ravel()).T.reshape(2, *t.shape)  # 1 - b1^t, sqrt(1 - b2^t)
        y = np.stack([1 / bias, root / bias, root * root / bias, root * root * root / bias])  # (4, blocks, steps)
        tails = np.empty_like(y)
        tail = np.zeros(y.shape[:2])
        for j in reversed(range(y.shape[2])):
            tail = ratios[:, None] * (y[:, :, j] + tail)
            tails[:, :, j] = tail
        self.tails = tails[:, :, :block].reshape(4, -1)

    def coefficients(self, since: Steps, until: Steps) -> npt.NDArray[np.float64]:
        """Of rows that stand at the steps ``since`` and are needed as of ``until``: (N,), (N,) -> (N, 6)."""
        k = until - since
        moments = self.tails[:, since] - self.powers[:, k] * self.tails[:, until]
        total = np.where(k > 0, moments[0], 0.0)
        mean, second, third = np.where(k > 0, moments[1:] / np.where(k > 0, total, 1.0), 1.0)
        variance = second - mean**2
        two = variance > 1e-11 * mean**2  # else there is one mass, and the rest is rounding
        variance = np.where(two, variance, 1.0)
        skew = (third - mean**3 - 3 * mean * variance) / variance
        spread = np.sqrt(skew**2 + 4 * variance)
        # two nodes about the mean, low * high = -variance, and the share of the mass at the high one
        low, high = np.where(two, (skew - spread) / 2, 0.0), np.where(two, (skew + spread) / 2, 0.0)
        share = np.where(two, -low / spread, 0.5)
        x1, x2 = mean + low, mean + high
        nodes = [total * (1 - share) * x1, EPS * x1, total * share * x2, EPS * x2]
        return np.stack([*nodes, *self.decays[:, k]], axis=1)


def catch_up(rows: Slot, coefficients: Tensor, rate: float) -> Slot:
    """Move rows (S, R, W), which stand at earlier steps, to now; coefficients (R, 6) of ``Decay``."""
    a1, x1, a2, x2, decay1, decay2 = (column[:, None] for column in coefficients.unbind(1))
    root = torch.sqrt(rows.square)
    value = rows.value - rate * rows.moment * (a1 / (root + x1) + a2 / (root + x2))
    return Slot(value, rows.moment * decay1, rows.square * decay2)


Fill = Callable[[Tensor, torch.Generator], Tensor]
"""Fills a tensor from a seed's dice."""


def normal(values: Tensor, generator: torch.Generator) -> Tensor:
    """normal(0, 1): PyTorch's start of an embedding."""
    return values.normal_(generator=generator)


def uniform_signed(values: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform in ±1: times 1/sqrt(fan in), PyTorch's start of a linear map."""
    return values.uniform_(-1, 1, generator=generator)


class Table:
    """A table of V rows and W columns per seed under lazy Adam.

    ``packed`` (S, V + 1, 3, W) holds values, moments and squares side by side, so that a row is read and
    written as one; its last row is spare, for batches with fewer distinct rows than others.
    """

    BLOCK = 65_536
    """Rows drawn, or brought up to date, at a time: bounds the memory of both."""

    def __init__(
        self,
        rows: int,
        width: int,
        dice: Generators,
        dtype: torch.dtype,
        device: str,
        fill: Fill = normal,
        scale: Tensor | None = None,
    ) -> None:
        """Draw the rows, in blocks, seed by seed; ``scale`` (V or 1, W or 1) multiplies what ``fill`` drew."""
        self.rows, self.width = rows, width
        self.packed = torch.zeros(len(dice), rows + 1, 3, width, dtype=dtype, device=device)
        for block in self._blocks():
            for s, generator in enumerate(dice):
                values = torch.empty(block.stop - block.start, width)
                drawn = fill(values, generator)
                if scale is not None:
                    drawn = drawn * (scale[block] if len(scale) > 1 else scale)
                self.packed[s, block, 0] = drawn.to(device, dtype)

    def gather(self, rows: Tensor) -> Tensor:
        """Some rows (R,) of every seed: (S, R, 3, W)."""
        return self.packed.index_select(1, rows)

    def scatter(self, rows: Tensor, values: Tensor) -> None:
        """Put rows back. The spare row may be among them many times, each with the same values."""
        self.packed.index_copy_(1, rows, values)

    def flush(self, decay: Decay, since: Steps, until: int, rate: float) -> None:
        """Bring every row, from the step at which it stands, up to step ``until``, so that the table can be read whole.

        Args:
            decay: for all steps up to ``until``.
            since: at which step each row stands (V + 1,); afterwards ``until``.
            until: the step.
            rate: Adam's learning rate.
        """
        for block in self._blocks():
            stands = since[block]
            coefficients = torch.from_numpy(decay.coefficients(stands, np.full_like(stands, until))).to(self.packed)
            slot = Slot(*self.packed[:, block].unbind(2))
            self.packed[:, block] = torch.stack(catch_up(slot, coefficients, rate), dim=2)
            since[block] = until

    def values(self) -> Tensor:
        """The parameters (S, V, W); after ``flush``, those of dense Adam."""
        return self.packed[:, : self.rows, 0]

    def _blocks(self) -> Iterator[slice]:
        for start in range(0, self.rows, self.BLOCK):
            yield slice(start, min(start + self.BLOCK, self.rows))
