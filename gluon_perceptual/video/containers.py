"""Video files opened by FFmpeg: their streams and packets."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

import av

from ..errors import ImageError
from ..files import input_file
from ..image.files import as_image_error, check_size
from .formats import DEMUXERS

COVERS = ("mjpeg", "png", "bmp", "gif")  # codecs of streams that are cover pictures
BUFFER = 2**20  # bytes that are read or written at once

av.logging.set_level(None)  # problems are reported as errors


@contextmanager
def opened(path: Path, most_pixels: int) -> Iterator[Any]:
    """Open a video file for reading, and give the body its video stream.

    References in the file, such as to devices or network addresses, are not followed.

    Raises:
        ImageError: It is missing, not a video of a supported kind, or has no video stream or too large frames.
    """
    if not path.is_file():
        raise ImageError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    if not path.stat().st_size:
        raise ImageError(f"{path}: an empty file")
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
    with input_file(path).open("rb") as file:
        try:
            container = av.open(file, "r", container_options=options, metadata_errors="replace", buffer_size=BUFFER)
        except (av.error.FFmpegError, ValueError) as error:
            reason = str(getattr(error, "strerror", None) or error).lower()
            raise ImageError(f"{path}: not a readable video ({reason})") from error
        with container:
            if not container.streams.video:
                raise ImageError(f"{path}: it has no video stream")
            stream = _main_stream(container)
            with as_image_error(path):
                check_size(stream.width, stream.height, most_pixels)
            yield stream


def _main_stream(container: Any) -> Any:
    """Return the video stream, not a cover picture."""
    streams = container.streams.video
    return next((each for each in streams if each.codec_context.name not in COVERS), streams[0])


def packets_of(*streams: Any) -> Iterator[Any]:
    """Yield a file's packets of these streams up to the end, or to where the file is cut off."""
    try:
        yield from streams[0].container.demux(*streams)
    except av.error.FFmpegError:
        return
