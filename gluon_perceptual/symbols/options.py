"""What must be known about a symbol to run it on pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import UserError

MOST_ENLARGED, MOST_FRAMED = 64, 1024  # times, pixels: more would fill the memory


@dataclass(frozen=True)
class SymbolOptions:
    """What a symbol does not say about itself.

    Attributes:
        color: "rgb", or "y" for a network with one channel: it gets Y of BT.601, as from MATLAB's `rgb2ycbcr`, and the
            chroma is enlarged by bicubic interpolation.
        scale: How many times the network itself enlarges.
        enlarge: How many times pictures are enlarged by bicubic interpolation before a network that keeps the size, as
            VDSR and SRCNN expect.
        padding: Mirrored pixels added around its input: as many as its convolutions cut off, or more, to keep its zero
            padding away from the picture.
        crop: Pixels then cropped from its output.
        max_value: White in its range: 255 or 1.
        mean: What is subtracted from its input, in its own range: one number, or three for red, green and blue.
        halo: How many input pixels beyond its own an output pixel can depend on, in the network's input.
    """

    color: str = "rgb"
    scale: int = 1
    enlarge: int = 1
    padding: int = 0
    crop: int = 0
    max_value: float = 255.0
    mean: tuple[float, ...] = (0.0,)
    halo: int = 0

    def __post_init__(self) -> None:
        """Raise UserError if they make no sense."""
        counts = (self.scale, self.enlarge, self.padding + 1, self.crop + 1, self.halo + 1)
        if not all(isinstance(count, int) and count >= 1 for count in counts) or not self.max_value > 0:
            raise UserError(f"{self}: expected whole numbers, scale and enlarge at least 1, and a positive peak")
        if len(self.mean) not in {"rgb": (1, 3), "y": (1,)}.get(self.color, ()):
            raise UserError(f"color {self.color}, mean {self.mean}: expected rgb and 1 or 3 numbers, or y and 1 number")
        if self.scale * self.enlarge > MOST_ENLARGED or self.padding > MOST_FRAMED or not math.isfinite(self.max_value):
            raise UserError(f"{self}: at most {MOST_ENLARGED} times and a padding of {MOST_FRAMED} pixels are allowed")
        if self.scale > 1 and self.enlarge > 1:
            raise UserError(f"enlarge {self.enlarge}: this network enlarges {self.scale} times itself")
