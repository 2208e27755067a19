"""Animated pictures, read by Pillow: GIF, WebP and PNG."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path
from typing import Any, Iterator

import numpy as np

from ..files import input_file
from ..image.containers import webp
from ..image.files import MAX_PIXELS, as_image_error, open_file, open_picture, own_limit, read_bytes
from ..image.io import Picture
from .formats import WRITTEN
from .frames import ENDLESS, Frame, Traits

SUFFIXES = tuple(suffix for form in WRITTEN if form.is_picture for suffix in form.suffixes)
FORMATS = ("GIF", "WEBP", "PNG")
DEFAULT_DURATION = 100  # milliseconds for which browsers show a frame with duration 0
TOO_SHORT = 10  # milliseconds; in a GIF, they show frames of up to this likewise
MILLISECOND = Fraction(1, 1000)

log = logging.getLogger(__name__)


def is_animation(path: Path) -> bool:
    """Return whether a file is a readable picture with several frames."""
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return False
    try:
        with input_file(path).open("rb") as file, own_limit():
            image = open_file(file, MAX_PIXELS)
            return image.format in FORMATS and image.n_frames > 1
    except Exception:  # Pillow's errors have no common class; reading the file as a picture reports the reason
        return False


class Animation:
    """An animated picture; see `frames.Source`.

    Raises:
        ImageError: The file is missing, damaged or not a picture, or has over `most_pixels` pixels.
    """

    def __init__(self, path: Path, most_pixels: int) -> None:
        self.path = path
        self.faults: list[str] = []
        self.copied: list[Any] = []
        data = read_bytes(path, most_pixels)
        with as_image_error(path):
            self._open(data, most_pixels)
            self.has_alpha, self._starts = False, [Fraction(0)]  # and the end
            for rgba, duration in self._frames():
                self.has_alpha |= bool(rgba[:, :, 3].min() < 255)
                self._starts.append(self._starts[-1] + duration)
        *starts, end = map(round, self._starts)  # not of each duration: the errors would add up
        self.traits = Traits(
            frames=len(starts),
            time_base=MILLISECOND,
            rate=Fraction(1000 * len(starts), max(1, end)),
            last_start=starts[-1],
            last_duration=max(1, end - starts[-1]),
            full_chroma=True,
            plays=self._plays(),
            lossless=self._image.format != "WEBP" or webp.read(data).lossless,
        )
        if self._image.info.get("icc_profile"):
            log.warning("%s: its color profile is left out", path)

    @own_limit()
    def _open(self, data: bytes, most_pixels: int) -> None:
        self._image = open_picture(data, most_pixels)
        self._width, self._height = self._image.size
        first = int(self._image.info.get("default_image", False))  # PNG's is for old programs
        self._numbers = range(first, self._image.n_frames)

    def __iter__(self) -> Iterator[Frame]:
        with as_image_error(self.path):
            for (rgba, _), start in zip(self._frames(), self._starts):
                alpha = np.ascontiguousarray(rgba[:, :, 3]) if self.has_alpha else None
                yield Frame(Picture(np.ascontiguousarray(rgba[:, :, :3]), alpha), round(start))

    def _frames(self) -> Iterator[tuple[np.ndarray, Fraction]]:
        """Yield each composed frame, (H, W, 4) RGB and alpha, and its duration in milliseconds."""
        too_short = TOO_SHORT if self._image.format == "GIF" else 0
        for number in self._numbers:
            rgba, duration = self._composed(number), self._image.info.get("duration", 0)
            shown = max(1, duration) if duration > too_short else DEFAULT_DURATION
            yield rgba, Fraction(shown).limit_denominator(30000)

    @own_limit()
    def _composed(self, number: int) -> np.ndarray:
        """Return a frame; the part of a GIF's frame beyond its screen is left out, as by browsers."""
        self._image.seek(number)
        return np.array(self._image.convert("RGBA"))[: self._height, : self._width]

    def _plays(self) -> int:
        loops = self._image.info.get("loop")
        if self._image.format != "GIF":
            return int(loops or ENDLESS)
        return 1 if loops is None else loops + 1 if loops else ENDLESS
