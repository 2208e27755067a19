"""A large photo, enlarged in tiles, some of them in each run, so that all runs together enlarge it once."""

from __future__ import annotations

from typing import Any, Callable

import cv2
import numpy as np

from gluon_perceptual.image.tiling import Tile, map_tiles


def make_photo(height: int, width: int) -> np.ndarray:
    """Return (H, W, 3) uint8: smooth noise; its content does not affect timings."""
    noise = np.random.default_rng(0).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def bands(enlarge: Callable[[list[Tile]], None], tiles: list[Tile], parts: int) -> Callable[[], None]:
    """Return a function that enlarges the next of `parts` parts of the tiles, warmed up with two tiles."""
    enlarge(tiles[:2])
    waiting = [[tiles[int(i)] for i in part] for part in np.array_split(np.arange(len(tiles)), parts)]

    def run() -> None:
        part = waiting.pop(0)
        waiting.append(part)
        enlarge(part)

    run.warm = True  # type: ignore[attr-defined]
    return run


def photo(name: str, height: int, width: int, parts: int, precision: str = "float32", **_: Any) -> Callable[[], None]:
    """Return a function that enlarges one of `parts` parts of a photo by this package."""
    from gluon_perceptual.inference import Upscaler
    from gluon_perceptual.timing import workloads

    upscaler = Upscaler(workloads.for_use(name, precision=precision))
    image = make_photo(height, width)
    large = np.empty((upscaler.scale * height, upscaler.scale * width, 3), np.uint8)

    def enlarge(tiles: list[Tile]) -> None:
        for rows, columns, values in map_tiles(image, upscaler.enlarge_window, upscaler.scale, tiles):
            large[rows, columns] = values

    return bands(enlarge, upscaler.plan(height, width), parts)
