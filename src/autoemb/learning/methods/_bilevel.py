"""Algorithm 1's two steps: W learns from a batch, and Theta validates on another one (Zhao et al., sec. 3).

``learn_w`` is W <- Adam(grad_W L(batch; W, Theta)), and ``validate`` is Theta <- Adam(grad_Theta L(holdout; W, Theta)),
or, with ``hypergradient: exact`` (or ``finite-difference``), Theta's step through one more step of W:

    Theta <- Adam(grad_Theta L(holdout; W - xi grad_W L(last batch that W has learnt; W, Theta), Theta))

W's step is unrolled on the last batch that W has learnt: Algorithm 1 moves Theta before the next one is there. Which
order the paper used is not known; the released code's is the first.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from autoemb.learning.batch import Batch, Holdout, Optimizer
from autoemb.learning.methods._selection import SelectionConfig, SelectionMethod
from autoemb.learning.methods.contract import Prediction
from autoemb.learning.methods.state import Memory
from autoemb.learning.optim.adam import following
from autoemb.learning.optim.group import Group, Values
from autoemb.learning.optim.hypergradient import (
    Hypergradient,
    Predict,
    Step,
    adam,
    exact,
    finite_difference,
    sgd,
)


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


class BilevelMethod(SelectionMethod):
    """W learns from the batch; Theta, what makes the weights, learns from a holdout."""

    def build_validation(self, config: Validated) -> None:
        """What Theta learns from, and along which gradient."""
        self.validation = config.validation
        xi = config.learning_rate if config.xi is None else config.xi
        self.hypergradient = Hypergradient(config.hypergradient, config.unrolled_step, xi)
        self.unrolls = self.hypergradient.order != "first-order"
        if self.unrolls:
            self.eager = "a compiler does not differentiate through an unrolled step"

    def learn_w(self, w: Group, theta: Group, memory: Memory, batch: Batch) -> Prediction:
        """alpha, beta by Theta as it is; the prediction; W <- Adam(grad_W L(batch; W, Theta))."""
        with torch.no_grad():
            weights = self.weigh(theta.values(track_statistics=True), memory.context(), batch)
        shares = self.select(weights, batch, "w")
        return w.descend(lambda values: self.predict(values, weights, batch, shares))

    def validate(self, w: Group, theta: Group, memory: Memory, holdout: Holdout) -> Prediction:
        """The prediction; Theta <- Adam(grad_Theta L(holdout; W, Theta)), W as it is or unrolled."""
        if self.unrolls:
            return self._validate_unrolled(w, theta, memory.context(), holdout)
        w_values, context = w.values(), memory.context()

        def predict(theta_values: Values) -> Prediction:
            return self._predict_selected(w_values, theta_values, context, holdout.batch, "theta")

        return theta.descend(predict, track_statistics=False)

    def learn_held_out(self, w: Group, theta: Group, memory: Memory, batch: Batch) -> Prediction:
        """Both steps where Theta learns from the very batch (``next_batch``): predicted first, before W has seen it."""
        prediction = self.validate(w, theta, memory, Holdout(batch))
        self.learn_w(w, theta, memory, batch)
        self.remember(memory, prediction)
        return prediction

    def _predict_selected(self, w: Values, theta: Values, context: Tensor, batch: Batch, step: Optimizer) -> Prediction:
        weights = self.weigh(theta, context, batch)
        return self.predict(w, weights, batch, self.select(weights, batch, step))

    def _validate_unrolled(self, w: Group, theta: Group, context: Tensor, holdout: Holdout) -> Prediction:
        """A step of Theta along the hypergradient through one step of W on the batch before the validated one.

        With ``last_batch`` both are one and the same: what W has just learnt.
        """

        def on(of: slice, step: Optimizer) -> Predict[Prediction]:
            part, shown = holdout.batch.cut(of), context[..., of]
            return lambda w_values, theta_values: self._predict_selected(
                w.values_of(w_values, of), theta.values_of(theta_values, of), shown, part, step
            )

        validated, learnt = slice(holdout.validated), slice(holdout.validated, None)
        train, validate = on(learnt, "w"), on(validated, "theta")
        w_values, theta_values = ([slot.value for slot in group.present()] for group in (w, theta))
        take = exact if self.hypergradient.order == "exact" else finite_difference
        with torch.no_grad():
            prediction = validate(w_values, theta_values)
        theta.step_along(take(train, validate, w_values, theta_values, self._unrolled_step(w)))
        return prediction

    def _unrolled_step(self, w: Group) -> Step:
        """That of plain descent, or the next one of W's Adam."""
        if self.hypergradient.step == "sgd":
            return sgd(self.hypergradient.xi)
        correction = following(w.correction) if w.stepped else w.correction
        return adam(self.hypergradient.xi, w.present(), correction)
