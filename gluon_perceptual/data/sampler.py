"""The order of photos: shuffled anew for each round, without those that cannot be used."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import contextmanager
from functools import lru_cache
from typing import Callable, Iterator, Sequence

import numpy as np

from ..errors import UserError
from ..image.files import PictureFile
from .reading import UNUSABLE, naming_photo, note, read_photo

CACHE_BYTES = 512 * 2**20
CACHED_SET = 1000  # photos; in a larger set, few would still be in the cache at their next turn
RECENT = 8  # pictures kept of a larger set, for several crops in a row


def shuffled_rounds(seed: int, count: int) -> Callable[[int], np.ndarray]:
    """Return the function from a round's number to the order of `count` items in that round."""
    return lru_cache(maxsize=2)(lambda number: np.random.default_rng((seed, 0, number)).permutation(count))


class PhotoSampler:
    """Photos in turn, reproducibly: the k-th depends on the arguments and on `k` alone.

    A photo that cannot be read or does not fit is skipped for the next one, logged, and recorded in `skipped` with the
    reason. That record does not influence which photo comes next.

    Args:
        photos: Files.
        seed: Seed of the order.
        misfit: From a picture (H, W, 3) uint8 to what is wrong with it, or "".
    """

    def __init__(self, photos: Sequence[PictureFile], seed: int, misfit: Callable[[np.ndarray], str]) -> None:
        self.photos, self._misfit = photos, misfit
        self.skipped: dict[str, str] = {}
        self._bad: set[int] = set()
        count = CACHED_SET if len(photos) <= CACHED_SET else RECENT
        self._read = PictureCache(lambda index: read_photo(photos[index]), count, CACHE_BYTES)
        self._order = shuffled_rounds(seed, len(photos))

    @contextmanager
    def photo(self, k: int) -> Iterator[np.ndarray]:
        """Give the body the k-th photo, or the next usable one in its round; the body must not change it.

        Raises:
            UserError: No photo can be used, or an unexpected error occurs here or in the body; it names the photo.
        """
        index, picture = self._next_good(k)
        with naming_photo(self.photos[index]):
            yield picture

    def _next_good(self, k: int) -> tuple[int, np.ndarray]:
        count = len(self.photos)
        round_number, position = divmod(k, count)
        order = self._order(round_number)
        for step in range(count):
            index = int(order[(position + step) % count])
            picture = None if index in self._bad else self._try(index)
            if picture is not None:
                return index, picture
        first = str(self.photos[min(self._bad)])
        raise UserError(f"none of the {count} photos can be used, the first because of {first}: {self.skipped[first]}")

    def _try(self, index: int) -> np.ndarray | None:
        photo = self.photos[index]
        try:
            with naming_photo(photo):
                picture = self._read(index)
                problem: Exception | str = self._misfit(picture)
        except UNUSABLE as error:
            problem = error
        if not problem:
            return picture
        note(self.skipped, photo, problem)
        self._bad.add(index)
        return None


class PictureCache:
    """A thread-safe cache of the most recently used pictures, by number.

    Args:
        read: From a number to the picture (H, W, 3) uint8.
        count: Largest number of pictures to keep.
        limit: Largest number of bytes to keep.
    """

    def __init__(self, read: Callable[[int], np.ndarray], count: int, limit: int) -> None:
        self._read, self._count, self._limit, self._bytes = read, count, limit, 0
        self._pictures: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, number: int) -> np.ndarray:
        """Return the picture; callers must not change it."""
        with self._lock:
            if number in self._pictures:
                self._pictures.move_to_end(number)
                return self._pictures[number]
        picture = self._read(number)
        with self._lock:
            if number not in self._pictures:
                self._pictures[number] = picture
                self._bytes += picture.nbytes
            while self._bytes > self._limit or len(self._pictures) > self._count:
                self._bytes -= self._pictures.popitem(last=False)[1].nbytes
        return picture
