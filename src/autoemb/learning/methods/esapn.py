"""ESAPN: a policy lets every id's embedding grow, size by size, by reinforcement learning (Liu et al., SIGIR 2020).

    scores     = policy(popularity, one-hot of the id's size[, its last loss])     two: unchanged, enlarge
    enlarge      e_{k+1} <- M_k(e_k), the id goes on with size k + 1               never beyond the largest size
    prediction = head(u, v), u and v through the chain of maps (``nn.chain``)

Per batch:

    policy <- Adam(grad sum CE(scores, action) * reward)     on the previous batch: actions drawn from softmax(scores),
                                                             sizes and losses of the ids as they are now
    reward  = (1 - loss) - (1 - mean of the id's last T losses), loss that of W at the sizes drawn
    action  = the larger score (of equal ones, unchanged); enlarge; predict the batch
    W      <- Adam(grad_W L(batch; W)), none of it through the enlarging
    size and loss of the batch's ids are stored

Every id begins with the smallest size, and sizes only grow. Each occurrence of an id in a batch has an action of its
own; where any of them enlarges, the id's row of the next size is overwritten, and of repeated ids the last
occurrence's size and loss are stored (released code). Adam's moments of an overwritten row stay.

Departures from the released code, by default:
- the reward's baseline: the mean of the last losses, as in the paper; the code's is none (``baseline``);
- after the policy's step, the rows that its draws overwrote are put back; the code means to, but does not.

The protocol of AutoEmb's text gives it that paper's three candidate ``sizes``; by default it has ESAPN's six.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from autoemb.config import Count, NetworkConfig, Sizes, Width
from autoemb.data.columns import Ids
from autoemb.learning.batch import Batch, Holdout, Lookup, Use, Validation
from autoemb.learning.methods.contract import Method, Prediction
from autoemb.learning.methods.state import Memory
from autoemb.learning.nn.chain import ChainModel
from autoemb.learning.nn.controller import Controllers
from autoemb.learning.nn.layers import Generators
from autoemb.learning.optim.group import Group, Values

REPRODUCES = ("paper", "released-code", "esapn-paper")
Baseline = Literal["mean-of-last", "last", "none"]


class Config(NetworkConfig):
    """Settings of ESAPN."""

    sizes: Sizes = (2, 4, 8, 16, 64, 128)
    """Candidate sizes, ascending (ESAPN, sec. 4)."""

    weights_learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    """Of Adam on the policy (released code)."""

    controller_hidden: Width = 512
    """Width of the policy's hidden layer (released code)."""

    last_loss: bool = False
    """Whether the policy also sees the id's last loss (released code's policy 2; its default is 1, without)."""

    reward_window: Count = 5
    """T: losses of an id, one per batch, that are remembered (ESAPN, sec. 4)."""

    baseline: Baseline = "mean-of-last"
    """What the reward compares 1 - loss with: 1 - the mean of the id's last T losses, or of as many as there are
    (the paper); 1 - its last loss; or nothing (released code's default)."""

    batch_norm_over: Literal["all", "chosen"] = "all"
    """Whose statistics BatchNorm takes: of every size, those of all ids of the batch (released code), or those of
    the chosen vectors (``nn.chain``). With ``chosen``, enlarging by itself does not change a prediction, and so no
    reward depends on the action drawn: the policy's gradient is zero on average over the draws, but for the ids of
    the largest size, which draw none. With ``all``, a reward depends on it by the sizes' statistics alone."""


def anywhere(marked: Tensor, ids: Lookup) -> tuple[Tensor, Tensor]:
    """Of occurrences that are marked or not (S, 2, B): which rows have one that is (S, R), and whose (S, 2, B)."""
    rows = marked.new_zeros(len(marked), len(ids.rows), dtype=torch.int64)
    rows = rows.index_add(1, ids.inverse, marked.flatten(1).long()) > 0
    return rows, rows.index_select(1, ids.inverse).view(marked.shape)


