"""Videos, read by FFmpeg: upright frames in RGB with their times, and the sound's packets."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Iterator

import av
import numpy as np

from ..errors import ImageError
from ..files import input_file
from ..image.files import MAX_PIXELS, as_image_error, check_size
from ..image.io import Picture
from .colors import bits_of, colors_of, to_rgb
from .formats import DEMUXERS
from .frames import Frame, Traits

USUAL_RATE = Fraction(25)
COVERS = ("mjpeg", "png", "bmp", "gif")  # of streams beside a video: pictures for shelves
BUFFER = 2**20  # bytes that are read or written at once
KEPT_SHORT = 1.5  # frames by which a video may end early without a word

av.logging.set_level(None)  # what is wrong is said by an error


class Video:
    """A video file, a context in which it is open and can be gone through once; see `frames.Source`.

    Raises:
        ImageError: The file is missing, no video of a kind that is read, or has no frame, or frames of too many pixels.
    """

    def __init__(self, path: Path, most_pixels: int = MAX_PIXELS) -> None:
        self.path, self._most_pixels = path, most_pixels
        self.faults: list[str] = []
        self.copied: list[Any] = []

    def __enter__(self) -> Video:
        with opened(self.path) as container:
            with as_image_error(self.path):
                check_size(_main(container).width, _main(container).height, self._most_pixels)
            starts, last_duration = _survey(container)
        with opened(self.path) as container:
            first = _first_frame(container, self.path)
            self.traits = _traits(container, first, starts, last_duration)
        self._stack = ExitStack()
        self._container = self._stack.enter_context(opened(self.path))
        self.copied = [*self._container.streams.audio, *self._container.streams.subtitles]
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[Any]:
        stream = _main(self._container)
        stream.thread_type = "AUTO"
        frames = _Frames(self)
        for packet in _packets(self._container, stream, *self.copied):
            if packet.stream is not stream:
                if packet.size:
                    yield packet
                continue
            try:
                decoded = packet.decode()
            except av.error.FFmpegError:
                self.faults.append(f"frame {frames.count + 1} is damaged and left out")
                continue
            yield from map(frames.converted, decoded)
        self._check_end(stream, frames.last)

    def _check_end(self, stream: Any, last: int) -> None:
        """Note that the file says it is longer, by more than a frame."""
        said = (stream.start_time or 0) + (stream.duration or 0)
        traits = self.traits
        missing = traits.seconds(said - last) - float(KEPT_SHORT / traits.rate)
        if stream.duration and missing > max(0.0, traits.seconds(traits.last_duration)):
            self.faults.append(f"it ends at {traits.seconds(last):.2f} of {traits.seconds(said):.2f} seconds")


class _Frames:
    """What is decoded -> upright RGB with times that increase."""

    def __init__(self, video: Video) -> None:
        self._path, self._traits = video.path, video.traits
        self.count, self.last = 0, -1
        self._graph: Any = None
        self._kind: Any = None

    def converted(self, frame: Any) -> Frame:
        step = max(1, round(1 / (self._traits.rate * self._traits.time_base)))
        start = frame.pts if frame.pts is not None else self.last + step
        start = max(start, self.last + 1) if self.count else start
        kind = (frame.width, frame.height, frame.format.name)
        if self._kind and kind[:2] != self._kind[:2]:
            expected = "{}×{}".format(*self._kind)
            raise ImageError(
                f"{self._path}: frame {self.count + 1} is {frame.width}×{frame.height}, those before {expected}"
            )
        if kind != self._kind:
            self._graph, self._kind = to_rgb(frame, self._traits.colors), kind
        self.count, self.last = self.count + 1, start
        turned = matrix_of(frame)
        self._graph.push(frame)
        rgb = self._graph.pull()
        pixels = rgb.to_ndarray(format=rgb.format.name)
        return Frame(Picture(np.ascontiguousarray(upright(pixels, turned))), start)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a video file for reading: no name, as of a device or in a network, is followed from it.

    Raises:
        ImageError: It is missing, or no video of a kind that is read, or has no picture.
    """
    if not path.is_file():
        raise ImageError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
    with input_file(path).open("rb") as file:
        try:
            container = av.open(file, "r", container_options=options, metadata_errors="replace", buffer_size=BUFFER)
        except (av.error.FFmpegError, ValueError) as error:
            raise ImageError(f"{path}: no video that can be read ({_reason(error)})") from error
        with container:
            if not container.streams.video:
                raise ImageError(f"{path}: it has no picture")
            yield container


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()


