"""The orientation of a video's frames."""

from __future__ import annotations

from typing import Any

import numpy as np


def matrix_of(frame: Any) -> tuple[int, int, int, int]:
    """Return a, b, c, d of the frame's display matrix, x' = ax + cy, y' = bx + dy, of which only signs matter."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    numbers = np.frombuffer(bytes(data), "<i4")
    a, b, c, d = (int(numbers[place]) for place in (0, 1, 3, 4))
    return a, b, c, d


def is_transposed(matrix: tuple[int, int, int, int]) -> bool:
    """Return whether width and height are exchanged."""
    return abs(matrix[0]) < abs(matrix[1])


def upright(pixels: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Return (H, W, 3) or (W, H, 3): rotated by quarter turns and mirrored as the display matrix says."""
    a, b, c, d = matrix
    if is_transposed(matrix):
        pixels, a, d = pixels.swapaxes(0, 1), c, b
    pixels = pixels[:, ::-1] if a < 0 else pixels
    return pixels[::-1] if d < 0 else pixels
