"""Pictures of 16 bits a channel in PNG and TIFF, whose colors Pillow cuts to 8; see `io`."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any, Iterator

import cv2
import numpy as np

from ..errors import ImageError

BITS_PER_SAMPLE = 258  # tag of TIFF
PNG_HEADER_END = 33  # signature and IHDR chunk
OPENCV_ORDER = {"RGB": [2, 1, 0], "RGBA": [2, 1, 0, 3]}  # Pillow's modes as channels of BGR and BGRA


def has_16_bits(image: Any, data: bytes) -> bool:
    """Tell by the header whether a picture that Pillow has opened, from `data`, has 16 bits a channel."""
    if image.format == "PNG":
        return data[24] == 16  # IHDR's bit depth
    return image.format == "TIFF" and max(image.tag_v2.get(BITS_PER_SAMPLE, (1,))) == 16


def read_16_bits(image: Any, data: bytes) -> np.ndarray:
    """Return (H, W, 1 to 4) uint16; colors by OpenCV, as Pillow has cut them to 8 bits."""
    if image.mode.startswith("I;16") or (image.mode, image.format) == ("I", "PNG"):
        channels = np.asarray(image).astype(np.uint16)[:, :, np.newaxis]
    else:
        channels = _read_colors(image, data)
    transparent = image.info.get("transparency")
    if transparent is not None:  # the color that PNG's tRNS chunk names
        alpha = np.where((channels == transparent).all(axis=2), 0, 65535).astype(np.uint16)
        channels = np.dstack([channels, alpha])
    return channels


def _read_colors(image: Any, data: bytes) -> np.ndarray:
    """Read by OpenCV what Pillow has cut to 8 bits; its upper bytes tell whether OpenCV read the same picture."""
    if image.format == "PNG":  # other chunks and wrong checksums only make OpenCV print warnings
        pixels = b"".join(body for name, body in png_chunks(data) if name == b"IDAT")
        data = data[:PNG_HEADER_END] + _png_chunk(b"IDAT", pixels) + _png_chunk(b"IEND", b"")
    order = OPENCV_ORDER.get(image.mode)
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if order else None
    if decoded is None or not np.array_equal(decoded[:, :, order] >> 8, np.asarray(image)):
        raise ImageError("16-bit colors that are damaged, or not RGB pixel by pixel with plain alpha; save it as PNG")
    return decoded[:, :, order]


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and body of each chunk of a PNG file."""
    start = 8
    while start < len(data):
        end = start + 8 + int.from_bytes(data[start : start + 4], "big")
        yield data[start + 4 : start + 8], data[start + 8 : end]
        start = end + 4


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def encode_png(channels: np.ndarray, icc_profile: bytes | None) -> bytes:
    """Encode (H, W), (H, W, 3) or (H, W, 4) uint16 by OpenCV, with the profile that it leaves out."""
    order = OPENCV_ORDER["RGBA"][: channels.shape[2]] if channels.ndim == 3 else slice(None)
    data = cv2.imencode(".png", np.ascontiguousarray(channels[..., order]))[1].tobytes()
    profile = _png_chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc_profile)) if icc_profile else b""
    return data[:PNG_HEADER_END] + profile + data[PNG_HEADER_END:]


def write_tiff(path: Path, channels: np.ndarray, icc_profile: bytes | None) -> None:
    """Write (H, W), (H, W, 3) or (H, W, 4) uint16."""
    import tifffile  # scikit-image requires it

    kind = {"photometric": "minisblack" if channels.ndim == 2 else "rgb"}
    if channels.shape[2:] == (4,):
        kind["extrasamples"] = "unassalpha"
    tifffile.imwrite(path, channels, compression="zlib", metadata=None, iccprofile=icc_profile, **kind)
