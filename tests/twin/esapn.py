"""ESAPN: a policy lets every id's embedding grow, size by size, by reinforcement learning (Liu et al., SIGIR 2020).

policy <- Adam(grad sum -log(probability of the action) * reward)    on the previous batch, with actions drawn
reward  = (1 - loss) - (1 - mean of the id's last T losses)
action  = the likelier: unchanged, or enlarge, e_{k+1} <- M_k(e_k); predict the batch
W      <- Adam(grad_W L(batch; W))
sizes and losses of the batch's ids are stored
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ._chain import Chained
from ._common import (
    Interactions,
    Learner,
    Recorded,
    Turn,
    adam,
    detached,
    embeddings,
    has_running_statistics,
    last_occurrences,
    loss_of,
)
from ._controllers import Controllers
from ._pairs import Fast, Pairs, controller_pairs, embedding_pairs, head_pairs, map_pairs
from ._settings import MethodSettings, predicting

SMALL: dict[str, Any] = {"hidden": 12, "sizes": [2, 3, 8], "controller_hidden": 10}

VARIANTS: list[dict[str, Any]] = [
    {"batch_norm_over": "chosen", "last_loss": True},
    {"baseline": "none", "rows_optimizer": "sparse", "embedding_init": 0.1, "rows_learning_rate": 0.01},
    {"sizes": [2, 4], "baseline": "last", "batch_norm_at_prediction": "running"},
    {"batch_norm_over": "chosen", "reward_window": 2, "batch_norm_at_prediction": "running"},
]


class Grown:
    """Of every id of one side, the number of its size (V,), and its losses, one per batch that it was in."""

    def __init__(self, rows: int) -> None:
        self.sizes = torch.zeros(rows, dtype=torch.int64)
        self.losses: list[list[Tensor]] = [[] for _ in range(rows)]

    def store(self, ids: Tensor, weights: Tensor, losses: Tensor) -> None:
        """Sizes as one-hot (B, K) and losses (B,) of a batch's ids; of repeated ids, the last occurrence's."""
        for position in last_occurrences(ids).tolist():
            number = int(ids[position])
            self.sizes[number] = weights[position].argmax()
            self.losses[number].append(losses[position].detach())


class ESAPN(Learner):
    """ESAPN with its default settings."""

    def __init__(self, config: Any, shape: Any, dtype: torch.dtype) -> None:
        super().__init__(config, shape, dtype)
        self.largest = len(config.sizes) - 1
        running = has_running_statistics(config)
        self.w = Chained(shape, config.sizes, config.hidden, config.batch_norm_over, running).to(dtype)
        context = len(config.sizes) + config.last_loss
        self.theta = Controllers(shape, context, 2, config.controller_hidden, running).to(dtype)  # the policy
        self.memory = [Grown(shape.users), Grown(shape.items)]
        self.adam_w = adam(config.learning_rate, self.w)
        self.adam_theta = adam(config.weights_learning_rate, self.theta)

    def step(self, turn: Turn) -> Recorded:
        """The policy's step on the batch before, the enlarging, the prediction, W's step on the batch."""
        if turn.validation is not None:
            self.reinforce(turn.validation)
        return self.learn_w(turn.batch)

    def reinforce(self, batch: Interactions) -> None:
        """policy <- Adam(grad sum -log(probability of the action) * reward), the actions drawn from the policy."""
        probabilities = self.policy(batch)
        actions = self.possible(batch, [u < p[:, 1].detach() for u, p in zip(batch.draws, probabilities, strict=True)])
        losses = loss_of(self.shape.task, self.tried(batch, actions)[0], batch.label)
        total = torch.zeros_like(losses)
        for ids, grown, p, action in zip(batch[:2], self.memory, probabilities, actions, strict=True):
            reward = (1 - losses) - self.baseline([grown.losses[number] for number in ids.tolist()])
            total = total + functional.nll_loss(p.log(), action.long(), reduction="none") * reward
        self.descend(self.adam_theta, total, batch)

    def learn_w(self, batch: Interactions) -> Recorded:
        """Enlarge by the policy; W <- Adam(grad_W L(batch; W)), none of it through the enlarging; the memory."""
        alpha, beta = self.enlarge(batch, self.preferred(batch))
        logits = self.w(batch, alpha, beta)
        losses = loss_of(self.shape.task, logits, batch.label)
        self.descend(self.adam_w, losses, batch)
        for ids, grown, weights in zip(batch[:2], self.memory, (alpha, beta), strict=True):
            grown.store(ids, weights, losses)
        return detached((logits, alpha, beta))

    def policy(self, batch: Interactions) -> list[Tensor]:
        """Of both sides, the probabilities of unchanged and of enlarge (B, 2)."""
        users, items = (self.shown(ids, grown) for ids, grown in zip(batch[:2], self.memory, strict=True))
        return [self.theta.user(batch.user_popularity, users), self.theta.item(batch.item_popularity, items)]

    def shown(self, ids: Tensor, grown: Grown) -> Tensor:
        """What the policy sees of one side's ids (B,) beside their popularity: their sizes as one-hot (B, K)."""
        return functional.one_hot(grown.sizes[ids], self.largest + 1).to(self.dtype)

    def baseline(self, past: list[list[Tensor]]) -> Tensor:
        """What rewards (B,) are compared with: 1 - the mean of the ids' last T losses, or of as many as there are."""
        window = self.config.reward_window
        return torch.stack([1 - torch.stack(losses[-window:]).mean() for losses in past])

    def preferred(self, batch: Interactions) -> list[Tensor]:
        """Of both sides, whether to enlarge (B,): of equal probabilities, no."""
        return self.possible(batch, [p[:, 1] > p[:, 0] for p in self.policy(batch)])

    def possible(self, batch: Interactions, actions: list[Tensor]) -> list[Tensor]:
        """The actions (B,), but never enlarge at the largest size."""
        sides = zip(batch[:2], self.memory, actions, strict=True)
        return [action & (grown.sizes[ids] < self.largest) for ids, grown, action in sides]

    def enlarge(self, batch: Interactions, actions: list[Tensor]) -> list[Tensor]:
        """e_{k+1} <- M_k(e_k) where an action of an id says so; the one-hot sizes (B, K) that come of the actions."""
        sizes = []
        for ids, grown, action, chain in zip(batch[:2], self.memory, actions, (self.w.user, self.w.item), strict=True):
            chain.enlarge(torch.unique(ids[action]), grown.sizes)
            sizes.append(functional.one_hot(grown.sizes[ids] + action, self.largest + 1).to(self.dtype))
        return sizes

    @torch.no_grad()
    def tried(self, batch: Interactions, actions: list[Tensor]) -> Recorded:
        """The prediction by these actions; the rows that they enlarge are put back."""
        tables = [each.weight for _, side in embeddings(self.w) for each in side]
        old = [table.clone() for table in tables]
        alpha, beta = self.enlarge(batch, actions)
        logits = self.w(batch, alpha, beta)
        for table, values in zip(tables, old, strict=True):
            table.copy_(values)
        return logits, alpha, beta

    def pairs(self, method: Any, seed: int) -> Pairs:
        """Its parameters beside those of a seed of the fast method."""
        fast, w = Fast(method, seed), self.w
        of_w = [*embedding_pairs(w, fast), *map_pairs(w, fast), *head_pairs(w.head, fast)]
        return [*of_w, *controller_pairs(self.theta, fast)]


class Twin(MethodSettings, ESAPN):
    """ESAPN with any settings: other baselines, a policy that sees the last loss, running statistics."""

    def recorded(self, batch: Interactions) -> Recorded | None:
        """The prediction by running statistics, with the sizes that the policy prefers by them."""
        if not has_running_statistics(self.config):
            return None
        with predicting(self):
            return self.tried(batch, self.preferred(batch))

    def shown(self, ids: Tensor, grown: Grown) -> Tensor:
        """With the last loss (B,) beside the sizes, 1 for an id that has none."""
        sizes = super().shown(ids, grown)
        if not self.config.last_loss:
            return sizes
        last = [grown.losses[number][-1] if grown.losses[number] else sizes.new_ones(()) for number in ids.tolist()]
        return torch.cat([sizes, torch.stack(last)[:, None]], dim=1)

    def baseline(self, past: list[list[Tensor]]) -> Tensor:
        """The mean of the last losses, the last one, or nothing."""
        if self.config.baseline == "mean-of-last":
            return super().baseline(past)
        last = torch.stack([1 - losses[-1] for losses in past])
        return last if self.config.baseline == "last" else torch.zeros_like(last)
