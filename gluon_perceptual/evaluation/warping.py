"""The flicker of a repainted video: consecutive results compared along the motion of the scene."""

from __future__ import annotations

import numpy as np

from ..image.flow import warp


def warping_error(result: np.ndarray, previous: np.ndarray, flow: np.ndarray, visible: np.ndarray) -> float:
    """Return the mean absolute difference between a frame's result and the previous one, warped; 0: no flicker.

    After Lai et al. 2018, "Learning blind video temporal consistency", section 4.2, but with absolute differences.

    Args:
        result: (H, W, 3), in [0, 255].
        previous: Result of the previous frame, likewise.
        flow: (H, W, 2), from each pixel to its place in the previous frame, in pixels to the right and down.
        visible: (H, W) bool, the pixels that are visible in the previous frame.

    Raises:
        ValueError: No pixel is visible.
    """
    if not visible.any():
        raise ValueError("no pixel is visible in the previous frame: there is nothing to compare")
    return float(np.abs(result.astype(np.float32) - warp(previous, flow))[visible].mean())
