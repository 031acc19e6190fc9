"""Theta: the controllers that weigh the candidates by an id's popularity and context (AutoEmb, sec. 3)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autoemb.learning.nn.layers import Generators, Parameters, batch_norm, norm, tanh, uniform

POPULARITY_WIDTH = 32
"""Columns of the embedding of a popularity (released code)."""


@dataclass(frozen=True)
class Controllers:
    """Popularity and context of an id -> weights over the K candidates; one controller per side (released code).

    Embedding of the raw count (32) -> BN; context beside it; Linear(hidden) -> BN -> tanh -> Linear(K) -> softmax.
    With ``one_hot`` the count itself, as a one-hot vector, and the context go into the first linear map: its
    columns for the counts are looked up in a table, as embeddings are, and added to what it makes of the context.
    """

    context: int
    candidates: int
    hidden: int
    one_hot: bool = False

    @property
    def popularity_width(self) -> int:
        """Columns of the table of popularities."""
        return self.hidden if self.one_hot else POPULARITY_WIDTH

    def parameters(self, counts: tuple[int, int], dice: Generators) -> Parameters:
        """Initial values, those of the two sides in one tensor; ``counts`` are the numbers of popularities."""
        if self.one_hot:
            first = [uniform((1, self.hidden, self.context), n + self.context, dice) for n in counts]
            lowest = {"hidden": torch.cat(first, dim=1)} if self.context else {}
        else:
            width = POPULARITY_WIDTH + self.context
            lowest = norm("norm_popularity", 2 * POPULARITY_WIDTH, len(dice))
            lowest["hidden"] = uniform((2, self.hidden, width), width, dice)
        return {
            **lowest,
            **norm("norm_hidden", 2 * self.hidden, len(dice)),
            "out": uniform((2, self.candidates, self.hidden), self.hidden, dice),
            "out_bias": uniform((2, self.candidates, 1), self.hidden, dice),
        }

    def weights(self, parameters: Parameters, popularity: Tensor, context: Tensor) -> Tensor:
        """What ``scores`` takes -> weights (S, 2, K, B), summing to 1 over K."""
        return torch.softmax(self.scores(parameters, popularity, context), dim=2)

    def scores(self, parameters: Parameters, popularity: Tensor, context: Tensor) -> Tensor:
        """Rows of the popularities (S, 2, 32 or hidden, B), context (S, 2, context, B) -> (S, 2, K, B)."""
        if self.one_hot:
            hidden = popularity + torch.matmul(parameters["hidden"], context) if self.context else popularity
        else:
            x = batch_norm(parameters, "norm_popularity", popularity.flatten(1, 2)).view_as(popularity)
            hidden = torch.matmul(parameters["hidden"], torch.cat([x, context], dim=2))  # (S, 2, hidden, B)
        hidden = tanh(batch_norm(parameters, "norm_hidden", hidden.flatten(1, 2))).view_as(hidden)
        return torch.matmul(parameters["out"], hidden) + parameters["out_bias"]
