"""Picture files <-> uint8 or uint16 arrays <-> the networks' tensors.

The one range rule: a network's tensors are RGB float32 NCHW in [0, 255], whatever the depth of the file.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import ImageError
from ..files import atomic_path
from .depth16 import encode_png, has_16_bits, png_chunks, read_16_bits, write_tiff
from .files import FORMATS, MAX_PIXELS, SUFFIXES, PictureFile, as_image_error, open_picture, own_limit, read_bytes

WIDTH, HEIGHT, ORIENTATION = 256, 257, 274  # tags of TIFF and EXIF
TRANSPOSED, MIRRORED, UPSIDE_DOWN = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)  # orientations, undone in this order
WITH_ALPHA = ("PNG", "WEBP", "TIFF")
WITH_16_BITS = ("PNG", "TIFF")
LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383}


@dataclass(frozen=True, eq=False)
class Picture:
    """What a picture file holds.

    Attributes:
        color: (H, W, 3) RGB or (H, W) gray, uint8 or uint16.
        alpha: (H, W) of the same type, 0 for transparent, colors not multiplied by it; or None.
        icc_profile: The color profile's bytes, or None; nothing here converts by it.
    """

    color: np.ndarray
    alpha: np.ndarray | None = None
    icc_profile: bytes | None = None

    @property
    def is_gray(self) -> bool:
        """Whether there is one channel besides alpha."""
        return self.color.ndim == 2

    @property
    def rgb(self) -> np.ndarray:
        """The colors (H, W, 3), gray repeated."""
        return np.repeat(self.color[:, :, np.newaxis], 3, axis=2) if self.is_gray else self.color


def read_picture(file: str | PictureFile, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a PNG, JPEG, WebP, TIFF or BMP file, whatever its suffix; of several frames the first.

    It is turned upright by its EXIF orientation. Palettes become RGB, 1 bit becomes 8, CMYK becomes RGB and loses its
    profile; 16 bits stay 16, but gray with alpha becomes RGB there.

    Raises:
        ImageError: The file is missing, damaged, no picture, or has over `max_pixels` pixels.
        OSError: The file may not be read.
    """
    data = read_bytes(file, max_pixels)
    with as_image_error(file):
        image = open_picture(data, max_pixels)
        with own_limit() if image.format == "TIFF" else nullcontext():  # others can decode in many threads
            image.load()
        channels = read_16_bits(image, data) if has_16_bits(image, data) else _read_8_bits(image)
        channels = _upright(channels, _orientation(image))
        count = channels.shape[2]
        color = channels[:, :, 0] if count < 3 else channels[:, :, :3]
        alpha = np.ascontiguousarray(channels[:, :, -1]) if count in (2, 4) else None
        profile = None if image.mode == "CMYK" else image.info.get("icc_profile")
        return Picture(np.ascontiguousarray(color), alpha, profile)


