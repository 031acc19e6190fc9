"""AutoEmb: controllers weigh each id's candidate embeddings by its popularity (Zhao et al., sec. 3, Algorithm 1).

    alpha, beta = Theta(popularity, context)             softmax over the K candidates, per user and item
    u = 1/K sum_k alpha_k tanh(BN(W_k e_k))              items likewise with beta
    prediction  = head(u, v)

Per batch, with the first-order hypergradient (xi = 0):

    Theta <- Adam(grad_Theta L(previous batch; W, Theta))   the validation batch: the one W was just trained on,
                                                            with its own popularity and the memory as it is now
    alpha, beta with the new Theta; predict the batch
    W     <- Adam(grad_W L(batch; W, Theta))
    memory of the batch's ids <- their alpha, beta and losses; of repeated ids the last occurrence wins

That is ``validation: last_batch``; ``_selection.Validated`` has the other two. With ``hypergradient: exact`` (or
``finite-difference``), Theta moves along the whole gradient of Algorithm 1, xi > 0, through one step of W:

    Theta <- Adam(grad_Theta L(validation batch; W - xi grad_W L(batch before; W, Theta), Theta))

W's step is unrolled on the last batch that W has learnt: Algorithm 1 moves Theta before the next one is
there. Which order the paper used is not known; the released code's is the first.

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

from autoemb.learning.methods._selection import BilevelMethod, ControlledMethod, ControllerConfig, Validated

REPRODUCES = ("paper", "released-code", "esapn-paper")


class Config(ControllerConfig, Validated):
    """Settings of AutoEmb."""


class Model(ControlledMethod, BilevelMethod):
    """W and Theta, each with an optimiser of its own."""
