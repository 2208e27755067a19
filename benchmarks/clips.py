"""Short clips with known or estimated motion: pans and zooms over a photo, and real videos."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Iterable

import cv2
import numpy as np

from gluon_perceptual.image.flow import is_visible, optical_flow
from gluon_perceptual.image.io import Picture
from gluon_perceptual.image.resize import resize_longest_side
from gluon_perceptual.video import open_video
from gluon_perceptual.video.formats import video_format_for
from gluon_perceptual.video.frames import Frame, Traits
from gluon_perceptual.video.writing import VideoWriter

HEIGHT, WIDTH = 180, 320
STEP = (2.5, 1.25)  # of the pan, in pixels per frame
ZOOM, NOISE = 1.01, 4.0  # factor per frame; standard deviation in gray levels
AGREE = 0.5  # largest difference in pixels between two methods for the motion to count as known
FARNEBACK = (0.5, 5, 15, 5, 7, 1.5, cv2.OPTFLOW_FARNEBACK_GAUSSIAN)


@dataclass(frozen=True, eq=False)
class Clip:
    """Frames and their motion.

    Attributes:
        name: Its name in tables.
        frames: (H, W, 3) uint8 RGB each.
        flows: From each frame except the first to the previous one, (H, W, 2) each.
        visible: The pixels that are also visible in the previous frame, (H, W) bool each.
    """

    name: str
    frames: list[np.ndarray]
    flows: list[np.ndarray]
    visible: list[np.ndarray]


def pan(photo: np.ndarray, count: int) -> Clip:
    """Return a clip of a camera that moves over a photo, (H, W, 3)."""
    x, y = STEP
    frames = [_moved(photo, np.array([[1, 0, x * k], [0, 1, y * k]], np.float32)) for k in range(count)]
    return _with_motion("pan", frames, np.broadcast_to(np.array(STEP, np.float32), (HEIGHT, WIDTH, 2)))


def zoom(photo: np.ndarray, count: int) -> Clip:
    """Return a clip of a zoom into a photo, (H, W, 3), with noise."""
    rng = np.random.default_rng(0)
    center = np.array([WIDTH / 2, HEIGHT / 2], np.float32)
    middle = np.array([photo.shape[1] / 2, photo.shape[0] / 2], np.float32)
    frames = []
    for k in range(count):
        shrink = ZOOM**-k
        offset = middle - center * shrink
        frame = _moved(photo, np.array([[shrink, 0, offset[0]], [0, shrink, offset[1]]], np.float32))
        frames.append(np.clip(frame + rng.normal(0, NOISE, frame.shape), 0, 255).astype(np.uint8))
    rows, columns = np.indices((HEIGHT, WIDTH), np.float32)
    there = np.dstack([columns, rows]) - center
    return _with_motion("zoom", frames, there / ZOOM - there)


def film(path: Path, count: int) -> Clip:
    """Return the first frames of a video, at most `WIDTH` wide or high, with motion estimated by Farnebäck's method.

    Farnebäck 2003, "Two-frame motion estimation based on polynomial expansion", differs from the method of `Steady`.
    Where the two disagree, as in flat areas, the motion is unknown: such pixels do not count as visible.
    """
    with open_video(path) as video:
        found = (item.picture.rgb for item in video if isinstance(item, Frame))
        frames = [resize_longest_side(frame, min(WIDTH, max(frame.shape))) for frame in islice(found, count)]
    pairs = list(zip(frames[1:], frames))
    flows = [_farneback(new, old) for new, old in pairs]
    known = [np.hypot(*np.moveaxis(flow - optical_flow(*pair), 2, 0)) < AGREE for flow, pair in zip(flows, pairs)]
    visible = [here & is_visible(flow, _farneback(old, new)) for here, flow, (new, old) in zip(known, flows, pairs)]
    return Clip(path.name, frames, flows, visible)


def write_film(path: Path, frames: Iterable[np.ndarray], count: int) -> None:
    """Write `count` frames, (H, W, 3) uint8 RGB each, as a video with 25 frames per second."""
    frames = iter(frames)
    first = next(frames)
    traits = Traits(count, Fraction(1, 25), Fraction(25), count - 1, 1)
    with VideoWriter(path, video_format_for(path), traits, Picture(first)) as writer:
        writer.open()
        writer.write(Frame(Picture(first), 0))
        for number, frame in enumerate(frames, 1):
            writer.write(Frame(Picture(frame), number))


def _moved(photo: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return a frame, (HEIGHT, WIDTH, 3), whose pixel (x, y) is the photo's at `matrix` (x, y, 1)."""
    return np.asarray(cv2.warpAffine(photo, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP))


def _with_motion(name: str, frames: list[np.ndarray], flow: np.ndarray) -> Clip:
    """Return a clip with the same known flow in all frames."""
    rows, columns = np.indices((HEIGHT, WIDTH))
    x, y = columns + flow[:, :, 0], rows + flow[:, :, 1]
    visible = (x >= 0) & (x <= WIDTH - 1) & (y >= 0) & (y <= HEIGHT - 1)
    steps = len(frames) - 1
    return Clip(name, frames, [flow] * steps, [visible] * steps)


def _farneback(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return (H, W, 2) float32, as `image.flow.optical_flow`."""
    gray, moved = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (image, other))
    return np.asarray(cv2.calcOpticalFlowFarneback(gray, moved, None, *FARNEBACK))
