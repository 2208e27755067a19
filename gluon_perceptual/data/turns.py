"""Whose turn it is: photos in an order shuffled anew for each round, those that cannot be used left out."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import Callable, Sequence

import numpy as np

from ..errors import ImageError, UserError
from ..images import read_rgb

CACHE_BYTES = 512 * 2**20

log = logging.getLogger(__name__)


class PhotoTurns:
    """Photos in turn, reproducibly: which is the k-th depends on the arguments and on `k` alone.

    A photo that cannot be read or does not fit is skipped for the next one, named in the log and counted in `skipped`.

    Args:
        photos: Files.
        seed: Of the order.
        misfit: From a picture (H, W, 3) uint8 to what is wrong with it, or "".
    """

    def __init__(self, photos: Sequence[Path], seed: int, misfit: Callable[[np.ndarray], str]) -> None:
        self.photos, self._seed, self._misfit = photos, seed, misfit
        self.skipped: dict[Path, str] = {}
        self._read = PictureCache(CACHE_BYTES)
        self._order = lru_cache(maxsize=2)(self._shuffle)

    def __getitem__(self, k: int) -> np.ndarray:
        """Return the photo whose turn it is, or the next one of its round that is good; not to be changed.

        Raises:
            UserError: No photo can be used.
        """
        round_number, position = divmod(k, len(self.photos))
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
            reason = self._misfit(picture)
            if not reason:
                return picture
            self._skip(path, f"{path}: {reason}")
        reason = next(iter(self.skipped.values()))
        raise UserError(f"none of the {len(self.photos)} photos can be used, the first because of {reason}")

    def _shuffle(self, round_number: int) -> np.ndarray:
        return np.random.default_rng((self._seed, 0, round_number)).permutation(len(self.photos))

    def _skip(self, path: Path, reason: str) -> None:
        if path not in self.skipped:
            self.skipped[path] = reason
            log.warning("skipped: %s", reason)


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
