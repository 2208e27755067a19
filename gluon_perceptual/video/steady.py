"""Repainted videos without flicker: each result is blended with the previous one, moved like the photo."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Tuple

import cv2
import numpy as np

from ..image.flow import LONGEST_SIDE, is_visible, optical_flow, warp
from ..image.io import Picture

OLD = 0.85  # share of the previous result where both frames show the same
SAME, OTHER = 8.0, 24.0  # gray levels: photos that differ by less than the first are the same, by the second different
NOISE = 1.5  # standard deviation in pixels of the blur before photos are compared
RIM = 5  # side in pixels of the square around a difference in which nothing is blended
CUT = 0.4  # share of a frame that shows the same, below which it starts a new scene

Pair = Tuple[np.ndarray, np.ndarray]  # a frame and its result


class Steady:
    """A function from pictures to pictures of the same size, without flicker for consecutive frames of a video.

    Args:
        work: The function; further arguments, such as progress, are passed to it.
    """

    def __init__(self, work: Callable[..., Picture]) -> None:
        self._work = work
        self._last: Pair | None = None

    def __call__(self, picture: Picture, *others: Any) -> Picture:
        """Return the result for the next frame."""
        result = self._work(picture, *others)
        now = _in_8_bits(picture.rgb).astype(np.float32), result.rgb.astype(np.float32)
        if self._last and self._last[0].shape == now[0].shape and max(now[0].shape) <= LONGEST_SIDE:
            now = blended(now, self._last)
        self._last = now
        top = np.iinfo(result.rgb.dtype).max
        return replace(result, color=np.rint(np.clip(now[1], 0, top)).astype(result.rgb.dtype))


def blended(now: Pair, last: Pair) -> Pair:
    """Return a frame and its result, both blended with the previous ones, moved, where both frames show the same.

    The frame is blended, too, so that remains of earlier frames count as a difference and fade: a slowly changing frame
    would otherwise be "the same" forever.

    Args:
        now: The frame, (H, W, 3) float32 in [0, 255], and its own result of the same size, in any range.
        last: This function's result for the previous frame.
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
    """Return (H, W) float32 from 0 to 1: whether a pixel shows the same as the previous photo where the flow leads.

    The pixel must be visible in both photos (forward and backward flow agree), and the photos must be alike around it,
    apart from noise.
    """
    alike = [cv2.GaussianBlur(each, (0, 0), NOISE) for each in (photo.astype(np.float32), warp(last_photo, flow))]
    differ = np.abs(alike[0] - alike[1]).max(axis=2)
    same = np.clip((OTHER - differ) / (OTHER - SAME), 0, 1) * is_visible(flow, optical_flow(last_photo, photo))
    same = cv2.erode(same.astype(np.float32), np.ones((RIM, RIM), np.uint8))
    return np.minimum(same, cv2.GaussianBlur(same, (0, 0), NOISE))


def _in_8_bits(rgb: np.ndarray) -> np.ndarray:
    return rgb if rgb.dtype == np.uint8 else (rgb >> 8).astype(np.uint8)
