"""WebP files: their chunks."""

from __future__ import annotations

import io
from typing import BinaryIO, Iterator

from .metadata import Metadata, plain_exif


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, and the start and end of the body, of each chunk; the last may end beyond the file."""
    start = 12
    while True:
        file.seek(start)
        head = file.read(8)
        if len(head) < 8:
            return
        end = start + 8 + int.from_bytes(head[4:], "little")
        yield head[:4], start + 8, end
        start = end + end % 2


def read(data: bytes) -> Metadata:
    """Return a file's metadata."""
    found: dict[bytes, bytes] = {}
    frames = 0
    for name, start, end in chunks(io.BytesIO(data)):
        found.setdefault(name, data[start:end])
        frames += name == b"ANMF"
    lossless = b"VP8L" in found or (frames > 0 and found[b"ANMF"][16:].find(b"VP8L") in range(64))
    left_out = (f"of its {frames} frames only the first is used",) if frames > 1 else ()
    return Metadata(
        found.get(b"ICCP"), plain_exif(found.get(b"EXIF")), found.get(b"XMP "), lossless=lossless, left_out=left_out
    )
