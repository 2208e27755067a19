"""Photos -> random patch pairs: a high-resolution crop, and the same part of the low-resolution photo."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from ..choices import Degradation
from ..errors import UserError
from ..image.files import PictureFile
from ..image.jpeg import BLOCK
from ..image.resize import degradation_margin, degrade
from .sampler import PhotoSampler


class PatchDataset:
    """Endless random patch pairs from photos, reproducible: pair `k` depends on the arguments and on `k` alone.

    `pairs[k]` is (low, high): uint8 RGB (3, patch/scale, patch/scale) and (3, patch, patch). Photos take turns, see
    `sampler.PhotoSampler`; those smaller than a patch are skipped.

    Args:
        photos: Files.
        scale: Integer factor between the two.
        patch: Side of the high-resolution patch, a multiple of `scale`.
        sigma: Standard deviation of the degradation's blur, in pixels, see `image.resize.degrade`.
        method: How the photo is shrunk, as there.
        crops: Patches taken from a photo in a row.
        augment: Random flips and quarter turns.
        seed: Of all random choices.

    Raises:
        UserError: `patch` is not a multiple of `scale`; on access: no photo can be used.
    """

    def __init__(
        self,
        photos: Sequence[PictureFile],
        scale: int,
        patch: int,
        sigma: float = 1.0,
        method: Degradation = "bicubic",
        crops: int = 1,
        augment: bool = True,
        seed: int = 0,
    ) -> None:
        if patch % scale or patch < scale:
            raise UserError(f"patch size {patch}: expected a multiple of the scale {scale}")
        self.photos, self.sampler = photos, PhotoSampler(photos, seed, self._misfit)
        self.scale, self.patch, self.sigma, self.method = scale, patch, sigma, method
        self.crops, self.augment, self.seed, self.skipped = crops, augment, seed, self.sampler.skipped

    def __len__(self) -> int:
        """Return the number of pairs in a round of all photos."""
        return len(self.photos) * self.crops

    def __getitem__(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng((self.seed, 1, k))
        with self.sampler.photo(k // self.crops) as picture:
            pair = self._crop(self._turned(picture, rng), rng)
        low, high = (np.ascontiguousarray(image.transpose(2, 0, 1)) for image in pair)
        return low, high

    def _misfit(self, picture: np.ndarray) -> str:
        height, width = picture.shape[:2]
        if min(height, width) >= self.patch:
            return ""
        return f"{height}×{width} is smaller than a patch of {self.patch}×{self.patch}"

    def _turned(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a view of the photo, turned and flipped at random; before it shrinks, as decimation keeps a corner."""
        turns, flip = (int(rng.integers(4)), int(rng.integers(2))) if self.augment else (0, 0)
        return np.rot90(picture, turns)[:, :: -1 if flip else 1]

    def _crop(self, picture: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return a low and a high-resolution patch (H, W, 3), degraded as if the whole photo were.

        With "web", JPEG blocks start at a random place, as in a cropped photo.
        """
        scale, patch = self.scale, self.patch
        margin = degradation_margin(scale, self.sigma, self.method)
        top, left = (int(rng.integers((size - patch) // scale + 1)) * scale for size in picture.shape[:2])
        cut_y, cut_x = scale * rng.integers(BLOCK, size=2) if self.method == "web" else (0, 0)
        y, x = max(0, top - margin + cut_y), max(0, left - margin + cut_x)
        surroundings = picture[y : top + patch + margin, x : left + patch + margin]
        low = degrade(surroundings, scale, self.sigma, self.method, rng)
        rows = slice((top - y) // scale, (top - y + patch) // scale)
        columns = slice((left - x) // scale, (left - x + patch) // scale)
        return low[rows, columns], picture[top : top + patch, left : left + patch]
