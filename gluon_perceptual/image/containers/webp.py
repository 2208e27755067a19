"""WebP files: their chunks."""

from __future__ import annotations

from typing import Iterator

from .metadata import Metadata

EXIF = b"Exif\0\0"


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and body of each chunk."""
    start = 12
    while start + 8 <= len(data):
        end = start + 8 + int.from_bytes(data[start + 4 : start + 8], "little")
        yield data[start : start + 4], data[start + 8 : end]
        start = end + end % 2


def read(data: bytes) -> Metadata:
    """Return a file's metadata."""
    found: dict[bytes, bytes] = {}
    frames = 0
    for name, body in chunks(data):
        found.setdefault(name, body)
        frames += name == b"ANMF"
    exif = found.get(b"EXIF")
    lossless = b"VP8L" in found or (frames > 0 and found[b"ANMF"][16:].find(b"VP8L") in range(64))
    left_out = (f"of its {frames} frames only the first is used",) if frames > 1 else ()
    return Metadata(
        found.get(b"ICCP"),
        exif[len(EXIF) :] if exif and exif.startswith(EXIF) else exif,
        found.get(b"XMP "),
        lossless=lossless,
        left_out=left_out,
    )


def options(metadata: Metadata) -> dict[str, bytes]:
    """Return the arguments of Pillow's writer, also for AVIF and HEIC."""
    found = {"exif": metadata.exif, "xmp": metadata.xmp, "icc_profile": metadata.icc_profile}
    return {name: value for name, value in found.items() if value}
