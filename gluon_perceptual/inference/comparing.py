"""The same crop of a picture by several models, side by side with their names, to choose one at a glance."""

from __future__ import annotations

import math
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Callable, Container, Dict, Sequence

import cv2
import numpy as np

from .._mxnet import Context
from ..errors import UserError
from ..figures import check_figure_path, comparison_figure, save_figure
from ..image.color import luma
from ..image.io import read_rgb
from ..image.resize import resize_to
from ..image.size import Size, fewest_passes, passes
from ..weights import DEFAULTS, models
from .choice import USUAL_SCALE
from .jobs import Job
from .model import Model, open_model
from .progress import Progress, counted
from .stylizer import Stylizer
from .upscaler import Upscaler

ENLARGED_SIDE, PAINTED_SIDE = 256, 384  # of the crop in the figure, in pixels
Titled = Dict[str, np.ndarray]  # title -> (H, W, 3) uint8 RGB


def most_detailed(image: np.ndarray, side: int) -> np.ndarray:
    """Return the square of `side` pixels, or less in smaller pictures, in which neighboring pixels differ most.

    Args:
        image: (H, W, 3) uint8 RGB.
        side: In pixels.
    """
    rows, columns = np.gradient(luma(image)) if min(image.shape[:2]) > 1 else (np.zeros(image.shape[:2]),) * 2
    height, width = (min(side, length) for length in image.shape[:2])
    sums = cv2.integral(np.hypot(rows, columns))
    windows = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    top, left = np.unravel_index(windows.argmax(), windows.shape)
    return image[top : top + height, left : left + width]


class Comparison(Job):
    """Writes a figure for each picture: a crop and models' results for it, side by side with their names."""

    def write(self, target: Path, picture: Titled) -> None:
        """Write the figure; raises OSError."""
        save_figure(comparison_figure(list(picture), [list(picture.values())]), target, self.quality)


class UpscaleComparison(Comparison):
    """Compares bicubic interpolation and the shipped models that enlarge.

    Args:
        model: Name or path of an additional model, or None.
        devices: Devices to use.
        quality: As for `Job`.
        size: Size of the results that the crop is a part of; None: twice the picture's.
        precision: See `open_model`.
        options: Other options of `Upscaler`.
    """

    def __init__(
        self,
        model: str | None,
        devices: Sequence[Context],
        quality: int | None = None,
        size: Size | None = None,
        precision: str = "auto",
        **options: Any,
    ) -> None:
        self.quality, self.size, self.options = quality, size or Size(USUAL_SCALE), options
        self.given, self._names = model, {*models("super-resolution"), *([model] if model else [])}
        opened = partial(open_model, precision=precision, scale=self.size.scale)
        self.workers = [lru_cache(None)(partial(opened, ctx=device)) for device in devices]
        if model:
            self.workers[0](model)  # to say now what is wrong with it

    def read(self, source: Path, target: Path) -> tuple[np.ndarray, float]:
        """Return the crop and its enlargement factor; raises ImageError and OSError."""
        check_figure_path(target)
        image = read_rgb(str(source))
        ratio = self.size.ratio(*image.shape[:2])
        return most_detailed(image, math.ceil(ENLARGED_SIDE / ratio)), ratio

    def work(self, worker: Callable[[str], Model], read: tuple[np.ndarray, float], progress: Progress) -> Titled:
        """Return the crop by each model; raises UserError."""
        crop, ratio = read
        fitting = self._fitting(worker, ratio)
        if not fitting:
            raise UserError("nothing to compare, since no model runs for a size that is not larger")
        found = {"input" if ratio == 1 else "bicubic": resize_to(crop, *Size(ratio).of(*crop.shape[:2]))}
        for name in counted(fitting, progress):
            upscaler = Upscaler(worker(name), scale=ratio, **self.options)
            found[title(name, {*found, *self._names} - {name})] = upscaler(crop)
        return found

    def _fitting(self, worker: Callable[[str], Model], ratio: float) -> list[str]:
        """Return the models that run for this enlargement, the given one first; no others are opened."""
        scales = {fewest_passes(DEFAULTS, ratio), *([1] if self.size.scale == 1 else [])}
        shipped = sorted(name for name, entry in models("super-resolution").items() if entry["scale"] in scales)
        names = dict.fromkeys([*([self.given] if self.given else []), *shipped])
        return [name for name in names if self.size.scale == 1 or passes(worker(name).scale, ratio)]


class StylizeComparison(Comparison):
    """Compares the shipped styles.

    Args:
        model: Name or path of an additional model, or None.
        devices: Devices to use.
        quality: As for `Job`.
        options: Options of `Stylizer`.
    """

    def __init__(
        self, model: str | None, devices: Sequence[Context], quality: int | None = None, **options: Any
    ) -> None:
        self.quality = quality
        names = dict.fromkeys([*([model] if model else []), *sorted(models("style"))])
        self.workers = [{name: Stylizer(name, device, **options) for name in names} for device in devices]

    def read(self, source: Path, target: Path) -> np.ndarray:
        """Return the crop; raises ImageError and OSError."""
        check_figure_path(target)
        return most_detailed(read_rgb(str(source)), PAINTED_SIDE)

    def work(self, worker: dict[str, Stylizer], read: np.ndarray, progress: Progress) -> Titled:
        """Return the crop in each style; raises UserError."""
        found = {"photo": read}
        for name in counted(list(worker), progress):
            found[title(name, {*found, *worker} - {name})] = worker[name](read)
        return found


def title(name: str, taken: Container[str]) -> str:
    """Return what a model is called in a figure: its file's name, or its whole path where that name is taken."""
    stem = Path(name).stem
    return name if stem in taken else stem
