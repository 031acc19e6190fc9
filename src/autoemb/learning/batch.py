"""One mini-batch as a method sees it."""

from typing import Literal, NamedTuple

from torch import Tensor

from autoemb.data.columns import Key

Optimizer = Literal["w", "theta"]
"""Whose parameters it moves: ``w`` those of the model, W; ``theta`` those that make the candidates' weights, Theta."""

Validation = Literal["last_batch", "last_random", "next_batch"]
"""What Theta learns from: ``methods._bilevel.Validated`` says of each what it is."""


class Lookup(NamedTuple):
    """The distinct rows behind a batch's 2B keys, users' first, then items'."""

    rows: Tensor
    """(R,), R = 2B, ascending, filled up with the tables' spare row."""
    inverse: Tensor
    """(2B,): which of ``rows`` each occurrence is."""
    last: Tensor
    """(R,): the position of each row's last occurrence."""


class Use(NamedTuple):
    """How a method uses a table."""

    key: Key
    optimizer: Optimizer
    dense: bool = True
    """Whether its rows move where a batch does not use them (dense Adam), or stay (row-sparse Adam)."""


class Batch(NamedTuple):
    """One mini-batch of the stream, shared by all seeds."""

    label: Tensor
    """(B,) int64"""
    popularity: Tensor
    """(2, B) int64: the stream's running popularity of the users and of the items, the interaction itself counted."""
    seen: Tensor
    """(2, B) int64: interactions of each user and each item in the batches before this one. These counts never
    restart, also where those of ``popularity`` do at the test part."""
    bins: Tensor
    """(2, B) int64: number of the bin (``schema.POPULARITY_BIN_LOWS``) of each ``popularity``."""
    lookups: dict[Key, Lookup]
    coefficients: dict[str, Tensor]
    """By table (R, 6): from where its rows stand to where this batch needs them (``optim.rows.Decay``)."""
    steps: dict[Optimizer, Tensor]
    """By optimiser, the number of the step that this batch makes; () float32."""
    corrections: dict[Optimizer, Tensor]
    """By optimiser (2,): ``optim.adam.corrections`` of that step."""
    theta_learns: bool
    """Whether Theta learns from this batch."""
    noise: Tensor
    """(S, N, B): uniform numbers in [0, 1), the method's ``draws`` N of them for each interaction."""
    holdout: "Holdout | None" = None
    """What Theta learns from before W learns from this batch, where it has to be looked up apart: interactions drawn
    from those before the batch (``last_random``); or, where W's step is unrolled on the batch before, this batch
    together with that one (``next_batch``)."""

    def cut(self, of: slice) -> "Batch":
        """With the labels, the counts and the noise of some of its interactions; what it looks up stays."""
        return self._replace(
            label=self.label[of],
            popularity=self.popularity[:, of],
            seen=self.seen[:, of],
            noise=self.noise[..., of],
        )


class Holdout(NamedTuple):
    """Interactions from which Theta learns, and W does not learn while Theta does."""

    batch: Batch
    validated: int | None = None
    """So many interactions of ``batch``, the first, are validated; the others are those of the batch before, on which
    W's unrolled step is made. None: all are validated, and all are what that step is made on."""
