"""The metadata of a picture file, and how it is adapted to another picture."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field, replace
from typing import Mapping

from .tags import EXIF_DIRECTORY, Tag, number_in, read_directory

NODATA = 42113  # GDAL's tag of TIFF
ORIENTATION = 274
SIZES = {256: False, 257: True, 0xA002: False, 0xA003: True}  # EXIF's tags of width and height; True for height
XMP_ORIENTATION = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>))([1-8])")
EXIF_NAME = b"Exif\0\0"
INCH = 0.0254  # meters
LARGEST = 2**26  # bytes of a piece of metadata; larger ones are left out


@dataclass(frozen=True)
class Metadata:
    """What is kept of a file's metadata: what formats have in common, and what is specific to one.

    Attributes:
        icc_profile: Color profile.
        exif: EXIF data, from the byte order mark on.
        xmp: XMP packet.
        dpi: Pixels per inch, across and down.
        chunks: PNG's chunks that describe colors, or hold text or a time; name and body.
        segments: JPEG's segments of captions and long XMP; marker and body.
        tags: TIFF's tags of maps, and the description.
        height: Of the picture that it came with, in pixels; 0 if unknown.
        width: Likewise.
        lossless: Whether the file stored the pixels without loss.
        compressed: Whether a TIFF file was compressed.
        subsampling: Of JPEG's chroma: 0 for 4:4:4, 1 for 4:2:2, 2 for 4:2:0.
        left_out: What was damaged or has no place, a phrase for each, for the user.
    """

    icc_profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    segments: tuple[tuple[int, bytes], ...] = ()
    tags: Mapping[int, Tag] = field(default_factory=dict)
    height: int = 0
    width: int = 0
    lossless: bool = False
    compressed: bool = True
    subsampling: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def nodata(self) -> float | None:
        """The value of the pixels without data in a map, or None."""
        try:
            return float(self.tags[NODATA].value.rstrip(b"\0 ")) if NODATA in self.tags else None
        except ValueError:
            return None

    @property
    def orientation(self) -> int:
        """How the stored picture must be turned, 1 to 8 as in EXIF."""
        found = number_in(self.exif, ORIENTATION) if self.exif else None
        if found is None and self.xmp and (match := XMP_ORIENTATION.search(self.xmp)):
            found = int(match.group(2))
        return found if found and found in range(1, 9) else 1

    def fit_for(self, height: int, width: int, is_gray: bool) -> Metadata:
        """Adapt it to an upright picture: orientation, size and the kind of profile; the thumbnail is dropped."""
        profile = self.icc_profile
        if profile and profile[16:20] not in ((b"GRAY", b"RGB ") if is_gray else (b"RGB ",)):
            profile = None
        xmp = XMP_ORIENTATION.sub(rb"\g<1>1", self.xmp) if self.xmp else None
        return replace(self, icc_profile=profile, exif=_fitted(self.exif, height, width), xmp=xmp)


def plain_exif(data: bytes | None) -> bytes | None:
    """Return EXIF data from the byte order mark on, without the name that some files have in front; None if empty."""
    return (data[len(EXIF_NAME) :] if data and data.startswith(EXIF_NAME) else data) or None


def per_meter(dpi: tuple[float, float]) -> list[int]:
    """Return pixels per meter, as PNG and BMP files have them."""
    return [min(2**31 - 1, round(each / INCH)) for each in dpi]


def whole_profile(data: bytes | None) -> bytes | None:
    """Return a color profile if it is as long as its header says, otherwise None."""
    return data if data and int.from_bytes(data[:4], "big") == len(data) >= 128 else None


def _fitted(exif: bytes | None, height: int, width: int) -> bytes | None:
    """Change the values in place, since cameras' notes hold offsets into the data."""
    if not exif:
        return None
    data = bytearray(exif)
    try:
        first = read_directory(exif)
        data.extend(bytes(max(0, first.next_at + 4 - len(data))))  # some files end before this offset
        struct.pack_into(first.order + "I", data, first.next_at, 0)  # no thumbnail
        directories = [first]
        if EXIF_DIRECTORY in first.entries:
            directories.append(read_directory(exif, first.number(EXIF_DIRECTORY)))
        values = {ORIENTATION: 1, **{code: height if is_height else width for code, is_height in SIZES.items()}}
        for directory in directories:
            for code in values.keys() & directory.entries.keys():
                directory.set_number(data, code, values[code])
    except (ValueError, struct.error):
        return None
    return bytes(data)
