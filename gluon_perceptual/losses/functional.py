"""The losses as pure functions of arrays: one value per picture of the batch, shape (N,).

`F` is `mx.nd` or `mx.sym`, as in `hybrid_forward`; feature maps and pictures are (N, C, H, W).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._mxnet import NDArray, Operators


GRID_CELLS = 8  # side of the windows of `grid_error`, in periods
TEXTURE_RANGE = (12.0, 36.0)  # gray levels within 3×3 pixels, from none to all of a detail of `texture`
TEXTURE_DENSITY = (0.55, 0.85)  # share of details around a pixel: an edge on plain ground has less, texture more
TEXTURE_WINDOW = 9  # side of the window for that, in pixels


def mean_of_each(F: Operators, values: NDArray) -> NDArray:
    """(N, C, H, W) -> (N,): the mean over everything but the batch."""
    of_each_channel = F.Pooling(values, global_pool=True, pool_type="avg")  # faster than MXNet's mean
    return F.mean(of_each_channel, axis=0, exclude=True)


def squared_error(F: Operators, a: NDArray, b: NDArray) -> NDArray:
    """‖a − b‖² / (C·H·W): the paper's feature loss for feature maps, its pixel loss for pictures."""
    return mean_of_each(F, F.square(a - b))


def absolute_error(F: Operators, a: NDArray, b: NDArray) -> NDArray:
    """Σ|a − b| / (C·H·W): a pixel loss less sensitive to outliers than the paper's, which trains to sharper edges."""
    return mean_of_each(F, F.abs(a - b))


def grid_error(F: Operators, a: NDArray, b: NDArray, period: int) -> NDArray:
    """How strongly a grid of that period shows in the error a − b: 0 without a grid, the squared height of dots.

    An upsampling network computes each pixel of a cell of period × period differently, and a feature loss lets their
    levels drift apart: the dots of the blog's pictures. So for each position in the cell, the error is averaged over
    windows of 8×8 cells that overlap by half, and the averages are squared. Not in the paper or the blog.
    """
    places = F.space_to_depth(a - b, block_size=period)
    window, shift = (GRID_CELLS,) * 2, (GRID_CELLS // 2,) * 2
    return mean_of_each(F, F.square(F.Pooling(places, kernel=window, stride=shift, pool_type="avg")))


def texture(F: Operators, pictures: NDArray, scale: int) -> NDArray:
    """Return where reduced pictures have texture: (N, 3, H, W) in [0, 255] -> (N, 1, H, W), 0 on plain ground, to 1.

    H and W are multiples of `scale`. The pictures are reduced by it, so that it is decided by what the network sees:
    chosen by the truth's fine detail, a loss would reward detail everywhere. A reduced pixel is a detail if its 3×3
    neighborhood spans many gray levels, and lies in texture if many pixels around it are details. Not in the paper or
    the blog.
    """
    small = F.Pooling(
        F.mean(pictures, axis=1, keepdims=True), kernel=(scale,) * 2, stride=(scale,) * 2, pool_type="avg"
    )
    near = {"kernel": (3, 3), "pad": (1, 1), "pool_type": "max"}
    details = _ramp(F, F.Pooling(small, **near) + F.Pooling(-small, **near), TEXTURE_RANGE)
    window, pad = (TEXTURE_WINDOW,) * 2, (TEXTURE_WINDOW // 2,) * 2
    density = F.Pooling(details, kernel=window, pad=pad, pool_type="avg", count_include_pad=False)
    return F.UpSampling(_ramp(F, density, TEXTURE_DENSITY), scale=scale, sample_type="nearest")


def _ramp(F: Operators, values: NDArray, ends: tuple[float, float]) -> NDArray:
    return F.clip((values - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0)


def gram_matrix(F: Operators, features: NDArray) -> NDArray:
    """ψ·ψᵀ / (C·H·W) with ψ the features as (N, C, H·W): (N, C, H, W) -> (N, C, C) (paper, section 3.2)."""
    # A copy first: MXNet reshapes in place, which would spoil oneDNN's layout of what the backward pass still needs.
    flat = F.reshape(F.slice_axis(features, axis=0, begin=0, end=None), (0, 0, -1))
    size = F.sum(F.ones_like(F.slice_axis(flat, axis=0, begin=0, end=1)), axis=(1, 2), keepdims=True)
    return F.broadcast_div(F.batch_dot(flat, flat, transpose_b=True), size)


def style_error(F: Operators, gram_a: NDArray, gram_b: NDArray) -> NDArray:
    """Squared Frobenius norm of the difference of Gram matrices, (N or 1, C, C), of pictures of any sizes."""
    return F.sum(F.square(F.broadcast_sub(gram_a, gram_b)), axis=0, exclude=True)


def clipped_share(F: Operators, pictures: NDArray) -> NDArray:
    """(N, 3, H, W) -> (N,): the share of pixels with at least two channels at or beyond 0 or 255 after rounding.

    One clipped channel is normal: pure colors have it.
    """
    channels = F.sum(F.abs(pictures - 127.5) >= 127.0, axis=1, keepdims=True)
    return mean_of_each(F, channels >= 2.0)


def range_error(F: Operators, pictures: NDArray) -> NDArray:
    """(N, 3, H, W) -> (N,): the mean squared distance from [0, 255]."""
    return mean_of_each(F, F.square(pictures - F.clip(pictures, 0.0, 255.0)))


def total_variation(F: Operators, x: NDArray) -> NDArray:
    """Sum of squared differences of neighboring pixels (paper; not divided by the size, as in its released code)."""
    dy, dx = _differences(F, x)
    return F.sum(F.square(dy), axis=0, exclude=True) + F.sum(F.square(dx), axis=0, exclude=True)


def mean_absolute_variation(F: Operators, x: NDArray) -> NDArray:
    """mean|dy| + mean|dx|: the blog's total variation."""
    dy, dx = _differences(F, x)
    return mean_of_each(F, F.abs(dy)) + mean_of_each(F, F.abs(dx))


def isotropic_variation(F: Operators, x: NDArray) -> NDArray:
    """Mean length of each channel's gradient (Rudin, Osher and Fatemi 1992), as √(dy² + dx² + 1) − 1, smooth at 0."""
    dy, dx = _differences(F, F.Pad(x, mode="edge", pad_width=(0, 0, 0, 0, 0, 1, 0, 1)))
    dy, dx = F.slice_axis(dy, axis=3, begin=0, end=-1), F.slice_axis(dx, axis=2, begin=0, end=-1)
    return mean_of_each(F, F.sqrt(F.square(dy) + F.square(dx) + 1.0) - 1.0)


def _differences(F: Operators, x: NDArray) -> tuple[NDArray, NDArray]:
    down = F.slice_axis(x, axis=2, begin=1, end=None) - F.slice_axis(x, axis=2, begin=0, end=-1)
    right = F.slice_axis(x, axis=3, begin=1, end=None) - F.slice_axis(x, axis=3, begin=0, end=-1)
    return down, right
