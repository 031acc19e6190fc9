"""Mask: popularity decides the size of every id by a rule, and nothing learns how.

    n      = interactions of the id in the batches before: never restarting, never looking ahead
    d(n)   = sizes_k, k the largest with n >= t_k                                  ``thresholds``
    d(n)   = the smallest size that is at least D min(1, n / full_at)^exponent     ``power``, D the largest size
    e      = the first d(n) numbers of the id's row, which is D long; behind them zeros, put there after the BatchNorm
    W     <- Adam(grad_W L(batch; W)), FSE's of size D by the ``raw`` path; masked numbers have no gradient

The null hypothesis of every method that learns who gets which size. A number that no batch has used yet has no moments
either, so it stays at its start until the id has earned it. Zeros before the BatchNorm would leave it columns in which
a few numbers are not 0, which it blows up to the root of the batch's length, and rounding with them. A size of 0 leaves
an id nothing of its own. One size alone is FSE of that size; one for users and another for items are unequal
embeddings.

Sources: Ginart et al., *Mixed dimension embeddings with application to memory-efficient recommendation systems*, 2019,
arXiv 1909.11810 (sizes by a power of popularity); frequency thresholds are common practice in large tables. Of no paper
that is reproduced here. Departures: counts run along the stream instead of being known beforehand; sizes are rounded up
to one of a few; and every row is as wide as the largest size, with no map from a smaller one (assumptions).
"""

from typing import Annotated, Literal

import torch
from pydantic import AfterValidator, Field, model_validator
from torch import Tensor
from torch.nn import functional

from autoemb.config import Count, NetworkConfig, refuse_unordered
from autoemb.data.columns import Ids
from autoemb.learning.batch import Batch
from autoemb.learning.methods._fixed import FixedMethod
from autoemb.learning.methods.contract import Prediction
from autoemb.learning.methods.state import Memory
from autoemb.learning.nn.layers import Generators
from autoemb.learning.nn.model import PrefixModel
from autoemb.learning.optim.group import Group, Values

Numbers = Annotated[
    tuple[Annotated[int, Field(ge=0, le=2**16)], ...], Field(min_length=1), AfterValidator(refuse_unordered)
]
"""Ascending whole numbers from 0, each once."""

NEVER = 2**31 - 1
"""Interactions that no id has."""


class Config(NetworkConfig):
    """Settings of the mask."""

    sizes: Numbers = (2, 16, 128)
    """Candidate sizes, ascending; the first may be 0 (AutoEmb, Fig. 1)."""

    rule: Literal["thresholds", "power"] = "thresholds"
    """How the size follows from the count of an id."""

    from_ratings: Numbers | None = None
    """t: of each size, the interactions from which on an id has it, the first 0; left out, 0, 10, 100 and so on, ten
    times as many each (assumption)."""

    item_sizes: Numbers | None = None
    """Of items, where theirs are others than those of users."""

    item_from_ratings: Numbers | None = None
    """Of items, where they differ; left out, those of users, or with ``item_sizes`` 0, 10, 100 and so on."""

    exponent: Annotated[float, Field(gt=0)] = 0.3
    """Of ``power`` (arXiv 1909.11810)."""

    full_at: Count = 1000
    """Of ``power``: the interactions with which an id has the largest size (assumption)."""

    @model_validator(mode="after")
    def _fits(self) -> "Config":
        for name, sizes, own in (
            ("from_ratings", self.sizes, self.from_ratings),
            ("item_from_ratings", self.item_sizes or self.sizes, self.item_from_ratings),
        ):
            if own is None:
                continue
            if self.rule == "power":
                raise ValueError(f"{name} {list(own)}: expected none with rule 'power', which makes its own")
            if len(own) != len(sizes) or own[0] != 0:
                raise ValueError(
                    f"{name} {list(own)}: expected one number for each of the sizes {list(sizes)}, from 0 on"
                )
        if max([*self.sizes, *(self.item_sizes or ())]) == 0:
            raise ValueError("sizes [0]: expected a size from 1 on one side at least")
        return self

    def steps(self, side: Literal[0, 1]) -> list[tuple[int, int]]:
        """From how many interactions on an id of users (0) or items (1) has which size, ascending."""
        sizes, own = self.sizes, self.from_ratings
        if side == 1 and (self.item_sizes or self.item_from_ratings):
            sizes, own = self.item_sizes or sizes, self.item_from_ratings or (None if self.item_sizes else own)
        if self.rule == "thresholds":
            return list(zip(own or [0, *(10**k for k in range(1, len(sizes)))], sizes, strict=True))
        return list(zip([0, *(self._too_small(size, sizes[-1]) for size in sizes[:-1])], sizes, strict=True))

    def _too_small(self, size: int, largest: int) -> int:
        """The first count whose D min(1, n / full_at)^exponent is above a size."""
        n = int(self.full_at * (size / largest) ** (1 / self.exponent))
        while largest * min(1.0, n / self.full_at) ** self.exponent <= size:  # the root may be off by rounding
            n += 1
        return n


class Model(FixedMethod):
    """W of the largest size, and the memory of how often each id was seen."""

    def build(self, config: Config, dice: Generators) -> None:
        """W only; the count of every id begins at 0."""
        steps = config.steps(0), config.steps(1)
        sizes = sorted({size for side in steps for _, size in side})
        largest = sizes[-1]
        self.rates = {"w": config.learning_rate, "theta": 0.0}
        self.model = PrefixModel.of(sizes, config.hidden, self.shape.outputs, self.device, self.dtype)
        self.sizes = (largest,)
        self.add_candidates(config, dice)
        self.sizes = tuple(sizes)
        # of a size that a side has, the count from which on it has it; a size that it has not takes no place in between
        own = [{size: count for count, size in side} for side in steps]
        first = [[side.get(size, NEVER) for size in sizes] for side in own]
        self.first = torch.tensor(first, device=self.device)  # (2, K)
        self.remember_of_every_id(torch.tensor([0.0]))

    def weigh(self, theta: Values, context: Tensor, batch: Batch) -> Tensor:
        """1 for the size of each id's count."""
        size = functional.one_hot(self._size(batch.seen[None]), len(self.sizes))  # (1, 2, B, K)
        return size.transpose(2, 3).to(self.dtype).expand(len(self.seeds), -1, -1, -1)

    def learn(self, w: Group, theta: Group, memory: Memory, batch: Batch) -> Prediction:
        """Predict, W's step, and count."""
        prediction = super().learn(w, theta, memory, batch)
        memory.add(torch.ones_like(memory.context()))
        return prediction

    def held(self, users: Ids, items: Ids) -> Tensor:
        """How many of these distinct ids hold an embedding of each size at their counts: (S, 2, K) float64."""
        counts = self.memory[:, :, 0].long().cpu()  # (S, V + 1)
        of_side = []
        for side, ids in enumerate((users, items + self.shape.users)):
            seen = counts[:, torch.from_numpy(ids).long()]  # (S, ids)
            size = self._size(seen[:, None].expand(-1, 2, -1).to(self.device))[:, side]
            of_side.append(functional.one_hot(size, len(self.sizes)).sum(1))
        return torch.stack(of_side, dim=1).double().cpu()

    def _size(self, seen: Tensor) -> Tensor:
        """The place in ``sizes`` of the size of ids that were seen so often: (S, 2, B) -> (S, 2, B)."""
        earned = seen[:, :, None] >= self.first[:, :, None]  # (S, 2, K, B)
        return (earned * torch.arange(1, len(self.sizes) + 1, device=seen.device)[:, None]).amax(2) - 1
