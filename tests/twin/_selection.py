"""W with candidate embeddings: each through its own map, then their weighted sum (AutoEmb, sec. 3; Fig. 3)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ._common import Interactions, TwoSided, has_running_statistics, head, linear, norm


class Candidates(nn.Module):
    """tanh(BN(Linear_k(e_k))) for every candidate size of one side; ``shared``: one BatchNorm for all."""

    def __init__(self, rows: int, sizes: Sequence[int], shared: bool, running: bool) -> None:
        super().__init__()
        width = max(sizes)
        self.tables = nn.ModuleList(nn.Embedding(rows, size) for size in sizes)
        self.maps = nn.ModuleList(linear(size, width, running) for size in sizes)
        self.norms = nn.ModuleList(norm(width, running) for _ in sizes[: 1 if shared else None])

    def forward(self, ids: Tensor) -> Tensor:
        """(B,) -> (B, K, D)."""
        vectors = []
        for k, (table, through) in enumerate(zip(self.tables, self.maps, strict=True)):
            norm = self.norms[min(k, len(self.norms) - 1)]
            vectors.append(torch.tanh(norm(through(table(ids)))))
        return torch.stack(vectors, dim=1)


class Selection(TwoSided):
    """u = 1/K sum_k alpha_k tanh(BN(Linear_k(e_k))), v likewise with beta; the head of both."""

    def __init__(
        self,
        shape: Any,
        sizes: Sequence[int],
        hidden: int,
        shared: bool = False,
        mean: bool = True,
        running: bool = False,
    ) -> None:
        super().__init__()
        self.user = Candidates(shape.users, sizes, shared, running)
        self.item = Candidates(shape.items, sizes, shared, running)
        self.scale = 1 / len(sizes) if mean else 1.0
        self.head = head(2 * max(sizes), hidden, shape.outputs, running)

    def forward(self, batch: Interactions, alpha: Tensor, beta: Tensor) -> Tensor:
        """Weights (B, K) per side -> logits (B, C)."""
        u = self.scale * (self.user(batch.user) * alpha[:, :, None]).sum(1)
        v = self.scale * (self.item(batch.item) * beta[:, :, None]).sum(1)
        logits: Tensor = self.head(torch.cat([u, v], dim=1))
        return logits


def selection(shape: Any, config: Any) -> Selection:
    """W as the settings of a searching method say."""
    shared, running = config.batch_norm == "shared", has_running_statistics(config)
    return Selection(shape, config.sizes, config.hidden, shared, config.mean, running)
