"""JPEG files: their segments before the pixels."""

from __future__ import annotations

import struct
from typing import Iterator

from .metadata import EXIF_NAME, INCH, Metadata, whole_profile
from .tags import number_in

START, END, SCAN = 0xD8, 0xD9, 0xDA
APP0, APP1, APP2, ADOBE, PHOTOSHOP, COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xED, 0xFE
FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
XMP, LONG_XMP = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
PROFILE, PICTURES = b"ICC_PROFILE\0", b"MPF\0"
COUNT = 0xB001  # tag with the number of pictures in a multi-picture file
LARGEST = 65533  # bytes in a segment
SUBSAMPLINGS = {(0x11,): 0, (0x11, 0x11, 0x11): 0, (0x21, 0x11, 0x11): 1, (0x22, 0x11, 0x11): 2}


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of the body, of each segment before the first scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker in (SCAN, END):
            return
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, at + 4, end
        at = max(end, at + 4)


def split(data: bytes) -> tuple[bytes, Metadata]:
    """Return a file of only the pixels, and the metadata."""
    kept, rest, found, subsampling = [data[:2]], 2, [], 0
    for marker, start, end in segments(data):
        if marker in (APP0, ADOBE) or not (marker & 0xF0 == 0xE0 or marker == COMMENT):
            kept.append(data[start - 4 : end])
        if marker in FRAMES:
            factors = tuple(data[start + 7 : end : 3])
            subsampling = SUBSAMPLINGS.get(factors, 0)
        elif end <= len(data):
            found.append((marker, data[start:end]))
        rest = end
    return b"".join(kept) + data[rest:], _metadata(found, subsampling)


def _metadata(found: list[tuple[int, bytes]], subsampling: int) -> Metadata:
    exif = xmp = dpi = None
    profile: list[bytes] = []
    own, left_out = [], []
    for marker, body in found:
        if marker == APP0 and body.startswith(b"JFIF\0") and len(body) >= 12:
            unit, across, down = struct.unpack(">BHH", body[7:12])
            factor = {1: 1, 2: 100 * INCH}.get(unit)
            dpi = (across * factor, down * factor) if factor and across and down else None
        elif marker == APP1 and body.startswith(EXIF_NAME):
            exif = exif or body[len(EXIF_NAME) :]
        elif marker == APP1 and body.startswith(XMP):
            xmp = xmp or body[len(XMP) :]
        elif marker == APP2 and body.startswith(PROFILE):
            profile.append(body[len(PROFILE) :])
        elif marker == APP2 and body.startswith(PICTURES):
            if (count := number_in(body[len(PICTURES) :], COUNT) or 1) > 1:
                left_out.append(f"of its {count} pictures only the first is used")
        elif marker in (PHOTOSHOP, COMMENT) or (marker == APP1 and body.startswith(LONG_XMP)):
            own.append((marker, body))
    icc_profile = _joined(profile)
    if profile and not icc_profile:
        left_out.append("its color profile is damaged")
    return Metadata(icc_profile, exif, xmp, dpi, segments=tuple(own), subsampling=subsampling, left_out=tuple(left_out))


def _joined(pieces: list[bytes]) -> bytes | None:
    """Join the pieces of a profile, which begin with their number, from 1, and their count; None if it is damaged."""
    pieces.sort(key=lambda piece: piece[:1])
    if [piece[:2] for piece in pieces] != [bytes([i + 1, len(pieces)]) for i in range(min(255, len(pieces)))]:
        return None
    return whole_profile(b"".join(piece[2:] for piece in pieces))


def join(data: bytes, metadata: Metadata) -> bytes:
    """Put metadata into an encoded picture, except what is too large for JPEG."""
    new: list[tuple[int, bytes]] = []
    if metadata.exif and len(metadata.exif) <= LARGEST - len(EXIF_NAME):
        new.append((APP1, EXIF_NAME + metadata.exif))
    if metadata.xmp and len(metadata.xmp) <= LARGEST - len(XMP):
        new.append((APP1, XMP + metadata.xmp))
    step = LARGEST - len(PROFILE) - 2
    profile = metadata.icc_profile or b""
    pieces = [profile[i : i + step] for i in range(0, len(profile), step)]
    if len(pieces) < 256:
        new += [(APP2, PROFILE + bytes([i + 1, len(pieces)]) + piece) for i, piece in enumerate(pieces)]
    new += metadata.segments
    start = next((end for marker, _, end in segments(data) if marker == APP0), 2)
    written = b"".join(bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in new)
    return data[:start] + written + data[start:]
