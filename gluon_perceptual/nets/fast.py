"""Layers whose plain form is slow on a CPU, as functions of the same parameters that oneDNN 2.4 computes fast.

On a GPU each takes its plain form: the context of the call decides when the graph is built. docs/performance.md lists
the gains. Feature maps are (N, C, H, W), in the type of the layer's precision; sums are reordered, so float32 results
agree to about 1e-6 of their size.
"""

from __future__ import annotations

from typing import Any

from .. import cpu
from .._mxnet import NDArray, Operators, mx, nn
from .._mxnet.gluon import operator_arguments
from .precision import current_precision

BLOCK = 16 if "avx512f" in cpu.flags() else 8  # floats in a register: oneDNN works on so many output channels at once
MOST_PADDING = 3 if BLOCK == 8 else 27  # to the left and right that oneDNN's kernels take


def on_gpu() -> bool:
    """Return whether layers called now run on a GPU; Gluon enters its input's context before it calls them."""
    return bool(mx.context.current_context().device_type == "gpu")


def pad(F: Operators, x: NDArray, top: int, bottom: int, left: int, right: int) -> NDArray:
    """Add rows and columns of zeros."""
    return F.pad(x, mode="constant", pad_width=(0, 0, 0, 0, top, bottom, left, right))


class Conv2D(nn.Conv2D):
    """A convolution in the precision of the network that it is built in; parameters as in `nn.Conv2D`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.precision = current_precision()

    def hybrid_forward(self, F: Operators, x: NDArray, weight: NDArray, bias: NDArray = None) -> NDArray:
        """(N, in_channels, H, W) -> (N, channels, …)."""
        return self._convolve(F, x, weight, bias, **operator_arguments(self))

    def _convolve(self, F: Operators, x: NDArray, weight: NDArray, bias: NDArray, **settings: Any) -> NDArray:
        inputs = [x, weight] if bias is None else [x, weight, bias]
        return self.precision.convolution(F, *inputs, **{**settings, "no_bias": bias is None})


class FilledConv2D(Conv2D):
    """A convolution to any number of channels; parameters as of `nn.Conv2D`.

    oneDNN has fast kernels only for whole blocks of channels, so filters of zeros fill up the last one.
    """

    def hybrid_forward(self, F: Operators, x: NDArray, weight: NDArray, bias: NDArray = None) -> NDArray:
        """(N, in_channels, H, W) -> (N, channels, …)."""
        settings = operator_arguments(self)
        channels, unused = settings["num_filter"], -settings["num_filter"] % BLOCK
        if on_gpu() or not unused:
            return super().hybrid_forward(F, x, weight, bias)
        weight, bias = (each if each is None else _filled(F, each, unused) for each in (weight, bias))
        out = self._convolve(F, x, weight, bias, **{**settings, "num_filter": channels + unused})
        return F.slice_axis(out, axis=1, begin=0, end=channels)


class ColorConv2D(Conv2D):
    """A convolution from few channels that passes a gradient to them; parameters as of `nn.Conv2D`.

    In bfloat16, oneDNN computes this gradient slowly and in another layout than all others, so channels of zeros fill
    up the block.
    """

    def __init__(self, channels: int, kernel: int, in_channels: int, **kwargs: Any) -> None:
        super().__init__(channels, kernel, padding=kernel // 2, in_channels=in_channels, **kwargs)
        self._missing = -in_channels % BLOCK

    def hybrid_forward(self, F: Operators, x: NDArray, weight: NDArray, bias: NDArray = None) -> NDArray:
        """(N, in_channels, H, W) -> (N, channels, H, W)."""
        if self.precision.rounds and not on_gpu():
            x, weight = (_filled(F, each, self._missing, axis=1) for each in (x, weight))
        return super().hybrid_forward(F, x, weight, bias)


class InputConv2D(Conv2D):
    """A convolution of odd kernel, stride 1 and same size, from few channels; parameters as of `nn.Conv2D`.

    oneDNN has no fast kernel for a padding over 3, so the picture is padded beforehand.
    """

    def __init__(self, channels: int, kernel: int, in_channels: int, use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(channels, kernel, padding=kernel // 2, in_channels=in_channels, use_bias=use_bias, **kwargs)

    def hybrid_forward(self, F: Operators, x: NDArray, weight: NDArray, bias: NDArray = None) -> NDArray:
        """(N, in_channels, H, W) float32 -> (N, channels, H, W)."""
        if on_gpu():
            return super().hybrid_forward(F, x, weight, bias)
        settings = {**operator_arguments(self), "pad": (0, 0)}
        half = settings["kernel"][0] // 2
        return self._convolve(F, pad(F, x, half, half, half, half), weight, bias, **settings)


class OutputConv2D(Conv2D):
    """A convolution of odd kernel, stride 1 and same size, to few channels; parameters as of `nn.Conv2D`.

    oneDNN has no fast kernel for 3 output channels either. So the k columns of each filter are applied as separate k×1
    filters, and the k resulting maps, each shifted to its column's place, are added by a 1×k convolution of zeros and
    ones. Filters of zeros fill up oneDNN's blocks of channels, and columns of zeros take the place of a padding over
    `MOST_PADDING`.

    In bfloat16 that convolution has room for several sums of fewer columns each; these are added in float32, so that
    less is lost by rounding.
    """

    def __init__(self, channels: int, kernel: int, in_channels: int, use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(channels, kernel, padding=kernel // 2, in_channels=in_channels, use_bias=use_bias, **kwargs)

    def hybrid_forward(self, F: Operators, x: NDArray, weight: NDArray, bias: NDArray = None) -> NDArray:
        """(N, in_channels, H, W) -> (N, channels, H, W), float32 in any precision."""
        if on_gpu():
            return super().hybrid_forward(F, x, weight, bias)
        settings = operator_arguments(self)
        kernel, channels = settings["kernel"][0], settings["num_filter"]
        idle = -kernel * channels % BLOCK
        columns = _filled(F, F.reshape(F.transpose(weight, (3, 0, 1, 2)), (-3, 0, 0, 1)), idle)
        early, late = None, bias
        if bias is not None and not self.precision.rounds:  # faster, but rounded maps would lose its last bits
            early, late = self._bias_of_columns(F, bias, kernel, idle), None
        shape = {"kernel": (kernel, 1), "pad": (kernel // 2, 0), "num_filter": kernel * channels + idle}
        maps = self._convolve(F, x, columns, early, **shape)
        framed, padding = (maps, kernel // 2) if kernel // 2 <= MOST_PADDING else (_framed(F, maps, kernel // 2), 0)
        sums = max(1, min(kernel, BLOCK // channels)) if self.precision.rounds else 1
        unused = -sums * channels % BLOCK
        places = _filled(F, self._places(F, kernel, channels, idle, sums), unused)
        shape = {"kernel": (1, kernel), "pad": (0, padding), "num_filter": sums * channels + unused}
        added = self.precision.widen(F, self._convolve(F, framed, places, None, **shape))
        cuts = range(0, sums * channels, channels)
        parts = [F.slice_axis(added, axis=1, begin=cut, end=cut + channels) for cut in cuts]
        out = F.add_n(*parts) if len(parts) > 1 else parts[0]
        return out if late is None else F.broadcast_add(out, F.reshape(late, (1, -1, 1, 1)))

    @staticmethod
    def _bias_of_columns(F: Operators, bias: NDArray, kernel: int, idle: int) -> NDArray:
        """Put the bias into the middle column's maps, the only ones that the border does not cut."""
        others = F.zeros_like(F.tile(bias, kernel // 2))
        return _filled(F, F.concat(others, bias, others, dim=0), idle)

    @staticmethod
    def _places(F: Operators, kernel: int, channels: int, idle: int, sums: int) -> NDArray:
        """-> filters (sums·channels, kernel·channels + idle, 1, kernel).

        They move map c of column k by k, to channel c of the sum k % sums.
        """
        ones = F.reshape(F.eye(kernel * channels + idle, kernel * channels), (1, -1, kernel, channels))
        moved = F.transpose(ones, (0, 3, 1, 2))
        wanted = F.transpose(F.one_hot(F.arange(kernel) % sums, sums))
        placed = F.broadcast_mul(moved, F.reshape(wanted, (-1, 1, 1, kernel)))
        return F.reshape(placed, (-3, 0, 1, -1))


def _framed(F: Operators, maps: NDArray, width: int) -> NDArray:
    """Add columns of zeros to the left and right; maps stay in oneDNN's layout, unlike by `pad`."""
    column = F.zeros_like(F.slice_axis(maps, axis=3, begin=0, end=1))
    columns = F.repeat(column, repeats=width, axis=3)
    return F.concat(columns, maps, columns, dim=3)


def _filled(F: Operators, arrays: NDArray, idle: int, axis: int = 0) -> NDArray:
    """Add `idle` zeros along an axis."""
    if not idle:
        return arrays
    one = F.zeros_like(F.slice_axis(arrays, axis=axis, begin=0, end=1))
    return F.concat(arrays, F.repeat(one, repeats=idle, axis=axis), dim=axis)
