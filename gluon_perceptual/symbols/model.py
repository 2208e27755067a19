"""Networks that came as MXNet symbols, run on RGB pictures whatever they take: Y alone, other ranges, other sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._mxnet import mx
from ..errors import UserError
from ..image.color import LUMA
from ..nets.blocks import BicubicEnlargement, ReflectionPad, identity

WHITE, BLACK = 235.0, 16.0  # of Y
MOST_ENLARGED, MOST_FRAMED = 64, 1024  # times, pixels: more is nobody's intention and fills the memory


@dataclass(frozen=True)
class SymbolOptions:
    """What a symbol does not say of itself.

    Attributes:
        color: "rgb", or "y" for a network of one channel: it gets Y of BT.601, as MATLAB's `rgb2ycbcr` gives it, and
            the chroma is enlarged by bicubic interpolation.
        scale: How many times the network itself enlarges.
        enlarge: How many times pictures are enlarged by bicubic interpolation before a network that keeps the size, as
            VDSR and SRCNN want it.
        padding: Pixels, mirrored, to be put around its input: what its convolutions cut off, or more, so that the
            zeros that it puts there itself stay away from the picture.
        crop: Pixels to be cut off its output after that.
        max_value: White in its range: 255 or 1.
        mean: What it wants subtracted, in its own range: one number, or three for red, green and blue.
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
            raise UserError(f"{self}: expected whole numbers, scale and enlarge from 1 on, and a positive peak")
        if len(self.mean) not in {"rgb": (1, 3), "y": (1,)}.get(self.color, ()):
            raise UserError(f"color {self.color}, mean {self.mean}: expected rgb and 1 or 3 numbers, or y and 1 number")
        if self.scale * self.enlarge > MOST_ENLARGED or self.padding > MOST_FRAMED or not math.isfinite(self.max_value):
            raise UserError(f"{self}: enlarged at most {MOST_ENLARGED} times, framed by {MOST_FRAMED} pixels")
        if self.scale > 1 and self.enlarge > 1:
            raise UserError(f"enlarge {self.enlarge}: this network enlarges {self.scale} times itself")


class SymbolModel(mx.gluon.HybridBlock):
    """(N, 3, H, W) float32 RGB in [0, 255] -> (N, 3, scale·H, scale·W), not clipped.

    Args:
        net: (N, 1 or 3, h + 2·padding, …) -> (N, 1 or 3, options.scale·h + 2·crop, …), in its own range.
        options: See there.
        ctx: Device of the network.
    """

    def __init__(self, net: Any, options: SymbolOptions, ctx: Any) -> None:
        super().__init__()
        self.net, self.options = net, options
        self.scale = options.scale * options.enlarge
        needed = self.scale > 1 and (options.color == "y" or options.enlarge > 1)
        with self.name_scope():
            self.bicubic = BicubicEnlargement(self.scale) if needed else identity()
            self.frame = ReflectionPad(options.padding) if options.padding else identity()
            self.mean = self.params.get_constant("mean", np.array(options.mean, np.float32).reshape(1, -1, 1, 1))
        for constant in (self.mean, *self.bicubic.collect_params().values()):
            constant.initialize(ctx=ctx)

    @property
    def halo(self) -> int:
        """How many input pixels beyond its own an output pixel can depend on."""
        return -(-self.options.halo // self.options.enlarge) + (2 if self.scale > 1 else 0)

    def hybrid_forward(self, F: Any, x: Any, mean: Any) -> Any:
        """Run the network; in RGB, other luma with the same chroma is one difference, added to all three."""
        large = self.bicubic(x)
        given = large if self.options.enlarge > 1 else x
        if self.options.color == "rgb":
            return self._run(F, given, mean)
        difference = self._run(F, _luma(F, given), mean) - _luma(F, large)
        return F.broadcast_add(large, difference * (255.0 / (WHITE - BLACK)))

    def _run(self, F: Any, x: Any, mean: Any) -> Any:
        """Pixels -> pixels."""
        factor = self.options.max_value / 255.0
        out, crop = self.net(F.broadcast_sub(self.frame(x * factor), mean)), self.options.crop
        if crop:
            out = F.slice(out, begin=(None, None, crop, crop), end=(None, None, -crop, -crop))
        return out / factor


def _luma(F: Any, rgb: Any) -> Any:
    """(N, 3, H, W) -> (N, 1, H, W) in [16, 235]."""
    planes = F.split(rgb, num_outputs=3, axis=1)
    return planes[0] * LUMA[0] + planes[1] * LUMA[1] + planes[2] * LUMA[2] + BLACK
