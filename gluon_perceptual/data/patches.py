"""Photos -> random patch pairs: a high-resolution crop, and what its low-resolution photo shows there."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import Sequence

import numpy as np

from ..errors import ImageError, UserError
from ..images import read_rgb
from ..resize import degradation_margin, degrade

CACHE_BYTES = 512 * 2**20

log = logging.getLogger(__name__)


class PatchPairs:
    """Endless random patch pairs from photos, reproducible: pair `k` depends on the arguments and on `k` alone.

    `pairs[k]` is (low, high): uint8 RGB (3, patch/scale, patch/scale) and (3, patch, patch). Photos are taken in an
    order shuffled anew for each round; a photo that cannot be read or is smaller than a patch is skipped for the next
    one, named in the log and counted in `skipped`.

    Args:
        photos: Files.
        scale: Integer factor between the two.
        patch: Side of the high-resolution patch, a multiple of `scale`.
        sigma, method: The degradation, see `resize.degrade`.
        crops: Patches in a row from a photo.
        augment: Random flips and quarter turns.
        seed: Of everything random here.

    Raises:
        UserError: `patch` is not a multiple of `scale`; on access: no photo can be used.
    """

    def __init__(
        self,
        photos: Sequence[Path],
        scale: int,
        patch: int,
        sigma: float = 1.0,
        method: str = "bicubic",
        crops: int = 1,
        augment: bool = True,
        seed: int = 0,
    ) -> None:
        if patch % scale or patch < scale:
            raise UserError(f"patch size {patch}: expected a multiple of the scale {scale}")
        self.photos = photos
        self.scale, self.patch, self.sigma, self.method = scale, patch, sigma, method
        self.crops, self.augment, self.seed = crops, augment, seed
        self.skipped: dict[Path, str] = {}
        self._read = PictureCache(CACHE_BYTES)
        self._order = lru_cache(maxsize=2)(self._shuffle)

    def __len__(self) -> int:
        """Return how many pairs there are before each photo has had its turn."""
        return len(self.photos) * self.crops

    def __getitem__(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng((self.seed, 1, k))
        picture = self._picture(k // self.crops)
        return self._augmented(*self._crop(picture, rng), rng)

    def _shuffle(self, round_number: int) -> np.ndarray:
        return np.random.default_rng((self.seed, 0, round_number)).permutation(len(self.photos))

    def _picture(self, number: int) -> np.ndarray:
        """Return the photo whose turn it is, or the next one of its round that is good."""
        round_number, position = divmod(number, len(self.photos))
        order = self._order(round_number)
        for index in (*order[position:], *order[:position]):
            path = self.photos[index]
            if path in self.skipped:
                continue
            try:
                picture = self._read(path)
            except (ImageError, OSError) as error:
                self._skip(path, str(error))
                continue
            height, width = picture.shape[:2]
            if min(height, width) >= self.patch:
                return picture
            self._skip(path, f"{path}: {height}×{width} is smaller than a patch of {self.patch}×{self.patch}")
        reason = next(iter(self.skipped.values()))
        raise UserError(f"none of the {len(self.photos)} photos can be used, the first because of {reason}")

    def _skip(self, path: Path, reason: str) -> None:
        if path not in self.skipped:
            self.skipped[path] = reason
            log.warning("skipped: %s", reason)

    def _crop(self, picture: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return a low and a high-resolution patch (H, W, 3), degraded as if the whole photo were."""
        scale, patch = self.scale, self.patch
        margin = degradation_margin(scale, self.sigma)
        top, left = (int(rng.integers((size - patch) // scale + 1)) * scale for size in picture.shape[:2])
        y, x = max(0, top - margin), max(0, left - margin)
        surroundings = picture[y : top + patch + margin, x : left + patch + margin]
        low = degrade(surroundings, scale, self.sigma, self.method)
        rows = slice((top - y) // scale, (top - y + patch) // scale)
        columns = slice((left - x) // scale, (left - x + patch) // scale)
        return low[rows, columns], picture[top : top + patch, left : left + patch]

    def _augmented(self, low: np.ndarray, high: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(H, W, 3) pair -> (3, H, W) pair, turned and flipped alike."""
        turns, flip = (int(rng.integers(4)), int(rng.integers(2))) if self.augment else (0, 0)
        pair = [np.rot90(image, turns)[:, :: -1 if flip else 1] for image in (low, high)]
        low, high = (np.ascontiguousarray(image.transpose(2, 0, 1)) for image in pair)
        return low, high


class PictureCache:
    """Reads pictures as `images.read_rgb` does and keeps the last ones, up to a number of bytes; for many threads."""

    def __init__(self, limit: int) -> None:
        self._limit, self._bytes = limit, 0
        self._pictures: OrderedDict[Path, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, path: Path) -> np.ndarray:
        """Return the picture (H, W, 3) uint8; callers must not change it."""
        with self._lock:
            if path in self._pictures:
                self._pictures.move_to_end(path)
                return self._pictures[path]
        picture = read_rgb(path)
        with self._lock:
            if path not in self._pictures:
                self._pictures[path] = picture
                self._bytes += picture.nbytes
            while self._bytes > self._limit:
                self._bytes -= self._pictures.popitem(last=False)[1].nbytes
        return picture
