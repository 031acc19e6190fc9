"""W of ESAPN: one embedding per id, of the id's present size, carried up to the largest size by size."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ._common import Interactions, TwoSided, head, norm


class Chain(nn.Module):
    """One side: embeddings of all sizes, each mapped size by size up to the largest, BN, tanh, the chosen.

    BatchNorm's statistics are those of every size over the whole batch, or those of the chosen vectors (``over``).
    """

    def __init__(self, rows: int, sizes: Sequence[int], over: Literal["all", "chosen"], running: bool) -> None:
        super().__init__()
        self.tables: Any = nn.ModuleList(nn.Embedding(rows, size) for size in sizes)
        self.maps: Any = nn.ModuleList(nn.Linear(size, above) for size, above in pairwise(sizes))
        self.norms = nn.ModuleList([norm(sizes[-1], running)])
        self.over = over
        for through in self.maps:
            through.bias.requires_grad_(over == "chosen")  # BN over all takes a bias away again: no gradient

    def forward(self, ids: Tensor, weights: Tensor) -> Tensor:
        """(B,), one-hot (B, K) -> (B, D)."""
        vectors = []
        for k, table in enumerate(self.tables):
            h = table(ids)
            for through in self.maps[k:]:
                h = through(h)
            vectors.append(self.norms[0](h) if self.over == "all" else h)
        chosen = (torch.stack(vectors, dim=1) * weights[:, :, None]).sum(1)
        return torch.tanh(chosen if self.over == "all" else self.norms[0](chosen))

    @torch.no_grad()
    def enlarge(self, ids: Tensor, sizes: Tensor) -> None:
        """e_{k+1} <- M_k(e_k) for these distinct ids, where k is ``sizes`` (V,) of the id."""
        for number in ids.tolist():
            k = int(sizes[number])
            self.tables[k + 1].weight[number] = self.maps[k](self.tables[k].weight[number])


class Chained(TwoSided):
    """u and v through the chain, the head of both."""

    def __init__(
        self,
        shape: Any,
        sizes: Sequence[int],
        hidden: int,
        over: Literal["all", "chosen"] = "all",
        running: bool = False,
    ) -> None:
        super().__init__()
        self.user = Chain(shape.users, sizes, over, running)
        self.item = Chain(shape.items, sizes, over, running)
        self.head = head(2 * sizes[-1], hidden, shape.outputs, running)

    def forward(self, batch: Interactions, alpha: Tensor, beta: Tensor) -> Tensor:
        """One-hot weights (B, K) per side -> logits (B, C)."""
        logits: Tensor = self.head(torch.cat([self.user(batch.user, alpha), self.item(batch.item, beta)], dim=1))
        return logits
