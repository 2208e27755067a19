"""Which of a video's audio and subtitle streams are copied to its result."""

from __future__ import annotations

import io
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any, Sequence

import av

from ..errors import ImageError
from .formats import VideoFormat

log = logging.getLogger(__name__)


def check_sound(form: VideoFormat, streams: Sequence[Any], target: Path) -> list[Any]:
    """Return the streams that the format can hold; a warning names subtitles that are left out.

    Raises:
        ImageError: It cannot hold the sound.
    """
    if form.is_picture:
        if streams:
            log.warning("%s: this format has no sound; it is left out", target)
        return []
    held = [stream for stream in streams if _holds(form, stream)]
    for stream in streams:
        if stream not in held:
            what = f"{form.suffixes[0][1:]} cannot hold {stream.codec_context.name} {stream.type}"
            if stream.type == "audio":
                raise ImageError(f"{target}: {what}; choose .mkv, which holds any")
            log.warning("%s: %s; it is left out", target, what)
    return held


def _holds(form: VideoFormat, stream: Any) -> bool:
    container = av.open(io.BytesIO(), "w", form.container)
    try:
        container.add_stream(template=stream)
        container.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    finally:
        with suppress(Exception):
            container.close()
    return True
