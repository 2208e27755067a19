"""RecordIO, MXNet's format for many small files in one, in pure Python, since MXNet's code hides failed writes.

A record consists of parts: the magic number, a word of 3 bits for the kind of part and 29 for its length, the bytes,
and zeros up to a multiple of 4. A record has one part, unless it contains the magic number at a multiple of 4: there it
is split, and that number is left out. All numbers are little-endian.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

import numpy as np

MAGIC = 0xCED7230A
MAGIC_BYTES = struct.pack("<I", MAGIC)
WHOLE, FIRST, MIDDLE, LAST = range(4)
LENGTH_BITS = 29


def write_record(file: BinaryIO, data: bytes) -> None:
    """Write a record at the position of `file`.

    Raises:
        ValueError: It has 2²⁹ bytes or more.
        OSError: The file cannot be written.
    """
    if len(data) >= 2**LENGTH_BITS:
        raise ValueError(f"{len(data):,} bytes; a record holds fewer than {2**LENGTH_BITS:,}")
    cuts = 4 * np.flatnonzero(np.frombuffer(data, "<u4", len(data) // 4) == MAGIC)
    starts, ends = [0, *(cuts + 4)], [*cuts, len(data)]
    for number, (start, end) in enumerate(zip(starts, ends)):
        kind = (FIRST if number == 0 else LAST if number == len(cuts) else MIDDLE) if len(cuts) else WHOLE
        file.write(struct.pack("<II", MAGIC, kind << LENGTH_BITS | end - start))
        file.write(data[start:end] + bytes(-(end - start) % 4))


def read_record(file: BinaryIO) -> bytes:
    """Return the record at the position of `file`, and move on to the next one.

    Raises:
        ValueError: There is no record, or it is damaged.
        OSError: The file cannot be read.
    """
    parts: list[bytes] = []
    size = os.fstat(file.fileno()).st_size
    while True:
        at, head = file.tell(), file.read(8)
        if len(head) < 8 or head[:4] != MAGIC_BYTES:
            raise ValueError(f"no record starts at byte {at:,}")
        word = int.from_bytes(head[4:], "little")
        kind, length = word >> LENGTH_BITS, word % 2**LENGTH_BITS
        if kind not in ((MIDDLE, LAST) if parts else (WHOLE, FIRST)):
            raise ValueError(f"a part of kind {kind} is out of place at byte {at:,}")
        if length > size - at - 8:
            raise ValueError(f"the file ends before the {length:,} bytes of the record at byte {at:,}")
        parts.append(file.read(length))
        file.seek(-length % 4, os.SEEK_CUR)
        if kind in (WHOLE, LAST):
            return MAGIC_BYTES.join(parts)
