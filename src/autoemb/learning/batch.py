"""One mini-batch as a method sees it."""

from typing import Literal, NamedTuple

from torch import Tensor

from autoemb.data.columns import Key

Optimizer = Literal["model", "weights"]


Validation = Literal["last_batch", "last_random", "next_batch"]


class Lookup(NamedTuple):
    """The distinct rows behind a batch's 2B keys, users' first, then items'."""

    rows: Tensor
    """(R,), R = 2B, ascending, filled up with the tables' spare row."""
    inverse: Tensor
    """(2B,): which of ``rows`` each occurrence is."""
    last: Tensor
    """(R,): the position of each row's last occurrence."""


class Batch(NamedTuple):
    """One mini-batch of the stream, shared by all seeds."""

    label: Tensor
    """(B,) int64"""
    bins: Tensor
    """(2, B) int64: number of the popularity bin (``schema.POPULARITY_BIN_LOWS``) of the users and of the items."""
    lookups: dict[Key, Lookup]
    coefficients: dict[str, Tensor]
    """By table (R, 6): from where its rows stand to where this batch needs them (``optim.rows.Decay``)."""
    steps: dict[Optimizer, Tensor]
    """By optimiser, the number of the step that this batch makes; () float32."""
    corrections: dict[Optimizer, Tensor]
    """By optimiser (2,): ``optim.adam.corrections`` of that step."""
    validates: bool
    """Whether the weights' optimiser learns from this batch."""
    noise: Tensor | None = None
    """(S, N, B): uniform numbers in [0, 1), N of them for each interaction, for a method that draws sizes."""
    asks: bool = False
    """Whether it is a validation batch alone: nothing else learns from it, and nothing is remembered."""
    validated: int | None = None
    """Of a validation batch: so many of its interactions, the first, are validated; the others are those of
    the batch before, on which W's unrolled step is made. None: all are."""
    validation: "Batch | None" = None
    """What is validated before this batch, where it has to be looked up apart: interactions drawn from before
    it (``last_random``), or, where W's step is unrolled on the batch before, this batch (``next_batch``)."""

    def cut(self, of: slice) -> "Batch":
        """With the labels and the noise of some of its interactions; what it looks up stays."""
        return self._replace(label=self.label[of], noise=None if self.noise is None else self.noise[..., of])


class Use(NamedTuple):
    """How a method uses a table."""

    key: Key
    optimizer: Optimizer
    dense: bool = True
    """Whether its rows move where a batch does not use them (dense Adam), or stay (row-sparse Adam)."""
