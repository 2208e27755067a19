"""AVIF and HEIC files: what Pillow leaves out of them."""

from __future__ import annotations

from .metadata import Metadata

GAIN_MAP = b"tmap"  # the kind of an item (ISO/IEC 23008-12)
HDR = (16, 18)  # PQ and HLG, among ITU-T H.273's functions from numbers to light


def read(data: bytes) -> Metadata:
    """Return what is lost of a file's pixels: bits over 8, colors of high dynamic range."""
    properties, left_out = _properties(data), []
    if GAIN_MAP in properties:  # with tags of its own
        return Metadata(left_out=("its gain map for HDR is not used",))
    bits = max((each for found in _bodies(properties, b"pixi") for each in found[5 : 5 + found[4]]), default=8)
    if bits > 8:
        left_out.append(f"of its {bits} bits a channel only 8 are used")
    tags = [found for found in _bodies(properties, b"colr") if found[:4] == b"nclx"]
    if any(int.from_bytes(found[6:8], "big") in HDR for found in tags):
        left_out.append("its HDR colors are taken for those of a screen (sRGB)")
    return Metadata(left_out=tuple(left_out))


def _properties(data: bytes) -> bytes:
    """Return the box `meta`, which describes the pictures; empty if there is none."""
    start = 0
    while start + 16 <= len(data):
        size, kind = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        size = int.from_bytes(data[start + 8 : start + 16], "big") if size == 1 else size
        if kind == b"meta":
            return data[start : start + size]
        if size < 8:
            break
        start += size
    return b""


def _bodies(box: bytes, kind: bytes) -> list[bytes]:
    """Return the contents of the boxes of a kind, at any depth; their names do not occur otherwise."""
    return [part for part in box.split(kind)[1:] if len(part) >= 11]
