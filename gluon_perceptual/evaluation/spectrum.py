"""The weave: fine waves that a network leaves where the true photo is smooth, measured in local spectra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..image.color import luma
from .metrics import check_same_shape

BLOCK = 32  # side of the blocks of a local spectrum, in pixels; they overlap by half
SMOOTH = 10.0  # gray levels: blocks of the truth count as smooth up to this standard deviation
FINE = 0.25  # cycles per pixel above which waves are measured: lower frequencies contain the picture's shapes
WORST = 0.1  # share of the blocks

_BINS = np.arange(BLOCK // 2 + 1)
AXIAL, DIAGONAL = _BINS / BLOCK, _BINS / BLOCK * 2**0.5  # frequencies of a block's spectra, in cycles per pixel
_WINDOW = np.outer(*2 * [np.sin(np.pi * np.arange(BLOCK) / BLOCK) ** 2])
# Mean power of a wave of height 1 along an axis: the mean over 3×3 bins leaves a quarter of its bin's, and it is on one
# of two axes.
_WAVE = _WINDOW.sum() ** 2 / 4 / (_WINDOW**2).sum() / 4 / 2


@dataclass(frozen=True)
class Weave:
    """The waves over 0.25 cycles per pixel that a picture has and the truth lacks, in blocks where the truth is smooth.

    Attributes:
        mean: Amplitude, in gray levels, of the strongest such wave in a block: the mean over all smooth blocks; nan if
            there are none. Below about 0.1 it is rounding; from 0.5 on it is visible.
        worst: The mean over the tenth of the blocks with the highest amplitude.
        axial: Power in excess of the truth's, (17,): entry k is for k/32 cycles per pixel along an axis.
        diagonal: Likewise, for k/32 cycles per pixel along both axes.
    """

    mean: float
    worst: float
    axial: np.ndarray
    diagonal: np.ndarray


def weave(output: np.ndarray, truth: np.ndarray) -> Weave:
    """Measure the waves in `output` that `truth` lacks, see `Weave`.

    On luma, in blocks of 32×32 pixels under a Hann window, 16 apart. A block is smooth if the truth's standard
    deviation in it is at most 10 gray levels.

    Args:
        output: (H, W, 3) RGB in [0, 255].
        truth: Likewise.

    Raises:
        UserError: The shapes differ.
    """
    check_same_shape(output, truth)
    known = _blocks(truth)
    smooth = known.std(axis=(1, 2)) <= SMOOTH
    if not smooth.any():
        nothing = np.full(len(_BINS), np.nan)
        return Weave(float("nan"), float("nan"), nothing, nothing)
    axial, diagonal = directional_power(_blocks(output)[smooth]) - directional_power(known[smooth])
    fine = np.concatenate([axial[:, AXIAL > FINE], diagonal[:, DIAGONAL > FINE]], axis=1)
    heights = np.sort(np.sqrt(fine.max(axis=1).clip(0) / _WAVE))[::-1]
    worst = heights[: max(1, round(WORST * len(heights)))]
    return Weave(float(heights.mean()), float(worst.mean()), axial.mean(axis=0), diagonal.mean(axis=0))


def directional_power(blocks: np.ndarray) -> np.ndarray:
    """Return the power of blocks (B, 32, 32) along the axes and along the diagonals, by frequency: (2, B, 17).

    Each is the mean over the two axes or diagonals, and over the 3×3 bins that the window smears a wave over. For white
    noise, it is the noise's variance at all frequencies.
    """
    centered = blocks - blocks.mean(axis=(1, 2), keepdims=True)
    power = np.abs(np.fft.fft2(centered * _WINDOW)) ** 2 / (_WINDOW**2).sum()
    for axis in (1, 2):
        power = (np.roll(power, 1, axis) + power + np.roll(power, -1, axis)) / 3
    axial = power[:, 0, _BINS] + power[:, _BINS, 0]
    diagonal = power[:, _BINS, _BINS] + power[:, _BINS, -_BINS]
    return np.stack([axial, diagonal]) / 2


def _blocks(picture: np.ndarray) -> np.ndarray:
    """Return the luma of all blocks, (B, 32, 32), without any for a smaller picture."""
    y = luma(picture) * (255 / 219)
    if min(y.shape) < BLOCK:
        return np.zeros((0, BLOCK, BLOCK))
    windows = np.lib.stride_tricks.sliding_window_view(y, (BLOCK, BLOCK))
    return np.asarray(windows[:: BLOCK // 2, :: BLOCK // 2].reshape(-1, BLOCK, BLOCK))
