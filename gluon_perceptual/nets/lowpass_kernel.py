"""The filters of `lowpass`, and the cut-offs of given ones. Nothing here needs MXNet."""

from __future__ import annotations

from numbers import Real
from typing import Sequence, Union

import numpy as np

from ..errors import UserError
from ..image.color import LUMA

RADIUS = 4  # of the kernel, in pixels
LOWEST, HIGHEST = 0.1, 0.5  # cut-offs: below the first the window dominates, at the second all frequencies pass
STEP = 0.001  # difference between the cut-offs that `cutoff_of` distinguishes

Cutoff = Union[float, Sequence[float]]  # in cycles per pixel: of every plane, or two, luma's and chroma's


def lowpass_kernel(cutoff: float) -> np.ndarray:
    """Return a kernel (9, 9) float64, isotropic, of sum 1, that about halves waves of `cutoff` cycles per pixel.

    It is the ideal isotropic low-pass, J₁(2πfr) · f / r, under a cosine window. At a cut-off of 0.3, waves of 0.2
    cycles per pixel keep their height; those of 0.25 keep 79 % of it, of 0.3 48 %, of 0.35 19 %, of 0.4 2 %.

    Raises:
        UserError: `cutoff` is not from 0.1 to 0.5.
    """
    from scipy.special import j1  # slow to import

    if not LOWEST <= cutoff <= HIGHEST:
        raise UserError(f"low-pass {cutoff}: expected {LOWEST} to {HIGHEST} cycles per pixel, such as 0.3")
    places = np.arange(-RADIUS, RADIUS + 1)
    r = np.hypot(*np.meshgrid(places, places))
    ideal = np.where(r > 0, j1(2 * np.pi * cutoff * r) * cutoff / np.maximum(r, 1), np.pi * cutoff**2)
    kernel = ideal * np.where(r < RADIUS + 1, np.cos(np.pi * r / (2 * RADIUS + 2)), 0)
    return np.asarray(kernel / kernel.sum())


def lowpass_filters(cutoff: Cutoff, step: int) -> np.ndarray:
    """Return the low-pass's filters for a block of step² pixels: the kernels, at each position in the block.

    Returns:
        float32: with one cut-off (step², 1, side, side), for each plane; with two (step² · 3, 3, side, side), for RGB:
        luma (BT.601) goes through the first one's kernel, RGB less luma through the second's. Positions come first in
        the first axis, as `depth_to_space` wants it.

    Raises:
        UserError: As `planes_together`, or a cut-off is out of range.
    """
    planes = planes_together(cutoff)
    kernels = [lowpass_kernel(each) for each in np.atleast_1d(cutoff)]
    if planes == 1:
        return _phases(kernels[0][None, None], step)
    luma, chroma = kernels
    shares = np.array(LUMA) / sum(LUMA)
    mixed = shares[:, None, None] * (luma - chroma)  # from each channel into every one
    return _phases(np.eye(3)[..., None, None] * chroma + mixed, step)


def planes_together(cutoff: Cutoff) -> int:
    """Return how many planes the low-pass's filters take at a time: 1, or with two cut-offs 3.

    Raises:
        UserError: `cutoff` is not a number or two numbers.
    """
    if isinstance(cutoff, Real):
        return 1
    if isinstance(cutoff, Sequence) and len(cutoff) == 2 and all(isinstance(each, Real) for each in cutoff):
        return 3
    raise UserError(f"low-pass {cutoff!r}: expected a number, such as 0.3, or luma's and chroma's, such as [0.3, 0.22]")


def _phases(kernels: np.ndarray, step: int) -> np.ndarray:
    """Return the filters (step² · out, into, side, side) with the kernels (out, into, 9, 9) at each position."""
    out, into, size, _ = kernels.shape
    filters = np.zeros((step, step, out, into, size + step - 1, size + step - 1), np.float32)
    for row in range(step):
        for column in range(step):
            filters[row, column, ..., row : row + size, column : column + size] = kernels
    return filters.reshape(step**2 * out, *filters.shape[3:])


def cutoff_of(filters: np.ndarray) -> float | list[float]:
    """Return the cut-off, or luma's and chroma's, of the low-pass with these filters, to a thousandth."""
    if filters.shape[1] < 3 or len(filters) < 3:
        return _cutoff(filters[0])
    red, green = filters[:2].astype(np.float64)
    with np.errstate(all="ignore"):  # a damaged file
        return [_cutoff(red.sum(axis=0)), _cutoff(red[0] - green[0])]


def _cutoff(kernel: np.ndarray) -> float:
    """Return the cut-off of a kernel, by its largest value."""
    cutoffs = np.arange(LOWEST, HIGHEST + STEP, STEP).clip(max=HIGHEST)
    middles = np.array([lowpass_kernel(cutoff)[RADIUS, RADIUS] for cutoff in cutoffs])
    return round(float(cutoffs[np.abs(middles - kernel.max()).argmin()]), 3)