class State:
    """What is remembered of a batch's ids: ``context`` (S, 2, 2 + T, B) is size, number of losses, losses."""

    def __init__(self, context: Tensor, sizes: int) -> None:
        size, self.number, self.losses = context[:, :, :1], context[:, :, 1:2], context[:, :, 2:]
        steps = torch.arange(sizes, device=context.device)[:, None]
        self.current = (size == steps).to(context.dtype)
        """The size as one-hot (S, 2, K, B)."""
        self.may_grow = self.current[:, :, -1:] == 0
        """(S, 2, 1, B)"""

    def baseline(self, kind: Baseline) -> Tensor:
        """What rewards are compared with: 1 - the mean of as many of the last losses as there are (S, 2, 1, B)."""
        if kind == "none":
            return torch.zeros_like(self.number)
        t = torch.arange(self.losses.shape[2], device=self.losses.device)[:, None]
        counts = t < (self.number if kind == "mean-of-last" else self.number.clamp(max=1))
        return 1 - (self.losses * counts).sum(2, keepdim=True) / counts.sum(2, keepdim=True)

    def after(self, grows: Tensor) -> Tensor:
        """The one-hot sizes (S, 2, K, B), one larger where ``grows`` (S, 2, 1, B)."""
        return torch.where(grows, self.current.roll(1, dims=2), self.current)

    def following(self, sizes: Tensor, losses: Tensor) -> Tensor:
        """What to remember after a batch with the one-hot sizes (S, 2, K, B) and losses (S, B)."""
        t, size = self.losses.shape[2], sizes.argmax(2, keepdim=True).to(losses.dtype)
        latest = losses[:, None, None].expand_as(size)
        return torch.cat([size, (self.number + 1).clamp(max=t), latest, self.losses[:, :, : t - 1]], dim=2)


