"""WebP files: their chunks."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO, Iterator

from .metadata import Metadata, plain_exif

LONGEST = 2**24 - 1  # milliseconds of a frame
HAS_ALPHA = 0x10  # in a file's flags


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


def complete(path: Path, milliseconds: int, alpha: bool) -> None:
    """Give a file of frames its whole length, and say that it has alpha.

    FFmpeg writes one frame's duration for the last, which may stand for several equal ones, and looks for alpha in the
    parts of frames that changed.
    """
    with path.open("r+b") as file:
        found = [(name, start) for name, start, _ in chunks(file)]
        *earlier, last = [start + 12 for name, start in found if name == b"ANMF"] or [0]
        if last:
            rest = milliseconds - sum(int.from_bytes(_read(file, place, 3), "little") for place in earlier)
            file.seek(last)
            file.write(min(max(rest, 1), LONGEST).to_bytes(3, "little"))
        for place in [start for name, start in found if name == b"VP8X"] if alpha else ():
            flags = _read(file, place, 1)[0]
            file.seek(place)
            file.write(bytes([flags | HAS_ALPHA]))


def _read(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)
