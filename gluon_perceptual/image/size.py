"""The size of results: as a factor, or as width, height or number of pixels."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import Iterable

from ..errors import UserError


@dataclass(frozen=True)
class Size:
    """The size to which a picture is resized, both sides by the same factor; exactly one of these is given.

    Attributes:
        scale: The factor.
        width: In pixels.
        height: In pixels.
        megapixels: Width times height, in millions; as close as whole pixels allow.
    """

    scale: float | None = None
    width: int | None = None
    height: int | None = None
    megapixels: float | None = None

    def __post_init__(self) -> None:
        """Raise UserError unless exactly one is given, and positive."""
        given = [value for value in astuple(self) if value is not None]
        if len(given) != 1 or not 0 < given[0] < math.inf:
            raise UserError(f"{self}: expected one positive number")

    def of(self, height: int, width: int) -> tuple[int, int]:
        """Return the new height and width of a picture with these sides, at least 1 each."""
        if self.scale is not None:
            factor = self.scale
        elif self.megapixels is not None:
            factor = math.sqrt(1e6 * self.megapixels / (height * width))
        else:
            factor = self.width / width if self.width is not None else (self.height or 0) / height
        return max(1, _rounded(height * factor)), max(1, _rounded(width * factor))

    def ratio(self, height: int, width: int) -> float:
        """Return how many times larger a picture with these sides becomes."""
        return max(new / old for new, old in zip(self.of(height, width), (height, width)))

    def passes(self, scale: int, height: int, width: int) -> int:
        """Return how often a model that enlarges `scale` times must run on a picture with these sides, see `passes`.

        Once if the factor is 1: what is enlarged and then reduced again is restored.
        """
        return 1 if self.scale == 1 else passes(scale, self.ratio(height, width))

    @property
    def label(self) -> str:
        """The part of file names that stands for this size, such as "x1.5" or "w3000"."""
        marks = zip(("x{:g}", "w{}", "h{}", "{:g}mp"), astuple(self))
        return next(mark.format(value) for mark, value in marks if value is not None)


def _rounded(length: float) -> int:
    """Return the nearest number, halves up, where Python's own rounding goes up and down by turns."""
    return math.floor(length + 0.5)


def passes(scale: int, ratio: float) -> int:
    """Return how often a model that enlarges `scale` times must run to make a picture at least `ratio` times larger.

    0 if the picture is already large enough, but 1 if the model keeps the size, since it restores pictures.

    Raises:
        UserError: The model keeps the size, but the picture should become larger.
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
    """Return the least of the models' scales that reaches `ratio` in the fewest passes.

    Up to ×8, it is the next larger scale.
    """
    return min(scales, key=lambda scale: (passes(scale, ratio), scale))
