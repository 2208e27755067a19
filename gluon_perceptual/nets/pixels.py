"""The one range rule: networks of any value range, run on pixels in [0, 255]."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from .._mxnet import Block, NDArray, Operators, mx
from .._mxnet.gluon import constant

HALF_RANGE = 127.5  # pixels are in [0, 255]


class PixelRangeAdapter(mx.gluon.HybridBlock):
    """Runs `net` on pictures (N, 3, H, W) float32 RGB in [0, 255] and returns pictures in [0, 255].

    Args:
        net: Network with `scale` and `halo`; its parameters stay its own.
        max_value: White in the network's range: 255, or 1 as in the blog.
        mean: What is subtracted from each channel, in the network's range. The blog subtracts the mean patch of its
            training set; here it is that patch's mean, so that pictures can have any size.
    """

    def __init__(
        self, net: Block, max_value: float = 255.0, mean: Sequence[float] = (0.0, 0.0, 0.0), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.net = net
        self.max_value = max_value
        with self.name_scope():
            self.mean = constant(self, "mean", np.array(mean, np.float32).reshape(1, 3, 1, 1))
        self.mean.initialize()

    @property
    def scale(self) -> int:
        """How many times larger than the input the output is."""
        return int(self.net.scale)

    @property
    def halo(self) -> int:
        """How many input pixels beyond its own an output pixel can depend on."""
        return int(self.net.halo)

    def hybrid_forward(self, F: Operators, x: NDArray, mean: NDArray) -> NDArray:
        """(N, 3, H, W) in [0, 255] -> (N, 3, scale·H, scale·W) in [0, 255], not clipped."""
        return self.net(F.broadcast_sub(x * (self.max_value / 255.0), mean)) * (255.0 / self.max_value)
