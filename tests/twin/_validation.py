"""What the settings of validation change in DARTS and AutoEmb: a held-out batch, and xi > 0 (Algorithm 1; DARTS)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import functional_call

from ._common import Interactions, Recorded, Turn, detached
from ._settings import SelectionSettings


class ValidationSettings(SelectionSettings):
    """Which batch validates is in the turn; what is left is what the step makes of it."""

    def step(self, turn: Turn) -> Recorded:
        """With ``next_batch`` the batch is recorded and remembered as it is predicted before Theta has seen it."""
        if self.config.validation != "next_batch" or turn.validation is None:
            return super().step(turn)
        losses, prediction = self.predict(self.w, turn.validation)
        recorded = self.recorded(turn.batch)
        super().step(turn)
        self.remember(turn.batch, losses, prediction)
        return recorded or detached(prediction)

    def learn_theta(self, turn: Turn) -> None:
        """Along the hypergradient of the settings; that with xi = 0 is the plain one."""
        if self.config.hypergradient == "first-order":
            super().learn_theta(turn)
        elif turn.before is not None:
            along = self.exact if self.config.hypergradient == "exact" else self.finite_difference
            self.move(self.adam_theta, along(turn), [turn.validation, turn.before])

    def loss(self, w: Sequence[Tensor], batch: Interactions) -> Tensor:
        """L(batch; W, Theta) with these values as W's parameters."""
        names = [name for name, _ in self.w.named_parameters()]
        values = dict(zip(names, w, strict=True))
        return self.predict(lambda *inputs: functional_call(self.w, values, inputs), batch)[0].sum()

    def exact(self, turn: Turn) -> Sequence[Tensor]:
        """grad_Theta L(validation; W - xi grad_W L(before; W, Theta), Theta)."""
        w = [p.detach().clone().requires_grad_() for p in self.w.parameters()]
        gradients = torch.autograd.grad(self.loss(w, turn.before), w, create_graph=True)
        unrolled = [p - move for p, move in zip(w, self.moves(gradients), strict=True)]
        return torch.autograd.grad(self.loss(unrolled, turn.validation), self.theta.parameters())

    def finite_difference(self, turn: Turn) -> Sequence[Tensor]:
        """The same with DARTS' central difference for the second derivative (Liu et al. 2019, eq. 8)."""
        theta = list(self.theta.parameters())
        w = [p.detach().clone().requires_grad_() for p in self.w.parameters()]
        gradients = [g.requires_grad_() for g in torch.autograd.grad(self.loss(w, turn.before), w)]
        moves = self.moves(gradients)
        unrolled = [(p - move).detach().requires_grad_() for p, move in zip(w, moves, strict=True)]
        slopes = torch.autograd.grad(self.loss(unrolled, turn.validation), unrolled)
        v = torch.autograd.grad(moves, gradients, slopes)
        eps = 0.01 / torch.cat([x.flatten() for x in v]).norm()
        plus, minus = (
            torch.autograd.grad(self.loss([p + sign * eps * x for p, x in zip(w, v, strict=True)], turn.before), theta)
            for sign in (1, -1)
        )
        direct = torch.autograd.grad(self.loss(unrolled, turn.validation), theta)
        return [d - (p - m) / (2 * eps) for d, p, m in zip(direct, plus, minus, strict=True)]

    def moves(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        """By what W's unrolled step lessens its parameters: a step of plain descent, or the next one of its Adam."""
        xi = self.config.learning_rate if self.config.xi is None else self.config.xi
        if self.config.unrolled_step == "sgd":
            return [xi * g for g in gradients]
        moves = []
        for p, g in zip(self.w.parameters(), gradients, strict=True):
            state = self.adam_w.state[p]
            t = state["step"].item() + 1
            v = 0.999 * state["exp_avg_sq"] + 0.001 * g**2
            m = 0.9 * state["exp_avg"] + 0.1 * torch.where(v > 0, g, 0)
            root = torch.where(v > 0, v, 1).sqrt() * (v > 0)  # without a gradient so far, no slope
            moves.append(xi / (1 - 0.9**t) * m / (root / (1 - 0.999**t) ** 0.5 + 1e-8))
        return moves
