"""The fast forms, see `fast`, of the layers that double the sides of feature maps."""

from __future__ import annotations

from typing import Any

from .._mxnet import NDArray, Operators, nn
from .._mxnet.gluon import operator_arguments
from .fast import Conv2D, on_gpu
from .precision import Precision, current_precision


def _transposed(
    F: Operators, precision: Precision, x: NDArray, weight: NDArray, bias: NDArray, **settings: Any
) -> NDArray:
    """A transposed convolution. oneDNN's adds its bias slowly, so a 1×1 convolution of each channel adds it instead."""
    out = precision.transposed_convolution(F, x, weight, **settings)
    if bias is None:
        return out
    ones, channels = F.reshape(F.ones_like(bias), (-1, 1, 1, 1)), settings["num_filter"]
    return precision.convolution(F, out, ones, bias, kernel=(1, 1), num_filter=channels, num_group=channels)


class TransposedConv2D(nn.Conv2DTranspose):
    """A transposed convolution; parameters as of `nn.Conv2DTranspose`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.precision = current_precision()

    def hybrid_forward(self, F: Operators, x: NDArray, weight: NDArray, bias: NDArray = None) -> NDArray:
        """(N, in_channels, H, W) -> (N, channels, larger H, larger W)."""
        if on_gpu():
            return super().hybrid_forward(F, x, weight, bias)
        return _transposed(F, self.precision, x, weight, bias, **operator_arguments(self))


class NearestConv2D(Conv2D):
    """Each pixel repeated 2×2, then a 3×3 convolution of the same size; parameters as of `nn.Conv2D`.

    Of the 3×3 repeated pixels under a filter, at most 2×2 differ: for each of the four positions in a repeated pixel, a
    filter of 2×2 sums of weights gives the same with 4 instead of 9 multiplications. For inference that is a transposed
    convolution, which is faster; it has no gradient, see `Precision.transposed_convolution`.
    """

    def __init__(self, channels: int, in_channels: int, use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(channels, 3, padding=1, in_channels=in_channels, use_bias=use_bias, **kwargs)

    def hybrid_forward(self, F: Operators, x: NDArray, weight: NDArray, bias: NDArray = None) -> NDArray:
        """(N, in_channels, H, W) -> (N, channels, 2·H, 2·W)."""
        if on_gpu():
            return super().hybrid_forward(F, F.UpSampling(x, scale=2, sample_type="nearest"), weight, bias)
        channels = operator_arguments(self)["num_filter"]
        if self.precision.forward_only:
            spread = _spread(F, _spread(F, F.transpose(weight, (1, 0, 2, 3)), 2), 3)
            settings = {"kernel": (4, 4), "stride": (2, 2), "pad": (1, 1), "num_filter": channels}
            return _transposed(F, self.precision, x, spread, bias, **settings)
        filters = F.concat(*(_sums(F, _sums(F, weight, 2, a), 3, b) for a in (0, 1) for b in (0, 1)), dim=0)
        biases = None if bias is None else F.tile(bias, 4)
        maps = self._convolve(F, x, filters, biases, kernel=(2, 2), pad=(1, 1), num_filter=4 * channels)
        phases = F.split(maps, num_outputs=4, axis=1)
        placed = [
            F.slice(phases[2 * a + b], begin=(None, None, a, b), end=(None, None, a - 1 or None, b - 1 or None))
            for a in (0, 1)
            for b in (0, 1)
        ]
        return F.depth_to_space(F.concat(*placed, dim=1), 2)


def _sums(F: Operators, weight: NDArray, axis: int, phase: int) -> NDArray:
    """Return the sums of 3 weights on 2 pixels: (w0, w1 + w2) in a pixel's first half, (w0 + w1, w2) in its second."""
    w0, w1, w2 = F.split(weight, num_outputs=3, axis=axis)
    return F.concat(*((w0 + w1, w2) if phase else (w0, w1 + w2)), dim=axis)


def _spread(F: Operators, weight: NDArray, axis: int) -> NDArray:
    """Return what a pixel, repeated twice, adds to the 4 pixels that 3 weights reach from there."""
    w0, w1, w2 = F.split(weight, num_outputs=3, axis=axis)
    return F.concat(w2, w1 + w2, w0 + w1, w0, dim=axis)
