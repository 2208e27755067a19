"""Metrics: how close a picture is to the true one, and how strongly it shows the grid of an upsampling network."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from ..errors import UserError
from ..image.color import luma

SSIM_WINDOW = 11  # side of the Gaussian window of σ = 1.5, cut at 3.5 σ

_ROWS = 64  # pixels of CIEDE2000 at a time, as it needs many temporary arrays
_BLOCK = 64  # side of the blocks of a local spectrum, in pixels
_PERIODS = 5  # smallest number of periods in a block, so that bins next to a frequency are not those of another
_AT = (-1, 0, 1)  # bins over which a Hann window spreads a frequency
_BESIDE = (-3, -2, 2, 3)
_ROUNDING_NOISE = 1 / 12  # variance of rounding to whole gray levels


def psnr(a: np.ndarray, b: np.ndarray, *, data_range: float) -> float:
    """Return the peak signal-to-noise ratio in dB; infinity for equal images.

    Args:
        a: Image of any shape and type.
        b: Image of the same shape.
        data_range: Difference between the greatest and the least possible value, such as 255.

    Raises:
        UserError: The shapes differ, or the range is not positive.
    """
    _check_pair(a, b, data_range)
    error = np.mean(np.square(np.asarray(a, np.float64) - b))
    return float(10 * np.log10(data_range**2 / error)) if error else float("inf")


def ssim(a: np.ndarray, b: np.ndarray, *, data_range: float) -> float:
    """Return the structural similarity (Wang et al., 2004), at most 1: Gaussian window of 11×11 and σ = 1.5.

    The mean is over channels, and over the pixels that have their whole window in the image.

    Args:
        a: (H, W) or (H, W, C) of any type.
        b: Image of the same shape.
        data_range: Difference between the greatest and the least possible value, such as 255.

    Raises:
        UserError: The shapes differ, are not supported, or are smaller than the window; or the range is not positive.
    """
    from skimage.metrics import structural_similarity

    _check_pair(a, b, data_range)
    if a.ndim not in (2, 3) or min(a.shape[:2]) < SSIM_WINDOW:
        raise UserError(
            f"image of shape {a.shape}: SSIM needs (H, W) or (H, W, C), {SSIM_WINDOW}×{SSIM_WINDOW} or larger"
        )
    similarity = structural_similarity(
        np.asarray(a, np.float64), np.asarray(b, np.float64), data_range=data_range, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, channel_axis=2 if a.ndim == 3 else None,
    )  # fmt: skip
    return float(similarity)


def luma_scores(output: np.ndarray, truth: np.ndarray, scale: int) -> tuple[float, float]:
    """Return PSNR in dB and SSIM as super-resolution papers measure them.

    On Y of BT.601, rounded as MATLAB's rgb2ycbcr does, without a border of `scale` pixels. Bicubic ×4 on Set5 scores
    28.43 and 0.811 unrounded, and 28.42 and 0.810 rounded: both are found in papers.

    Args:
        output: (H, W, 3) uint8.
        truth: (H, W, 3) uint8.
        scale: How many times `output` was enlarged.

    Raises:
        UserError: The shapes differ, or the picture is too small.
    """
    check_same_shape(output, truth)
    height, width = output.shape[:2]
    inside = np.s_[scale : height - scale, scale : width - scale]
    a, b = np.rint(luma(output[inside])), np.rint(luma(truth[inside]))
    similarity = ssim(a, b, data_range=255)
    return psnr(a, b, data_range=255), similarity


def color_error(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean color difference CIEDE2000 of two (H, W, 3) uint8 sRGB pictures; 1 is just noticeable.

    Raises:
        UserError: The shapes differ.
    """
    from skimage.color import deltaE_ciede2000, rgb2lab

    check_same_shape(a, b)
    total = 0.0
    for top in range(0, len(a), _ROWS):
        lab_a, lab_b = (rgb2lab(image[top : top + _ROWS]) for image in (a, b))
        total += deltaE_ciede2000(lab_a, lab_b).sum()
    return total / (a.size // 3)


def grid_energy(image: np.ndarray, period: int) -> float:
    """Return how far the frequencies of a grid stand out from those around them: about 1 in photos, more with dots.

    Upsampling `period` times by strided or shuffled convolutions can leave a pattern of that period. It has the
    frequencies (i, j) / period, 0 ≤ i, j < period, except (0, 0). In blocks of 64×64 pixels (smaller in smaller
    pictures) under a Hann window, the mean log power at each of them (3×3 bins, as the window smears it) is compared
    with that of the bins 2 and 3 away: along the axis for frequencies on an axis, where the energy of vertical and
    horizontal edges is, otherwise along both axes. The power of rounding noise is added everywhere, so that flat areas
    have ratio 1. By the geometric mean of the ratios over frequencies and blocks, faint dots in a smooth sky count in
    proportion to the area of the sky.

    Args:
        image: (H, W, 3) RGB in [0, 255].
        period: Of the grid, in pixels; the scale of an upsampling network.

    Returns:
        A positive ratio of powers: for dots of one gray level on a flat picture, 160 at period 2 and 11 at period 4.

    Raises:
        UserError: The period is under 2, or a side of the picture is shorter than 5 periods.
    """
    y = luma(image)
    if period < 2 or min(y.shape) < _PERIODS * period:
        raise UserError(
            f"picture of {y.shape[0]}×{y.shape[1]} with a grid of period {period}: "
            f"expected a period of at least 2 and sides of at least {_PERIODS} periods"
        )
    longest = max(_BLOCK, _PERIODS * period)
    height, width = (min(side, longest) // period * period for side in y.shape)
    spectrum = _mean_log_spectrum(y, height, width)
    near_y, near_x = _mean_of_shifted(spectrum, _AT, axis=0), _mean_of_shifted(spectrum, _AT, axis=1)
    at = _mean_of_shifted(near_y, _AT, axis=1)
    grid = np.s_[:: height // period, :: width // period]
    excess_x = (at - _mean_of_shifted(near_y, _BESIDE, axis=1))[grid]
    excess_y = (at - _mean_of_shifted(near_x, _BESIDE, axis=0))[grid]
    excess = (excess_x + excess_y) / 2
    excess[0], excess[:, 0] = excess_x[0], excess_y[:, 0]
    return float(np.exp(np.mean(excess.ravel()[1:])))


def _mean_log_spectrum(y: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the mean over all whole blocks of the logarithm of the power spectrum, (height, width)."""
    window = np.outer(*(np.sin(np.pi * np.arange(side) / side) ** 2 for side in (height, width)))
    total, columns = np.zeros((height, width)), y.shape[1] // width
    for top in range(0, y.shape[0] - height + 1, height):
        row = y[top : top + height, : columns * width].reshape(height, columns, width).swapaxes(0, 1)
        spectra = np.fft.fft2((row - row.mean(axis=(1, 2), keepdims=True)) * window)
        total += np.log(np.abs(spectra) ** 2 / np.sum(window**2) + _ROUNDING_NOISE).sum(axis=0)
    return total / (y.shape[0] // height * columns)


def _mean_of_shifted(spectrum: np.ndarray, shifts: Sequence[int], axis: int) -> np.ndarray:
    """Return the mean of the bins at these distances from each bin; frequencies wrap around."""
    return np.mean([np.roll(spectrum, shift, axis) for shift in shifts], axis=0)


def check_same_shape(a: np.ndarray, b: np.ndarray) -> None:
    """Raise UserError unless two pictures have the same shape and are not empty."""
    if a.shape != b.shape or not a.size:
        raise UserError(f"pictures of shapes {a.shape} and {b.shape}: expected the same, not empty")


def _check_pair(a: np.ndarray, b: np.ndarray, data_range: float) -> None:
    check_same_shape(a, b)
    if not data_range > 0:
        raise UserError(f"data range {data_range}: expected a positive number such as 255")
