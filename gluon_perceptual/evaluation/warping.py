"""How steady a repainted video is: results compared along the motion of what they show."""

from __future__ import annotations

import numpy as np

from ..image.flow import warp


def warping_error(result: np.ndarray, previous: np.ndarray, flow: np.ndarray, visible: np.ndarray) -> float:
    """Return the mean absolute difference between a frame's result and the previous one's, moved along the motion.

    After Lai et al. 2018, "Learning blind video temporal consistency", section 4.2, but absolute. 0: perfectly steady.

    Args:
        result: (H, W, 3), in [0, 255].
        previous: Result of the frame before, likewise.
        flow: (H, W, 2), from each pixel to where it was in the frame before, in pixels to the right and down.
        visible: (H, W) bool, the pixels that could be seen in the frame before.

    Raises:
        ValueError: No pixel could be.
    """
    if not visible.any():
        raise ValueError("no pixel could be seen in the frame before: there is nothing to compare")
    return float(np.abs(result.astype(np.float32) - warp(previous, flow))[visible].mean())
