"""W: candidate embeddings of users and items, their weighted sum, and the head (AutoEmb, sec. 3; Fig. 3)."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from autoemb.config import Task
from autoemb.nn.layers import BatchNorm, Embedding, Generators, Linear


class Batch(NamedTuple):
    """One mini-batch of the stream, shared by all seeds: five vectors (B,) of int64."""

    user: Tensor
    item: Tensor
    label: Tensor
    user_popularity: Tensor
    item_popularity: Tensor


class Shape(NamedTuple):
    """What the tables' sizes depend on."""

    task: Task
    users: int
    items: int
    user_popularity: int
    """Largest running popularity of a user in the stream."""
    item_popularity: int
    classes: int = 5

    @property
    def outputs(self) -> int:
        """Width C of the prediction: one logit, or one per class."""
        return 1 if self.task == "regression" else self.classes


class CandidateEmbeddings(nn.Module):
    """K embeddings of one side's ids, each brought to the common width D = d_K.

    For candidate k: tanh(BN(Linear_k(e_k))), e_k a row of a table (V, d_k). Fig. 3 draws one BatchNorm
    per candidate; the released code shares one's weight and bias across candidates (``shared``),
    its statistics being each candidate's own.
    """

    def __init__(
        self, rows: int, sizes: Sequence[int], dice: Generators, batch_norm: Literal["per-candidate", "shared"]
    ) -> None:
        super().__init__()
        width = max(sizes)
        self.tables = nn.ModuleList(Embedding(rows, size, dice) for size in sizes)
        self.transforms = nn.ModuleList(Linear(size, width, dice) for size in sizes)
        norms = [BatchNorm(width, len(dice)) for _ in (sizes if batch_norm == "per-candidate" else sizes[:1])]
        self.norms = nn.ModuleList(norms)

    def forward(self, ids: Tensor) -> list[Tensor]:
        """The candidates of ``ids`` (B,): K tensors (S, B, D)."""
        shared = len(self.norms) == 1
        return [
            torch.tanh(self.norms[0 if shared else k](transform(table(ids))))
            for k, (table, transform) in enumerate(zip(self.tables, self.transforms, strict=True))
        ]


class Head(nn.Module):
    """BN -> Linear(hidden) -> BN -> tanh -> Linear(C) over the two sides' vectors side by side (released code)."""

    def __init__(self, width: int, hidden: int, outputs: int, dice: Generators) -> None:
        super().__init__()
        self.norm_in = BatchNorm(width, len(dice))
        self.hidden = Linear(width, hidden, dice)
        self.norm_hidden = BatchNorm(hidden, len(dice))
        self.out = Linear(hidden, outputs, dice)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """(S, B, D), (S, B, D) -> logits (S, B, C)."""
        x = self.hidden(self.norm_in(torch.cat([user, item], dim=-1)))  # (S, B, hidden)
        logits: Tensor = self.out(torch.tanh(self.norm_hidden(x)))
        return logits


class SelectionModel(nn.Module):
    """Soft selection: u = scale * sum_k alpha_k c_k for users, likewise beta for items, then the head.

    The paper's scale is 1/K; the released code leaves it out (1).
    """

    def __init__(
        self,
        shape: Shape,
        sizes: Sequence[int],
        hidden: int,
        dice: Generators,
        batch_norm: Literal["per-candidate", "shared"] = "per-candidate",
        mean: bool = True,
    ) -> None:
        super().__init__()
        self.user = CandidateEmbeddings(shape.users, sizes, dice, batch_norm)
        self.item = CandidateEmbeddings(shape.items, sizes, dice, batch_norm)
        self.head = Head(2 * max(sizes), hidden, shape.outputs, dice)
        self.scale = 1 / len(sizes) if mean else 1.0

    def forward(self, batch: Batch, user_weights: Tensor, item_weights: Tensor) -> Tensor:
        """Weights (S, B, K) per side -> logits (S, B, C)."""
        user = self._select(self.user(batch.user), user_weights)
        item = self._select(self.item(batch.item), item_weights)
        logits: Tensor = self.head(user, item)
        return logits

    def _select(self, candidates: list[Tensor], weights: Tensor) -> Tensor:
        shares = (self.scale * weights).unbind(-1)  # K of (S, B)
        total = candidates[0] * shares[0][..., None]
        for candidate, share in zip(candidates[1:], shares[1:], strict=True):
            total = torch.addcmul(total, candidate, share[..., None])
        return total  # (S, B, D)


class RawModel(nn.Module):
    """The released code's FSE: both sides' rows straight into the head, no transform of their own."""

    def __init__(self, shape: Shape, size: int, hidden: int, dice: Generators) -> None:
        super().__init__()
        self.user = Embedding(shape.users, size, dice)
        self.item = Embedding(shape.items, size, dice)
        self.head = Head(2 * size, hidden, shape.outputs, dice)

    def forward(self, batch: Batch) -> Tensor:
        """Logits (S, B, C)."""
        logits: Tensor = self.head(self.user(batch.user), self.item(batch.item))
        return logits
