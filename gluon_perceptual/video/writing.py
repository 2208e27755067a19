"""Writes videos and animated pictures by FFmpeg: frames with their times, and copied packets of sound."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Iterable, Iterator, Sequence

import av
import cv2
import numpy as np

from ..errors import ImageError
from ..image.containers import webp
from ..image.io import Picture, on_white
from .colors import FULL
from .encoding import Encoding
from .formats import VideoFormat
from .frames import Frame, Traits
from .sound import Recoded, holds

NOT_KEPT = ("encoder", "major_brand", "minor_version", "compatible_brands", "duration")  # tags of the old container
FASTEST = Fraction(1, 50)  # seconds: browsers show a GIF's frames of shorter durations for longer
KINDS = {(3, 1): "rgb24", (4, 1): "rgba", (3, 2): "rgb48le", (4, 2): "rgba64le"}  # by channels and bytes of each

log = logging.getLogger(__name__)


class VideoWriter:
    """A video file to write, which is open in its context, and complete when that ends.

    `first` is the first result, whose size all must have; `copied` are FFmpeg's streams for `copy`. For the other
    arguments see `Encoding`.

    Raises:
        ImageError: FFmpeg cannot write such frames in this format.
        OSError: The file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        form: VideoFormat,
        traits: Traits,
        first: Picture,
        copied: Sequence[Any] = (),
        crf: int | None = None,
        quality: int | None = None,
    ) -> None:
        self._path, self._form, self._traits, self._copied = path, form, traits, copied
        self._size = height, width = first.color.shape[:2]
        if not form.stores_aspect:
            width = max(1, round(width * traits.aspect))
        alpha = first.alpha is not None and form.is_picture
        self._encoding = Encoding(form, traits, height, width, alpha, crf, quality)
        self._written: Fraction | None = None
        self._first = 0
        self._graph: Any = None

    def open(self) -> None:
        """Write the header; raises ImageError and OSError, see the class."""
        encoding, size = self._encoding, f"{self._encoding.width}×{self._encoding.height} pixels"
        if not encoding.fits:
            raise ImageError(f"{self._form.suffixes[0][1:]} cannot hold frames of {size}")
        if encoding.is_odd:
            log.warning("%s: an odd side needs H.264's profile 4:4:4, which few players support; or use .webm", size)
        with self._errors():
            self._container = av.open(self._file, "w", self._form.container, options=encoding.container_options)
            self._container.metadata.update(
                {name: text for name, text in self._traits.metadata.items() if name.lower() not in NOT_KEPT}
            )
            self._stream = self._encoder()
            self._others = {stream: self._copy_of(stream) for stream in self._copied}
            self._container.start_encoding()

    def __enter__(self) -> VideoWriter:
        self._file = self._path.open("w+b")
        return self

    def __exit__(self, kind: Any, *error: object) -> None:
        with self._file:
            try:
                if not kind:
                    self._finish()
            finally:
                with suppress(Exception):  # it is closed, or the file is removed anyway
                    self._container.close()
            self._file.flush()
        if not kind and self._form.container == "webp":
            lasts = self._traits.last_start + self._traits.last_duration - self._first
            webp.complete(self._path, round(1000 * self._traits.seconds(lasts)), self._encoding.alpha)

    def _finish(self) -> None:
        with self._errors():
            self._mux(self._stream.encode())
            for other in self._others.values():
                if isinstance(other, Recoded):
                    self._mux(other.packets())
            self._container.close()

    def _encoder(self) -> Any:
        traits, encoding = self._traits, self._encoding
        stream = self._container.add_stream(self._form.codec, rate=traits.rate, options=encoding.codec_options)
        stream.width, stream.height, stream.pix_fmt = encoding.width, encoding.height, encoding.pixel_format
        context = stream.codec_context
        context.time_base = stream.time_base = traits.time_base
        if not self._form.is_picture:
            context.sample_aspect_ratio = traits.aspect
            colors = traits.colors
            context.color_primaries, context.color_trc = colors.primaries, colors.transfer
            context.colorspace, context.color_range = colors.matrix, FULL if colors.full else 1
        return stream

    def _copy_of(self, stream: Any) -> Any:
        if not holds(self._form, stream):
            return Recoded(self._container, stream)
        other = self._container.add_stream(template=stream)
        other.metadata.update({key: text for key, text in stream.metadata.items() if key == "language"})
        return other

    def write(self, frame: Frame) -> None:
        """Write a frame of the same size as the first; in a GIF, frames that follow too soon are left out.

        Raises:
            ImageError: FFmpeg cannot write it, or it has another size.
            OSError: The file cannot be written.
        """
        seconds = frame.start * self._traits.time_base
        if self._written is None:
            self._first = frame.start
        elif self._form.container == "gif" and seconds - self._written < FASTEST:
            return
        self._written = seconds
        channels = self._channels(frame.picture)
        if channels.shape[:2] != self._size:
            expected = "{1}×{0}".format(*self._size)
            raise ImageError(f"the result is {channels.shape[1]}×{channels.shape[0]}, earlier ones are {expected}")
        if self._encoding.width != channels.shape[1]:
            size = self._encoding.width, self._encoding.height
            channels = cv2.resize(channels, size, interpolation=cv2.INTER_CUBIC)
        kind = KINDS[channels.shape[2], channels.itemsize]
        with self._errors():
            decoded = av.VideoFrame.from_ndarray(np.ascontiguousarray(channels), format=kind)
            decoded.pts, decoded.time_base = frame.start, self._traits.time_base
            self._graph = self._graph or self._encoding.graph(decoded)
            self._graph.push(decoded)
            self._mux(self._stream.encode(self._graph.pull()))

    def _channels(self, picture: Picture) -> np.ndarray:
        if self._encoding.alpha:
            opaque = np.full_like(picture.rgb[:, :, 0], np.iinfo(picture.color.dtype).max)
            return np.dstack([picture.rgb, opaque if picture.alpha is None else picture.alpha])
        return on_white(picture)

    def copy(self, packet: Any) -> None:
        """Write a packet of one of the copied streams; raises as `write`."""
        other = self._others[packet.stream]
        with self._errors():
            if isinstance(other, Recoded):
                self._mux(other.packets(packet))
            else:
                packet.stream = other
                self._container.mux(packet)

    def _mux(self, packets: Iterable[Any]) -> None:
        traits = self._traits
        for packet in packets:
            if packet.pts == traits.last_start and packet.time_base == traits.time_base:
                packet.duration = traits.last_duration
            self._container.mux(packet)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except av.error.FFmpegError as error:
            if isinstance(error, OSError):
                raise OSError(error.errno, error.strerror) from error
            raise ImageError(f"FFmpeg cannot write this file: {str(error).lower()}") from error
