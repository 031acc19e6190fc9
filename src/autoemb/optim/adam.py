"""Dense Adam, as the released code uses it.

Dense: a row that is not in the batch has gradient zero and keeps moving by its momentum. Row-sparse
Adam is another method, and differs most for rare ids, which the paper's claims are about.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam


class DenseAdam:
    """Adam with PyTorch's defaults (betas .9 and .999, eps 1e-8, no weight decay) over some parameters.

    The arithmetic is PyTorch's own fused kernel. What is added is where gradients come from: those of
    tables are sparse (``nn.layers.Embedding``), and are laid into a buffer that stays, since a new
    dense gradient at every step would be zeroes for the most part.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: float) -> None:
        self.parameters: list[Tensor] = list(parameters)
        self.learning_rate = learning_rate
        self.buffers: dict[int, Tensor] = {}
        """Dense gradient by the position of its table; zero between steps."""
        self.moments = [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
        self.squares = [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
        self.steps = [torch.zeros((), dtype=torch.float32, device=p.device) for p in self.parameters]

    def descend(self, losses: Tensor) -> None:
        """One step along the gradient of the sum of ``losses`` (S, B) over the batch (released code).

        Only this optimiser's parameters get gradients. Seeds share no parameter, so the sum over S
        leaves each seed's gradient its own.
        """
        gradients = list(torch.autograd.grad(losses.sum(), self.parameters))
        touched = []
        for n, gradient in enumerate(gradients):
            if gradient.is_sparse:
                rows = gradient.coalesce()  # sums repeated rows in a fixed order
                gradients[n] = self._buffer(n)
                gradients[n][rows.indices()[0]] = rows.values()
                touched.append((gradients[n], rows.indices()[0]))
        self._move(gradients)
        for buffer, index in touched:
            buffer[index] = 0

    def state_dict(self) -> dict[str, Any]:
        """Moments and step counts; the buffers hold nothing between steps."""
        return {"moments": self.moments, "squares": self.squares, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put a state of ``state_dict`` back."""
        for name, tensors in self.state_dict().items():
            for ours, theirs in zip(tensors, state[name], strict=True):
                ours.copy_(theirs)

    @torch.no_grad()
    def _move(self, gradients: list[Tensor]) -> None:
        adam(
            self.parameters,
            gradients,
            self.moments,
            self.squares,
            [],
            self.steps,
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.learning_rate,
            weight_decay=0,
            eps=1e-8,
            maximize=False,
        )

    def _buffer(self, n: int) -> Tensor:
        if n not in self.buffers:
            self.buffers[n] = torch.zeros_like(self.parameters[n], requires_grad=False)
        return self.buffers[n]
