"""TIFF files: which picture of a file is used, and its metadata; `tiff_encoding` writes them."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Iterator

import numpy as np

from ...errors import ImageError
from .metadata import INCH, NODATA, ORIENTATION, Metadata, whole_profile
from .tags import RATIONAL, SHORT, Directory, byte_order, inner_tags, nested_bytes, read_directory

KIND, OLD_KIND, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
SAMPLES, X_DPI, Y_DPI, PLANAR, UNIT, EXTRA, INNER, FORMAT = 277, 282, 283, 284, 296, 338, 330, 339
SIGNED, FLOATS = 2, 3  # formats of samples
XMP, PHOTOSHOP, IPTC, PROFILE = 700, 34377, 33723, 34675
WHITE_IS_ZERO, BLACK_IS_ZERO, COLORS, INKS = 0, 1, 2, 5  # photometric interpretations
MULTIPLIED_ALPHA, PLAIN_ALPHA = 1, 2
STARTS, ROWS, LENGTHS, PREDICTOR = 273, 278, 279, 317
REDUCED, MASK, OLD_REDUCED = 1, 4, 2
OF_PIXELS = {  # what decoders need
    *(WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, PLANAR, EXTRA, FORMAT),
    *(266, 273, 278, 279, 292, 293, 317, 320, 322, 323, 324, 325, 332, 334, 347),
    *(512, 513, 514, 515, *range(517, 522), 529, 530, 531, 532),
}
DESCRIPTION = (269, 270, 271, 272, 285, 305, 306, 315, 316, 33432, *range(40091, 40096))
SCALE, TIE_POINTS, MATRIX, GEO_KEYS = 33550, 33922, 34264, 34735
MAPS = (SCALE, TIE_POINTS, MATRIX, GEO_KEYS, 34736, 34737, 42112, NODATA)
MOST_ENTRIES, MOST_INNER = 200_000, 10  # the most pages that are looked at, and pages inside one
NONE = 1  # compression


def pages(data: bytes) -> Iterator[Directory]:
    """Yield the directories of a file's pictures, including nested ones."""
    offset: int | None = None
    seen: set[int | None] = set()
    entries = 0
    while offset is None or (offset and offset not in seen and entries < MOST_ENTRIES):
        seen.add(offset)
        directory = read_directory(data, offset)
        entries += len(directory.entries) + 1
        yield directory
        for inner in directory.numbers(INNER)[:MOST_INNER]:
            try:
                yield read_directory(data, inner)
            except (ValueError, struct.error):
                continue
        offset = directory.next


def _is_whole_picture(page: Directory) -> bool:
    """Tell a picture from its thumbnail or its mask."""
    kind, old = page.number(KIND, 0), page.number(OLD_KIND, 1)
    return not kind & (REDUCED | MASK) and old != OLD_REDUCED and WIDTH in page.entries


def split(data: bytes) -> tuple[bytes, Metadata, Directory]:
    """Return a file of only one picture's pixels, the metadata, and the picture's own directory, with that file.

    Raises:
        ImageError: The directories are damaged.
    """
    found, left_out = [], []
    try:
        for page in pages(data):
            found.append(page)
    except (ValueError, struct.error) as error:
        if not found:
            raise ImageError(f"damaged picture ({error})") from error
    whole = [page for page in found if _is_whole_picture(page)] or found[:1]
    page = whole[0]
    if len(whole) > 1:
        left_out.append(f"of its {len(whole)} pages only the first is used")
    if PROFILE in page.entries and not _profile(page):
        left_out.append("its color profile is damaged")
    if 0 in page.numbers(EXTRA):
        left_out.append("channels that are neither color nor alpha are dropped")
    pixels = _of_pixels(page)
    return pixels, _metadata(page, tuple(left_out)), replace(page, data=pixels)


