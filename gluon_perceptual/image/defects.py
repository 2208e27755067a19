"""The defects of photos from the web, added on purpose: JPEG artifacts, noise and blur, drawn at random.

The range of qualities and the random order are those of Zhang et al. 2021, "Designing a practical degradation model for
deep blind image super-resolution" (BSRGAN). Noise and blur are rarer and weaker than there: a network trained to
undo strong ones also smooths clean photos.
"""

from __future__ import annotations

import cv2
import numpy as np

from .jpeg import SUBSAMPLINGS, compress

CLEAN = 0.2  # share of the pictures without defects
SOME = 0.25  # share of the others that have noise, and likewise blur; all are compressed
QUALITY = (30, 95)  # qualities of JPEG, both included
NOISE = (0.5, 4.0)  # standard deviation in gray levels; independent for each pixel and channel
BLUR = (0.2, 0.7)  # standard deviation in pixels
BLUR_RADIUS = 3  # in pixels, where the Gaussian is cut off


def with_defects(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return (H, W, 3) uint8 as it might have come from the web; values are drawn uniformly from the ranges.

    Args:
        image: (H, W, 3) uint8; unchanged.
        rng: The source of all random values.
    """
    if rng.random() < CLEAN:
        return image
    defects = [compressed, *(defect for defect, drawn in zip((noise, blur), rng.random(2)) if drawn < SOME)]
    for number in rng.permutation(len(defects)):
        image = defects[number](image, rng)
    return image


def compressed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Save and read as JPEG."""
    quality = int(rng.integers(QUALITY[0], QUALITY[1] + 1))
    return compress(image, quality, SUBSAMPLINGS[int(rng.integers(len(SUBSAMPLINGS)))])


def noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise."""
    values = image + rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(*NOISE))
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def blur(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur by a Gaussian, the picture mirrored at its borders."""
    side = 2 * BLUR_RADIUS + 1
    return cv2.GaussianBlur(image, (side, side), rng.uniform(*BLUR), borderType=cv2.BORDER_REFLECT)
