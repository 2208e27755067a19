"""Picture files on the disk: their bytes and headers, and limits on their size."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Iterator, Protocol

from PIL import Image, UnidentifiedImageError

from ..errors import ImageError
from ..files import input_file
from .containers import gif
from .formats import available, titles

PillowImage = Any  # type: ignore[explicit-any]
MAX_PIXELS = 500_000_000
BYTES_PER_PIXEL = 8  # bytes per pixel of the largest that are read: uncompressed RGBA of 16 bits
METADATA_BYTES = 2**26
HEIC_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"hevc")
_lock, _lifted = threading.Lock(), 0  # how many threads, and calls in each, have lifted Pillow's limit
_pillows_limit: int | None = None


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
    """Lift Pillow's limit on pixels, a global variable, since our own applies. Threads and calls may do so at once."""
    global _lifted, _pillows_limit
    with _lock:
        if not _lifted:
            _pillows_limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _lifted += 1
    try:
        yield
    finally:
        with _lock:
            _lifted -= 1
            if not _lifted:
                Image.MAX_IMAGE_PIXELS = _pillows_limit


def open_picture(data: bytes, max_pixels: int) -> PillowImage:
    """Open a picture in memory; see `open_file`."""
    return open_file(io.BytesIO(data), max_pixels)


@own_limit()
def open_file(file: BinaryIO, max_pixels: int) -> PillowImage:
    """Open a picture by its header, without decoding pixels.

    Raises:
        ImageError: It is not a picture, or has over `max_pixels` pixels, or one of its frames has.
    """
    head = file.read(12)
    file.seek(0)
    if head.startswith(gif.SIGNATURES):  # Pillow would take memory for the first frame here
        check_size(*gif.largest_size(file), max_pixels)
        file.seek(0)
    try:
        image = Image.open(file, formats=[form.name for form in available()])
    except UnidentifiedImageError:
        if head[4:8] == b"ftyp" and head[8:] in HEIC_BRANDS:
            raise ImageError("a HEIC picture, which needs pillow-heif: pip install pillow-heif") from None
        raise ImageError(f"not a {titles()} picture" if head else "an empty file") from None
    width, height = image.size
    check_size(width, height, max_pixels)
    return image


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise ImageError if there are too many pixels."""
    if width * height > max_pixels:
        raise ImageError(f"{width}×{height} pixels are more than {max_pixels:,}; cut the picture into parts")
