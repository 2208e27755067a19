"""The paper's super-resolution networks (supplement, table 2), and options that have proved better."""

from __future__ import annotations

import math
from typing import Any

from .._mxnet import NDArray, Operators, mx, nn
from ..choices import SCALES, Enlargement, Norm, check_choice, of
from ..errors import UserError
from .blocks import BicubicEnlargement, ConvBlock, DirectEnlargement, ResidualBlock, upsample
from .fast import OutputConv2D
from .lowpass import LowPass
from .lowpass_kernel import RADIUS, Cutoff
from .pixels import HALF_RANGE
from .precision import current_precision

NEAR_ZERO = 1e-4  # standard deviation of the last layer's initial weights with `skip`


class SuperResolutionNet(mx.gluon.HybridBlock):
    """Enlarges pictures 2, 4 or 8 times, or restores them at the same size.

    (N, 3, H, W) float32 RGB in [0, 255] -> (N, 3, scale·H, scale·W), same range.

    As in the paper: 9×9 conv, 4 residual blocks, log2(scale) convs of stride 1/2, 9×9 conv and scaled tanh. Unlike
    there, the network sees (pixels − 127.5) / 127.5, so that zero padding means mid-gray.

    Args:
        scale: 2, 4 or 8; 1 for a network without upsampling, which can only remove noise and compression artifacts.
        width: Channels inside (paper: 64).
        blocks: Residual blocks (paper: 4).
        norm: "batch" (paper) or "none".
        upsampling: "transposed" (paper), "nearest" or "subpixel", see `blocks.upsample`; or "direct": instead of the
            layers that enlarge and the last convolution there is a `blocks.DirectEnlargement`. Everything else is then
            computed at the input's size: ×4 with 16 blocks takes about as long as with the paper's layers and 8.
        skip: False (paper): the output is a scaled tanh. True: the output is the bicubic enlargement of the input
            (×1: the input itself) plus what the network adds, without tanh; it starts as bicubic interpolation, may
            leave [0, 255], and preserves colors.
        lowpass: None, or the cut-off in cycles per pixel, such as 0.3, or those of luma and chroma, of a fixed low-pass
            on what the network adds to the bicubic enlargement, see `lowpass`.

    Raises:
        UserError: `scale`, `norm` or `upsampling` is unknown, `lowpass` is out of range or not one or two numbers, or
            there is one without `skip`.
    """

    def __init__(
        self,
        scale: int,
        width: int = 64,
        blocks: int = 4,
        norm: Norm = "batch",
        upsampling: Enlargement = "transposed",
        skip: bool = False,
        lowpass: Cutoff | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("scale", scale, SCALES)
        check_choice("upsampling", upsampling, of(Enlargement))
        if lowpass is not None and not skip:
            raise UserError(f"`lowpass` {lowpass} filters what is added to the bicubic enlargement: it needs `skip`")
        self.scale, self.precision = scale, current_precision()
        with self.name_scope():
            self.head = ConvBlock(3, width, 9, norm)
            self.body = nn.HybridSequential()
            self.body.add(*(ResidualBlock(width, norm) for _ in range(blocks)))
            self.up = nn.HybridSequential()
            first = mx.init.Normal(NEAR_ZERO) if skip else None
            if upsampling == "direct":
                self.tail = DirectEnlargement(scale, width, first)
            else:
                self.up.add(*(upsample(width, upsampling, norm) for _ in range(int(math.log2(scale)))))
                self.tail = OutputConv2D(3, 9, in_channels=width, weight_initializer=first)
            self.enlarge = BicubicEnlargement(scale) if skip else None
            self.lowpass = None if lowpass is None else LowPass(lowpass, scale)

    @property
    def halo(self) -> int:
        """How many input pixels beyond its own an output pixel can depend on (the receptive field's radius)."""
        ups = sum(math.ceil(2 / 2**i) for i in range(len(self.up)))
        tail = self.scale if isinstance(self.tail, DirectEnlargement) else 4
        tail += 0 if self.lowpass is None else RADIUS
        return 4 + 2 * len(self.body) + ups + math.ceil(tail / self.scale) + 1

    def hybrid_forward(self, F: Operators, x: NDArray) -> NDArray:
        """(N, 3, H, W) -> (N, 3, scale·H, scale·W), both in [0, 255]."""
        features = self.head((x - HALF_RANGE) / HALF_RANGE)
        out = self.tail(self.up(self.body(features)))
        if self.enlarge is None:
            return (F.Activation(out, act_type="tanh") + 1) * HALF_RANGE
        added = out if self.lowpass is None else self.lowpass(out)
        return self.enlarge(x) + added * HALF_RANGE
