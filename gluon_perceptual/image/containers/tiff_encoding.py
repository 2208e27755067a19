"""Writing TIFF files: pixels in strips, then the tags."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from ...errors import ImageError
from . import tiff
from .metadata import ORIENTATION, Metadata
from .tags import BYTE, LONG, RATIONAL, SHORT, UNDEFINED, Tag, all_tags, inner_tags, nested_bytes, read_directory

DEFLATE = 8  # compression
MOST_BYTES = 2**32 - 2**27  # bytes of pixels; the rest is for metadata
STRIP = 2**20  # bytes before compression


def encode(channels: np.ndarray, metadata: Metadata) -> bytes:
    """Encode (H, W, 1 to 4) uint8 or uint16: gray or RGB, with alpha or without.

    Raises:
        ImageError: It would be larger than 4 GB.
    """
    height, width, count = channels.shape
    rows = max(1, STRIP // channels[:1].nbytes)
    compression = DEFLATE if metadata.compressed else tiff.NONE
    strips = [_strip(channels[start : start + rows], compression) for start in range(0, height, rows)]
    sizes = [len(strip) for strip in strips]
    if sum(sizes) > MOST_BYTES:
        raise ImageError("TIFF holds 4 GB; choose PNG")
    starts = [8, *(8 + np.cumsum(sizes[:-1], dtype=np.int64)).tolist()]
    bits = 8 * channels.itemsize
    tags = {
        tiff.WIDTH: _longs(width), tiff.HEIGHT: _longs(height), tiff.BITS: _shorts(*[bits] * count),
        tiff.SAMPLES: _shorts(count), tiff.COMPRESSION: _shorts(compression),
        tiff.PHOTOMETRIC: _shorts(tiff.BLACK_IS_ZERO if count < 3 else tiff.COLORS), tiff.STARTS: _longs(*starts),
        tiff.ROWS: _longs(rows), tiff.LENGTHS: _longs(*sizes), tiff.PLANAR: _shorts(1),
    }  # fmt: skip
    if compression == DEFLATE:
        tags[tiff.PREDICTOR] = _shorts(2)  # predictor: differences between neighbors in a row
    if count in (2, 4):
        tags[tiff.EXTRA] = _shorts(tiff.PLAIN_ALPHA)
    described, inner = _description(metadata)
    base = 8 + sum(sizes) + sum(sizes) % 2
    directories, first = nested_bytes({**described, **_maps(metadata, height, width), **tags}, inner, base)
    return b"".join([struct.pack("<2sHI", b"II", 42, first), *strips, bytes(sum(sizes) % 2), directories])


def _strip(rows: np.ndarray, compression: int) -> bytes:
    if compression == tiff.NONE:
        return rows.astype(rows.dtype.newbyteorder("<")).tobytes()
    differences = rows.copy()
    differences[:, 1:] -= rows[:, :-1]
    return zlib.compress(differences.astype(rows.dtype.newbyteorder("<")).tobytes())


def _shorts(*values: int) -> Tag:
    return Tag(SHORT, len(values), struct.pack(f"<{len(values)}H", *values))


def _longs(*values: int) -> Tag:
    return Tag(LONG, len(values), struct.pack(f"<{len(values)}I", *values))


def _description(metadata: Metadata) -> tuple[dict[int, Tag], dict[int, dict[int, Tag]]]:
    """Return the tags that describe a picture, and the directories of EXIF and GPS."""
    tags: dict[int, Tag] = {}
    inner: dict[int, dict[int, Tag]] = {}
    if metadata.exif:
        try:
            directory = read_directory(metadata.exif)
            tags = {code: tag for code, tag in all_tags(directory).items() if code in (*tiff.DESCRIPTION, ORIENTATION)}
            inner = inner_tags(directory)
        except (ValueError, struct.error):
            pass
    if metadata.dpi:
        for code, value in zip((tiff.X_DPI, tiff.Y_DPI), metadata.dpi):
            tags[code] = Tag(RATIONAL, 1, struct.pack("<II", min(2**32 - 1, round(1000 * value)), 1000))
        tags[tiff.UNIT] = _shorts(2)
    for code, kind, body in ((tiff.XMP, BYTE, metadata.xmp), (tiff.PROFILE, UNDEFINED, metadata.icc_profile)):
        if body:
            tags[code] = Tag(kind, len(body), body)
    return tags, inner


def _maps(metadata: Metadata, height: int, width: int) -> dict[int, Tag]:
    """Return TIFF's own tags, with the georeference adapted to the enlarged picture."""
    tags = dict(metadata.tags)
    if not metadata.height or (height, width) == (metadata.height, metadata.width):
        return tags
    across, down = width / metadata.width, height / metadata.height
    keys = tags[tiff.GEO_KEYS].numbers if tiff.GEO_KEYS in tags else ()
    points = any(keys[i] == 1025 and keys[i + 3] == 2 for i in range(4, len(keys) - 3, 4))
    shift = 0.5 if points else 0.0  # if the place of a pixel is its center, not its corner
    for code, factors, offsets in (
        (tiff.SCALE, (1 / across, 1 / down, 1), (0, 0, 0)),
        (tiff.TIE_POINTS, (across, down, 1, 1, 1, 1), (shift, shift, 0, 0, 0, 0)),
    ):
        if code in tags and tags[code].kind == 12:
            values = np.frombuffer(tags[code].value, "<f8")
            factor, offset = (np.resize(np.asarray(part, float), values.size) for part in (factors, offsets))
            moved = ((values + offset) * factor - offset).astype("<f8")
            tags[code] = Tag(12, values.size, moved.tobytes())
    if tiff.MATRIX in tags and tags[tiff.MATRIX].kind == 12 and tags[tiff.MATRIX].count == 16:
        matrix = np.frombuffer(tags[tiff.MATRIX].value, "<f8").reshape(4, 4).copy()
        matrix[:, 3] += matrix[:, 0] * (shift / across - shift) + matrix[:, 1] * (shift / down - shift)
        matrix[:, 0] /= across
        matrix[:, 1] /= down
        tags[tiff.MATRIX] = Tag(12, 16, matrix.astype("<f8").tobytes())
    return tags
