"""Videos and animated pictures, written by FFmpeg: frames with their times, and the sound's packets as they were."""

from __future__ import annotations

import io
import logging
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Iterator, Sequence

import av
import cv2
import numpy as np

from ..errors import ImageError
from ..image.io import Picture
from .colors import FULL, chain, from_rgb
from .formats import H264_CRF, VP9_CRF, VideoFormat
from .frames import ENDLESS, Frame, Traits

QUALITY = 95  # of WebP, where the source was not without loss
LONGEST_SIDES = {"libx264": 16384, "libvpx-vp9": 16384, "libwebp_anim": 16383, "gif": 65535}
NOT_KEPT = ("encoder", "major_brand", "minor_version", "compatible_brands", "duration")  # the old container's own words
FASTEST = Fraction(1, 50)  # seconds of a frame of a GIF: browsers show it for longer where it says less
DIVERSE = "palettegen", "stats_mode=single:reserve_transparent=1"  # 256 colors for each frame of a GIF

log = logging.getLogger(__name__)


def check_sound(form: VideoFormat, streams: Sequence[Any], target: Path) -> list[Any]:
    """Return the streams that the format holds; a line is logged about subtitles that it does not.

    Raises:
        ImageError: There is sound that it does not hold.
    """
    if form.is_picture:
        if streams:
            log.warning("%s: holds no sound, which is left out", target)
        return []
    held = [stream for stream in streams if _holds(form, stream)]
    for stream in streams:
        if stream not in held:
            what = f"{form.suffixes[0][1:]} holds no {stream.type} of the kind {stream.codec_context.name}"
            if stream.type == "audio":
                raise ImageError(f"{target}: {what}; choose .mkv, which holds any")
            log.warning("%s: %s, which is left out", target, what)
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


