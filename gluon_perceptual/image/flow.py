"""Motion between two pictures: dense optical flow, warping by it, and where it is reliable."""

from __future__ import annotations

import cv2
import numpy as np

AGREEMENT, SLACK = 0.01, 0.5  # Sundaram et al. 2010, "Dense point trajectories by GPU-accelerated large displacement"
SMALLEST_SIDE = 16  # the shortest side of pictures in which motion is searched for: DIS compares patches
LONGEST_SIDE = 2**15 - 2  # of pictures that OpenCV warps


def optical_flow(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return (H, W, 2) float32: how many pixels to the right and down each pixel of `image` has moved in `other`.

    Dense inverse search (Kroeger et al. 2016, "Fast optical flow using dense inverse search").

    Args:
        image: (H, W, 3) uint8 RGB.
        other: Likewise, of the same size.
    """
    height, width = image.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        return np.zeros((height, width, 2), np.float32)
    gray, moved = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (image, other))
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(gray, moved, None)


def warp(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Return (H, W) or (H, W, C) float32: at each pixel, the value of `image` where `flow`, (H, W, 2), points.

    Interpolation is cubic; beyond the border, the border's pixels are repeated.
    """
    rows, columns = np.indices(flow.shape[:2], np.float32)
    x, y = columns + flow[:, :, 0], rows + flow[:, :, 1]
    return cv2.remap(image.astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def is_visible(flow: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Return (H, W) bool: the pixels visible in the other picture, too: `back` returns to where `flow` began.

    Args:
        flow: (H, W, 2) from this picture to the other.
        back: (H, W, 2) from the other to this one.
    """
    height, width = flow.shape[:2]
    rows, columns = np.indices((height, width))
    x, y = columns + flow[:, :, 0], rows + flow[:, :, 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    returned = warp(back, flow)
    off = ((flow + returned) ** 2).sum(axis=2)
    far = (flow**2).sum(axis=2) + (returned**2).sum(axis=2)
    return inside & (off <= AGREEMENT * far + SLACK)
