"""Repainted videos that hold still: each result is blended with the last one, moved as the photo has moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable

import cv2
import numpy as np

from ..image.flow import is_visible, optical_flow, warp
from ..image.io import Picture

OLD = 0.85  # share of the last result where it is the same thing
SAME, OTHER = 8.0, 24.0  # levels by which the photos differ: up to the first they are the same, from the second others
NOISE = 1.5  # standard deviation in pixels of the blur before photos are compared
RIM = 5  # pixels: side of the square about what is not the same, in which nothing is blended
CUT = 0.4  # share of a frame that is the same, below which it is another scene


class Steady:
    """A function from pictures to pictures of their size, made steady for the frames of a video, one after the other.

    Args:
        work: The function; what it takes beside the picture, such as its progress, is passed on.
    """

    def __init__(self, work: Callable[..., Picture]) -> None:
        self._work = work
        self._last: tuple[np.ndarray, np.ndarray] | None = None

    def __call__(self, picture: Picture, *others: Any) -> Picture:
        """Return the result for the next frame."""
        result = self._work(picture, *others)
        photo, painted = _in_8_bits(picture.rgb), result.rgb
        if self._last and self._last[0].shape == photo.shape:
            painted = blended(painted, photo, *self._last)
        self._last = photo, painted
        return replace(result, color=painted)


def blended(painted: np.ndarray, photo: np.ndarray, last_photo: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the result of a frame blended with the last one, moved, where both photos show the same.

    Args:
        painted: (H, W, 3) uint8 or uint16, the result by itself.
        photo: (H, W, 3) uint8, the frame.
        last_photo: Likewise, the frame before.
        last: What this function returned for that one.
    """
    flow = optical_flow(photo, last_photo)
    same = sameness(photo, last_photo, flow)
    if (same > 0).mean() < CUT:
        return painted
    share = OLD * same[:, :, np.newaxis]
    top = np.iinfo(painted.dtype).max
    moved = np.clip(warp(last, flow), 0, top)
    mixed: np.ndarray = np.rint(share * moved + (1 - share) * painted).astype(painted.dtype)
    return mixed


def sameness(photo: np.ndarray, last_photo: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Return (H, W) float32 from 0 to 1: whether a pixel shows what the last photo has where the flow leads.

    Both must see each other (forward and backward flow agree), and be alike beyond noise, together with what is about.
    """
    alike = [cv2.GaussianBlur(each, (0, 0), NOISE) for each in (photo.astype(np.float32), warp(last_photo, flow))]
    differ = np.abs(alike[0] - alike[1]).max(axis=2)
    same = np.clip((OTHER - differ) / (OTHER - SAME), 0, 1) * is_visible(flow, optical_flow(last_photo, photo))
    same = cv2.erode(same.astype(np.float32), np.ones((RIM, RIM), np.uint8))
    return np.minimum(same, cv2.GaussianBlur(same, (0, 0), NOISE))


def _in_8_bits(rgb: np.ndarray) -> np.ndarray:
    return rgb if rgb.dtype == np.uint8 else (rgb >> 8).astype(np.uint8)
