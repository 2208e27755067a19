"""A large photo, enlarged in tiles, some of them in each run, so that all runs together enlarge it once."""

from __future__ import annotations

from itertools import cycle
from typing import Callable

import cv2
import numpy as np

from gluon_perceptual.image.tiling import Tile, map_tiles


def make_photo(height: int, width: int) -> np.ndarray:
    """Return (H, W, 3) uint8: smooth noise; its content does not affect timings."""
    noise = np.random.default_rng(0).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def by_parts(
    height: int,
    width: int,
    enlarge_window: Callable[[np.ndarray], np.ndarray],
    scale: int,
    tiles: list[Tile],
    parts: int,
) -> Callable[[], None]:
    """Return a function that enlarges the next of `parts` parts of a photo's tiles, warmed up with two tiles."""
    image, large = make_photo(height, width), np.empty((scale * height, scale * width, 3), np.uint8)

    def enlarge(some: list[Tile]) -> None:
        for rows, columns, values in map_tiles(image, enlarge_window, scale, some):
            large[rows, columns] = values

    enlarge(tiles[:2])
    numbers = np.array_split(np.arange(len(tiles)), parts)
    waiting = cycle([[tiles[number] for number in part] for part in numbers])

    def run() -> None:
        enlarge(next(waiting))

    run.warm = True  # type: ignore[attr-defined]
    return run


def photo(network: str, height: int, width: int, parts: int, precision: str = "float32") -> Callable[[], None]:
    """Return a function that enlarges one of `parts` parts of a photo by this package."""
    from gluon_perceptual.inference import Upscaler
    from gluon_perceptual.timing import workloads

    upscaler = Upscaler(workloads.for_use(network, precision=precision))
    return by_parts(height, width, upscaler.enlarge_window, upscaler.scale, upscaler.plan(height, width), parts)
