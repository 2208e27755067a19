"""The blog post's ×2 network, parameter by parameter, to load its checkpoints."""

from __future__ import annotations

from typing import Any

from .._mxnet import NDArray, Operators, mx, nn
from ..choices import Norm
from .blocks import norm_layer
from .fast import Conv2D, InputConv2D, OutputConv2D
from .fast_upsampling import TransposedConv2D
from .precision import current_precision


class PlsrResidualUnit(mx.gluon.HybridBlock):
    """conv3×3 - norm - ReLU - conv3×3 - norm - ReLU, plus a 1×1 convolution of the input, then ReLU."""

    def __init__(self, channels: int, norm: Norm = "batch", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._precision = current_precision()
        with self.name_scope():
            self.conv1 = Conv2D(channels, 3, padding=1, in_channels=channels, use_bias=norm == "none")
            self.bn1 = norm_layer(norm, channels)
            self.conv2 = Conv2D(channels, 3, padding=1, in_channels=channels, use_bias=norm == "none")
            self.bn2 = norm_layer(norm, channels)
            self.conv3 = Conv2D(channels, 1, in_channels=channels, use_bias=False)
            self.relu = nn.Activation("relu")

    def hybrid_forward(self, F: Operators, x: NDArray) -> NDArray:
        """(N, C, H, W) -> (N, C, H, W)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        return self.relu(self._precision.add(F, out, self.conv3(x)))


class PlsrNet(mx.gluon.HybridBlock):
    """The blog's network: (N, 3, H, W) float32 RGB -> (N, 3, 2·H, 2·W).

    Its range is the blog's: the input is in [0, 1] minus the training set's mean, the output in [0, 1], unbounded.
    Unlike the paper's, it has no biases, no norm or ReLU after the first, the transposed and the last convolution, no
    tanh, and residual units with a 1×1 convolution in the skip connection and a ReLU after the sum.

    Args:
        width: Channels inside (blog: 64).
        blocks: Residual units (blog: 4).
        norm: "batch" (blog), or "none", with biases instead, for a network with folded normalizations.
    """

    scale = 2

    def __init__(self, width: int = 64, blocks: int = 4, norm: Norm = "batch", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.net = nn.HybridSequential()
        with self.name_scope():
            conv1 = InputConv2D(width, 9, in_channels=3, use_bias=False)
            units = nn.HybridSequential()
            units.add(*(PlsrResidualUnit(width, norm) for _ in range(blocks)))
            deconv = TransposedConv2D(width, 3, 2, 1, 1, in_channels=width, use_bias=False)
            conv2 = OutputConv2D(3, 9, in_channels=width, use_bias=False)
        self.net.add(conv1, units, deconv, conv2)

    @property
    def halo(self) -> int:
        """How many input pixels beyond its own an output pixel can depend on (the receptive field's radius)."""
        return 4 + 2 * len(self.net[1]) + 2 + 2

    def hybrid_forward(self, F: Operators, x: NDArray) -> NDArray:
        """(N, 3, H, W) -> (N, 3, 2·H, 2·W)."""
        return self.net(x)
