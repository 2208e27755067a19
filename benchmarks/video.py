"""Videos: flicker of styles, frames per second, memory: `python -m benchmarks.video still`, `speed` and so on."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Iterator

import click
import cv2
import numpy as np

from gluon_perceptual import cpu
from gluon_perceptual.evaluation.warping import warping_error
from gluon_perceptual.image.io import Picture, read_rgb, write_picture
from gluon_perceptual.image.resize import resize_longest_side
from gluon_perceptual.inference import Stylizer, Upscaler
from gluon_perceptual.video import Steady, convert_video, open_video
from gluon_perceptual.weights import models

from .clips import HEIGHT, WIDTH, Clip, film, pan, write_film, zoom
from .tables import line, markdown
from .worker import peak_memory

SIZES = ((640, 360), (1280, 720))
TINY = (96, 64)  # size of frames when only their number matters
Work = Callable[[Picture], Picture]


def still(given: SimpleNamespace) -> None:
    """Print a table of warping errors."""
    photo = resize_longest_side(read_rgb(given.photo), 480)
    clips = [pan(photo, given.count), zoom(photo, given.count), *(film(path, given.count) for path in given.clips)]
    print(f"{given.photo.name}, {WIDTH}×{HEIGHT}, {given.count} frames")
    print(markdown(("", "the photo's own", "frame by frame", "`--temporal`"), []))
    for name in given.styles:
        for clip in clips:
            found = [error(clip, work) for work in contenders(name)]
            print(line([f"{name}, {clip.name}", *(f"{value:.2f}" for value in found)]), flush=True)


def contenders(style: str) -> list[Work]:
    """Return the work that does nothing, a style frame by frame, and the style with `--temporal`."""
    stylize = Stylizer(style).stylize
    return [lambda picture: picture, stylize, Steady(stylize)]


def error(clip: Clip, work: Work) -> float:
    """Return the mean warping error of the results."""
    results = [work(Picture(frame)).color for frame in clip.frames]
    steps = zip(results[1:], results, clip.flows, clip.visible)
    return float(np.mean([warping_error(*step) for step in steps]))


def sheets(given: SimpleNamespace) -> None:
    """Write a picture for each style: frames of the first clip and, after a cut, of the second, with their results."""
    first, second = (film(path, given.count // 2).frames for path in given.clips[:2])
    size = first[0].shape[1::-1]
    frames = [*first, *(cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in second)]
    for name in given.styles:
        rows = [np.hstack([work(Picture(frame)).color for frame in frames]) for work in contenders(name)]
        write_picture(given.out / f"{name}.png", Picture(np.vstack(rows)))
        print(given.out / f"{name}.png")


def speed(given: SimpleNamespace) -> None:
    """Print a table of frames per second, by precision, from file to file."""
    image, style, model = read_rgb(given.photo), given.styles[0], given.model
    print(markdown(("", "precision", "frames/s"), []))
    with tempfile.TemporaryDirectory() as folder:
        for width, height in SIZES:
            source = Path(folder) / "clip.mp4"
            write_film(source, sliding(image, width, height, given.count), given.count)
            for precision in ("float32", *(["bfloat16"] if cpu.bfloat16_support() != cpu.NONE else [])):
                stylizer, upscaler = Stylizer(style, precision=precision), Upscaler(model, precision=precision)
                works: dict[str, Work] = {
                    f"stylize, {style}": Steady(stylizer.stylize),
                    f"stylize --no-temporal, {style}": stylizer.stylize,
                    f"upscale, {model}": upscaler.enlarge,
                }
                for name, work in works.items():
                    rate = frames_a_second(source, Path(folder) / "out.mp4", work)
                    print(line([f"{width}×{height}, {name}", precision, f"{rate:.2f}"]), flush=True)


def memory(given: SimpleNamespace) -> None:
    """Print the peak memory of the process while a style repaints many small frames."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "clip.mp4", Path(folder) / "out.mp4"
        write_film(source, sliding(read_rgb(given.photo), *TINY, given.count), given.count)
        with open_video(source) as video:
            done = convert_video(video, target, Steady(Stylizer(given.styles[0]).stylize))
    print(f"{done} frames of {TINY[0]}×{TINY[1]}, {given.styles[0]}: {peak_memory() / 1e6:.0f} MB at most")


def sliding(photo: np.ndarray, width: int, height: int, count: int) -> Iterator[np.ndarray]:
    """Yield frames of a camera that repeatedly slides over a photo."""
    image = cv2.resize(photo, (width + 64, height))
    for k in range(count):
        yield np.ascontiguousarray(image[:, 2 * k % 64 : 2 * k % 64 + width])


def frames_a_second(source: Path, target: Path, work: Work) -> float:
    """Return the speed of converting a video without its first frame, for which MXNet compiles the network."""
    times: list[float] = []

    def timed(picture: Picture, progress: Any) -> Picture:
        result = work(picture)
        times.append(time.perf_counter())
        return result

    with open_video(source) as video:
        convert_video(video, target, timed)
    return (len(times) - 1) / (times[-1] - times[0])


MEASURED = {each.__name__: each for each in (still, sheets, speed, memory)}


@click.command(context_settings={"show_default": True})
@click.argument("what", type=click.Choice(list(MEASURED)))
@click.option("--photo", type=click.Path(path_type=Path), help="For all but sheets.")
@click.option("--clip", "clips", type=click.Path(path_type=Path), multiple=True, help="Videos, for still and sheets.")
@click.option("--style", "styles", multiple=True, default=sorted(models("style")))
@click.option("--model", default="sr_x2_pixel")
@click.option("--count", default=8, help="Of frames.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("sheets"), help="Folder of the sheets.")
def main(what: str, **given: Any) -> None:
    """Print the table of a measurement, or write sheets."""
    MEASURED[what](SimpleNamespace(**given))


if __name__ == "__main__":
    main()
