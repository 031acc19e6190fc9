"""AutoEmb: controllers weigh each id's candidate embeddings by its popularity (Zhao et al., sec. 3, Algorithm 1).

    alpha, beta = Theta(popularity, context)             softmax over the K candidates, per user and item
    u = 1/K sum_k alpha_k tanh(BN(W_k e_k))              items likewise with beta
    prediction  = head(u, v)

Algorithm 1, with the first-order hypergradient (xi = 0):

    for every batch t of the stream:
        Theta <- Adam(grad_Theta L(batch t-1; W, Theta))    the validation batch: the one W was just trained on,
                                                            with its own popularity and the memory as it is now
        alpha, beta by the new Theta; predict batch t
        W     <- Adam(grad_W L(batch t; W, Theta))
        memory of the batch's ids <- their alpha, beta and losses; of repeated ids the last occurrence wins

That is the released order: Theta on batch t-1, then W on batch t. We re-phase it: W on batch t, then Theta on the same
batch t. It is the same sequence of updates, but each batch's rows are gathered once. It is ``validation: last_batch``;
``_bilevel.Validated`` has the other two, and ``_bilevel`` the hypergradient with xi > 0.

Departures from the paper's text, by default:
- the context is the previous weights (``policy`` 1, the released code's) without the last loss (2), which would
  tell Theta the validation batch's labels: see ``ControllerConfig.policy``;
- the validation batch is the last one (``validation: last_batch``, the released code's); Algorithm 1 draws it from
  the previous interactions (``last_random``).

Departures from the released code, by default:
- three candidate ``sizes``, 2, 16 and 128 (the paper's Fig. 1), instead of the code's six from 2 to 128;
- 1/K before the sum (``mean``), and one BatchNorm per candidate (``batch_norm``): the paper's text and Fig. 3;
- the memory of the weights starts at (1, 0, ..., 0) in both tasks; the released classification starts at 1.5
  (``released_code_quirks.classification_start``);
- with policy 2, the item's last loss is read from the item's memory; the released code reads the user's by the
  item's id (``released_code_quirks.item_context_loss``).
"""

from autoemb.learning.batch import Batch, Holdout
from autoemb.learning.methods._bilevel import BilevelMethod, Validated
from autoemb.learning.methods._controlled import ControlledMethod, ControllerConfig
from autoemb.learning.methods.contract import Prediction
from autoemb.learning.methods.state import Memory
from autoemb.learning.nn.layers import Generators
from autoemb.learning.optim.group import Group

REPRODUCES = ("paper", "released-code", "esapn-paper")


class Config(ControllerConfig, Validated):
    """Settings of AutoEmb."""


class Model(ControlledMethod, BilevelMethod):
    """W and Theta, each with an optimiser of its own."""

    def build(self, config: Config, dice: Generators) -> None:
        """W and the controllers, and what Theta learns from."""
        self.build_controlled(config, dice)
        self.build_validation(config)

    def learn(self, w: Group, theta: Group, memory: Memory, batch: Batch) -> Prediction:
        """Algorithm 1 on one batch."""
        if batch.theta_learns and self.validation == "next_batch":
            return self.learn_held_out(w, theta, memory, batch)
        prediction = self.learn_w(w, theta, memory, batch)  # W     <- Adam(grad_W     L(batch; W, Theta))
        self.remember(memory, prediction)  # memory <- alpha, beta, losses
        if batch.theta_learns:
            self.validate(w, theta, memory, Holdout(batch))  # Theta <- Adam(grad_Theta L(batch; W, Theta))
        return prediction
