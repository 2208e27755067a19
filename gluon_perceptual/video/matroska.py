"""Whether a Matroska or WebM file is cut off, by the sizes of its elements (RFC 8794 and RFC 9559)."""

from __future__ import annotations

from typing import Any, BinaryIO

SEGMENT, CLUSTER = b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"  # in live recordings, of unknown sizes
OTHERS = "1a45dfa3 114d9b74 1549a966 1654ae6b 1c53bb6b 1254c367 1043a770 1941a469 ec bf e7 a7 ab a3 a0 5854"
ELEMENTS = {SEGMENT, CLUSTER, *map(bytes.fromhex, OTHERS.split())}  # of a file, a segment and a cluster
LONGEST_SIZE, LONGEST_HEAD = 8, 12  # bytes


def is_matroska(container: Any) -> bool:
    """Return whether a file that FFmpeg has opened is Matroska or WebM."""
    return "matroska" in container.format.name


def expected_bytes(file: BinaryIO) -> int:
    """Return how many bytes a file should have at least: no more than it has, unless it is cut off.

    A segment of unknown size, as of a live recording, is cut off if its last element is.
    """
    place = 0
    while True:
        file.seek(place)
        head = file.read(LONGEST_HEAD)
        start = _length_of(head)
        end = start + _length_of(head[start:])
        name, unknown = head[:start], (1 << 7 * (end - start)) - 1
        if name not in ELEMENTS or end - start > LONGEST_SIZE:  # the end, or something else
            return place
        place += end
        if len(head) < end:
            return place
        size = int.from_bytes(head[start:end], "big") & unknown
        if size < unknown:
            place += size
            if name == SEGMENT:
                return place
        elif name not in (SEGMENT, CLUSTER):
            return place


def _length_of(number: bytes) -> int:
    """Return how many bytes an EBML number takes, by the bits before the first that is set."""
    return 9 - number[0].bit_length() if number else 1
