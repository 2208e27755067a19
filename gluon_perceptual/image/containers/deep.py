"""Pictures that Pillow does not read, or cuts to 8 bits per channel: PNG of 16 bits, and rare TIFF files."""

from __future__ import annotations

import io
import logging
import lzma
import math
import zlib
from typing import Any

import cv2
import numpy as np

from ...errors import ImageError
from ..files import PillowImage, check_size, open_picture
from . import png, tiff
from .tags import Directory

PNG_KIND = 25  # offset of IHDR's color type
OPENCV_ORDER = {"RGB": [2, 1, 0], "RGBA": [2, 1, 0, 3]}  # Pillow's modes as channels of BGR and BGRA
MOST_SAMPLES = 16  # the most channels of a TIFF file
NUMBERS = {1: "unsigned integers", 2: "signed integers", 3: "floats"}  # of TIFF's SampleFormat
DEFLATE, LZMA = (8, 32946), 34925  # compressions of TIFF files

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # problems are reported as errors


def from_png(image: PillowImage, data: bytes) -> np.ndarray:
    """Return (H, W, 1 to 4) uint16 of a PNG file that Pillow opened."""
    kind = data[PNG_KIND]
    if kind == png.GRAY:
        return np.asarray(image).astype(np.uint16)[:, :, np.newaxis]
    channels = _by_opencv(image, data)
    return channels[:, :, [0, 3]] if kind == png.GRAY_ALPHA else channels


def _by_opencv(image: PillowImage, data: bytes) -> np.ndarray:
    """Read all bits of a picture that Pillow cuts to 8; the upper bytes tell whether OpenCV read the same picture."""
    order = OPENCV_ORDER.get(image.mode)
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if order else None
    if decoded is None or not np.array_equal(decoded[:, :, order] >> 8, np.asarray(image)):
        raise ImageError("16-bit colors that are damaged, or not RGB pixel by pixel with plain alpha; save it as PNG")
    return decoded[:, :, order]


def tiff_size(page: Directory, max_pixels: int) -> tuple[int, int]:
    """Return (width, height) of a TIFF file's picture; raises ImageError if these are too many pixels."""
    width, height = (page.number(code, 0) for code in (tiff.WIDTH, tiff.HEIGHT))
    check_size(width, height, max_pixels)
    return width, height


def rare_tiff(data: bytes, page: Directory, max_pixels: int) -> np.ndarray:
    """Return (H, W, 1 to 4) uint8, or uint16 for 9 to 16 bits per channel; raises ImageError."""
    tiff_size(page, max_pixels)
    bits, form = max(page.numbers(tiff.BITS), default=1), page.number(tiff.FORMAT, 1)
    if bits > 16 or form != 1:
        what = f"a picture of {bits}-bit {NUMBERS.get(form, 'numbers')}"
        raise ImageError(f"{what} per channel; expected unsigned integers of 8 or 16 bits")
    if page.number(tiff.SAMPLES, 1) > MOST_SAMPLES:
        raise ImageError(f"a picture with more than {MOST_SAMPLES} channels")
    samples = _samples(data, max_pixels)
    if 8 < bits < 16:
        samples = (samples.astype(np.uint32) * 65535 // (2**bits - 1)).astype(np.uint16)
    if samples.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"a TIFF file of {bits} bits a channel in a rare layout; save it as PNG")
    return tiff.interpreted(samples, page)


def _samples(data: bytes, max_pixels: int) -> np.ndarray:
    """Return (H, W, channels) as in the file; by Pillow or OpenCV if tifffile does not support the compression."""
    import tifffile  # scikit-image requires it

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = file.pages[0]
            _check_inflated_size(page)
            samples = page.asarray()
            samples = samples.transpose(1, 2, 0) if page.planarconfig == 2 and samples.ndim == 3 else samples
            return np.atleast_3d(samples)
    except (ImageError, MemoryError):
        raise
    except Exception:  # tifffile has no single type
        image = open_picture(data, max_pixels)
        image.load()
        if image.mode.startswith("I;16"):
            return np.asarray(image).astype(np.uint16)[:, :, np.newaxis]
        return _by_opencv(image, data)


def _check_inflated_size(page: Any) -> None:  # type: ignore[explicit-any]
    """Raise ImageError where a strip or tile of tifffile's `page` inflates to more than its pixels.

    tifffile would inflate all of it, however large the result.
    """
    if page.compression not in (*DEFLATE, LZMA):
        return
    inflater = lzma.LZMADecompressor if page.compression == LZMA else zlib.decompressobj
    most, file = math.prod(page.chunks) * page.dtype.itemsize, page.parent.filehandle
    for start, count in zip(page.dataoffsets, page.databytecounts):
        file.seek(start)
        if len(inflater().decompress(file.read(count), most + 1)) > most:
            raise ImageError("a TIFF file whose compressed parts are larger than its picture")
