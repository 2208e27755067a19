"""The building blocks of all networks here, each defined once.

Feature maps are (N, C, H, W) in the type of the network's precision, for any H and W.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._mxnet import NDArray, Operators, mx, nn
from .._mxnet.gluon import constant
from ..choices import Norm, Upsampling, check_choice, of
from ..image.resampling import bicubic_phases
from .fast import Conv2D, FilledConv2D, InputConv2D
from .fast_upsampling import NearestConv2D, TransposedConv2D
from .instance_norm import InstanceNorm
from .precision import current_precision


def identity() -> mx.gluon.HybridBlock:
    """Return a block that does nothing."""
    return nn.HybridLambda(lambda F, x: x, prefix="identity_")


def norm_layer(norm: Norm, channels: int) -> mx.gluon.HybridBlock:
    """Return batch or instance normalization, or a block that does nothing for "none"."""
    if norm == "batch":
        return nn.BatchNorm(in_channels=channels)
    if norm == "instance":
        return InstanceNorm(channels)
    check_choice("norm", norm, of(Norm))
    return identity()


def convolution(
    channels: int, kernel: int, in_channels: int, use_bias: bool, stride: int = 1, padding: bool = True
) -> mx.gluon.HybridBlock:
    """Return a convolution of odd kernel size, in the form that is fastest for it."""
    if padding and stride == 1 and kernel // 2 > 3:
        return InputConv2D(channels, kernel, in_channels, use_bias)
    return Conv2D(channels, kernel, stride, kernel // 2 * padding, in_channels=in_channels, use_bias=use_bias)


class ConvBlock(nn.HybridSequential):
    """The paper's "conv": convolution, normalization, ReLU; with zero padding, unless `padding` is False."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: int,
        norm: Norm = "batch",
        stride: int = 1,
        padding: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        bias = norm == "none"
        with self.name_scope():
            self.add(convolution(channels, kernel, in_channels, bias, stride, padding))
            self.add(norm_layer(norm, channels), nn.Activation("relu"))


