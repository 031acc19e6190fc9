"""FSE: one embedding size for every id, the table rows straight into the head (AutoEmb, sec. 4; the released code)."""

from typing import Any

import torch
from torch import Tensor, nn

from ._chain import Chained
from ._common import (
    Interactions,
    Learner,
    Recorded,
    Turn,
    TwoSided,
    adam,
    detached,
    has_running_statistics,
    head,
)
from ._pairs import Fast, Pairs, embedding_pairs, head_pairs, map_pairs
from ._selection import Selection
from ._settings import MethodSettings

SMALL: dict[str, Any] = {"hidden": 12, "size": 6}

VARIANTS: list[dict[str, Any]] = [
    {"size": 5, "path": "transform"},
    {"size": 5, "path": "chain"},
    {"size": 5, "rows_optimizer": "sparse", "batch_norm_at_prediction": "running"},
]


class Raw(TwoSided):
    """concat(u, v) into the head."""

    def __init__(self, shape: Any, size: int, hidden: int, running: bool = False) -> None:
        super().__init__()
        self.user = nn.Embedding(shape.users, size)
        self.item = nn.Embedding(shape.items, size)
        self.head = head(2 * size, hidden, shape.outputs, running)

    def forward(self, batch: Interactions, *_: Tensor) -> Tensor:
        """Logits (B, C); there is nothing to weigh."""
        logits: Tensor = self.head(torch.cat([self.user(batch.user), self.item(batch.item)], dim=1))
        return logits


class FSE(Learner):
    """FSE with its default settings."""

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        super().__init__(config, shape, dtype)
        self.w = self.build_w().to(dtype)
        self.adam_w = adam(config.learning_rate, self.w)

    def build_w(self) -> TwoSided:
        """W."""
        return Raw(self.shape, self.config.size, self.config.hidden, has_running_statistics(self.config))

    def step(self, turn: Turn) -> Recorded:
        """Predict the batch, then W <- Adam(grad_W L(batch; W))."""
        return self.learn_w(turn.batch)

    def learn_w(self, batch: Interactions) -> Recorded:
        """The prediction, and W's step."""
        losses, prediction = self.predict(self.w, batch)
        self.descend(self.adam_w, losses, batch)
        return detached(prediction)

    def weights(self, batch: Interactions) -> tuple[Tensor, Tensor]:
        """All on the one size."""
        ones = torch.ones(len(batch.user), 1, dtype=self.dtype)
        return ones, ones

    def pairs(self, method: Any, seed: int) -> Pairs:
        """Its parameters beside those of a seed of the fast method."""
        fast = Fast(method, seed)
        return [*embedding_pairs(self.w, fast), *head_pairs(self.w.head, fast)]


class Twin(MethodSettings, FSE):
    """FSE with any settings: also with the path of the searching methods, or of ESAPN, to the head."""

    def build_w(self) -> TwoSided:
        """W as ``path`` says."""
        config, running = self.config, has_running_statistics(self.config)
        if config.path == "transform":
            return Selection(self.shape, [config.size], config.hidden, running=running)
        if config.path == "chain":
            return Chained(self.shape, [config.size], config.hidden, running=running)
        return super().build_w()

    def pairs(self, method: Any, seed: int) -> Pairs:
        """With what stands between the embeddings and the head."""
        between = [] if self.config.path == "raw" else map_pairs(self.w, Fast(method, seed))
        return [*super().pairs(method, seed), *between]
