"""Bytes of a picture file -> pixels and metadata."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import ImageCms

from ..files import PillowImage, open_picture, own_limit
from ..formats import ALL
from . import deep, heif, jpeg, png, tiff, webp
from .metadata import Metadata, plain_exif
from .tags import Directory

PNG_BITS = 24  # offsets in IHDR
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BIG_ENDIAN_BIG_TIFF = b"MM\0+"
TRANSPOSED, MIRRORED, UPSIDE_DOWN = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)  # orientations, undone in this order
LOSSLESS = {form.name for form in ALL if form.lossless}


@dataclass(frozen=True)
class Parts:
    """A file taken apart: only the pixels; metadata; PNG's transparent color; TIFF's directory."""

    pixels: bytes
    metadata: Metadata
    transparent: bytes | None = None
    page: Directory | None = None

    @property
    def is_deep(self) -> bool:
        """Whether it is a PNG file of over 8 bits a channel, which Pillow would cut to 8."""
        return self.pixels.startswith(png.SIGNATURE) and self.pixels[PNG_BITS : PNG_BITS + 1] == b"\x10"

    @property
    def rare_page(self) -> Directory | None:
        """The directory of a TIFF file that Pillow does not read, or cuts to 8 bits."""
        if not self.page:
            return None
        samples, photometric, kind = (
            self.page.number(code, 1) for code in (tiff.SAMPLES, tiff.PHOTOMETRIC, tiff.FORMAT)
        )
        other = max(self.page.numbers(tiff.BITS), default=1) > 8 or kind in (tiff.SIGNED, tiff.FLOATS)
        negative = samples > 1 and photometric == tiff.WHITE_IS_ZERO
        return self.page if other or negative or self.pixels.startswith(BIG_ENDIAN_BIG_TIFF) else None


def take_apart(data: bytes) -> Parts:
    """Separate pixels and metadata; raises ImageError if the directories of a TIFF file are damaged."""
    if data.startswith(png.SIGNATURE):
        return Parts(*png.split(data))
    if data.startswith(JPEG_START):
        return Parts(*jpeg.split(data))
    if data.startswith(TIFF_STARTS):
        pixels, metadata, page = tiff.split(data)
        return Parts(pixels, metadata, page=page)
    if data[4:8] == b"ftyp":
        return Parts(data, heif.read(data))
    return Parts(data, webp.read(data) if data[8:12] == b"WEBP" else Metadata())


@own_limit()
def decode(data: bytes, max_pixels: int) -> tuple[np.ndarray, Metadata]:
    """Return upright (H, W, 1 to 4), gray or RGB and alpha, uint8 or uint16; and the metadata of the file.

    Raises:
        ImageError: It is not a picture, has over `max_pixels` pixels, or is of a kind that is not supported.
        Exception: Anything that Pillow raises for damaged pictures.
    """
    parts = take_apart(data)
    if page := parts.rare_page:
        channels, metadata = deep.rare_tiff(parts.pixels, page, max_pixels), parts.metadata
    else:
        image = _loaded(open_picture(parts.pixels, max_pixels), parts.pixels, max_pixels)
        channels = deep.from_png(image, parts.pixels) if parts.is_deep else _shallow(image, parts.metadata)
        metadata = _completed(image, parts.metadata)
    if parts.transparent is not None:
        channels = _with_transparent(channels, parts.pixels, parts.transparent)
    return np.ascontiguousarray(upright(channels, metadata.orientation)), metadata


@own_limit()
def size(data: bytes, max_pixels: int) -> tuple[int, int]:
    """Return (height, width) as `decode` would give them, without decoding pixels; raises as it does."""
    parts = take_apart(data)
    if page := parts.rare_page:
        (width, height), metadata = deep.tiff_size(page, max_pixels), parts.metadata
    else:
        image = open_picture(parts.pixels, max_pixels)
        (width, height), metadata = image.size, _completed(image, parts.metadata)
    return (width, height) if metadata.orientation in TRANSPOSED else (height, width)


def _loaded(image: PillowImage, data: bytes, max_pixels: int) -> PillowImage:
    """Decode; a JPEG file without its end marker only if nothing else is missing."""
    try:
        image.load()
        return image
    except OSError:
        if image.format != "JPEG":
            raise
        endings = (JPEG_END, b"\x5a\x39" * 512 + JPEG_END)  # if pixels are missing, the second marker is taken for some
        images = [open_picture(data + ending, max_pixels) for ending in endings]
        if not np.array_equal(np.asarray(images[0]), np.asarray(images[1])):
            raise
        return images[0]


def _completed(image: PillowImage, metadata: Metadata) -> Metadata:
    """Return the metadata, with what Pillow knows of it for formats that are not taken apart here."""
    form, info = image.format, image.info
    frames = getattr(image, "n_frames", 1)
    if form in ("GIF", "AVIF", "HEIF") and frames > 1:
        left_out = (*metadata.left_out, f"of its {frames} frames only the first is used")
        metadata = replace(metadata, left_out=left_out)
    if form in ("AVIF", "HEIF"):
        exif = plain_exif(info.get("exif"))
        return replace(metadata, icc_profile=info.get("icc_profile"), exif=exif, xmp=info.get("xmp"))
    if form == "BMP":
        metadata = replace(metadata, dpi=info.get("dpi"))
    return replace(metadata, lossless=True) if form in LOSSLESS and form != "TIFF" else metadata


def _shallow(image: PillowImage, metadata: Metadata) -> np.ndarray:
    """Return (H, W, 1 to 4) uint8: gray or RGB, and alpha if there is any."""
    if image.mode in ("CMYK", "LAB"):
        return np.array(_as_rgb(image, metadata.icc_profile))
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        mode += "A"
    return np.atleast_3d(np.array(image if image.mode == mode else image.convert(mode)))  # else Pillow copies it


def _as_rgb(image: PillowImage, icc_profile: bytes | None) -> PillowImage:
    """Convert a picture of inks or CIELAB to sRGB, by its profile if it has a good one."""
    srgb = ImageCms.createProfile("sRGB")
    if image.mode == "LAB":
        return ImageCms.profileToProfile(image, ImageCms.createProfile("LAB"), srgb, outputMode="RGB")
    try:
        return ImageCms.profileToProfile(image, io.BytesIO(icc_profile or b""), srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return image.convert("RGB")


def _with_transparent(channels: np.ndarray, data: bytes, transparent: bytes) -> np.ndarray:
    """Add alpha that is 0 where the color is that of the tRNS chunk of a PNG file, given as in the file."""
    bits, kind = data[PNG_BITS], data[deep.PNG_KIND]
    count = {png.GRAY: 1, png.RGB: 3}.get(kind)
    if count != channels.shape[2] or len(transparent) < 2 * count:
        return channels
    color = np.frombuffer(transparent, ">u2", count).astype(np.int64) & (2**bits - 1)
    top = np.iinfo(channels.dtype).max
    hidden = (channels == color * top // (2**bits - 1)).all(axis=2)
    return np.dstack([channels, np.where(hidden, 0, top).astype(channels.dtype)])


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return (H, W, …), or (W, H, …), turned by quarters and mirrored by its `orientation`, 1 to 8 as in EXIF."""
    pixels = pixels.swapaxes(0, 1) if orientation in TRANSPOSED else pixels
    pixels = pixels[:, ::-1] if orientation in MIRRORED else pixels
    return pixels[::-1] if orientation in UPSIDE_DOWN else pixels
