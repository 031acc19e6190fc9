"""What the searching methods share: their settings, and AutoEmb's architecture, which SAM shares."""

from typing import Annotated, Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from autoemb.config import MethodConfig
from autoemb.methods.base import Method, Prediction
from autoemb.nn.controller import Context, Controllers
from autoemb.nn.layers import Generators
from autoemb.nn.model import Batch, SelectionModel, Shape


class SelectionConfig(MethodConfig):
    """Settings of every method that searches among candidate sizes."""

    sizes: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (2, 16, 128)
    """Candidate sizes d_1 < ... < d_K (AutoEmb, Fig. 1; ESAPN: 2, 4, 8, 16, 64, 128)."""

    weights_learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    """Of dense Adam on what makes the weights, where that has an optimiser of its own (released code)."""

    batch_norm: Literal["per-candidate", "shared"] = "per-candidate"
    """Of the candidates of one side (Fig. 3: one per candidate; released code: shared)."""

    mean: bool = True
    """Whether the weighted sum is divided by K (the paper; the released code does not)."""

    @model_validator(mode="after")
    def _ascending(self) -> "SelectionConfig":
        if list(self.sizes) != sorted(set(self.sizes)):
            raise ValueError(f"sizes {list(self.sizes)}: expected ascending numbers, each once")
        return self

    def model(self, shape: Shape, dice: Generators) -> SelectionModel:
        """W as these settings say."""
        return SelectionModel(shape, self.sizes, self.hidden, dice, self.batch_norm, self.mean)


class ControllerConfig(SelectionConfig):
    """Settings of the methods with controllers."""

    policy: Annotated[int, Field(ge=0, le=2)] = 1
    """The controller's context: 0 popularity only, 1 and the id's previous weights (released code's default),
    2 and its last loss as well (the paper's text). With 2, AutoEmb's validation batch, having just been learnt,
    shows each id its loss on the very interaction that is validated, and so its label: on MovieLens 1M
    (shuffled, regression, seed 0) the test MSE was .1981 with 2 against .1883 with 0 and with 1."""

    controller_hidden: Annotated[int, Field(ge=1)] = 512
    """Width of the controller's hidden layer (released code)."""


class Weights(NamedTuple):
    """alpha and beta, each (S, B, K)."""

    user: Tensor
    item: Tensor


class ControlledMethod(Method):
    """W, the controllers Theta, and the memory of each id's last weights and loss."""

    def build(self, config: ControllerConfig, dice: list[torch.Generator]) -> dict[str, nn.Module]:
        """W first, so that every searching method starts a seed from the same W; then Theta."""
        self.sizes = config.sizes
        shape, k, seeds = self.shape, len(config.sizes), len(dice)
        model = config.model(shape, dice)
        controllers = Controllers(
            shape.user_popularity, shape.item_popularity, k, config.policy, config.controller_hidden, dice
        )
        self.user_context = Context(shape.users, k, config.policy, seeds)
        self.item_context = Context(shape.items, k, config.policy, seeds)
        return {
            "model": model,
            "controllers": controllers,
            "user_context": self.user_context,
            "item_context": self.item_context,
        }

    def weights(self, batch: Batch) -> Weights:
        """What the controllers say of the batch's ids now."""
        user_context, item_context = self.user_context(batch.user), self.item_context(batch.item)
        return Weights(*self.modules["controllers"](batch, user_context, item_context))

    def predict(self, batch: Batch) -> Prediction:
        """See ``Method``; with gradients to W and to Theta."""
        return self.predict_with(batch, self.weights(batch))

    def predict_with(self, batch: Batch, weights: Weights) -> Prediction:
        """The prediction at given weights."""
        return Prediction(self.modules["model"](batch, *weights), *weights)

    def remember(self, batch: Batch, prediction: Prediction, losses: Tensor) -> None:
        """Store the batch's weights and losses (S, B) as its ids' context; of repeated ids, the last wins."""
        self.user_context.store(batch.user, prediction.user_weights.detach(), losses.detach())
        self.item_context.store(batch.item, prediction.item_weights.detach(), losses.detach())
