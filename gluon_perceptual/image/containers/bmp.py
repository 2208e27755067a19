"""BMP files with alpha, which Pillow reads but does not write."""

from __future__ import annotations

import struct

import numpy as np

from .metadata import per_meter

FILE_HEADER, HEADER = 14, 108  # bytes; the header is version 4
BIT_FIELDS, SRGB = 3, 0x73524742
MASKS = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)  # red, green, blue, alpha


def encode(channels: np.ndarray, dpi: tuple[float, float]) -> bytes:
    """Encode (H, W, 4) uint8 RGBA."""
    height, width = channels.shape[:2]
    start = FILE_HEADER + HEADER
    pixels = channels[::-1, :, [2, 1, 0, 3]].tobytes()
    file = struct.pack("<2sIHHI", b"BM", start + len(pixels), 0, 0, start)
    picture = struct.pack("<IiiHHIIiiII", HEADER, width, height, 1, 32, BIT_FIELDS, len(pixels), *per_meter(dpi), 0, 0)
    return file + picture + struct.pack("<4II48x", *MASKS, SRGB) + pixels
