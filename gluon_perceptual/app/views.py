"""Files for a browser to show: pictures themselves if it can show them, otherwise copies; videos' first frames."""

from __future__ import annotations

import mimetypes
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ..image.containers.decoding import take_apart
from ..image.containers.metadata import Metadata
from ..image.files import as_image_error
from ..image.io import Picture
from ..video.formats import is_video_file
from .folder import RefusedError

MOST_SHOWN = 64_000_000  # pixels of a picture that a browser is given unreduced
COPY_SIDE, THUMB_SIDE = 4096, 160
KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"BM": "image/bmp"}
_one_at_a_time = threading.Lock()


def media_type(start: bytes) -> str | None:
    """Return the media type of a picture file with this start, or None if browsers may not show it."""
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for mark, kind in KINDS.items() if start.startswith(mark)), None)


def film_type(path: Path) -> str:
    """Return the media type of a video file; raises RefusedError if it is not one."""
    if not is_video_file(path):
        raise RefusedError("this is not a video", 404)
    return mimetypes.guess_type(path.name)[0] or "video/x-matroska"


def still(path: Path) -> Picture:
    """Return the picture in a file, or a video's first frame; raises ImageError and OSError."""
    from ..image.io import read_picture
    from ..video import first_frame

    return first_frame(path) if is_video_file(path) else read_picture(path)


def view(path: Path, pixels: int) -> tuple[Path, str]:
    """Return the file to show for a picture file, and its media type; raises ImageError and OSError."""
    with path.open("rb") as file:
        kind = media_type(file.read(16))
    if kind and pixels <= MOST_SHOWN and _is_shown_upright(path, kind):
        return path, kind
    return _copy(path, COPY_SIDE)


def _is_shown_upright(path: Path, kind: str) -> bool:
    """Return whether browsers show a picture upright: they use the EXIF orientation of JPEG files alone."""
    with as_image_error(path):
        metadata = take_apart(path.read_bytes()).metadata
    heeded = metadata.exif if kind == "image/jpeg" else None
    return Metadata(exif=heeded).orientation == metadata.orientation


def thumb(path: Path) -> tuple[Path, str]:
    """Return a small copy of a picture file, and its media type; raises ImageError and OSError."""
    return _copy(path, THUMB_SIDE)


def _copy(path: Path, side: int) -> tuple[Path, str]:
    """Return a PNG copy in 8 bits with sides of at most `side` pixels, made if it does not exist yet."""
    from ..image.io import write_picture

    target = path.with_name(f"{path.name}-{side}.png")  # see `Folder.remove`
    with _one_at_a_time:
        if not target.exists():
            picture = still(path)
            alpha = None if picture.alpha is None else _reduced(picture.alpha, side)
            write_picture(target, replace(picture, color=_reduced(picture.color, side), alpha=alpha))
            if not path.exists():
                target.unlink(missing_ok=True)
                raise RefusedError("this picture no longer exists", 404)
    return target, "image/png"


def _reduced(pixels: np.ndarray, side: int) -> np.ndarray:
    """(H, W) or (H, W, 3) -> the same in uint8, reduced to sides of at most `side` pixels."""
    height, width = pixels.shape[:2]
    zoom = side / max(height, width, side)
    if zoom < 1:
        size = tuple(max(1, round(length * zoom)) for length in (width, height))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