def _of_pixels(page: Directory) -> bytes:
    """Return the file with a new first directory at its end, which has what decoders need."""
    data = page.data
    order, big = byte_order(data)
    kept = [entry.raw for code, entry in sorted(page.entries.items()) if code in OF_PIXELS]
    if max(page.numbers(BITS), default=1) > 8:  # decoders differ in how they treat white that is 0 there
        kept = [_plain(raw, order) for raw in kept]
    offset = len(data) + len(data) % 2
    directory = struct.pack(order + ("Q" if big else "H"), len(kept)) + b"".join(kept) + bytes(8 if big else 4)
    first = struct.pack(order + "Q", offset) if big else struct.pack(order + "I", offset)
    start = 8 if big else 4
    return b"".join([data[:start], first, data[start + len(first) :], bytes(len(data) % 2), directory])


def _plain(raw: bytes, order: str) -> bytes:
    """Return an entry of a directory, WHITE_IS_ZERO as BLACK_IS_ZERO."""
    code, kind = struct.unpack_from(order + "HH", raw)
    value = len(raw) - (4 if len(raw) == 12 else 8)
    if code == PHOTOMETRIC and kind == SHORT and struct.unpack_from(order + "H", raw, value)[0] == WHITE_IS_ZERO:
        return raw[:value] + struct.pack(order + "H", BLACK_IS_ZERO) + raw[value + 2 :]
    return raw


def interpreted(samples: np.ndarray, page: Directory) -> np.ndarray:
    """Return (H, W, 1 to 4), gray or RGB and alpha, of a file's samples (H, W, channels).

    Args:
        samples: As they are in the file, uint8 or uint16.
        page: The file's own directory.

    Raises:
        ImageError: The colors are of a kind that is not supported.
    """
    photometric = page.number(PHOTOMETRIC, BLACK_IS_ZERO)
    count = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, COLORS: 3, INKS: 4}.get(photometric, 0)
    if not 0 < count <= samples.shape[2]:
        raise ImageError(f"colors of TIFF's photometric interpretation {photometric}; save it as RGB")
    color, top = samples[:, :, :count], np.iinfo(samples.dtype).max
    if photometric == WHITE_IS_ZERO:
        color = top - color
    elif photometric == INKS:
        ink = (top - color).astype(np.float32)
        color = np.rint(ink[:, :, :3] * ink[:, :, 3:] / top).astype(samples.dtype)
    extra = page.number(EXTRA, PLAIN_ALPHA)
    if samples.shape[2] == count or extra not in (MULTIPLIED_ALPHA, PLAIN_ALPHA):
        return color
    alpha = samples[:, :, count : count + 1]
    if extra == MULTIPLIED_ALPHA:
        color = np.rint(np.minimum(color / np.maximum(alpha, 1) * float(top), top)).astype(samples.dtype)
    return np.dstack([color, alpha])


def _profile(page: Directory) -> bytes | None:
    tag = page.tag(PROFILE)
    return whole_profile(tag.value) if tag else None


def _metadata(page: Directory, left_out: tuple[str, ...]) -> Metadata:
    described = {code: tag for code in DESCRIPTION if (tag := page.tag(code))}
    turned = page.tag(ORIENTATION)
    inner = inner_tags(page)
    exif = None
    if described or inner or turned:
        directories, first = nested_bytes({**described, **({ORIENTATION: turned} if turned else {})}, inner, 8)
        exif = struct.pack("<2sHI", b"II", 42, first) + directories
    xmp = page.tag(XMP)
    compression = page.number(COMPRESSION, NONE)
    return Metadata(
        _profile(page),
        exif,
        xmp.value if xmp else None,
        _density(page),
        tags={code: tag for code in (*MAPS, PHOTOSHOP, IPTC) if (tag := page.tag(code))},
        height=page.number(HEIGHT, 0),
        width=page.number(WIDTH, 0),
        lossless=compression not in (6, 7),  # JPEG's
        compressed=compression != NONE,
        left_out=left_out,
    )


def _density(page: Directory) -> tuple[float, float] | None:
    """Return pixels per inch."""
    factor = {2: 1, 3: 100 * INCH}.get(page.number(UNIT, 2))
    both = [page.tag(code) for code in (X_DPI, Y_DPI)]
    values = [struct.unpack("<II", tag.value[:8]) for tag in both if tag and tag.kind == RATIONAL]
    if not factor or len(values) < 2 or not all(up and down for up, down in values):
        return None
    across, down = (factor * up / down for up, down in values)
    return across, down
