"""The traits of a video, found before its frames are read."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from ..errors import ImageError
from ..image.containers.decoding import TRANSPOSED
from .colors import bits_of, colors_of
from .containers import opened, packets_of
from .frames import Traits

USUAL_RATE, SLOWEST = Fraction(25), Fraction(1, 1000)  # frames per second


def traits_of(path: Path, most_pixels: int) -> Traits:
    """Return the traits of a video; raises ImageError as `pipeline.open_video`."""
    with opened(path, most_pixels) as stream:
        starts, last_duration = _survey(stream)
    with opened(path, most_pixels) as stream:
        return _traits(stream, first_decoded(stream, path), starts, last_duration)


def _survey(stream: Any) -> tuple[np.ndarray, int]:
    """Return the times of all frames, sorted, and the duration of the last, or 0, in the stream's unit.

    Nothing is decoded. No other way finds the number of frames and the end in all kinds of files.
    """
    found = [
        (packet.pts if packet.pts is not None else packet.dts, packet.duration or 0)
        for packet in packets_of(stream)
        if packet.size and not packet.is_discard
    ]
    times = sorted((start, duration) for start, duration in found if start is not None)
    return np.array([start for start, _ in times], np.int64), times[-1][1] if times else 0


def first_decoded(stream: Any, path: Path) -> Any:
    """Return the first frame that FFmpeg decodes; raises ImageError if there is none."""
    for packet in packets_of(stream):
        try:
            for frame in packet.decode():
                return frame
        except av.error.FFmpegError:
            continue
    raise ImageError(f"{path}: no frame can be read")


def orientation_of(frame: Any) -> int:
    """Return how a frame must be turned, 1 to 8 as in EXIF, by its display matrix."""
    data = frame.side_data.get("DISPLAYMATRIX")
    return 1 if data is None else orientation_by(*np.frombuffer(bytes(data), "<i4")[[0, 1, 3, 4]].tolist())


def orientation_by(a: int, b: int, c: int, d: int) -> int:
    """Return the orientation by a display matrix, x' = ax + cy, y' = bx + dy, of which only signs matter."""
    transposed, mirrored, upside_down = (True, c < 0, b < 0) if abs(a) < abs(b) else (False, a < 0, d < 0)
    return 1 + 4 * transposed + 2 * upside_down + (mirrored != upside_down)


def _traits(stream: Any, first: Any, starts: np.ndarray, last_duration: int) -> Traits:
    unit = stream.time_base or Fraction(1, 1000)
    steps = np.diff(starts)
    rate = stream.average_rate or stream.guessed_rate or USUAL_RATE
    last_duration = last_duration or (int(np.median(steps)) if len(steps) else round(1 / (rate * unit)))
    if len(steps) and steps.max() - steps.min() > max(1, steps.min() // 100):
        lasts = int(starts[-1] - starts[0] + last_duration)
        rate = max(SLOWEST, Fraction(len(starts) / float(lasts * unit)).limit_denominator(1000))
    aspect = stream.sample_aspect_ratio or Fraction(1)
    planes = first.format
    return Traits(
        frames=max(1, len(starts)),
        time_base=unit,
        rate=rate,
        last_start=int(starts[-1]) if len(starts) else 0,
        last_duration=last_duration,
        colors=colors_of(first, stream.codec_context),
        bits=bits_of(first),
        aspect=1 / aspect if orientation_of(first) in TRANSPOSED else aspect,
        full_chroma=not planes.is_rgb and (planes.chroma_width(8), planes.chroma_height(8)) == (8, 8),
        metadata={**stream.container.metadata},
    )
