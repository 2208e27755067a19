"""PNG files: their chunks, which hold the pixels and everything else."""

from __future__ import annotations

import struct
import zlib
from typing import Iterator

import numpy as np

from .metadata import INCH, LARGEST, Metadata, per_meter, plain_exif, whole_profile

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_END = 33  # signature and IHDR chunk
GRAY, RGB, PALETTE, GRAY_ALPHA = 0, 2, 3, 4  # IHDR's color types
COLORS = (b"cICP", b"mDCV", b"cLLI", b"gAMA", b"cHRM", b"sRGB")
TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"tIME")
KEPT = (*COLORS, *TEXTS, b"pHYs", b"iCCP", b"eXIf", b"tRNS", b"acTL")
XMP = b"XML:com.adobe.xmp\0"
RAW_EXIF = (b"Raw profile type exif\0", b"Raw profile type APP1\0")  # as ImageMagick wrote it
ROWS = 64  # filtered at a time


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, and the start and end of the body, of each chunk; the last may end beyond the data."""
    start = len(SIGNATURE)
    while start + 8 <= len(data):
        name, end = data[start + 4 : start + 8], start + 8 + int.from_bytes(data[start : start + 4], "big")
        yield name, start + 8, end
        if name == b"IEND":
            return
        start = end + 4


def chunk(name: bytes, body: bytes) -> bytes:
    """Return the bytes of a chunk in a file."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def split(data: bytes) -> tuple[bytes, Metadata, bytes | None]:
    """Return a file of only the pixels; the metadata; and the color that is transparent, or None."""
    pixels: list[bytes] = [data[: len(SIGNATURE)]]
    found: dict[bytes, list[bytes]] = {}
    left_out = []
    of_pixels = [b"IHDR", b"IDAT", b"IEND", *([b"PLTE"] if data[25:26] == bytes([PALETTE]) else [])]
    for name, start, end in chunks(data):
        if name in of_pixels:
            pixels.append(data[start - 8 : end + 4])
        elif name in KEPT:
            body = data[start:end] if end - start <= LARGEST else b""
            if body and data[end : end + 4] == zlib.crc32(name + body).to_bytes(4, "big"):
                found.setdefault(name, []).append(body)
            else:
                left_out.append(f"its {name.decode()} chunk is damaged")
    transparent = found.pop(b"tRNS", [None])[0]
    if transparent and b"PLTE" in of_pixels:  # Pillow handles that one
        at = next((i for i, piece in enumerate(pixels) if piece[4:8] == b"IDAT"), len(pixels))
        pixels.insert(at, chunk(b"tRNS", transparent))
        transparent = None
    return b"".join(pixels), _metadata(found, left_out), transparent


def _metadata(found: dict[bytes, list[bytes]], left_out: list[str]) -> Metadata:
    frames = int.from_bytes(found.get(b"acTL", [b"\0\0\0\1"])[0][:4], "big")
    if frames > 1:
        left_out.append(f"of its {frames} frames only the first is used")
    profile = xmp = exif = dpi = None
    if b"iCCP" in found:
        profile = whole_profile(_inflated(found[b"iCCP"][0].partition(b"\0")[2][1:]))
        if not profile:
            left_out.append("its color profile is damaged")
    if b"eXIf" in found:
        exif = found[b"eXIf"][0]
    texts = []
    for name, body in ((kind, body) for kind in TEXTS for body in found.get(kind, ())):
        if name == b"iTXt" and body.startswith(XMP):
            xmp = _international(body)
        elif body.startswith(RAW_EXIF):
            exif = exif or _raw_profile(name, body)
        else:
            texts.append((name, body))
    for body in found.get(b"pHYs", ()):
        if len(body) == 9 and body[8] == 1:
            across, down = struct.unpack(">II", body[:8])
            dpi = (across * INCH, down * INCH)
        else:
            texts.append((b"pHYs", body))
    colors = [(name, found[name][0]) for name in COLORS if name in found]
    return Metadata(profile, exif, xmp, dpi, chunks=(*colors, *texts), lossless=True, left_out=tuple(left_out))


def _inflated(body: bytes) -> bytes | None:
    """Decompress it; None if it is damaged or too large."""
    try:
        inflate = zlib.decompressobj()
        found = inflate.decompress(body, LARGEST)
        return found if inflate.eof else None
    except zlib.error:
        return None


def _international(body: bytes) -> bytes | None:
    """Return the text of an iTXt chunk."""
    compressed, rest = body.partition(b"\0")[2][:1], body.partition(b"\0")[2][2:]
    text = rest.partition(b"\0")[2].partition(b"\0")[2]
    return _inflated(text) if compressed == b"\1" else text


def _raw_profile(name: bytes, body: bytes) -> bytes | None:
    """Return the EXIF data that a text chunk holds in hexadecimal, after lines with its name and its length."""
    text = body.partition(b"\0")[2]
    text = _inflated(text[1:]) or b"" if name == b"zTXt" else text
    try:
        exif = bytes.fromhex("".join(text.decode("ascii").split()[2:]))
    except ValueError:
        return None
    return plain_exif(exif)


def join(data: bytes, metadata: Metadata) -> bytes:
    """Put metadata into an encoded picture."""
    names = {name for name, _ in metadata.chunks}
    new = [(name, body) for name, body in metadata.chunks if name in COLORS]
    if metadata.icc_profile:
        new.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(metadata.icc_profile)))
    if metadata.dpi and b"pHYs" not in names:
        new.append((b"pHYs", struct.pack(">IIB", *per_meter(metadata.dpi), 1)))
    if metadata.exif:
        new.append((b"eXIf", metadata.exif))
    if metadata.xmp:
        new.append((b"iTXt", XMP + b"\0\0\0\0" + metadata.xmp))
    new += [(name, body) for name, body in metadata.chunks if name not in COLORS]
    return data[:HEADER_END] + b"".join(chunk(name, body) for name, body in new) + data[HEADER_END:]


def encode_16_bits(channels: np.ndarray) -> bytes:
    """Encode (H, W, 1 to 4) uint16: gray or RGB, with alpha or without."""
    height, width, count = channels.shape
    kind = (GRAY, GRAY_ALPHA, RGB, 6)[count - 1]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))
    deflate, pieces, above = zlib.compressobj(6), [], np.zeros((1, 2 * count * width), np.uint8)
    for start in range(0, height, ROWS):
        rows = channels[start : start + ROWS].astype(">u2").reshape(-1, count * width).view(np.uint8)
        filtered = rows - np.concatenate([above, rows[:-1]])  # PNG's filter 2: each byte minus the one above
        above = rows[-1:]
        pieces.append(deflate.compress(np.insert(filtered, 0, 2, axis=1).tobytes()))
    pieces.append(deflate.flush())
    pixels = [chunk(b"IDAT", piece) for piece in pieces if piece]  # several, as a chunk holds no more than 2 GB
    return b"".join([SIGNATURE, header, *pixels, chunk(b"IEND", b"")])
