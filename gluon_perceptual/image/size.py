"""The size that pictures are to have: by a factor, or by their width, height or number of pixels."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import Iterable

from ..errors import UserError


@dataclass(frozen=True)
class Size:
    """What a picture is resized to, both sides by one factor; exactly one of these is given.

    Attributes:
        scale: The factor.
        width: In pixels.
        height: In pixels.
        megapixels: Width times height, in millions; met as nearly as whole pixels allow.
    """

    scale: float | None = None
    width: int | None = None
    height: int | None = None
    megapixels: float | None = None

    def __post_init__(self) -> None:
        """Raise UserError unless one is given, and positive."""
        given = [value for value in astuple(self) if value is not None]
        if len(given) != 1 or not 0 < given[0] < math.inf:
            raise UserError(f"{self}: expected one positive number")

    def of(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width that a picture of these sides gets, at least 1 each."""
        if self.scale is not None:
            factor = self.scale
        elif self.megapixels is not None:
            factor = math.sqrt(1e6 * self.megapixels / (height * width))
        else:
            factor = self.width / width if self.width is not None else (self.height or 0) / height
        return max(1, round(height * factor)), max(1, round(width * factor))

    def ratio(self, height: int, width: int) -> float:
        """Return how many times larger a picture of these sides gets."""
        return max(new / old for new, old in zip(self.of(height, width), (height, width)))

    @property
    def label(self) -> str:
        """What is put into the names of files of this size, such as "x1.5" or "w3000"."""
        marks = zip(("x{:g}", "w{}", "h{}", "{:g}mp"), astuple(self))
        return next(mark.format(value) for mark, value in marks if value is not None)


def passes(scale: int, ratio: float) -> int:
    """Return how often a model that enlarges `scale` times runs until a picture is `ratio` times larger, or more.

    Not at all, if it is as large already; but once, if the model keeps the size, since it is to restore.

    Raises:
        UserError: The model keeps the size, and the picture has to become larger.
    """
    if scale == 1:
        if ratio > 1:
            raise UserError(f"this model keeps the size and cannot enlarge {ratio:g} times: choose another model")
        return 1
    count = 0
    while scale**count < ratio:
        count += 1
    return count


def fewest_passes(scales: Iterable[int], ratio: float) -> int:
    """Return the scale, among those of models, that becomes `ratio` times or more in the fewest passes; the least one.

    Up to ×8 this is the next larger scale.
    """
    return min(scales, key=lambda scale: (passes(scale, ratio), scale))
