"""How long training waits for data: photos of 1 to 4 megapixels, more than the cache holds."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2

from gluon_perceptual.data.batches import batches
from gluon_perceptual.data.patches import PatchDataset
from gluon_perceptual.data.sampler import CACHE_BYTES
from gluon_perceptual.timing.workloads import training_step

from .photo import make_photo

SIDES = (1000, 1400, 1700, 2000)  # heights, in pixels, of photos of 3:2 aspect or less
WARM_UP = 5


def waiting(steps: int = 40) -> dict[str, Any]:
    """Train with batches of 4 made by two threads; return the share of the time spent waiting for them."""
    with tempfile.TemporaryDirectory() as folder:
        photos = _write_photos(Path(folder), 2 * CACHE_BYTES)
        pairs = PatchDataset(photos, 2, 144)
        step = training_step("sr2")
        stream = iter(batches(pairs, 4, 0, steps + WARM_UP))
        waited = total = 0.0
        for number in range(steps + WARM_UP):
            start = time.perf_counter()
            next(stream)
            got = time.perf_counter()
            step()
            if number >= WARM_UP:
                waited += got - start
                total += time.perf_counter() - start
    return {"photos": len(photos), "steps": steps, "seconds_a_step": total / steps, "waiting": waited / total}


def _write_photos(folder: Path, total_bytes: int) -> list[Path]:
    """Write JPEGs with a total decoded size of at least `total_bytes`."""
    originals = []
    for side in SIDES:
        path = folder / f"{side}.jpg"
        assert cv2.imwrite(str(path), make_photo(side, side))
        originals.append((path, 3 * side**2))
    photos: list[Path] = []
    decoded = 0
    while decoded < total_bytes:
        original, size = originals[len(photos) % len(originals)]
        photos.append(Path(shutil.copy(original, folder / f"photo{len(photos):04}.jpg")))
        decoded += size
    return photos
