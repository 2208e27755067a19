"""The quality of a repainted picture, compared with its photo: clipping, blobs, colored noise, edges.

Pictures are (H, W, 3) RGB in [0, 255].
"""

from __future__ import annotations

import cv2
import numpy as np

from ..image.color import luma, rgb_to_ycbcr
from .metrics import check_same_shape

FINE = 1.0  # σ in pixels of the Gaussian that removes fine detail
EDGES = 2.0  # σ in pixels of the Gaussian that is applied before edges are detected
WINDOW = 17  # side in pixels of the windows that are flat or not
FLAT = 3.0  # standard deviation of Y in a window below which it is flat
DRAWN = 6.0  # standard deviation of Y above which a window is not flat


def style_scores(picture: np.ndarray, photo: np.ndarray) -> dict[str, float]:
    """Return the measures of a repainted picture by name: "clipped", "blobs", "color_noise" and "edges".

    Raises:
        UserError: The shapes differ.
    """
    return {
        "clipped": clipped_share(picture),
        "blobs": blob_area(picture, photo),
        "color_noise": color_noise(picture),
        "edges": edge_correlation(picture, photo),
    }


def clipped_share(picture: np.ndarray) -> float:
    """Return the share of pixels with two channels that are, when rounded, at or beyond 0 or 255.

    A single channel is not a fault: pure colors have it.
    """
    channels = (np.abs(np.asarray(picture, np.float64) - 127.5) >= 127).sum(axis=2)
    return float((channels >= 2).mean())


def blob_area(picture: np.ndarray, photo: np.ndarray) -> float:
    """Return the share of pixels around which the picture is flat but the photo is not.

    Flat means a standard deviation of luma under 3 levels in the window of 17×17 around the pixel; not flat, over 6.

    Raises:
        UserError: The shapes differ.
    """
    check_same_shape(picture, photo)
    return float(((_deviation(picture) < FLAT) & (_deviation(photo) > DRAWN)).mean())


def color_noise(picture: np.ndarray) -> float:
    """Return how strong fine detail of chroma (Cb and Cr) is relative to that of luma: RMS over RMS, 0 for gray.

    Fine detail is the difference from the picture blurred by a Gaussian of σ = 1. Paintings have 0.2 to 0.5.
    """
    ycbcr = rgb_to_ycbcr(picture)
    squares = np.square(ycbcr - cv2.GaussianBlur(ycbcr, (0, 0), FINE)).mean(axis=(0, 1))
    return float(np.sqrt((squares[1] + squares[2]) / max(squares[0], 1e-12)))


def edge_correlation(picture: np.ndarray, photo: np.ndarray) -> float:
    """Return how well the edges of luma match the photo's: the correlation of the gradients' magnitudes.

    Both are blurred by a Gaussian of σ = 2 first, so that strokes count less than shapes. 1 for the photo itself; 0
    where either has no edges.

    Raises:
        UserError: The shapes differ.
    """
    check_same_shape(picture, photo)
    a, b = (edges - edges.mean() for edges in map(_edges, (picture, photo)))
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / norm if norm > 1e-9 else 0.0


def _deviation(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) -> (H, W): the standard deviation of luma around each pixel; the border is mirrored."""
    y = luma(picture)
    mean, of_squares = (cv2.blur(values, (WINDOW, WINDOW)) for values in (y, y * y))
    return np.sqrt(np.maximum(of_squares - mean**2, 0))


def _edges(picture: np.ndarray) -> np.ndarray:
    smooth = cv2.GaussianBlur(luma(picture), (0, 0), EDGES)
    dy, dx = np.gradient(smooth)
    return np.hypot(dy, dx)
