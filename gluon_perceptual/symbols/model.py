"""Runs networks from MXNet symbols on RGB pictures, whatever their input: only Y, other ranges, other sizes."""

from __future__ import annotations

from typing import Callable

import numpy as np

from .._mxnet import Block, Context, NDArray, Operators, mx
from .._mxnet.gluon import constant
from ..errors import UserError
from ..image.color import LUMA
from ..nets.blocks import BicubicEnlargement, ReflectionPad, identity
from .operators import Shape
from .options import SymbolOptions

WHITE, BLACK = 235.0, 16.0  # of Y


class SymbolModel(mx.gluon.HybridBlock):
    """(N, 3, H, W) float32 RGB in [0, 255] -> (N, 3, scale·H, scale·W), not clipped.

    Args:
        net: (N, 1 or 3, h + 2·padding, …) -> (N, 1 or 3, options.scale·h + 2·crop, …), in its own range.
        check: From the shape of an input to that of the output; raises UserError if `net` must not run on it.
        options: See there.
        ctx: Device of the network.
    """

    def __init__(self, net: Block, check: Callable[[Shape], Shape], options: SymbolOptions, ctx: Context) -> None:
        super().__init__()
        self.net, self.check, self.options = net, check, options
        self.scale = options.scale * options.enlarge
        needed = self.scale > 1 and (options.color == "y" or options.enlarge > 1)
        with self.name_scope():
            self.bicubic = BicubicEnlargement(self.scale) if needed else identity()
            self.frame = ReflectionPad(options.padding) if options.padding else identity()
            self.mean = constant(self, "mean", np.array(options.mean, np.float32).reshape(1, -1, 1, 1))
        for fixed in (self.mean, *self.bicubic.collect_params().values()):
            fixed.initialize(ctx=ctx)

    @property
    def halo(self) -> int:
        """How many input pixels beyond its own an output pixel can depend on."""
        return -(-self.options.halo // self.options.enlarge) + (2 if self.scale > 1 else 0)

    def forward(self, x: NDArray) -> NDArray:
        """Run the network, after checking the shapes of all layers for pictures of this size."""
        if isinstance(x, mx.nd.NDArray):
            self.check_size(*x.shape)
        return super().forward(x)

    def check_size(self, count: int, _: int, height: int, width: int) -> None:
        """Raise UserError if the network does not enlarge pictures of this size as its options say."""
        options, channels = self.options, {"rgb": 3, "y": 1}[self.options.color]
        sides = [side * options.enlarge for side in (height, width)]
        made = self.check((count, channels, *(side + 2 * options.padding for side in sides)))
        wanted = (count, channels, *(side * options.scale + 2 * options.crop for side in sides))
        if made != wanted:
            raise UserError(f"for {height}×{width} pixels the network returns {made}; expected {wanted}")

    def hybrid_forward(self, F: Operators, x: NDArray, mean: NDArray) -> NDArray:
        """Run the network; in RGB, a change of luma with the same chroma adds one difference to all channels."""
        large = self.bicubic(x)
        given = large if self.options.enlarge > 1 else x
        if self.options.color == "rgb":
            return self._run(F, given, mean)
        difference = self._run(F, _luma(F, given), mean) - _luma(F, large)
        return F.broadcast_add(large, difference * (255.0 / (WHITE - BLACK)))

    def _run(self, F: Operators, x: NDArray, mean: NDArray) -> NDArray:
        """Pixels -> pixels."""
        factor = self.options.max_value / 255.0
        out, crop = self.net(F.broadcast_sub(self.frame(x * factor), mean)), self.options.crop
        if crop:
            out = F.slice(out, begin=(None, None, crop, crop), end=(None, None, -crop, -crop))
        return out / factor


def _luma(F: Operators, rgb: NDArray) -> NDArray:
    """(N, 3, H, W) -> (N, 1, H, W) in [16, 235]."""
    planes = F.split(rgb, num_outputs=3, axis=1)
    return planes[0] * LUMA[0] + planes[1] * LUMA[1] + planes[2] * LUMA[2] + BLACK
