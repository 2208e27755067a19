"""Picture files <-> uint8 or uint16 arrays <-> the networks' tensors.

Tensors of networks are always RGB float32 NCHW in [0, 255], whatever the bit depth of the file.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import ImageError
from ..files import write_bytes
from .containers import decoding
from .containers.encoding import encode
from .containers.metadata import Metadata
from .files import MAX_PIXELS, PictureFile, as_image_error, read_bytes
from .formats import Format, check_holds

MOST_WRITTEN = 2_000_000_000  # the most pixels of a result

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Picture:
    """What a picture file holds.

    Attributes:
        color: (H, W, 3) RGB or (H, W) gray, uint8 or uint16.
        alpha: (H, W) of the same type, 0 for transparent, colors not multiplied by it; or None.
        metadata: All other contents of the file; no colors are converted by its profile here.
    """

    color: np.ndarray
    alpha: np.ndarray | None = None
    metadata: Metadata = field(default_factory=Metadata)

    @property
    def is_gray(self) -> bool:
        """Whether there is only one channel, apart from alpha."""
        return self.color.ndim == 2

    @property
    def rgb(self) -> np.ndarray:
        """The colors (H, W, 3), gray repeated."""
        return np.repeat(self.color[:, :, np.newaxis], 3, axis=2) if self.is_gray else self.color

    @property
    def channels(self) -> np.ndarray:
        """Colors and alpha in one array (H, W, 1 to 4)."""
        color = np.atleast_3d(self.color)
        return color if self.alpha is None else np.dstack([color, self.alpha])


def read_picture(file: str | PictureFile, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a file in any of `formats.available`, whatever its suffix; the first of several frames or pages.

    It is turned upright by its EXIF orientation. Palettes become RGB; 1 bit becomes 8, and 9 to 16 bits become 16, but
    in AVIF and HEIC 8; CMYK becomes sRGB, by its profile if it has one. Thumbnails and masks in a TIFF file are
    skipped. What is left out is logged.

    Raises:
        ImageError: The file is missing, damaged, not a picture, or has over `max_pixels` pixels.
        OSError: The file cannot be read.
    """
    picture = _read(file, max_pixels)
    for what in picture.metadata.left_out:
        log.warning("%s: %s", file, what)
    return picture


def _read(file: str | PictureFile, max_pixels: int) -> Picture:
    data = read_bytes(file, max_pixels)
    with as_image_error(file):
        channels, metadata = decoding.decode(data, max_pixels)
    count = channels.shape[2]
    color = channels[:, :, 0] if count < 3 else channels[:, :, :3]
    alpha = np.ascontiguousarray(channels[:, :, -1]) if count in (2, 4) else None
    return Picture(np.ascontiguousarray(color), alpha, metadata)