class VideoWriter:
    """A file that is written, a context.

    Args:
        path: The file.
        form: Of which kind.
        traits: Of the source.
        first: The first result; all have its size.
        copied: FFmpeg's streams to be copied, see `copy`.
        crf: Of H.264 and VP9, see `crf_of`.
        quality: Of WebP.

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
        self._path, self._form, self._traits = path, form, traits
        self._crf, self._quality = crf, quality
        self._size = first.color.shape[:2]
        self._height, self._width = self._size
        if not form.says_aspect:
            self._width = max(1, round(self._width * traits.aspect))
        self._written = -FASTEST
        self._alpha = first.alpha is not None and form.is_picture
        self._copied = copied
        self._graph: Any = None

    def open(self) -> None:
        """Open the file and write its header; raises as said above."""
        if max(self._height, self._width) > LONGEST_SIDES.get(self._form.codec, 2**31):
            raise ImageError(f"{self._form.suffixes[0][1:]} holds no frames of {self._width}×{self._height} pixels")
        self._file = self._path.open("w+b")
        with self._errors():
            self._container = av.open(self._file, "w", self._form.container, options=self._container_options())
            self._container.metadata.update(
                {name: text for name, text in self._traits.metadata.items() if name.lower() not in NOT_KEPT}
            )
            self._stream = self._encoder()
            self._others = {stream: self._copy_of(stream) for stream in self._copied}
            self._container.start_encoding()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: Any, *error: object) -> None:
        with self._file:
            if kind:
                with suppress(Exception):  # the file will be removed
                    self._container.close()
            else:
                with self._errors():
                    self._mux(self._stream.encode())
                    self._container.close()
                self._file.flush()
                if self._form.container == "webp":
                    _show_last(self._path, round(1000 * self._traits.seconds(self._traits.last_duration)))

    def _container_options(self) -> dict[str, str]:
        plays = self._traits.plays
        if self._form.container == "gif":
            return {"loop": str({ENDLESS: 0, 1: -1}.get(plays, plays - 1))}
        if self._form.container == "webp":
            return {"loop": str(plays)}
        if self._form.container == "apng":
            last = Fraction(self._traits.last_duration * self._traits.time_base).limit_denominator(30000)
            return {"plays": str(plays), "final_delay": str(last)}
        if self._form.container in ("mp4", "mov"):
            return {"movflags": "+write_colr"}
        return {"fflags": "+bitexact"}  # else files of the same content differ by random numbers

    def _encoder(self) -> Any:
        traits, codec = self._traits, self._form.codec
        stream = self._container.add_stream(codec, rate=traits.rate, options=self._codec_options())
        stream.width, stream.height, stream.pix_fmt = self._width, self._height, self._pixel_format()
        context = stream.codec_context
        context.time_base = stream.time_base = traits.time_base
        if not self._form.is_picture:
            context.sample_aspect_ratio = traits.aspect
            colors = traits.colors
            context.color_primaries, context.color_trc = colors.primaries, colors.transfer
            context.colorspace, context.color_range = colors.matrix, FULL if colors.full else 1
        return stream

    def _codec_options(self) -> dict[str, str]:
        if self._form.codec == "libx264":
            return {"crf": str(H264_CRF if self._crf is None else self._crf), "preset": "medium"}
        if self._form.codec == "libvpx-vp9":
            crf = str(VP9_CRF if self._crf is None else self._crf)
            return {"crf": crf, "b": "0", "row-mt": "1", "cpu-used": "4", "deadline": "good"}
        if self._form.codec == "libwebp_anim":
            return {"lossless": "1"} if self._is_lossless() else {"quality": str(self._quality or QUALITY)}
        return {}

    def _is_lossless(self) -> bool:
        return self._traits.lossless and self._quality is None

    def _pixel_format(self) -> str:
        if self._form.codec == "gif":
            return "pal8"
        if self._form.codec == "apng":
            return "rgba" if self._alpha else "rgb24"
        if self._form.codec == "libwebp_anim":
            return "bgra" if self._is_lossless() else "yuva420p" if self._alpha else "yuv420p"
        odd = self._width % 2 or self._height % 2
        if odd and self._form.codec == "libx264":
            size = f"{self._width}×{self._height}"
            log.warning("%s pixels: an odd number takes H.264's profile 4:4:4, which few players show; or .webm", size)
        chroma = "444" if self._traits.full_chroma or (odd and self._form.codec == "libx264") else "420"
        return f"yuv{chroma}p" + ("10le" if self._traits.bits > 8 and self._form.codec == "libx264" else "")

    def _copy_of(self, stream: Any) -> Any:
        other = self._container.add_stream(template=stream)
        other.metadata.update({key: text for key, text in stream.metadata.items() if key == "language"})
        return other

    def write(self, frame: Frame) -> None:
        """Write a frame of the first one's size; of GIF leave out what comes too early for players.

        Raises:
            ImageError: FFmpeg cannot, or the frame has another size.
            OSError: The file cannot be written.
        """
        seconds = frame.start * self._traits.time_base
        if self._form.container == "gif" and seconds - self._written < FASTEST:
            return
        self._written = seconds
        channels = self._channels(frame.picture)
        if channels.shape[:2] != self._size:
            expected = "{1}×{0}".format(*self._size)
            raise ImageError(f"the result is {channels.shape[1]}×{channels.shape[0]}, those before {expected}")
        if self._width != channels.shape[1]:
            channels = cv2.resize(channels, (self._width, self._height), interpolation=cv2.INTER_CUBIC)
        kind = {(3, 1): "rgb24", (4, 1): "rgba", (3, 2): "rgb48le"}[channels.shape[2], channels.itemsize]
        with self._errors():
            decoded = av.VideoFrame.from_ndarray(np.ascontiguousarray(channels), format=kind)
            decoded.pts, decoded.time_base = frame.start, self._traits.time_base
            self._mux(self._stream.encode(self._converted(decoded)))

    def _channels(self, picture: Picture) -> np.ndarray:
        if self._alpha:
            alpha = picture.alpha if picture.alpha is not None else np.full(picture.color.shape[:2], 255, np.uint8)
            return np.dstack([picture.rgb, alpha])
        if picture.alpha is None:
            return picture.rgb
        opacity = picture.alpha[:, :, np.newaxis] / np.float32(255)
        return np.rint(255 - (255 - picture.rgb) * opacity).astype(np.uint8)

    def _converted(self, frame: Any) -> Any:
        target = self._stream.pix_fmt
        if self._graph is None:
            if target == "pal8":
                self._graph = _palettes(frame)
            elif target.startswith("yuv") and not self._form.is_picture:
                self._graph = from_rgb(frame, self._traits.colors, target)
            else:
                self._graph = chain(frame, [("scale", "flags=accurate_rnd+full_chroma_int"), ("format", target)])
        self._graph.push(frame)
        return self._graph.pull()

    def copy(self, packet: Any) -> None:
        """Write a packet of one of the streams that are copied; raises as `write`."""
        packet.stream = self._others[packet.stream]
        with self._errors():
            self._container.mux(packet)

    def _mux(self, packets: Sequence[Any]) -> None:
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
            raise ImageError(f"FFmpeg cannot write it: {str(error).lower()}") from error


def _palettes(frame: Any) -> Any:
    """Return the graph that gives each frame a palette of its own."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    split, palettes = graph.add("split"), graph.add(*DIVERSE)
    used, sink = graph.add("paletteuse", "new=1:dither=sierra2_4a"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(palettes, 0, 0)
    split.link_to(used, 1, 0)
    palettes.link_to(used, 0, 1)
    used.link_to(sink)
    graph.configure()
    return graph


def _show_last(path: Path, milliseconds: int) -> None:
    """Set for how long the last frame of an animated WebP is shown, which FFmpeg takes for that of the others."""
    with path.open("r+b") as file:
        found, place, size = -1, 12, path.stat().st_size
        while place + 8 <= size:
            file.seek(place)
            header = file.read(8)
            found = place if header[:4] == b"ANMF" else found
            length = int.from_bytes(header[4:], "little")
            place += 8 + length + length % 2
        if found >= 0:
            file.seek(found + 8 + 12)
            file.write(milliseconds.to_bytes(3, "little"))
