"""Reads videos by FFmpeg: upright RGB frames with their times, and packets of sound."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any, Iterator

import av
import numpy as np

from ..errors import ImageError
from ..image.containers.decoding import upright
from ..image.files import MAX_PIXELS
from ..image.io import Picture
from .colors import colors_of, to_rgb
from .containers import opened, packets_of
from .frames import Frame, Traits
from .matroska import expected_bytes, is_matroska
from .survey import first_decoded, orientation_of

log = logging.getLogger(__name__)

KEPT_SHORT = 1.5  # frames by which a video may end early without being reported
MATROSKA_END = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)$")  # in a tag that FFmpeg writes at the start


class Video:
    """An open video file, by its video stream; it can be iterated over once; see `frames.Source`."""

    def __init__(self, path: Path, traits: Traits, stream: Any) -> None:
        self.path, self.traits, self._stream = path, traits, stream
        self.faults: list[str] = []
        self.copied = self._known(*stream.container.streams.audio, *stream.container.streams.subtitles)
        self._count, self._last = 0, -1  # of the frames so far; the time of the last
        self._graph: Any = None
        self._kind: Any = None

    def _known(self, *streams: Any) -> list[Any]:
        """Return the streams that FFmpeg knows, and warn about others, such as the spatial sound of phones."""
        for stream in streams:
            if stream.codec_context is None:
                log.warning("%s: %s of an unknown kind is left out (stream %d)", self.path, stream.type, stream.index)
        return [stream for stream in streams if stream.codec_context is not None]

    def __iter__(self) -> Iterator[Any]:
        stream = self._stream
        stream.thread_type = "AUTO"
        damaged = []
        for packet in packets_of(stream, *self.copied):
            if packet.stream is not stream:
                if packet.size:
                    yield packet
                continue
            try:
                decoded = packet.decode()
            except av.error.FFmpegError:
                damaged.append(packet.pts if packet.pts is not None else self._last)
                continue
            yield from map(self._converted, decoded)
        if damaged:
            first = f"the first near {self.traits.seconds(damaged[0]):.2f} s"  # decoders report it with some delay
            self.faults.append(f"damaged frames left out: {len(damaged)} of {self.traits.frames}, {first}")
        self._check_end()

    def _converted(self, frame: Any) -> Frame:
        """Return a decoded frame as an upright RGB frame, with a time after that of the last one."""
        step = max(1, round(1 / (self.traits.rate * self.traits.time_base)))
        start = frame.pts if frame.pts is not None else self._last + step
        start = max(start, self._last + 1) if self._count else start
        kind = (frame.width, frame.height, frame.format.name)
        if self._kind and kind[:2] != self._kind[:2]:
            expected = "{}×{}".format(*self._kind)
            raise ImageError(
                f"{self.path}: frame {self._count + 1} is {frame.width}×{frame.height}, earlier ones are {expected}"
            )
        if kind != self._kind:
            self._graph, self._kind = to_rgb(frame, self.traits.colors), kind
        self._count, self._last = self._count + 1, start
        return Frame(_picture(frame, self._graph), start)

    def _check_end(self) -> None:
        """Report if the file should be longer by more than a frame."""
        said, last, traits = _end_of(self._stream), self.traits.seconds(self._last), self.traits
        missing = said - last - float(KEPT_SHORT / traits.rate)
        if missing > max(0.0, traits.seconds(traits.last_duration)):
            self.faults.append(f"it ends at {last:.2f} of {said:.2f} seconds")
        elif is_matroska(self._stream.container):
            self._check_bytes()

    def _check_bytes(self) -> None:
        """Report if a Matroska file should have more bytes."""
        with self.path.open("rb") as file:
            found, expected = self.path.stat().st_size, expected_bytes(file)
        if found < expected:
            self.faults.append(f"it is cut off: {found:,} of at least {expected:,} bytes are there")


def _end_of(stream: Any) -> float:
    """Return the second at which a stream ends by the file's header, or 0 if that does not say."""
    if is_matroska(stream.container):  # whose `duration` may be that of longer sound
        found = MATROSKA_END.match(stream.metadata.get("DURATION", ""))
        return sum(unit * float(part) for unit, part in zip((3600, 60, 1), found.groups())) if found else 0.0
    return float(((stream.start_time or 0) + stream.duration) * stream.time_base) if stream.duration else 0.0


def first_frame(path: Path, most_pixels: int = MAX_PIXELS) -> Picture:
    """Return the first frame of a video, upright, without reading the rest; raises ImageError as `open_video`."""
    with opened(path, most_pixels) as stream:
        frame = first_decoded(stream, path)
        return _picture(frame, to_rgb(frame, colors_of(frame, stream.codec_context)))


def _picture(frame: Any, graph: Any) -> Picture:
    """Return a decoded frame, upright; `graph` is that of `to_rgb` for frames like it."""
    orientation = orientation_of(frame)
    graph.push(frame)
    rgb = graph.pull()
    pixels = upright(rgb.to_ndarray(format=rgb.format.name), orientation)
    color, alpha = (np.ascontiguousarray(part) for part in (pixels[:, :, :3], pixels[:, :, 3:]))
    return Picture(color, alpha[:, :, 0] if alpha.size else None)
