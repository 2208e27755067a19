"""Resizing as by MATLAB's `imresize`, and the degradation from high to low resolution."""

from __future__ import annotations

import math
import zlib
from typing import Sequence

import cv2
import numpy as np

from ..choices import Degradation, check_choice, of
from ..errors import ImageError, UserError
from .defects import BLUR_RADIUS, with_defects
from .jpeg import BLOCK
from .resampling import resampled, rounded, working_type

MOST_BLUR = 100  # pixels


def imresize(image: np.ndarray, scale: float) -> np.ndarray:
    """Resize by the bicubic kernel, widened when shrinking so that nothing aliases, as MATLAB's `imresize` does.

    Border pixels are repeated, as in the version of MATLAB that made the field's benchmarks; later ones mirror them.

    Args:
        image: (H, W) or (H, W, C), uint8, uint16 or float of any range.
        scale: Positive factor.

    Returns:
        (⌈scale·H⌉, ⌈scale·W⌉) or (⌈scale·H⌉, ⌈scale·W⌉, C) of the same type. Integers are clipped and rounded, halves
        up, after each axis; floats may overshoot the range of `image`.

    Raises:
        UserError: `scale` is not positive and finite.
        ImageError: `image` is empty, or of another shape or type.
    """
    if not 0 < scale < math.inf:
        raise UserError(f"scale {scale}: expected a positive number")
    return _resize(image, [math.ceil(scale * size) for size in image.shape[:2]], (scale, scale))


def resize_to(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize to a given size, with a scale for each axis; otherwise as `imresize`."""
    if height < 1 or width < 1:
        raise UserError(f"size {height}×{width}: expected positive numbers")
    sizes = (height, width)
    return _resize(image, sizes, [new / max(1, old) for new, old in zip(sizes, image.shape)])


def resize_longest_side(image: np.ndarray, side: int) -> np.ndarray:
    """Resize so that the longer side has `side` pixels, and the other at least 1; otherwise as `imresize`."""
    zoom = side / max(image.shape[:2])
    return resize_to(image, *(max(1, round(length * zoom)) for length in image.shape[:2]))


def _resize(image: np.ndarray, sizes: Sequence[int], scales: Sequence[float]) -> np.ndarray:
    if image.ndim not in (2, 3) or not image.size or image.dtype.kind not in "uf":
        raise ImageError(
            f"an image of shape {image.shape} and type {image.dtype}: expected (H, W) or (H, W, C), unsigned or float"
        )
    values = image if image.dtype.kind == "u" else image.astype(working_type(image.dtype), copy=False)
    for axis in sorted((0, 1), key=scales.__getitem__):  # the order matters, as integers are rounded in between
        values = resampled(values, axis, sizes[axis], scales[axis])
    return np.ascontiguousarray(values, image.dtype)


def gaussian_blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Blur (H, W) or (H, W, C) by a Gaussian of `sigma` pixels, cut off at 4σ; the borders are mirrored.

    Returns:
        The same shape and value range, float32; with a sigma of 0 the same values.

    Raises:
        UserError: `sigma` is negative, or over `MOST_BLUR`.
    """
    image = image.astype(np.float32)
    radius = _blur_radius(sigma)
    if radius == 0:
        return image
    return cv2.GaussianBlur(image, (2 * radius + 1,) * 2, sigma, borderType=cv2.BORDER_REFLECT).reshape(image.shape)


def check_degradation(sigma: float, method: str) -> None:
    """Raise UserError unless `degrade` accepts these."""
    _blur_radius(sigma)
    check_choice("degradation", method, of(Degradation))


def _blur_radius(sigma: float) -> int:
    if not 0 <= sigma <= MOST_BLUR:
        raise UserError(f"sigma {sigma}: expected a number of pixels from 0 to {MOST_BLUR}")
    return math.ceil(4 * sigma)


def degrade(
    image: np.ndarray,
    scale: int,
    sigma: float = 1.0,
    method: Degradation = "bicubic",
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Make the low-resolution picture of a high-resolution one: blur, shrink, round.

    Args:
        image: (H, W, 3) or (H, W), uint8 or float in [0, 255]; cropped (bottom, right) to a multiple of `scale`.
        scale: Integer factor.
        sigma: Of the Gaussian blur, in high-resolution pixels; 0 for no blur.
        method: "bicubic", by `imresize` (paper, section 4.2), or "decimate", every scale-th pixel (the blog), which
            moves the picture by (scale − 1)/2 pixels up and left; or "web", as "bicubic", followed by the random
            defects of photos from the web, see `defects`.
        rng: The source of the defects. None: they depend only on the picture.

    Returns:
        (H // scale, W // scale, 3) or (H // scale, W // scale) uint8.

    Raises:
        UserError: A scale under 1, a negative sigma, or an unknown method.
        ImageError: The picture is smaller than `scale`.
    """
    check_degradation(sigma, method)
    blurred = gaussian_blur(crop_to_multiple(image, scale), sigma)
    if method == "decimate":
        low = blurred[::scale, ::scale]
    else:
        low = resize_to(blurred, blurred.shape[0] // scale, blurred.shape[1] // scale)
    low = rounded(low, np.uint8)
    if method != "web":
        return low
    return with_defects(low, rng or np.random.default_rng(zlib.crc32(low.tobytes())))


def crop_to_multiple(image: np.ndarray, scale: int) -> np.ndarray:
    """Return the top left part (H, W) or (H, W, C) whose height and width are the largest multiples of `scale`.

    Raises:
        UserError: `scale` is under 1.
        ImageError: Nothing would be left.
    """
    if scale < 1:
        raise UserError(f"scale {scale}: expected 1 or more")
    height, width = image.shape[:2]
    if min(height, width) < scale:
        raise ImageError(f"a picture of {height}×{width} pixels cannot be made {scale} times smaller")
    return image[: height - height % scale, : width - width % scale]


def degradation_margin(scale: int, sigma: float, method: Degradation = "bicubic") -> int:
    """Return how far a high-resolution pixel reaches in `degrade`, in pixels, rounded up to a multiple of `scale`.

    A crop that is degraded with this margin around it (inside the picture), and then loses the margin, is the crop of
    the degraded picture; by "web", a possible one.
    """
    reach = 3 * scale // 2 + _blur_radius(sigma)  # from its center, a low-resolution pixel reaches ½, the kernel 2
    if method == "web":
        reach += scale * (BLOCK + BLUR_RADIUS)
    return scale * math.ceil(reach / scale)
