"""Which values or colors occur in a picture, how often and where, so that each is processed only once."""

from __future__ import annotations

import cv2
import numpy as np

TABLE_TYPES = (np.uint8, np.uint16)  # so few possible values that a histogram and a table replace sorting
_EXACT_COUNTS = 2**24  # cv2.calcHist returns float32


def distinct_values(band: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """1-D -> values, how often each occurs, and for each element the index of its value.

    For uint8 and uint16, the values are all possible ones, even those that do not occur; for other types, each element.
    """
    if band.dtype not in TABLE_TYPES:
        return band, np.ones(band.size), np.arange(band.size)
    counts = np.zeros(np.iinfo(band.dtype).max + 1, np.int64)
    for start in range(0, band.size, _EXACT_COUNTS):
        row = band[None, start : start + _EXACT_COUNTS]
        counts += cv2.calcHist([row], [0], None, [counts.size], [0, counts.size])[:, 0].astype(np.int64)
    return np.arange(counts.size), counts, band


def distinct_colors(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(H, W, 3) -> colors (N, 3), how often each occurs, and for each unmasked pixel the index of its color."""
    pixels = np.ma.getdata(picture)[unmasked_pixels(picture)]
    if picture.dtype not in TABLE_TYPES:
        return pixels, np.ones(len(pixels)), np.arange(len(pixels))
    padded = np.zeros((len(pixels), 4), picture.dtype)
    padded[:, :3] = pixels
    numbers = padded.view(f"u{4 * padded.itemsize}")  # a color as one number
    distinct, picks, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    return distinct.view(picture.dtype).reshape(-1, 4)[:, :3], counts, picks


def look_up(table: np.ndarray, picks: np.ndarray) -> np.ndarray:
    """Return `table[picks]`, faster for uint8."""
    if picks.dtype == np.uint8 and picks.size:
        return cv2.LUT(picks, table)[:, 0]
    return table[picks]


def unmasked_pixels(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) -> (H, W): True where no band is masked."""
    return ~np.ma.getmaskarray(picture).any(axis=-1)
