"""Picture files on the disk: their bytes and headers, and limits on their size."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Protocol

from PIL import Image, UnidentifiedImageError

from ..errors import ImageError
from ..files import input_file
from .formats import available, titles

PillowImage = Any  # type: ignore[explicit-any]
MAX_PIXELS = 500_000_000
BYTES_PER_PIXEL = 8  # bytes per pixel of the largest that are read: uncompressed RGBA of 16 bits
METADATA_BYTES = 2**26
HEIC_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"hevc")
_pillow_limit = threading.Lock()


class PictureFile(Protocol):
    """What pictures are read from: a path, or something read like one, such as a record in a RecordIO file."""

    @property
    def name(self) -> str:
        """The last part of its name."""

    def read_bytes(self) -> bytes:
        """Return the encoded picture; raises ImageError or OSError."""


def read_bytes(file: str | PictureFile, max_pixels: int) -> bytes:
    """Return a file's bytes.

    Raises:
        ImageError: It is missing, not a file, or has more bytes than a picture of `max_pixels` needs.
        OSError: It cannot be read.
    """
    if isinstance(file, (str, Path)):
        file = Path(file)
        if not file.is_file():
            raise ImageError(f"{file}: {'not a file' if file.exists() else 'no such file'}")
        size, limit = file.stat().st_size, BYTES_PER_PIXEL * max_pixels + METADATA_BYTES
        if size > limit:
            raise ImageError(f"{file}: {size:,} bytes are more than the {limit:,} that a picture may have")
        input_file(file)
    return file.read_bytes()


@contextmanager
def as_image_error(file: str | PictureFile) -> Iterator[None]:
    """Name the file in every error; Pillow has no single type for damaged files."""
    try:
        yield
    except MemoryError:
        raise
    except ImageError as error:
        raise ImageError(f"{file}: {error}") from error
    except Exception as error:
        raise ImageError(f"{file}: damaged picture ({' '.join(str(error).split())})") from error


@contextmanager
def own_limit() -> Iterator[None]:
    """Lift Pillow's limit on pixels, a global variable: our own limit applies."""
    with _pillow_limit:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def open_picture(data: bytes, max_pixels: int) -> PillowImage:
    """Open a picture by its header, without decoding pixels.

    Raises:
        ImageError: It is not a picture, or has over `max_pixels` pixels.
    """
    try:
        with own_limit():
            image = Image.open(io.BytesIO(data), formats=[form.name for form in available()])
    except UnidentifiedImageError:
        if data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS:
            raise ImageError("a HEIC picture, which needs pillow-heif: pip install pillow-heif") from None
        raise ImageError(f"not a {titles()} picture" if data else "an empty file") from None
    width, height = image.size
    check_size(width, height, max_pixels)
    return image


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise ImageError if there are too many pixels."""
    if width * height > max_pixels:
        raise ImageError(f"{width}×{height} pixels are more than {max_pixels:,}; cut the picture into parts")