class Model(Method):
    """W, the policy, and the memory of each id's size and last losses."""

    validation: Validation | None = "last_batch"
    draws = 2  # one action per side

    def build(self, config: Config, dice: Generators) -> None:
        """W first, then the policy. No id has a loss yet; the policy is shown 1 for it (released code)."""
        self.sizes, self.baseline, self.last_loss = config.sizes, config.baseline, config.last_loss
        self.rates = {"w": config.learning_rate, "theta": config.weights_learning_rate}
        self.chain = ChainModel(config.sizes, config.hidden, self.shape.outputs, config.batch_norm_over)
        self.model = self.chain
        self.add_candidates(config, dice)
        self.policy = Controllers(len(config.sizes) + config.last_loss, 2, config.controller_hidden)
        counts = self.shape.user_popularity + 1, self.shape.item_popularity + 1
        self.add_dense("theta", self.policy.parameters(counts, dice))
        use, width = Use("popularity", "theta", config.moves_unused_rows), self.policy.popularity_width
        self.add_table("popularity", use, sum(counts), (width,), dice)
        # size, number of losses, losses
        self.remember_of_every_id(torch.tensor([0.0, 0.0, 1.0, *[0.0] * (config.reward_window - 1)]))

    def scores(self, theta: Values, state: State) -> Tensor:
        """The policy's, of leaving each size unchanged and of enlarging it: (S, 2, 2, B)."""
        shown = torch.cat([state.current, state.losses[:, :, :1]], dim=2) if self.last_loss else state.current
        return self.policy.scores(theta.dense, theta.rows["popularity"][0], shown)

    def state(self, context: Tensor) -> State:
        """What the memory knows of the batch's ids."""
        return State(context, len(self.sizes))

    def weigh(self, theta: Values, context: Tensor, batch: Batch) -> Tensor:
        """1 for the size that the policy prefers, the present one or the next."""
        state = self.state(context)
        scores = self.scores(theta, state)
        return state.after((scores[:, :, 1:] > scores[:, :, :1]) & state.may_grow)

    def record(self, w: Values, theta: Values, context: Tensor, batch: Batch) -> Prediction:
        """At the sizes of ``weigh``, with the embeddings that would be enlarged."""
        sizes = self.weigh(theta, context, batch)
        return self.predict(self.enlarged(w, self.state(context), sizes, batch), sizes, batch)

    def learn(self, w: Group, theta: Group, memory: Memory, batch: Batch) -> Prediction:
        """Enlarge, predict, W's step, the memory; then the policy's step on the same batch (``validate``)."""
        with torch.no_grad():
            sizes = self.weigh(theta.values(track_statistics=True), memory.context(), batch)
            self.enlarge(w, self.state(memory.context()), sizes, batch)
        prediction = w.descend(lambda values: self.predict(values, sizes, batch))
        self.remember(memory, prediction)
        if batch.theta_learns:
            self.validate(w, theta, memory, Holdout(batch))
        return prediction

    def validate(self, w: Group, theta: Group, memory: Memory, holdout: Holdout) -> Prediction:
        """The policy's step by REINFORCE, with the ids' sizes and losses as they are now."""
        state, w_values = self.state(memory.context()), w.values()

        def reinforce(theta_values: Values) -> Prediction:
            return self.reinforce(w_values, theta_values, state, holdout.batch)

        return theta.descend(reinforce, track_statistics=False)

    def reinforce(self, w: Values, theta: Values, state: State, batch: Batch) -> Prediction:
        """The prediction at sizes drawn from the policy; its losses are REINFORCE's, CE(scores, action) * reward."""
        scores = self.scores(theta, state)  # (S, 2, 2, B)
        enlarges = batch.noise[:, :, None] < torch.softmax(scores.detach(), dim=2)[:, :, 1:]
        action = enlarges & state.may_grow  # (S, 2, 1, B)
        sizes = state.after(action)
        drawn = self.predict(self.enlarged(w, state, sizes, batch), sizes, batch)
        reward = (1 - drawn.losses[:, None, None]) - state.baseline(self.baseline)  # (S, 2, 1, B)
        errors = -torch.log_softmax(scores, dim=2).gather(2, action.long())  # CE of each action
        return drawn._replace(losses=(errors * reward).sum((1, 2)))

    def enlarged(self, w: Values, state: State, sizes: Tensor, batch: Batch) -> Values:
        """The embeddings; where an occurrence of an id has a larger size than is stored, the next made of the present.

        Nothing is kept of it.
        """
        grows = anywhere(sizes.argmax(2) > state.current.argmax(2), batch.lookups["id"])[1][:, :, None]
        rows = self.chain.enlarged(w.dense, w.rows["candidates"], state.current, grows)
        return w._replace(rows={**w.rows, "candidates": rows})

    def enlarge(self, w: Group, state: State, sizes: Tensor, batch: Batch) -> None:
        """``enlarged``, kept; Adam's moments stay."""
        ids, part = batch.lookups["id"], w.rows["candidates"]
        enlarged = self.enlarged(w.values(), state, sizes, batch).rows["candidates"]
        occurrences = torch.cat([rows.transpose(2, 3).flatten(1, 2) for rows in enlarged], dim=2)  # (S, 2B, W)
        grows = anywhere(sizes.argmax(2) > state.current.argmax(2), ids)[0][:, :, None]  # (S, R, 1)
        value = torch.where(grows, occurrences.index_select(1, ids.last), part.slot.value)
        w.rows["candidates"] = part._replace(slot=part.slot._replace(value=value))

    def remember(self, memory: Memory, prediction: Prediction) -> None:
        """Store the sizes and add the losses; of repeated ids, the last occurrence's."""
        memory.store(self.state(memory.context()).following(prediction.weights, prediction.losses.detach()))

    def held(self, users: Ids, items: Ids) -> Tensor:
        """How many of these distinct ids hold an embedding of each size, one each: (S, 2, K) float64."""
        sizes = self.memory[:, :, 0].long().cpu()  # (S, V + 1)
        sides = [sizes[:, torch.from_numpy(ids).long()] for ids in (users, items + self.shape.users)]
        return torch.stack([functional.one_hot(side, len(self.sizes)).sum(1) for side in sides], dim=1).double()
