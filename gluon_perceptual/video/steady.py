"""Repainted videos that hold still: each result is blended with the last one, moved as the photo has moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Tuple

import cv2
import numpy as np

from ..image.flow import is_visible, optical_flow, warp
from ..image.io import Picture

OLD = 0.85  # share of the last result where it is the same thing
SAME, OTHER = 8.0, 24.0  # levels by which the photos differ: up to the first they are the same, from the second others
NOISE = 1.5  # standard deviation in pixels of the blur before photos are compared
RIM = 5  # pixels: side of the square about what is not the same, in which nothing is blended
CUT = 0.4  # share of a frame that is the same, below which it is another scene

Pair = Tuple[np.ndarray, np.ndarray]  # a frame and its result


class Steady:
    """A function from pictures to pictures of their size, made steady for the frames of a video, one after the other.

    Args:
        work: The function; what it takes beside the picture, such as its progress, is passed on.
    """

    def __init__(self, work: Callable[..., Picture]) -> None:
        self._work = work
        self._last: Pair | None = None

    def __call__(self, picture: Picture, *others: Any) -> Picture:
        """Return the result for the next frame."""
        result = self._work(picture, *others)
        now = _in_8_bits(picture.rgb).astype(np.float32), result.rgb.astype(np.float32)
        if self._last and self._last[0].shape == now[0].shape:
            now = blended(now, self._last)
        self._last = now
        top = np.iinfo(result.rgb.dtype).max
        return replace(result, color=np.rint(np.clip(now[1], 0, top)).astype(result.rgb.dtype))


def blended(now: Pair, last: Pair) -> Pair:
    """Return a frame and its result, both mixed with the last ones, moved, where both frames show the same.

    The frame is mixed, too, so that what is left of earlier frames shows as a difference, and fades: a frame that
    changes slowly would otherwise be "the same" forever.

    Args:
        now: The frame, (H, W, 3) float32 in [0, 255], and its result by itself, of that size, in any range.
        last: What this function returned for the frame before.
    """
    photo, last_photo = (np.rint(np.clip(pair[0], 0, 255)).astype(np.uint8) for pair in (now, last))
    flow = optical_flow(photo, last_photo)
    same = sameness(photo, last_photo, flow)
    if (same > 0).mean() < CUT:
        return now
    share = OLD * same[:, :, np.newaxis]
    photo_mixed, painted = (share * warp(old, flow) + (1 - share) * new for new, old in zip(now, last))
    return photo_mixed, painted


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
