"""The kernel of `lowpass`, and the cut-off of given filters. Nothing here needs MXNet."""

from __future__ import annotations

import numpy as np

from ..errors import UserError

RADIUS = 4  # of the kernel, in pixels
LOWEST, HIGHEST = 0.1, 0.5  # cut-offs: below the first the window dominates, at the second all frequencies pass
STEP = 0.001  # difference between the cut-offs that `cutoff_of` distinguishes


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


def phases_of(kernel: np.ndarray, step: int) -> np.ndarray:
    """Return the filters (step², 1, side, side) float32 with `kernel` at each position in a block."""
    filters = np.zeros((step, step, *np.add(kernel.shape, step - 1)), np.float32)
    for row in range(step):
        for column in range(step):
            filters[row, column, row : row + len(kernel), column : column + len(kernel)] = kernel
    return filters.reshape(step**2, 1, *filters.shape[2:])


def cutoff_of(filters: np.ndarray) -> float:
    """Return the cut-off of the low-pass with these filters, to a thousandth, by their largest value."""
    cutoffs = np.arange(LOWEST, HIGHEST + STEP, STEP).clip(max=HIGHEST)
    middles = np.array([lowpass_kernel(cutoff)[RADIUS, RADIUS] for cutoff in cutoffs])
    return round(float(cutoffs[np.abs(middles - filters[0].max()).argmin()]), 3)
