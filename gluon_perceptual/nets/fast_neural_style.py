"""The style network of PyTorch's fast-neural-style example, to run its checkpoints."""

from __future__ import annotations

from typing import Any

from .._mxnet import NDArray, Operators, mx, nn
from ..choices import Norm
from .blocks import ReflectionPad, convolution, norm_layer
from .fast import OutputConv2D
from .precision import current_precision
from .style import CELL


class ReflectedConv(nn.HybridSequential):
    """Reflection padding, convolution, normalization, and ReLU where `activation` is "relu"; same size at stride 1."""

    def __init__(
        self, in_channels: int, channels: int, kernel: int, norm: Norm, stride: int = 1, activation: str = "relu"
    ) -> None:
        super().__init__()
        with self.name_scope():
            self.add(ReflectionPad(kernel // 2))
            self.add(convolution(channels, kernel, in_channels, norm == "none", stride, padding=False))
            self.add(norm_layer(norm, channels))
            if activation:
                self.add(nn.Activation(activation))


class ReflectedResidualBlock(mx.gluon.HybridBlock):
    """Two 3×3 convolutions with reflection padding and norms, ReLU between, plus the input."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self._precision = current_precision()
        with self.name_scope():
            self.conv = ReflectedConv(channels, channels, 3, norm)
            self.conv2 = ReflectedConv(channels, channels, 3, norm, activation="")

    def hybrid_forward(self, F: Operators, x: NDArray) -> NDArray:
        """(N, C, H, W) -> (N, C, H, W)."""
        return self._precision.add(F, self.conv2(self.conv(x)), x)


class Repeat(mx.gluon.HybridBlock):
    """(N, C, H, W) -> (N, C, 2·H, 2·W) float32: each pixel 2×2 times."""

    def __init__(self) -> None:
        super().__init__()
        self._precision = current_precision()

    def hybrid_forward(self, F: Operators, x: NDArray) -> NDArray:
        """Repeat in float32; MXNet repeats nothing narrower."""
        return F.UpSampling(self._precision.widen(F, x), scale=2, sample_type="nearest")


class FastNeuralStyleNet(mx.gluon.HybridBlock):
    """Repaints pictures: (N, 3, H, W) float32 RGB in [0, 255] -> the same shape, for any H and W.

    The layers are those of `TransformerNet` in github.com/pytorch/examples, fast_neural_style: as the paper's, but with
    instance norms, reflection padding before every convolution, residual blocks that keep the size, pixels repeated 2×2
    instead of transposed convolutions, no tanh, and pixels in [0, 255]. Biases before a norm, which cancels them, are
    left out. If H or W is not a multiple of 4, the picture is mirrored a little further and the output is cropped; the
    original's output is larger.

    Args:
        width: Channels of the first layer (originally 32); the others have 2 and 4 times as many.
        norm: "instance"; "none" for a network with folded normalizations.
    """

    scale = 1
    margin = border_artifact_width = 0

    def __init__(self, width: int = 32, norm: Norm = "instance", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.arguments: dict[str, Any] = {"width": width, "norm": norm}
        self.precision = current_precision()
        with self.name_scope():
            self.pad = ReflectionPad(0, multiple=CELL)
            self.encode = nn.HybridSequential()
            self.encode.add(ReflectedConv(3, width, 9, norm))
            self.encode.add(ReflectedConv(width, 2 * width, 3, norm, stride=2))
            self.encode.add(ReflectedConv(2 * width, 4 * width, 3, norm, stride=2))
            self.body = nn.HybridSequential()
            self.body.add(*(ReflectedResidualBlock(4 * width, norm) for _ in range(5)))
            self.decode = nn.HybridSequential()
            for channels in (2 * width, width):
                self.decode.add(Repeat())
                self.decode.add(ReflectedConv(2 * channels, channels, 3, norm))
            self.decode.add(ReflectionPad(4), OutputConv2D(3, 9, in_channels=width))
            self.decode.add(nn.HybridLambda(_without_frame))

    def hybrid_forward(self, F: Operators, x: NDArray) -> NDArray:
        """(N, 3, H, W) -> (N, 3, H, W), both in [0, 255]; the output is not clipped."""
        return F.slice_like(self.decode(self.body(self.encode(self.pad(x)))), x, axes=(2, 3))


def _without_frame(F: Operators, x: NDArray) -> NDArray:
    """Crop 4 pixels per side: the fast output layer pads its input, which is padded already."""
    return F.slice(x, begin=(None, None, 4, 4), end=(None, None, -4, -4))
