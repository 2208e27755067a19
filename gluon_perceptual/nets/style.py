"""The paper's style transfer network (supplement, table 1)."""

from __future__ import annotations

from typing import Any

from .._mxnet import NDArray, Operators, mx, nn
from ..choices import Norm, Output, Upsampling, check_choice, of
from .blocks import ConvBlock, ReflectionPad, ResidualBlock, identity, upsample
from .fast import OutputConv2D
from .lowpass import LowPass
from .lowpass_kernel import RADIUS, Cutoff
from .pixels import HALF_RANGE
from .precision import current_precision

GRAIN = 16.0  # gray levels per unit of the linear output
NEAR_ZERO = 0.01  # standard deviation of the tanh output's initial weights

CELL = 4  # pixels per side that become one position of the middle feature maps
MARGIN = 10 * CELL  # the 5 residual blocks without padding remove 2 cells per side each
# Width of the border that zero padding affects. Encoder: 7 pixels, rounded up to 2 cells. Decoder: 1 cell + 1 pixel at
# half size (1/2 cell) + 4 pixels (1 cell) = 2 1/2. Together 4 1/2, rounded up to 5 cells. A low-pass adds its radius.
BORDER_ARTIFACT_WIDTH = 5 * CELL


class StyleNet(mx.gluon.HybridBlock):
    """Repaints pictures: (N, 3, H, W) float32 RGB in [0, 255] -> the same shape and range, for any H and W.

    As in the paper: reflection padding of 40, 9×9 conv of 32 channels, two convs of stride 2 to 64 and 128 channels, 5
    residual blocks without padding, two convs of stride 1/2, 9×9 conv and scaled tanh. Unlike there, the network sees
    (pixels − 127.5) / 127.5; instance normalization is the default, which was later found to train faster and to better
    pictures (Ulyanov et al. 2016); and if H or W is not a multiple of 4, the picture is mirrored a little further and
    the output is cropped.

    Args:
        width: Channels of the first layer (paper: 32); the others have 2 and 4 times as many.
        norm: "instance", "batch" (paper) or "none".
        upsampling: "transposed" (paper), "nearest" or "subpixel", see `blocks.upsample`.
        output: "tanh" (paper) or "linear", see `output_layers`.
        lowpass: None (paper), or the cut-off in cycles per pixel, such as 0.3, or those of luma and chroma, of a fixed
            low-pass on the output, see `lowpass`: each brush stroke has finer copies, from upsampling by 4, which
            together are a mesh.

    Raises:
        UserError: `norm`, `upsampling` or `output` is unknown, or `lowpass` is out of range or not one or two numbers.
    """

    scale = 1
    margin = MARGIN

    def __init__(
        self,
        width: int = 32,
        norm: Norm = "instance",
        upsampling: Upsampling = "transposed",
        output: Output = "tanh",
        lowpass: Cutoff | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.arguments: dict[str, Any] = {
            "width": width, "norm": norm, "upsampling": upsampling, "output": output, "lowpass": lowpass,
        }  # fmt: skip
        self.border_artifact_width = BORDER_ARTIFACT_WIDTH + (0 if lowpass is None else RADIUS)
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
            if lowpass is not None:  # by name, since the number of layers before it depends on `output`
                self.decode.register_child(LowPass(lowpass, CELL), "lowpass")

    def hybrid_forward(self, F: Operators, x: NDArray) -> NDArray:
        """(N, 3, H, W) -> (N, 3, H, W), both in [0, 255]."""
        return F.slice_like(self.decode(self.body(self.encode(self.pad(x)))), x, axes=(2, 3))


def output_layers(width: int, output: Output) -> list[mx.gluon.HybridBlock]:
    """Return the layers from features (N, width, H, W) to pixels.

    Where a picture is bright and flat, a step of Adam moves all weights of the 9×9 convolution by the learning rate in
    the same direction: at 1e-3 and width 32 their sum by about 1. That drives the scaled tanh into saturation in the
    first steps, where it has no gradient. The linear output does not saturate, and its unit of `GRAIN` gray levels
    keeps steps small.

    Args:
        width: Channels in.
        output: "tanh", (tanh + 1) · 127.5, in [0, 255]; or "linear", mid-gray + `GRAIN` · x, which may leave [0, 255]
            and must be clipped.
    """
    check_choice("output", output, of(Output))
    if output == "tanh":  # not in the paper; with Xavier's weights a tenth of the pixels saturates in 20 steps
        convolution = OutputConv2D(3, 9, in_channels=width, weight_initializer=mx.init.Normal(NEAR_ZERO))
        return [convolution, nn.Activation("tanh"), nn.HybridLambda(lambda F, x: (x + 1) * HALF_RANGE)]
    # The convolution comes second: its parameters are called `decode.3` in a checkpoint, not `decode.2` as with tanh.
    return [identity(), OutputConv2D(3, 9, in_channels=width), nn.HybridLambda(lambda F, x: x * GRAIN + HALF_RANGE)]