class ResidualBlock(mx.gluon.HybridBlock):
    """conv3×3 - norm - ReLU - conv3×3 - norm, plus the input, without a ReLU (Gross & Wilber; supplement, figure 1).

    Without padding, as in the style network, the output is 2 pixels smaller on each side; the input is cropped to
    match.
    """

    def __init__(self, channels: int, norm: Norm = "batch", padding: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._crop, self._precision = 0 if padding else 2, current_precision()
        with self.name_scope():
            self.conv = ConvBlock(channels, channels, 3, norm, padding=padding)
            self.conv2 = convolution(channels, 3, channels, norm == "none", padding=padding)
            self.norm2 = norm_layer(norm, channels)

    def hybrid_forward(self, F: Operators, x: NDArray) -> NDArray:
        """(N, C, H, W) -> (N, C, H, W), or (N, C, H − 4, W − 4)."""
        out, crop = self.norm2(self.conv2(self.conv(x))), self._crop
        if crop:
            x = F.slice(x, begin=(None, None, crop, crop), end=(None, None, -crop, -crop))
        return self._precision.add(F, out, x)


class DepthToSpace(mx.gluon.HybridBlock):
    """(N, C·r², H, W) -> (N, C, r·H, r·W); the r² phases are the slower part of the channel axis."""

    def __init__(self, factor: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._factor = factor

    def hybrid_forward(self, F: Operators, x: NDArray) -> NDArray:
        """Interleave the phases."""
        return F.depth_to_space(x, self._factor)


class DirectEnlargement(nn.HybridSequential):
    """(N, C, H, W) -> (N, 3, f·H, f·W) float32: one 3×3 convolution to the colors' f² phases (Shi et al. 2016)."""

    def __init__(self, factor: int, channels: int, first: mx.init.Initializer | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._precision = current_precision()
        with self.name_scope():
            phases = FilledConv2D(3 * factor**2, 3, padding=1, in_channels=channels, weight_initializer=first)
            self.add(phases, DepthToSpace(factor))

    def hybrid_forward(self, F: Operators, x: NDArray) -> NDArray:
        """All phases at once."""
        return self._precision.widen(F, super().hybrid_forward(F, x))


def upsample(
    channels: int, upsampling: Upsampling, norm: Norm = "batch", in_channels: int | None = None
) -> mx.gluon.HybridBlock:
    """Return a block that doubles H and W: the paper's "conv of stride 1/2", with normalization and ReLU.

    Its initial weights keep values about as large as other convolutions do. With their initialization, the three blocks
    of ×8 without normalization would pass so little on that their ReLUs die in training.

    Args:
        channels: Channels out.
        upsampling: "transposed", a transposed 3×3 convolution of stride 2 (paper); "nearest", repeated pixels and a
            3×3 convolution; "subpixel", a 3×3 convolution to 4 phases.
        norm: As in `norm_layer`.
        in_channels: Channels in; None: as many as out.
    """
    check_choice("upsampling", upsampling, of(Upsampling))
    bias, inputs = norm == "none", in_channels or channels
    block = nn.HybridSequential(prefix="")
    if upsampling == "transposed":
        larger = mx.init.Xavier(magnitude=3 * 2**2)  # an output pixel depends on a quarter of the weights
        block.add(TransposedConv2D(channels, 3, 2, 1, 1, in_channels=inputs, use_bias=bias, weight_initializer=larger))
    elif upsampling == "nearest":
        # The convolution comes second: its parameters are called `1` in a checkpoint, not `0` as a transposed one's.
        block.add(identity(), NearestConv2D(channels, inputs, bias))
    else:
        larger = mx.init.Xavier(factor_type="in")  # "in" alone, since 4 outputs form one channel
        block.add(
            Conv2D(4 * channels, 3, padding=1, in_channels=inputs, use_bias=bias, weight_initializer=larger),
            DepthToSpace(2),
        )
    block.add(norm_layer(norm, channels), nn.Activation("relu"))
    return block


class BicubicEnlargement(mx.gluon.HybridBlock):
    """(N, 3, H, W) -> (N, 3, f·H, f·W): `image.resize.imresize` in the network."""

    def __init__(self, scale: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._scale = scale
        with self.name_scope():
            self.filters = constant(self, "filters", bicubic_phases(scale)[:, np.newaxis])

    def hybrid_forward(self, F: Operators, x: NDArray, filters: NDArray) -> NDArray:
        """Each plane on its own, all f² phases at once."""
        planes = F.reshape(x, (-1, 1, 0, 0), reverse=True)
        framed = F.pad(planes, mode="edge", pad_width=(0, 0, 0, 0, 2, 2, 2, 2))
        phases = F.Convolution(framed, filters, kernel=(5, 5), num_filter=self._scale**2, no_bias=True)
        return F.reshape(F.depth_to_space(phases, self._scale), (-1, 3, 0, 0), reverse=True)


class ReflectionPad(mx.gluon.HybridBlock):
    """(N, C, H, W) -> (N, C, ⌈H⌉ + 2·margin, ⌈W⌉ + 2·margin), mirrored at the border pixels without repeating them.

    ⌈H⌉ is H, rounded up to a multiple of `multiple` by more rows below. Pictures of any size can be mirrored; those
    smaller than the margin, which MXNet's own padding refuses, are mirrored repeatedly.
    """

    def __init__(self, margin: int, multiple: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._margin, self._multiple, self._precision = margin, multiple, current_precision()

    def hybrid_forward(self, F: Operators, x: NDArray) -> NDArray:
        """Look up the row and column that each one mirrors, in float32, since MXNet's lookup takes nothing narrower."""
        x = self._precision.widen(F, x)
        one = F.slice_axis(F.slice_axis(x, axis=0, begin=0, end=1), axis=1, begin=0, end=1)
        for axis in (2, 3):
            x = F.take(x, self._sources(F, one, axis), axis=axis)
        return x

    def _sources(self, F: Operators, one: NDArray, axis: int) -> NDArray:
        """(1, 1, H, W) -> the input's row or column for each of the result's."""
        line = F.slice_axis(one, axis=5 - axis, begin=0, end=1)
        last = F.max(F.contrib.arange_like(line, axis=axis))
        begin, step = (None,) * 4, tuple(self._multiple if k == axis else 1 for k in range(4))
        rounded = F.repeat(F.slice(line, begin=begin, end=begin, step=step), repeats=self._multiple, axis=axis)
        pads = [0, 0, 0, 0, 0, 0, 0, 0]
        pads[2 * axis] = pads[2 * axis + 1] = self._margin
        places = F.contrib.arange_like(F.pad(rounded, mode="constant", pad_width=tuple(pads)), axis=axis) - self._margin
        period = F.maximum(2 * last, 1)
        phase = F.broadcast_mod(places, period)
        return F.broadcast_sub(last, F.abs(F.broadcast_sub(phase, last)))
