"""Photos -> random square crops of one size, for networks whose output has the content of their input."""

from __future__ import annotations

import math
from typing import Sequence

import cv2
import numpy as np

from ..image.files import PictureFile
from .sampler import PhotoSampler

FLAT_PART = 3  # a flat crop shows this fraction, a third, of a photo's shorter side
FLAT_TRIES = 8
ZOOM = 1.25  # a photo's shorter side is scaled to at most this many times the crop's


def smallest_side(size: int) -> int:
    """Return the shortest side, in pixels, of a photo that can be used for crops of `size`: a quarter of it."""
    return math.ceil(size / 4)


class PhotoCrops:
    """Endless random crops from photos, reproducible: crop `k` depends on the arguments and on `k` alone.

    `crops[k]` is (crop, crop): uint8 RGB (3, size, size), as the input and as the reference. The photo's shorter
    side is scaled to between `size` and 1.25·`size` first (the paper scales it to `size`), so that a crop shows most
    of a photo of any resolution. Photos take turns, see `sampler.PhotoSampler`; those with a side under a quarter of
    the size are skipped.

    Few random crops are as flat as a picture of a sky or a wall. So a share of the crops can be taken from the flattest
    of 8 random places, a third of the photo's size.

    Args:
        photos: Files.
        size: Side of the crops.
        seed: Of all random choices.
        flat: Share of flat crops, from 0 to 1.

    Raises:
        UserError: On access: no photo can be used.
    """

    def __init__(self, photos: Sequence[PictureFile], size: int, seed: int = 0, flat: float = 0.0) -> None:
        self.photos, self.sampler = photos, PhotoSampler(photos, seed, self._misfit)
        self.size, self.seed, self.flat, self.skipped = size, seed, flat, self.sampler.skipped

    def __len__(self) -> int:
        """Return the number of crops in a round of all photos."""
        return len(self.photos)

    def __getitem__(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng((self.seed, 1, k))
        with self.sampler.photo(k) as picture:
            crop = self._crop(picture, rng)
        return crop, crop

    def _crop(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(H, W, 3) -> (3, size, size)."""
        if self.flat and rng.random() < self.flat:
            picture = flattest(picture, max(1, min(picture.shape[:2]) // FLAT_PART), rng)
        zoom = self.size * rng.uniform(1, ZOOM) / min(picture.shape[:2])
        height, width = (max(self.size, round(side * zoom)) for side in picture.shape[:2])
        kind = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
        picture = cv2.resize(picture, (width, height), interpolation=kind)
        top, left = (int(rng.integers(side - self.size + 1)) for side in (height, width))
        crop = picture[top : top + self.size, left : left + self.size]
        crop = crop[:, :: -1 if rng.integers(2) else 1]
        return np.ascontiguousarray(crop.transpose(2, 0, 1))

    def _misfit(self, picture: np.ndarray) -> str:
        height, width = picture.shape[:2]
        is_large_enough = min(height, width) >= smallest_side(self.size)
        return "" if is_large_enough else f"{height}×{width} is too small for crops of {self.size}"


def flattest(picture: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """(H, W, 3) -> (side, side, 3): of 8 random places, the one with the smallest standard deviation."""
    height, width = (length - side + 1 for length in picture.shape[:2])
    corners = [(rng.integers(height), rng.integers(width)) for _ in range(FLAT_TRIES)]
    pieces = [picture[top : top + side, left : left + side] for top, left in corners]
    return min(pieces, key=lambda piece: float(piece.std(axis=(0, 1)).mean()))
