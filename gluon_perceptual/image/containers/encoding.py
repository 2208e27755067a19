"""Pixels and metadata -> bytes of a picture file."""

from __future__ import annotations

import io
import zlib
from dataclasses import replace

import numpy as np
from PIL import Image

from ..files import PillowImage
from ..formats import Format
from . import bmp, jpeg, png, tiff_encoding
from .metadata import Metadata
from .profiles import profile_of

QUALITY = 95
USUAL_DPI = (72.0, 72.0)
FAST = {"compress_type": zlib.Z_RLE}  # for PNG, as OpenCV does: a quarter of the time, files a few percent larger
OPAQUE_FROM = 128  # alpha from which GIF, which only has yes or no, shows a pixel


def encode(form: Format, channels: np.ndarray, metadata: Metadata, quality: int | None = None) -> bytes:
    """Return the file.

    Args:
        form: Its format, which can hold the picture.
        channels: (H, W, 1 to 4) uint8 or uint16: gray or RGB, with alpha or without.
        metadata: Written as far as the format has a place for it.
        quality: Of lossy formats, 1 to 100. None: 95, but lossless WebP if the source was lossless.
    """
    height, width, count = channels.shape
    if form.name != "PNG" and not metadata.icc_profile:
        metadata = replace(metadata, icc_profile=profile_of(dict(metadata.chunks)))
    metadata = metadata.fit_for(height, width, count < 3 and form.name not in ("WEBP", "HEIF"))
    if form.name == "TIFF":
        return tiff_encoding.encode(channels, metadata)
    if form.name == "PNG":
        plain = _by_pillow(form, channels, **FAST) if channels.dtype == np.uint8 else png.encode_16_bits(channels)
        return png.join(plain, metadata)
    if form.name == "BMP" and count in (2, 4):
        rgba = channels if count == 4 else channels[:, :, [0, 0, 0, 1]]  # it cannot hold gray with alpha
        return bmp.encode(rgba, metadata.dpi or USUAL_DPI)
    data = _by_pillow(form, channels, **_options(form, metadata, quality))
    return jpeg.join(data, metadata) if form.name == "JPEG" else data


def _options(form: Format, metadata: Metadata, quality: int | None) -> dict[str, object]:
    dpi: dict[str, object] = {"dpi": metadata.dpi} if metadata.dpi else {}
    if form.name in ("BMP", "GIF"):
        return dpi
    options: dict[str, object] = {"quality": quality or QUALITY}
    if form.name == "JPEG":
        return {**options, **dpi, "subsampling": metadata.subsampling}
    if form.name == "WEBP" and metadata.lossless and quality is None:
        options = {"lossless": True, "exact": True}
    if form.name == "AVIF":
        options["subsampling"] = "4:4:4"
    found = {"exif": metadata.exif, "xmp": metadata.xmp, "icc_profile": metadata.icc_profile}
    return {**options, **{name: value for name, value in found.items() if value}}


def _by_pillow(form: Format, channels: np.ndarray, **options: object) -> bytes:
    image = Image.fromarray(channels[:, :, 0] if channels.shape[2] == 1 else channels)
    if form.name == "GIF":
        image, options = _in_palette(image)
    file = io.BytesIO()
    image.save(file, form.name, **options)
    return file.getvalue()


def _in_palette(image: PillowImage) -> tuple[PillowImage, dict[str, object]]:
    """Return the picture in 256 colors, one of them transparent if it has alpha, and Pillow's options."""
    if image.mode not in ("LA", "RGBA"):
        return (image if image.mode == "L" else image.quantize(256)), {}
    hidden = np.asarray(image.getchannel("A")) < OPAQUE_FROM
    quantized = image.convert("RGB").quantize(255)
    numbers = np.array(quantized)
    numbers[hidden] = 255
    found = Image.frombytes("P", image.size, numbers.tobytes())
    found.putpalette((quantized.getpalette() + [0] * 768)[:768])
    return found, {"transparency": 255}