def _main(container: Any) -> Any:
    """Return the stream of the video itself."""
    streams = container.streams.video
    return next((each for each in streams if each.codec_context.name not in COVERS), streams[0])


def _packets(container: Any, *streams: Any) -> Iterator[Any]:
    """Yield packets until the end, or to where the file is cut off."""
    try:
        yield from container.demux(*streams)
    except av.error.FFmpegError:
        return


def _survey(container: Any) -> tuple[np.ndarray, int]:
    """Return when each frame is shown, in order, and for how long the last is, or 0, in the stream's unit.

    Nothing is decoded; it is the one way to know the number of frames and the end in all kinds of files.
    """
    found = [
        (packet.pts if packet.pts is not None else packet.dts, packet.duration or 0)
        for packet in _packets(container, _main(container))
        if packet.size and not packet.is_discard
    ]
    times = sorted((start, duration) for start, duration in found if start is not None)
    return np.array([start for start, _ in times], np.int64), times[-1][1] if times else 0


def _first_frame(container: Any, path: Path) -> Any:
    for packet in _packets(container, _main(container)):
        try:
            for frame in packet.decode():
                return frame
        except av.error.FFmpegError:
            continue
    raise ImageError(f"{path}: it holds no frame that can be read")


def _traits(container: Any, first: Any, starts: np.ndarray, last_duration: int) -> Traits:
    stream = _main(container)
    unit = stream.time_base or Fraction(1, 1000)
    steps = np.diff(starts)
    rate = stream.average_rate or stream.guessed_rate or USUAL_RATE
    last_duration = last_duration or (int(np.median(steps)) if len(steps) else round(1 / (rate * unit)))
    if len(steps) and steps.max() - steps.min() > max(1, steps.min() // 100):
        lasts = int(starts[-1] - starts[0] + last_duration)
        rate = Fraction(len(starts) / float(lasts * unit)).limit_denominator(1000)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    matrix = matrix_of(first)
    planes = first.format
    return Traits(
        frames=len(starts),
        time_base=unit,
        rate=rate,
        last_start=int(starts[-1]) if len(starts) else 0,
        last_duration=last_duration,
        colors=colors_of(first, stream.codec_context),
        bits=bits_of(first),
        aspect=1 / aspect if is_transposed(matrix) else aspect,
        full_chroma=not planes.is_rgb and (planes.chroma_width(8), planes.chroma_height(8)) == (8, 8),
        metadata={**container.metadata},
    )


def matrix_of(frame: Any) -> tuple[int, int, int, int]:
    """Return a, b, c, d of the frame's display matrix: x' = ax + cy, y' = bx + dy; signs alone matter."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    numbers = np.frombuffer(bytes(data), "<i4")
    a, b, c, d = (int(numbers[place]) for place in (0, 1, 3, 4))
    return a, b, c, d


def is_transposed(matrix: tuple[int, int, int, int]) -> bool:
    """Return whether width and height change places."""
    return abs(matrix[0]) < abs(matrix[1])


def upright(pixels: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Return (H, W, 3) or (W, H, 3): turned by quarters and mirrored as a display matrix says."""
    a, b, c, d = matrix
    if is_transposed(matrix):
        pixels, a, d = pixels.swapaxes(0, 1), c, b
    pixels = pixels[:, ::-1] if a < 0 else pixels
    return pixels[::-1] if d < 0 else pixels
