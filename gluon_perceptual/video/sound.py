"""Sound and subtitles: which of a video's streams a result can hold, and FLAC for sound that cannot be copied."""

from __future__ import annotations

import io
import logging
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Iterator, Sequence

import av

from ..errors import ImageError
from .formats import VideoFormat

ANY_SOUND = "matroska"  # the container that gets sound as FLAC if it cannot hold it as it is
DEEP = ("s32", "s32p")  # sample formats of more than 16 bits that are exact

log = logging.getLogger(__name__)


def check_sound(form: VideoFormat, streams: Sequence[Any], target: Path) -> list[Any]:
    """Return the streams that the format can hold, if need be as FLAC; a warning names subtitles that are left out.

    Raises:
        ImageError: It cannot hold the sound.
    """
    if form.is_picture:
        if streams:
            log.warning("%s: this format has no sound; it is left out", target)
        return []
    kept = []
    for stream in streams:
        codec = stream.codec_context.name
        what = f"{form.suffixes[0][1:]} cannot hold {codec} {stream.type}"
        if holds(form, stream):
            kept.append(stream)
        elif stream.type != "audio":
            log.warning("%s: %s; it is left out", target, what)
        elif form.container == ANY_SOUND:
            log.warning("%s: sound is encoded anew, from %s to FLAC", target, codec)
            kept.append(stream)
        else:
            raise ImageError(f"{target}: {what}; choose .mkv, which holds any")
    return kept


def holds(form: VideoFormat, stream: Any) -> bool:
    """Return whether packets of this stream can be copied into files of this format."""
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


class Recoded:
    """A stream of sound in a container for writing, encoded as FLAC from the packets of another one."""

    def __init__(self, container: Any, source: Any) -> None:
        self._decoder = context = source.codec_context
        self._stream = container.add_stream("flac", rate=context.sample_rate)
        self._stream.metadata.update({key: text for key, text in source.metadata.items() if key == "language"})
        encoder, deep = self._stream.codec_context, context.format and context.format.name in DEEP
        encoder.format, encoder.layout = "s32" if deep else "s16", context.layout.name
        self._unit, self._end = Fraction(1, context.sample_rate), Fraction(0)  # seconds

    def packets(self, packet: Any = None) -> Iterator[Any]:
        """Yield the packets to write after a packet of the source, or, without one, at the end."""
        with suppress(av.error.FFmpegError, ValueError):  # damaged, or of another kind than before: a gap
            for frame in self._decoder.decode(packet):
                if frame.pts is None:  # the last one of decoders that hold one back
                    frame.pts, frame.time_base = round(self._end / self._unit), self._unit
                self._end = frame.pts * frame.time_base + Fraction(frame.samples, frame.sample_rate)
                yield from self._stream.encode(frame)
        if packet is None:
            yield from self._stream.encode(None)