def read_rgb(file: str | PictureFile, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read (H, W, 3) uint8: as `read_picture`, but gray repeated, 16 bits rounded to 8, alpha laid over white."""
    picture = read_picture(file, max_pixels)
    rgb, top = picture.rgb, np.iinfo(picture.color.dtype).max
    if picture.alpha is not None:
        rgb = top - (top - rgb) * (picture.alpha[:, :, np.newaxis] / np.float32(top))
    return rgb if rgb.dtype == np.uint8 else np.rint(rgb * np.float32(255 / top)).astype(np.uint8)


def read_size(file: str | PictureFile) -> tuple[int, int]:
    """Return (height, width) as `read_picture` would give them, without decoding pixels; raises as it does."""
    data = read_bytes(file, MAX_PIXELS)
    with as_image_error(file):
        image = open_picture(data, MAX_PIXELS)
        if image.format == "TIFF":  # Pillow's `size` is before or after turning, by its version
            width, height, orientation = (image.tag_v2.get(tag, 1) for tag in (WIDTH, HEIGHT, ORIENTATION))
        else:
            if image.format == "PNG":  # else Pillow would decode it to look for EXIF data at its end
                image.info.setdefault("exif", dict(png_chunks(data)).get(b"eXIf", b""))
            (width, height), orientation = image.size, _orientation(image)
        return (width, height) if orientation in TRANSPOSED else (height, width)


def _read_8_bits(image: Any) -> np.ndarray:
    """Return (H, W, 1 to 4) uint8: gray or RGB, and alpha where there is any."""
    if image.mode[0] in "IF":
        raise ImageError("a picture of 32 bits a channel; expected 8 or 16")
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        mode += "A"
    return np.atleast_3d(np.array(image if image.mode == mode else image.convert(mode)))  # else Pillow copies it


def _orientation(image: Any) -> Any:
    if image.format == "TIFF":  # Pillow and OpenCV have turned it
        return 1
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # broken EXIF data spoils no pixels
        return 1


def _upright(pixels: np.ndarray, orientation: Any) -> np.ndarray:
    pixels = pixels.swapaxes(0, 1) if orientation in TRANSPOSED else pixels
    pixels = pixels[:, ::-1] if orientation in MIRRORED else pixels
    return pixels[::-1] if orientation in UPSIDE_DOWN else pixels


def write_picture(path: str | Path, picture: Picture, quality: int = 95) -> None:
    """Write a picture in the format of the path's suffix, the whole file or nothing; BMP holds no profile.

    Gray with alpha is stored as RGBA in WebP, and in PNG and TIFF of 16 bits.

    Args:
        path: File to write; its folder is made where it is missing.
        picture: As `read_picture` gives it.
        quality: Of JPEG and WebP, 1 to 100.

    Raises:
        ImageError: The suffix is unknown, or its format cannot hold the picture.
        OSError: The file cannot be written.
    """
    form = _format_for(Path(path), picture)
    deep = picture.color.dtype == np.uint16
    color = picture.rgb if deep and picture.alpha is not None else picture.color
    channels = color if picture.alpha is None else np.dstack([color, picture.alpha])
    with atomic_path(path) as temporary:
        if not deep:
            options = {"icc_profile": picture.icc_profile} if picture.icc_profile else {}
            Image.fromarray(channels).save(temporary, form, quality=quality, **options)
        elif form == "TIFF":
            write_tiff(temporary, channels, picture.icc_profile)
        else:
            temporary.write_bytes(encode_png(channels, picture.icc_profile))


def check_picture_path(path: Path) -> None:
    """Raise ImageError if `write_picture` knows no format for the path's suffix."""
    if path.suffix.lower() not in FORMATS:
        raise ImageError(f"{path}: unknown suffix {path.suffix!r}; expected one of {' '.join(SUFFIXES)}")


def _format_for(path: Path, picture: Picture) -> str:
    """Return Pillow's name of the format, once it is known to hold the picture."""
    check_picture_path(path)
    form = FORMATS[path.suffix.lower()]
    if picture.alpha is not None and form not in WITH_ALPHA:
        raise ImageError(f"{path}: {form} holds no alpha; choose {' or '.join(WITH_ALPHA)}")
    if picture.color.dtype != np.uint8 and form not in WITH_16_BITS:
        raise ImageError(f"{path}: {form} holds 8 bits a channel, not 16; choose {' or '.join(WITH_16_BITS)}")
    height, width = picture.color.shape[:2]
    if max(height, width) > LONGEST_SIDE.get(form, 2**31 - 1):
        raise ImageError(f"{path}: {form} holds {LONGEST_SIDE[form]} pixels a side, not {height}×{width}; choose PNG")
    return form


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


def to_image(tensor: np.ndarray, dtype: Any = np.uint8) -> np.ndarray:
    """(1, 3, H, W) or (3, H, W) float in [0, 255] -> (H, W, 3) of `dtype`, uint8 or uint16, clipped and rounded.

    Raises:
        ImageError: The tensor has another shape, or holds NaN: the network that made it has diverged.
    """
    if tensor.shape[-3:-2] != (3,) or tensor.shape[:-3] not in ((), (1,)):
        raise ImageError(f"a tensor of shape {tensor.shape}: expected (1, 3, H, W) or (3, H, W)")
    planes = np.clip(tensor.reshape(tensor.shape[-3:]), 0, 255).astype(np.float32, copy=False)
    if np.isnan(planes.min(initial=0)):
        raise ImageError("a tensor with NaN in it is no picture; the network that made it has diverged")
    planes *= np.float32(np.iinfo(dtype).max / 255)
    return np.dstack([*np.rint(planes, out=planes).astype(dtype)])
