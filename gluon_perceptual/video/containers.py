"""Opening video files: their streams and packets."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

import av

from ..errors import ImageError
from ..files import input_file
from .formats import DEMUXERS

COVERS = ("mjpeg", "png", "bmp", "gif")  # codecs of streams that are cover pictures
BUFFER = 2**20  # bytes that are read or written at once

av.logging.set_level(None)  # problems are reported as errors


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a video file for reading; references in it, such as to devices or network addresses, are not followed.

    Raises:
        ImageError: It is missing, not a video of a supported kind, or has no video stream.
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
            yield container


def main_stream(container: Any) -> Any:
    """Return the video stream, not a cover picture."""
    streams = container.streams.video
    return next((each for each in streams if each.codec_context.name not in COVERS), streams[0])


def packets_of(container: Any, *streams: Any) -> Iterator[Any]:
    """Yield packets up to the end, or to where the file is cut off."""
    try:
        yield from container.demux(*streams)
    except av.error.FFmpegError:
        return
