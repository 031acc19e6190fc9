"""FSE, fixed-size embedding: one size for every id (AutoEmb, sec. 4; ESAPN's FIXED).

Size: the sum of the candidate sizes in the paper, 146 for {2, 16, 128}; 222 in the released code, 128
in ESAPN's table. Path: the paper does not say; the released code's is ``raw``, concat(u, v) of the
table rows straight into the head. ``transform`` gives it the same path as the searching methods
(Linear, BatchNorm, tanh per side), which is their case K = 1; ``chain`` that of ESAPN at its largest size
(BatchNorm, tanh).

Departures from the released code, by default: ``size`` 146 instead of 222.
"""

from typing import Literal

from autoemb.config import NetworkConfig, Width
from autoemb.learning.methods._fixed import FixedMethod
from autoemb.learning.nn.chain import ChainModel
from autoemb.learning.nn.layers import Generators
from autoemb.learning.nn.model import RawModel, SelectionModel

REPRODUCES = ("paper", "released-code", "esapn-paper")


class Config(NetworkConfig):
    """Settings of FSE."""

    size: Width = 146
    """Embedding size of users and items (AutoEmb, sec. 4: the sum of the candidates)."""

    path: Literal["raw", "transform", "chain"] = "raw"
    """From the table's row to the head (released code: raw)."""


class Model(FixedMethod):
    """One model of one size."""

    def build(self, config: Config, dice: Generators) -> None:
        """W only."""
        self.sizes = (config.size,)
        self.rates = {"w": config.learning_rate, "theta": 0.0}
        kinds = {"raw": RawModel, "transform": SelectionModel, "chain": ChainModel}
        self.model = kinds[config.path](self.sizes, config.hidden, self.shape.outputs)
        self.add_candidates(config, dice)
