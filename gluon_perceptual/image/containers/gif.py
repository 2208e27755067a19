"""The blocks of a GIF file, as far as they say how large its frames are."""

from __future__ import annotations

import struct
from typing import BinaryIO

SIGNATURES = (b"GIF87a", b"GIF89a")
EXTENSION, FRAME, END = b"!", b",", b";"


def largest_size(file: BinaryIO) -> tuple[int, int]:
    """Return the width and height that hold all frames, which may go beyond the screen that the header says."""
    _, width, height, flags, _, _ = struct.unpack("<6sHHBBB", file.read(13).ljust(13, b"\0"))
    _skip_palette(file, flags)
    while True:
        kind = file.read(1)
        if kind in (END, b""):
            return width, height
        if kind == FRAME:
            x, y, columns, rows, flags = struct.unpack("<HHHHB", file.read(9).ljust(9, b"\0"))
            width, height = max(width, x + columns), max(height, y + rows)
            _skip_palette(file, flags)
        if kind in (EXTENSION, FRAME):
            file.seek(1, 1)  # the extension's kind, or the size of LZW's codes
            _skip_data(file)


def _skip_palette(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.seek(3 << (flags & 7) + 1, 1)


def _skip_data(file: BinaryIO) -> None:
    while any(length := file.read(1)):
        file.seek(length[0], 1)
