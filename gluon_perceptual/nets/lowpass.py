"""A fixed low-pass, against the weave that a feature loss leaves: fine waves that it takes for texture."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import j1

from .._mxnet import mx
from ..errors import UserError

RADIUS = 4  # of the kernel, in pixels
LOWEST, HIGHEST = 0.1, 0.5  # cut-offs: under the first the window decides, at the second all pass that pixels can hold
STEP = 0.001  # of the cut-offs that `cutoff_of` tells apart


def lowpass_kernel(cutoff: float) -> np.ndarray:
    """Return a kernel (9, 9) float64, radially symmetric, of sum 1, that about halves waves of `cutoff` cycles a pixel.

    The ideal low-pass of all directions, J₁(2πfr) · f / r, under a cosine window. At a cut-off of 0.3, waves of 0.2
    cycles a pixel keep their height, of 0.25 0.79 of it, of 0.3 0.48, of 0.35 0.19, of 0.4 0.02.

    Raises:
        UserError: `cutoff` is not from 0.1 to 0.5.
    """
    if not LOWEST <= cutoff <= HIGHEST:
        raise UserError(f"low-pass {cutoff}: expected a cut-off from {LOWEST} to {HIGHEST} cycles a pixel, such as 0.3")
    places = np.arange(-RADIUS, RADIUS + 1)
    r = np.hypot(*np.meshgrid(places, places))
    ideal = np.where(r > 0, j1(2 * np.pi * cutoff * r) * cutoff / np.maximum(r, 1), np.pi * cutoff**2)
    kernel = ideal * np.where(r < RADIUS + 1, np.cos(np.pi * r / (2 * RADIUS + 2)), 0)
    return np.asarray(kernel / kernel.sum())


def cutoff_of(filters: np.ndarray) -> float:
    """Return the cut-off of the low-pass with these `filters`, in thousandths, by the largest, the kernel's middle."""
    cutoffs = np.arange(LOWEST, HIGHEST + STEP, STEP).clip(max=HIGHEST)
    middles = np.array([lowpass_kernel(cutoff)[RADIUS, RADIUS] for cutoff in cutoffs])
    return round(float(cutoffs[np.abs(middles - filters[0].max()).argmin()]), 3)


class LowPass(mx.gluon.HybridBlock):
    """(N, C, H, W) -> the same: each plane through `lowpass_kernel`, border pixels repeated.

    oneDNN has no fast kernel for one filter of one channel. So a stride of `step` pixels, which has to divide H and W,
    gives a block of step² pixels at once, each by a copy of the kernel of its own place.
    """

    def __init__(self, cutoff: float, step: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._step = step
        with self.name_scope():
            self.filters = self.params.get_constant("filters", _phases(lowpass_kernel(cutoff), step))

    def hybrid_forward(self, F: Any, x: Any, filters: Any) -> Any:
        """Each plane on its own, all step² phases at once."""
        step, side = self._step, 2 * RADIUS + self._step
        planes = F.reshape(x, (-1, 1, 0, 0), reverse=True)
        framed = F.pad(planes, mode="edge", pad_width=(0, 0, 0, 0, *4 * [RADIUS]))
        options = {"kernel": (side, side), "stride": (step, step), "num_filter": step**2, "no_bias": True}
        return F.reshape_like(F.depth_to_space(F.Convolution(framed, filters, **options), step), x)


def _phases(kernel: np.ndarray, step: int) -> np.ndarray:
    """Return the filters (step², 1, side, side) float32 that hold `kernel` at each place of a block."""
    filters = np.zeros((step, step, *np.add(kernel.shape, step - 1)), np.float32)
    for row in range(step):
        for column in range(step):
            filters[row, column, row : row + len(kernel), column : column + len(kernel)] = kernel
    return filters.reshape(step**2, 1, *filters.shape[2:])
