"""Video files through OpenCV, a frame at a time; sound is left out."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

import cv2
import numpy as np

from ..errors import ImageError
from ..files import atomic_path, input_file

CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}
USUAL_RATE = 25.0  # frames a second, where a file does not say


def is_video_file(path: Path) -> bool:
    """Return whether the name has a video's suffix, in any case."""
    return path.suffix.lower() in CODECS


def check_video_path(path: Path) -> None:
    """Raise ImageError if `convert_video` knows no format for the path's suffix."""
    if not is_video_file(path):
        raise ImageError(f"{path}: unknown suffix {path.suffix!r} of a video; expected one of {' '.join(CODECS)}")


class Video:
    """The frames of a file, (H, W, 3) uint8 RGB.

    Raises:
        ImageError: The file is missing or no video.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as capture:
            self.frames = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
            self.rate = float(capture.get(cv2.CAP_PROP_FPS)) or USUAL_RATE

    @contextmanager
    def _open(self) -> Iterator[Any]:
        capture = cv2.VideoCapture(str(input_file(self.path)))
        try:
            if not self.path.is_file() or not capture.isOpened():
                reason = "no video that can be read" if self.path.is_file() else "no such file"
                raise ImageError(f"{self.path}: {reason}")
            yield capture
        finally:
            capture.release()

    def __iter__(self) -> Iterator[np.ndarray]:
        with self._open() as capture:
            while True:
                good, frame = capture.read()
                if not good:
                    return
                yield frame[:, :, ::-1]


def convert_video(video: Video, target: Path, work: Callable[[np.ndarray], np.ndarray]) -> int:
    """Write `work(frame)` for each frame, all of one size, as a video of the same rate; return how many there were.

    Raises:
        ImageError: The target's suffix is unknown, OpenCV cannot write it or not all of it, or the video has no frame.
    """
    check_video_path(target)
    codec = CODECS[target.suffix.lower()]
    with atomic_path(target) as temporary:
        writer, count = cv2.VideoWriter(), 0
        try:
            for frame in video:
                result = work(np.ascontiguousarray(frame))
                size = result.shape[1::-1]
                if not count and not writer.open(str(temporary), cv2.VideoWriter.fourcc(*codec), video.rate, size):
                    raise ImageError(f"{target}: OpenCV cannot write {codec} videos of {size[0]}×{size[1]} here")
                writer.write(np.ascontiguousarray(result[:, :, ::-1]))
                count += 1
        finally:
            writer.release()
        if not count:
            raise ImageError(f"{video.path}: it holds no frame that can be read")
        written = _frames_in(temporary)  # OpenCV does not say whether it could write
        if written < count:
            raise ImageError(f"{target}: only {written} of {count} frames could be written; is the disk full?")
    return count


def _frames_in(path: Path) -> int:
    """Return how many frames of a file can be read."""
    capture, count = cv2.VideoCapture(str(path)), 0
    while capture.grab():
        count += 1
    capture.release()
    return count
