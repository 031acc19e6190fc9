"""What the searching methods share: their settings, and AutoEmb's architecture, which SAM shares."""

from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from autoemb.config import MethodConfig, Settings, Sizes
from autoemb.errors import InputError
from autoemb.learning.batch import Batch, Optimizer, Use
from autoemb.learning.methods.contract import Memory, Method, Prediction
from autoemb.learning.nn.controller import Controllers
from autoemb.learning.nn.layers import Generators
from autoemb.learning.nn.model import SelectionModel
from autoemb.learning.optim.adam import following
from autoemb.learning.optim.group import Group, Values
from autoemb.learning.optim.hypergradient import Hypergradient, Predict, adam, exact, finite_difference, sgd
from autoemb.learning.optim.rows import uniform_signed


class SelectionConfig(MethodConfig):
    """Settings of every method that searches among candidate sizes."""

    sizes: Sizes = (2, 16, 128)
    """Candidate sizes d_1 < ... < d_K (AutoEmb, Fig. 1; ESAPN: 2, 4, 8, 16, 64, 128)."""

    weights_learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    """Of dense Adam on what makes the weights, where that has an optimiser of its own (released code)."""

    batch_norm: Literal["per-candidate", "shared"] = "per-candidate"
    """Of the candidates of one side (Fig. 3: one per candidate; released code: shared)."""

    mean: bool = True
    """Whether the weighted sum is divided by K (the paper; the released code does not)."""

    selection: Literal["soft", "argmax", "gumbel"] = "soft"
    """``soft``: the weighted sum (released code). ``argmax``: learnt like that, but the recorded prediction takes the
    size of the largest weight alone (the hard selection of Fig. 3). ``gumbel``: learnt with one size an id, drawn by
    its weight, and the gradient of the softmax of the perturbed logarithms (straight-through; Jang et al. 2017);
    the recorded prediction takes the largest weight."""

    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Of that softmax, for ``gumbel`` (assumption)."""


class Validated(SelectionConfig):
    """Settings of the methods whose weights learn on a validation batch."""

    validation: Literal["last_batch", "last_random", "next_batch"] = "last_batch"
    """What the weights learn from before a batch is predicted: the batch before it, which W was just trained
    on (released code's default); as many interactions drawn with replacement from its part of the stream
    so far (released code); or, held out, the batch itself once it is predicted, before W learns it."""

    hypergradient: Literal["first-order", "exact", "finite-difference"] = "first-order"
    """Algorithm 1 with xi = 0 (released code), or with xi > 0: the exact vector-Jacobian product through one
    unrolled step of W, or DARTS' central difference for it (Liu et al. 2019, eq. 8)."""

    xi: Annotated[float, Field(gt=0)] | None = None
    """Learning rate of the unrolled step; left out, that of W (DARTS)."""

    unrolled_step: Literal["sgd", "adam"] = "sgd"
    """What is unrolled: W - xi grad (the paper's Algorithm 1), or the step that W's Adam would make from its present
    moments (assumption)."""

    @model_validator(mode="after")
    def _differentiable(self) -> "Validated":
        if self.hypergradient != "first-order" and self.unrolled_step == "adam" and self.selection == "gumbel":
            # a size that is not drawn has no gradient, and Adam's step no slope that a number could hold there
            raise ValueError("unrolled_step 'adam' with selection 'gumbel': expected unrolled_step 'sgd'")
        return self


class Quirks(Settings):
    """What is taken for a mistake in the released code, to measure what it does."""

    item_context_loss: bool = False
    """An item's last loss (policies 2 and 5) is read from the users' losses, at the item's number. With fewer users
    than items there is no such number, and the run is refused."""

    classification_start: bool = False
    """The stored weights of the classification start at (1.5, 0, ..., 0) instead of (1, 0, ..., 0)."""


class ControllerConfig(SelectionConfig):
    """Settings of the methods with controllers."""

    policy: Annotated[int, Field(ge=0, le=5)] = 1
    """The controller's context: 0 popularity only, 1 and the id's previous weights (released code's default),
    2 and its last loss as well (the paper's text); 3, 4 and 5 the same, with a one-hot popularity instead of its
    embedding (released code). With 2 (or 5), AutoEmb's validation batch, having just been learnt,
    shows each id its loss on the very interaction that is validated, and so its label: on MovieLens 1M
    (shuffled, regression, seed 0) the test MSE was .1974 with 2 against .1886 with 1."""

    controller_hidden: Annotated[int, Field(ge=1)] = 512
    """Width of the controller's hidden layer (released code)."""

    released_code_quirks: Quirks = Quirks()
    """Off by default."""


class SelectionMethod(Method):
    """W with several candidate sizes."""

    def build_model(self, config: SelectionConfig, dice: Generators) -> None:
        """W and the learning rates, as the settings say."""
        self.sizes = config.sizes
        self.rates = {"model": config.learning_rate, "weights": config.weights_learning_rate}
        shared = config.batch_norm == "shared"
        self.model = SelectionModel(config.sizes, config.hidden, self.shape.outputs, shared, config.mean)
        self.add_candidates(dice)
        self.temperature = config.temperature if config.selection == "gumbel" else None
        self.apart = config.selection != "soft"
        self.hard = self.apart
        if self.temperature is not None:
            self.draws = 2 * 2 * len(config.sizes)  # for W's step and Theta's, for both sides
        if isinstance(config, Validated):
            self.validation = config.validation
            xi = config.learning_rate if config.xi is None else config.xi
            self.unrolled = Hypergradient(config.hypergradient, config.unrolled_step, xi)
            self.unrolls = self.unrolled.order != "first-order"
        if self.unrolls:
            self.eager = "a compiler does not differentiate through an unrolled step"

    def say(self, model: Values, weights: Values, context: Tensor | None, batch: Batch) -> Prediction:
        """By all weights, or by the largest alone."""
        shares = self.weigh(weights, context, batch)
        return self.predict(model, largest(shares) if self.hard else shares, batch)

    def select(self, weights: Tensor, batch: Batch, step: Optimizer) -> Tensor:
        """The shares (S, 2, K, B) that are learnt with: the weights, or one size drawn by them, for either step."""
        if self.temperature is None or batch.noise is None:
            return weights
        s, sides, k, b = weights.shape
        draws = batch.noise.reshape(s, 2, sides, k, b)[:, int(step == "weights")]  # (S, 2, K, B)
        return straight_through(weights, draws, self.temperature)


def largest(weights: Tensor) -> Tensor:
    """1 for the largest of the weights (S, 2, K, B), the first of equal ones; 0 for the others."""
    return torch.zeros_like(weights).scatter_(2, weights.argmax(2, keepdim=True), 1.0)


def straight_through(weights: Tensor, draws: Tensor, temperature: float) -> Tensor:
    """One size each, drawn with the weights as probabilities, that differentiates as a softmax (Jang et al. 2017).

    With Gumbel noise -log(-log(u)), the largest of log(weight) + noise is size k with probability weight_k.

    Args:
        weights: (S, 2, K, B), positive, summing to 1 over K.
        draws: uniform numbers in [0, 1), of the same shape.
        temperature: of the softmax.
    """
    tiny = torch.finfo(weights.dtype).tiny
    noise = -torch.log((-torch.log(draws.clamp(min=tiny))).clamp(min=tiny))
    soft = torch.softmax((torch.log(weights.clamp(min=tiny)) + noise) / temperature, dim=2)
    return largest(soft.detach()) + (soft - soft.detach())


class ControlledMethod(SelectionMethod):
    """W, the controllers Theta, and the memory of each id's last weights and loss.

    The weights start at (1, 0, ..., 0) and the losses at 1 (released code).
    """

    controllers_optimizer: Optimizer = "weights"

    def build(self, config: ControllerConfig, dice: Generators) -> None:
        """W first, then Theta."""
        self.build_model(config, dice)
        k, shape = len(config.sizes), self.shape
        context, one_hot = (0, k, k + 1)[config.policy % 3], config.policy >= 3
        self.controllers = Controllers(context, k, config.controller_hidden, one_hot)
        counts = shape.user_popularity + 1, shape.item_popularity + 1  # a row 0 each, for an id not yet seen
        self.add_dense(self.controllers_optimizer, self.controllers.parameters(counts, dice))
        use, width = Use("popularity", self.controllers_optimizer), self.controllers.popularity_width
        if one_hot:  # the columns of a linear map, looked up
            scale = torch.cat([torch.full((n, 1), (n + context) ** -0.5) for n in counts])
            self.add_table("popularity", use, sum(counts), (width,), dice, uniform_signed, scale)
        else:
            self.add_table("popularity", use, sum(counts), (width,), dice)
        if context:
            quirks = config.released_code_quirks
            first = 1.5 if quirks.classification_start and shape.task == "classification" else 1.0
            start = torch.tensor([first, *[0.0] * (k - 1), 1.0][:context])
            rows = (len(dice), shape.users + shape.items + 1, context)
            self.memory = start.to(self.device, self.dtype).expand(rows).clone()
            self.reads_users_losses = quirks.item_context_loss and context > k
        if self.reads_users_losses and shape.items > shape.users:
            raise InputError(
                f"released_code_quirks.item_context_loss: {shape.items} items and {shape.users} users; the released "
                "code looks the users' losses up by the items' numbers, and expects at least as many users"
            )

    def weigh(self, values: Values, context: Tensor | None, batch: Batch) -> Tensor:
        """What the controllers say of the batch's ids."""
        return self.controllers.weights(values.dense, values.rows["popularity"][0], context)

    def remember(self, memory: Memory | None, prediction: Prediction) -> None:
        """Store the batch's weights and, if the context shows them, losses; of repeated ids, the last wins."""
        if memory is not None:
            losses = prediction.losses[:, None, None, :].expand(-1, 2, -1, -1)
            shown = torch.cat([prediction.weights, losses], dim=2)[:, :, : self.controllers.context]
            memory.store(shown.detach())


class BilevelMethod(SelectionMethod):
    """W learns from the batch; what makes the weights learns from the validation batch."""

    def remember(self, memory: Memory | None, prediction: Prediction) -> None:
        """Nothing, unless the method has a memory."""

    def learn(self, model: Group, weights: Group, memory: Memory | None, batch: Batch) -> Prediction:
        """See the method's docstring; the validation batch stands behind (or is) the batch itself.

        That W's last batch is what the weights validate on before the next one means that they do so
        right after W has learnt it: the rows are at hand.
        """

        def validate() -> Prediction:
            context = None if memory is None else memory.context()
            if self.unrolls:
                return self._validate_unrolled(model, weights, context, batch)
            fixed = model.values()
            return weights.descend(lambda values: self._learn_from(fixed, values, context, batch, "weights"), False)

        def learn_model() -> Prediction:
            context = None if memory is None else memory.context()
            with torch.no_grad():
                fixed = self.weigh(weights.values(moving=True), context, batch)
            shares = self.select(fixed, batch, "model")
            return model.descend(lambda values: self.predict(values, fixed, batch, shares))

        if batch.asks:
            return validate()
        if self.validation == "next_batch" and batch.validates:  # predicted first, and W has not seen it
            prediction = validate()
            learn_model()
            self.remember(memory, prediction)
            return prediction
        prediction = learn_model()
        self.remember(memory, prediction)
        if batch.validates:
            validate()
        return prediction

    def _learn_from(
        self, model: Values, weights: Values, context: Tensor | None, batch: Batch, step: Optimizer
    ) -> Prediction:
        shares = self.weigh(weights, context, batch)
        return self.predict(model, shares, batch, self.select(shares, batch, step))

    def _validate_unrolled(self, model: Group, weights: Group, context: Tensor | None, batch: Batch) -> Prediction:
        """A step of Theta along the hypergradient through one step of W on the batch before the validation batch.

        With ``last_batch`` both are one and the same: what W has just learnt.
        """

        def on(of: slice, step: Optimizer) -> Predict[Prediction]:
            part, shown = batch.cut(of), None if context is None else context[..., of]
            return lambda w, theta: self._learn_from(
                model.values_of(w, of), weights.values_of(theta, of), shown, part, step
            )

        validated, learnt = slice(batch.validated), slice(batch.validated, None)
        train, validate = on(learnt, "model"), on(validated, "weights")
        w, theta = ([moving.value for moving in group.present()] for group in (model, weights))
        step = sgd(self.unrolled.xi)
        if self.unrolled.step == "adam":
            correction = model.correction if batch.asks else following(model.correction)
            step = adam(self.unrolled.xi, model.present(), correction)
        take = exact if self.unrolled.order == "exact" else finite_difference
        with torch.no_grad():
            prediction = validate(w, theta)
        weights.move(take(train, validate, w, theta, step))
        return prediction