def read_rgb(file: str | PictureFile, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read (H, W, 3) uint8: as `read_picture`, with gray repeated, 16 bits rounded to 8, and alpha over white."""
    return over_white(_read(file, max_pixels))


def over_white(picture: Picture) -> np.ndarray:
    """Return (H, W, 3) uint8: the colors over white, gray repeated, 16 bits rounded to 8."""
    rgb, top = _mixed(picture), np.iinfo(picture.color.dtype).max
    return rgb if rgb.dtype == np.uint8 else np.rint(rgb * np.float32(255 / top)).astype(np.uint8)


def on_white(picture: Picture) -> np.ndarray:
    """Return (H, W, 3) uint8 or uint16, as the picture: its colors over white, gray repeated."""
    rgb = _mixed(picture)
    return rgb if rgb.dtype == picture.color.dtype else np.rint(rgb).astype(picture.color.dtype)


def _mixed(picture: Picture) -> np.ndarray:
    """Return the colors over white in the picture's range: its own array, or float32 if there is alpha."""
    if picture.alpha is None:
        return picture.rgb
    top = np.iinfo(picture.color.dtype).max
    return top - (top - picture.rgb) * (picture.alpha[:, :, np.newaxis] / np.float32(top))


def read_size(file: str | PictureFile) -> tuple[int, int]:
    """Return (height, width) as `read_picture` would give them, without decoding pixels; raises as it does."""
    data = read_bytes(file, MAX_PIXELS)
    with as_image_error(file):
        return decoding.size(data, MAX_PIXELS)


def write_picture(path: str | Path, picture: Picture, quality: int | None = None) -> None:
    """Write a picture and its metadata in the format of the path's suffix, completely or not at all.

    Metadata that the format does not support is left out, and so is alpha that hides nothing; gray becomes RGB in WebP,
    and GIF keeps 256 colors.

    Args:
        path: File to write; a missing folder is created.
        picture: As from `read_picture`.
        quality: Quality of lossy formats, 1 to 100. None: 95, but lossless WebP if the source was lossless.

    Raises:
        ImageError: The suffix is unknown, or its format cannot hold the picture.
        OSError: The file cannot be written.
    """
    form = check_writable(Path(path), picture)
    channels = picture.channels if form.alpha else np.atleast_3d(picture.color)
    write_bytes(path, encode(form, channels, picture.metadata, quality))


def check_writable(path: Path, picture: Picture, size: tuple[int, int] | None = None) -> Format:
    """Return the format of `path`, after checking that it can hold the picture, at another height and width if given.

    Raises:
        ImageError: It cannot, or the result would be too large; see `formats.check_holds`.
    """
    height, width = size or picture.color.shape[:2]
    if height * width > MOST_WRITTEN:
        raise ImageError(f"{path}: {height}×{width} pixels are more than {MOST_WRITTEN:,}; cut the picture into parts")
    alpha = picture.alpha is not None and picture.alpha.min() < np.iinfo(picture.alpha.dtype).max
    return check_holds(path, height, width, alpha, 8 * picture.color.itemsize)


def check_rgb(image: np.ndarray) -> None:
    """Raise ImageError unless `image` is (H, W, 3) uint8 or uint16, and not empty."""
    if image.ndim != 3 or image.shape[2] != 3 or not image.size or image.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"a picture of shape {image.shape} and type {image.dtype}: expected (H, W, 3) uint8 or uint16")


def to_tensor(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) RGB or (H, W) gray, uint8 or uint16 -> (1, 3, H, W) float32 in [0, 255], gray repeated.

    Raises:
        ImageError: `image` has another shape or type.
    """
    if image.dtype not in (np.uint8, np.uint16) or not (image.ndim == 2 or image.shape[2:] == (3,)):
        raise ImageError(
            f"an image of shape {image.shape} and type {image.dtype}: expected (H, W, 3) or (H, W), uint8 or uint16"
        )
    planes = np.repeat(image[np.newaxis], 3, axis=0) if image.ndim == 2 else image.transpose(2, 0, 1)
    tensor = np.ascontiguousarray(planes[np.newaxis], np.float32)
    return tensor / np.float32(257) if image.dtype == np.uint16 else tensor


def to_image(tensor: np.ndarray, dtype: type | np.dtype = np.uint8) -> np.ndarray:
    """(1, 3, H, W) or (3, H, W) float in [0, 255] -> (H, W, 3) of `dtype`, uint8 or uint16, clipped and rounded.

    Raises:
        ImageError: The tensor has another shape, or holds NaN: the network that made it has diverged.
    """
    if tensor.shape[-3:-2] != (3,) or tensor.shape[:-3] not in ((), (1,)):
        raise ImageError(f"a tensor of shape {tensor.shape}: expected (1, 3, H, W) or (3, H, W)")
    planes = np.clip(tensor.reshape(tensor.shape[-3:]), 0, 255).astype(np.float32, copy=False)
    if np.isnan(planes.min(initial=0)):
        raise ImageError("a tensor with NaN is not a picture: the network that made it has diverged")
    planes *= np.float32(np.iinfo(dtype).max / 255)
    return np.dstack([*np.rint(planes, out=planes).astype(dtype)])
