"""JPEG: the effect of saving on a picture, and the quality with which a file was saved."""

from __future__ import annotations

import io
from typing import Mapping, Sequence

import numpy as np
from PIL import Image

from ..errors import UserError
from .containers.decoding import take_apart
from .files import MAX_PIXELS, PictureFile, as_image_error, open_picture, read_bytes

BLOCK = 16  # side in pixels of the unit that is coded at a time with 4:2:0: 8×8 of each of the halved chroma planes
SUBSAMPLINGS = ("4:2:0", "4:4:4")
LUMA_TABLE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
"""The standard's example of quantization steps for luma (ITU-T T.81, table K.1)."""


def compress(image: np.ndarray, quality: int, subsampling: str = "4:2:0") -> np.ndarray:
    """Return the picture as it comes back from a JPEG file.

    Args:
        image: (H, W, 3) RGB or (H, W) gray, uint8.
        quality: As libjpeg and most programs count it, 1 to 100.
        subsampling: "4:2:0", chroma at half the size, as most programs save; "4:4:4", at full size.

    Raises:
        UserError: `quality` is not in this range.
    """
    if not 1 <= quality <= 100:
        raise UserError(f"JPEG quality {quality}: expected 1 to 100")
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=int(quality), subsampling=subsampling)
    return np.array(Image.open(file, formats=("JPEG",)))


def quality_of(tables: Mapping[int, Sequence[int]]) -> int:
    """Estimate the quality, 1 to 100, of a JPEG file: the one with the standard's table closest to the file's.

    It is exact for files that libjpeg wrote. For programs with tables of their own, it is the quality with equally
    coarse quantization steps.

    Args:
        tables: Quantization tables by number, each of 64 steps in any order; the first is luma's.
    """
    found, standard = np.sort(tables[min(tables)]), np.sort(LUMA_TABLE)
    qualities = np.arange(1, 101)
    percent = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)[:, np.newaxis]  # libjpeg's scaling
    scaled = np.clip((standard * percent + 50) // 100, 1, 255)
    return int(qualities[np.abs(scaled - found).sum(axis=1).argmin()])


def file_quality(file: str | PictureFile) -> int | None:
    """Return the quality at which a file was saved, estimated by `quality_of`; None if it is not a JPEG file.

    Raises:
        ImageError, OSError: As `io.read_picture` does; no pixel is decoded.
    """
    data = read_bytes(file, MAX_PIXELS)
    with as_image_error(file):
        parts = take_apart(data)
        if parts.page:  # a TIFF file, perhaps of a kind that Pillow cannot open
            return None
        tables = getattr(open_picture(parts.pixels, MAX_PIXELS), "quantization", None)
        return quality_of(tables) if tables else None
