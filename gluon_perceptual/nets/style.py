"""The paper's style transfer network (supplement, table 1)."""

from __future__ import annotations

from typing import Any

from .._mxnet import NDArray, Operators, mx, nn
from ..choices import Norm, Output, Upsampling, check_choice, of
from .blocks import ConvBlock, ReflectionPad, ResidualBlock, identity, upsample
from .fast import OutputConv2D
from .pixels import HALF_RANGE
from .precision import current_precision

GRAIN = 16.0  # gray levels that the linear output counts in
NEAR_ZERO = 0.01  # deviation of the tanh output's first weights

CELL = 4  # pixels a side: what becomes one position of the feature maps in the middle
MARGIN = 10 * CELL  # what the 5 residual blocks without padding take away, 2 cells a side each
# How far from a border pixels are other than further inside, since convolutions pad with zeros: 2 cells by those before
# the residual blocks (7 pixels), 2.5 by those after them (4 pixels, 1 at half the size, 1 cell), in whole cells.
BORDER_ARTIFACT_WIDTH = 5 * CELL


class StyleNet(mx.gluon.HybridBlock):
    """Repaints pictures: (N, 3, H, W) float32 RGB in [0, 255] -> the same shape and range, for any H and W.

    As in the paper: reflection padding of 40, 9×9 conv of 32 channels, two convs of stride 2 to 64 and 128 channels, 5
    residual blocks without padding, two convs of stride 1/2, 9×9 conv and scaled tanh. Unlike there, the network sees
    (pixels − 127.5) / 127.5; instance normalization is the default, which was found later to train faster and to
    better pictures (Ulyanov et al. 2016); and where H or W is no multiple of 4, the picture is mirrored a little
    further, and the output cut.

    Args:
        width: Channels of the first layer (paper: 32); the others have 2 and 4 times as many.
        norm: "instance", "batch" (paper) or "none".
        upsampling: "transposed" (paper), "nearest" or "subpixel", see `blocks.upsample`.
        output: "tanh" (paper) or "linear", see `output_layers`.

    Raises:
        UserError: `norm`, `upsampling` or `output` is none of these.
    """

    scale = 1
    margin = MARGIN
    border_artifact_width = BORDER_ARTIFACT_WIDTH

    def __init__(
        self,
        width: int = 32,
        norm: Norm = "instance",
        upsampling: Upsampling = "transposed",
        output: Output = "tanh",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.arguments: dict[str, Any] = {"width": width, "norm": norm, "upsampling": upsampling, "output": output}
        self.precision = current_precision()
        with self.name_scope():
            self.pad = ReflectionPad(MARGIN, multiple=CELL)
            self.encode = nn.HybridSequential()
            self.encode.add(nn.HybridLambda(lambda F, x: (x - HALF_RANGE) / HALF_RANGE))
            self.encode.add(ConvBlock(3, width, 9, norm))
            self.encode.add(ConvBlock(width, 2 * width, 3, norm, stride=2))
            self.encode.add(ConvBlock(2 * width, 4 * width, 3, norm, stride=2))
            self.body = nn.HybridSequential()
            self.body.add(*(ResidualBlock(4 * width, norm, padding=False) for _ in range(5)))
            self.decode = nn.HybridSequential()
            self.decode.add(upsample(2 * width, upsampling, norm, 4 * width))
            self.decode.add(upsample(width, upsampling, norm, 2 * width))
            self.decode.add(*output_layers(width, output))

    def hybrid_forward(self, F: Operators, x: NDArray) -> NDArray:
        """(N, 3, H, W) -> (N, 3, H, W), both in [0, 255]."""
        return F.slice_like(self.decode(self.body(self.encode(self.pad(x)))), x, axes=(2, 3))


def output_layers(width: int, output: Output) -> list[mx.gluon.HybridBlock]:
    """Return the layers from features (N, width, H, W) to pixels.

    A step of Adam moves all weights of the 9×9 convolution alike where a picture is bright and flat, by the learning
    rate: at 1e-3 and width 32 their sum by about 1. The scaled tanh is driven so far out in the first steps that no
    gradient comes back. The linear output has no such ends, and counts in `GRAIN` gray levels, so that steps are small.

    Args:
        width: Channels in.
        output: "tanh", (tanh + 1) · 127.5, in [0, 255]; or "linear", mid-gray + `GRAIN` · x, which may leave [0, 255]
            and is to be clipped.
    """
    check_choice("output", output, of(Output))
    if output == "tanh":  # the paper does not say; by Xavier's a tenth of the pixels is beyond its ends in 20 steps
        convolution = OutputConv2D(3, 9, in_channels=width, weight_initializer=mx.init.Normal(NEAR_ZERO))
        return [convolution, nn.Activation("tanh"), nn.HybridLambda(lambda F, x: (x + 1) * HALF_RANGE)]
    # the convolution is the second layer, so that its name tells the kind
    return [identity(), OutputConv2D(3, 9, in_channels=width), nn.HybridLambda(lambda F, x: x * GRAIN + HALF_RANGE)]
