"""Layers whose plain form is slow on a CPU: the same functions of the same parameters, as oneDNN 2.4 does them well.

On a GPU each is its plain form: the context of the call decides when a graph is made. docs/performance.md has what
each brings. Feature maps are (N, C, H, W) float32; sums are reordered, so results agree to about 1e-6 of their size.
"""

from __future__ import annotations

from typing import Any

from .._mxnet import mx

nn: Any = mx.gluon.nn

VECTOR = 8  # floats in an AVX2 register: oneDNN works on so many output channels at once


def on_gpu() -> bool:
    """Whether the layers called now run on a GPU; Gluon enters its input's context before it calls any."""
    return bool(mx.context.current_context().device_type == "gpu")


def pad(F: Any, x: Any, top: int, bottom: int, left: int, right: int) -> Any:
    """Add rows and columns of zeros."""
    return F.pad(x, mode="constant", pad_width=(0, 0, 0, 0, top, bottom, left, right))


class InputConv2D(nn.Conv2D):
    """A convolution of odd kernel, stride 1 and same size, from few channels; parameters as of `nn.Conv2D`.

    oneDNN has no fast kernel for a padding over 3, so the picture is padded first.
    """

    def __init__(self, channels: int, kernel: int, in_channels: int, use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(channels, kernel, padding=kernel // 2, in_channels=in_channels, use_bias=use_bias, **kwargs)

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        """(N, in_channels, H, W) -> (N, channels, H, W)."""
        if on_gpu():
            return super().hybrid_forward(F, x, weight, bias)
        half = self._kwargs["kernel"][0] // 2
        framed = pad(F, x, half, half, half, half)
        inputs = [framed, weight] if bias is None else [framed, weight, bias]
        return F.Convolution(*inputs, **{**self._kwargs, "pad": (0, 0)})


class OutputConv2D(nn.Conv2D):
    """A convolution of odd kernel, stride 1 and same size, to few channels; parameters as of `nn.Conv2D`.

    oneDNN has no fast kernel for 3 output channels either. So the k columns of each filter are applied as k×1
    filters of their own, without padding along rows, and the k maps that they give are added up, each moved to its
    column's place. This takes as many multiplications, but for the filters of zeros that fill the last vector.
    """

    def __init__(self, channels: int, kernel: int, in_channels: int, use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(channels, kernel, padding=kernel // 2, in_channels=in_channels, use_bias=use_bias, **kwargs)

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        """(N, in_channels, H, W) -> (N, channels, H, W)."""
        if on_gpu():
            return super().hybrid_forward(F, x, weight, bias)
        kernel, channels = self._kwargs["kernel"][0], self._kwargs["num_filter"]
        maps = self._maps_of_columns(F, x, weight, kernel, channels)
        framed = pad(F, maps, 0, 0, kernel // 2, kernel // 2)
        moved = [_window(F, framed, channels * i, channels, i, kernel - 1 - i) for i in range(kernel)]
        out = F.add_n(*moved)
        return out if bias is None else F.broadcast_add(out, F.reshape(bias, (1, -1, 1, 1)))

    @staticmethod
    def _maps_of_columns(F: Any, x: Any, weight: Any, kernel: int, channels: int) -> Any:
        """-> (N, kernel·channels or a little more, H, W): column by column, what its filters give."""
        columns = F.reshape(F.transpose(weight, (3, 0, 1, 2)), (-3, 0, 0, 1))
        idle = -kernel * channels % VECTOR
        if idle:
            zeros = F.zeros_like(F.slice_axis(columns, axis=0, begin=0, end=idle))
            columns = F.concat(columns, zeros, dim=0)
        shape = {"kernel": (kernel, 1), "pad": (kernel // 2, 0), "num_filter": kernel * channels + idle}
        return F.Convolution(x, columns, no_bias=True, **shape)


def _window(F: Any, x: Any, channel: int, channels: int, left: int, right: int) -> Any:
    """Return `channels` channels from `channel` on, without the first `left` and the last `right` columns."""
    return F.slice(x, begin=(None, channel, None, left), end=(None, channel + channels, None, -right or None))


class TransposedConv2D(nn.Conv2DTranspose):
    """A transposed convolution; parameters as of `nn.Conv2DTranspose`.

    oneDNN's adds its bias in a slow way, so a 1×1 convolution of each channel by itself does.
    """

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        """(N, in_channels, H, W) -> (N, channels, larger H, larger W)."""
        if on_gpu() or bias is None:
            return super().hybrid_forward(F, x, weight, bias)
        out = F.Deconvolution(x, weight, **{**self._kwargs, "no_bias": True})
        ones = F.reshape(F.ones_like(bias), (-1, 1, 1, 1))
        channels = self._kwargs["num_filter"]
        return F.Convolution(out, ones, bias, kernel=(1, 1), num_filter=channels, num_group=channels)


class NearestConv2D(nn.Conv2D):
    """Each pixel repeated 2×2, then a 3×3 convolution of the same size; parameters as of `nn.Conv2D`.

    Of the 3×3 repeated pixels under a filter, no more than 2×2 differ: for each of the four places in a repeated
    pixel a filter of 2×2 sums of weights gives the same with 4 instead of 9 multiplications.
    """

    def __init__(self, channels: int, in_channels: int, use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(channels, 3, padding=1, in_channels=in_channels, use_bias=use_bias, **kwargs)

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        """(N, in_channels, H, W) -> (N, channels, 2·H, 2·W)."""
        if on_gpu():
            return super().hybrid_forward(F, F.UpSampling(x, scale=2, sample_type="nearest"), weight, bias)
        channels = self._kwargs["num_filter"]
        filters = F.concat(*(_sums(F, _sums(F, weight, 2, a), 3, b) for a in (0, 1) for b in (0, 1)), dim=0)
        biases = [] if bias is None else [F.tile(bias, 4)]
        maps = F.Convolution(
            pad(F, x, 1, 1, 1, 1), filters, *biases, kernel=(2, 2), num_filter=4 * channels, no_bias=bias is None
        )
        phases = F.split(maps, num_outputs=4, axis=1)
        placed = [
            F.slice(phases[2 * a + b], begin=(None, None, a, b), end=(None, None, a - 1 or None, b - 1 or None))
            for a in (0, 1)
            for b in (0, 1)
        ]
        return F.depth_to_space(F.concat(*placed, dim=1), 2)


def _sums(F: Any, weight: Any, axis: int, phase: int) -> Any:
    """Return what 3 weights become on 2 pixels: (w0, w1 + w2) in the first half of a pixel, (w0 + w1, w2) after."""
    w0, w1, w2 = F.split(weight, num_outputs=3, axis=axis)
    return F.concat(*((w0 + w1, w2) if phase else (w0, w1 + w2)), dim=axis)
