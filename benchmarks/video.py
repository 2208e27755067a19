"""Videos: how still styles hold, and frames a second: `python -m benchmarks.video still` or `speed`."""

from __future__ import annotations

import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any, Callable

import click
import cv2
import numpy as np

from gluon_perceptual import cpu
from gluon_perceptual.evaluation.warping import warping_error
from gluon_perceptual.image.io import Picture, read_rgb
from gluon_perceptual.image.resize import resize_longest_side
from gluon_perceptual.inference import Stylizer, Upscaler
from gluon_perceptual.video import Steady, convert_video, open_video
from gluon_perceptual.video.formats import video_format_for
from gluon_perceptual.video.frames import Frame, Traits
from gluon_perceptual.video.writing import VideoWriter
from gluon_perceptual.weights import models

HEIGHT, WIDTH = 180, 320
STEP = (2.5, 1.25)  # of the pan, in pixels a frame
ZOOM, NOISE = 1.01, 4.0  # a frame; standard deviation in levels
SIZES = ((640, 360), (1280, 720))


def moved(photo: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return a frame, (HEIGHT, WIDTH, 3), whose pixel (x, y) is the photo's at `matrix` (x, y, 1)."""
    return cv2.warpAffine(photo, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)


def pan(photo: np.ndarray, count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return frames of a camera that moves, and the flow from each to the one before."""
    x, y = STEP
    frames = [moved(photo, np.array([[1, 0, x * k], [0, 1, y * k]], np.float32)) for k in range(count)]
    return frames, np.broadcast_to(np.array(STEP, np.float32), (HEIGHT, WIDTH, 2))


def zoom(photo: np.ndarray, count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return frames of a zoom with noise, and the flow from each to the one before."""
    rng = np.random.default_rng(0)
    center = np.array([WIDTH / 2, HEIGHT / 2], np.float32)
    middle = np.array([photo.shape[1] / 2, photo.shape[0] / 2], np.float32)
    frames = []
    for k in range(count):
        shrink = ZOOM**-k
        offset = middle - center * shrink
        frame = moved(photo, np.array([[shrink, 0, offset[0]], [0, shrink, offset[1]]], np.float32))
        frames.append(np.clip(frame + rng.normal(0, NOISE, frame.shape), 0, 255).astype(np.uint8))
    rows, columns = np.indices((HEIGHT, WIDTH), np.float32)
    there = np.dstack([columns, rows]) - center
    return frames, there / ZOOM - there


def error(frames: list[np.ndarray], flow: np.ndarray, work: Callable[[Picture], Picture]) -> float:
    """Return the mean warping error of the results."""
    rows, columns = np.indices((HEIGHT, WIDTH))
    x, y = columns + flow[:, :, 0], rows + flow[:, :, 1]
    visible = (x >= 0) & (x <= WIDTH - 1) & (y >= 0) & (y <= HEIGHT - 1)
    results = [work(Picture(frame)).color for frame in frames]
    return float(np.mean([warping_error(new, old, flow, visible) for old, new in zip(results, results[1:])]))


def still(photo: Path, styles: list[str], count: int) -> None:
    """Print a table of warping errors."""
    image = resize_longest_side(read_rgb(photo), 480)
    print(f"{photo.name}, {WIDTH}×{HEIGHT}, {count} frames")
    print("| | photo | frame by frame | `--temporal` |\n|---|---|---|---|")
    for name in styles:
        stylizer = Stylizer(name)
        for motion in (pan, zoom):
            frames, flow = motion(image, count)
            found = [error(frames, flow, work) for work in (lambda picture: picture, stylizer.stylize)]
            found.append(error(frames, flow, Steady(stylizer.stylize)))
            print(f"| {name}, {motion.__name__} | " + " | ".join(f"{value:.2f}" for value in found) + " |", flush=True)


def speed(photo: Path, style: str, model: str, count: int) -> None:
    """Print a table of frames a second, by precision, from file to file."""
    image = read_rgb(photo)
    print("| | precision | frames/s |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for width, height in SIZES:
            source = Path(folder) / "clip.mp4"
            write_clip(source, cv2.resize(image, (width + 64, height)), width, count)
            for precision in ("float32", *(["bfloat16"] if cpu.bfloat16_support() != cpu.NONE else [])):
                stylizer, upscaler = Stylizer(style, precision=precision), Upscaler(model, precision=precision)
                works: dict[str, Callable[[Picture], Picture]] = {
                    f"stylize, {style}": Steady(stylizer.stylize),
                    f"stylize --no-temporal, {style}": stylizer.stylize,
                    f"upscale, {model}": upscaler.enlarge,
                }
                for name, work in works.items():
                    rate = frames_a_second(source, Path(folder) / "out.mp4", work)
                    print(f"| {width}×{height}, {name} | {precision} | {rate:.2f} |", flush=True)


def write_clip(path: Path, image: np.ndarray, width: int, count: int) -> None:
    """Write a pan over an image, (H, W, 3)."""
    frames = [np.ascontiguousarray(image[:, 2 * k % 64 : 2 * k % 64 + width]) for k in range(count)]
    traits = Traits(count, Fraction(1, 25), Fraction(25), count - 1, 1)
    writer = VideoWriter(path, video_format_for(path), traits, Picture(frames[0]))
    writer.open()
    with writer:
        for number, frame in enumerate(frames):
            writer.write(Frame(Picture(frame), number))


def frames_a_second(source: Path, target: Path, work: Callable[[Picture], Picture]) -> float:
    """Return how fast a video is converted, after its first frame, which MXNet compiles for."""
    times: list[float] = []

    def timed(picture: Picture, progress: Any) -> Picture:
        result = work(picture)
        times.append(time.perf_counter())
        return result

    with open_video(source) as video:
        convert_video(video, target, timed)
    return (len(times) - 1) / (times[-1] - times[0])


@click.command(context_settings={"show_default": True})
@click.argument("what", type=click.Choice(["still", "speed"]))
@click.option("--photo", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--styles", default=",".join(sorted(models("style"))), help="With commas between; for speed the first.")
@click.option("--model", default="sr_x2_pixel", help="That enlarges, for speed.")
@click.option("--count", type=click.IntRange(2), default=8, help="Frames.")
def main(what: str, photo: Path, styles: str, model: str, count: int) -> None:
    """Measure how still styles hold a photo that moves, or how many frames a second are made of it."""
    if what == "still":
        still(photo, styles.split(","), count)
    else:
        speed(photo, styles.split(",")[0], model, count)


if __name__ == "__main__":
    main()
