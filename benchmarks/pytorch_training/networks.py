"""The networks that are trained, in PyTorch, with the names of Gluon's parameters."""

from __future__ import annotations

import math
from typing import Any, Callable, Mapping, Optional

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from gluon_perceptual.errors import UserError
from gluon_perceptual.image.resampling import bicubic_phases
from gluon_perceptual.nets.lowpass_kernel import RADIUS, lowpass_kernel
from gluon_perceptual.training.style_config import StyleConfig
from gluon_perceptual.training.super_resolution_config import SuperResolutionConfig

HALF_RANGE, GRAIN, MARGIN, NEAR_ZERO = 127.5, 16.0, 40, 1e-4  # as in gluon_perceptual.nets


Norm = Optional[Callable[[int], nn.Module]]  # makes a normalization of so many channels


class InstanceNorm(nn.Module):
    """As `gluon_perceptual.nets.instance_norm.InstanceNorm`, in float32."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return functional.instance_norm(x.float(), weight=self.gamma, bias=self.beta)


def norm_layer(norm: Norm, channels: int) -> nn.Module:
    """Return the normalization, or a block that does nothing."""
    return norm(channels) if norm else nn.Identity()


def conv_block(inputs: int, channels: int, kernel: int, norm: Norm, stride: int = 1, padding: bool = True) -> nn.Module:
    """Return convolution, normalization, ReLU."""
    conv = nn.Conv2d(inputs, channels, kernel, stride, kernel // 2 * padding, bias=not norm)
    return nn.Sequential(conv, norm_layer(norm, channels), nn.ReLU(True))


class ResidualBlock(nn.Module):
    """As `gluon_perceptual.nets.blocks.ResidualBlock`."""

    def __init__(self, channels: int, norm: Norm, padding: bool = True) -> None:
        super().__init__()
        self.crop = 0 if padding else 2
        self.conv = conv_block(channels, channels, 3, norm, padding=padding)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=int(padding), bias=not norm)
        self.norm2 = norm_layer(norm, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, H, W), or cropped by 2 at each side."""
        rows, columns = (slice(self.crop, side - self.crop) for side in x.shape[2:])
        return self.norm2(self.conv2(self.conv(x))).float() + x[:, :, rows, columns].float()


def enlarging(channels: int, upsampling: str, norm: Norm, inputs: int) -> nn.Module:
    """Return a block that doubles H and W, as `gluon_perceptual.nets.blocks.upsample`."""
    if upsampling == "transposed":
        layers = [nn.ConvTranspose2d(inputs, channels, 3, 2, 1, 1, bias=not norm)]
    else:
        layers = [nn.UpsamplingNearest2d(scale_factor=2), nn.Conv2d(inputs, channels, 3, padding=1, bias=not norm)]
    return nn.Sequential(*layers, norm_layer(norm, channels), nn.ReLU(True))


class Direct(nn.Sequential):
    """As `gluon_perceptual.nets.blocks.DirectEnlargement`."""

    def __init__(self, channels: int, scale: int) -> None:
        super().__init__(nn.Conv2d(channels, 3 * scale**2, 3, padding=1))
        self.scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, 3, scale·H, scale·W); the phases are the slower part of the channel axis."""
        phases = super().forward(x).unflatten(1, (-1, 3)).transpose(1, 2).flatten(1, 2)
        return functional.pixel_shuffle(phases, self.scale)


def exact_conv(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Convolve pictures, in [0, 255], in float32 also where networks compute in bfloat16."""
    with torch.autocast(x.device.type, enabled=False):
        return functional.conv2d(x, weight)


class LowPass(nn.Module):
    """As `gluon_perceptual.nets.lowpass.LowPass`, for pictures of any size; without a cut-off the identity."""

    def __init__(self, cutoff: float | None) -> None:
        super().__init__()
        kernel = None if cutoff is None else torch.tensor(lowpass_kernel(cutoff), dtype=torch.float32)[None, None]
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> the same."""
        if self.kernel is None:
            return x
        planes = functional.pad(x.flatten(0, 1)[:, None], [RADIUS] * 4, mode="replicate")
        return exact_conv(planes, self.kernel).view_as(x)


class StyleNet(nn.Module):
    """As `gluon_perceptual.nets.style.StyleNet` with instance norms and the linear output."""

    def __init__(self, width: int, upsampling: str, lowpass: float | None) -> None:
        super().__init__()
        self.lowpass = LowPass(lowpass)
        self.encode = nn.Sequential(
            nn.ReflectionPad2d(MARGIN),
            conv_block(3, width, 9, InstanceNorm),
            conv_block(width, 2 * width, 3, InstanceNorm, stride=2),
            conv_block(2 * width, 4 * width, 3, InstanceNorm, stride=2),
        )
        self.body = nn.Sequential(*(ResidualBlock(4 * width, InstanceNorm, padding=False) for _ in range(5)))
        self.decode = nn.Sequential(
            enlarging(2 * width, upsampling, InstanceNorm, 4 * width),
            enlarging(width, upsampling, InstanceNorm, 2 * width),
            nn.Identity(),
            nn.Conv2d(width, 3, 9, padding=4),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, 3, H, W), both in [0, 255], for H and W that are multiples of 4."""
        out = self.decode(self.body(self.encode((x - HALF_RANGE) / HALF_RANGE)))
        return self.lowpass(out.float() * GRAIN + HALF_RANGE)


class SuperResolutionNet(nn.Module):
    """As `gluon_perceptual.nets.super_resolution.SuperResolutionNet` with `skip` and without norm."""

    def __init__(self, scale: int, width: int, blocks: int, upsampling: str, lowpass: float | None) -> None:
        super().__init__()
        self.scale = scale
        self.head = conv_block(3, width, 9, None)
        self.body = nn.Sequential(*(ResidualBlock(width, None) for _ in range(blocks)))
        stages = 0 if upsampling == "direct" else int(math.log2(scale))
        self.up = nn.Sequential(*(enlarging(width, upsampling, None, width) for _ in range(stages)))
        self.tail = Direct(width, scale) if upsampling == "direct" else nn.Conv2d(width, 3, 9, padding=4)
        self.register_buffer("phases", torch.tensor(bicubic_phases(scale)[:, np.newaxis]), persistent=False)
        self.lowpass = LowPass(lowpass)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, 3, scale·H, scale·W), both in [0, 255]."""
        added = self.tail(self.up(self.body(self.head((x - HALF_RANGE) / HALF_RANGE)))).float()
        return self._bicubic(x) + self.lowpass(added) * HALF_RANGE

    def _bicubic(self, x: torch.Tensor) -> torch.Tensor:
        framed = functional.pad(x.flatten(0, 1)[:, None], [2] * 4, mode="replicate")
        large = functional.pixel_shuffle(exact_conv(framed, self.phases), self.scale)
        return large.view(len(x), 3, *large.shape[2:])


def network_of(config: StyleConfig | SuperResolutionConfig) -> nn.Module:
    """Return a run's network, initialized as Gluon's.

    Raises:
        UserError: It is one of the paper's or the blog's.
    """
    if isinstance(config, StyleConfig):
        if (config.norm, config.output) != ("instance", "linear"):
            raise UserError(f"norm {config.norm}, output {config.output}: only instance and linear are supported")
        return initialized(StyleNet(config.width, config.upsampling, config.lowpass or None))
    if (config.arch, config.norm) != ("skip", "none"):
        raise UserError(f"arch {config.arch}, norm {config.norm}: only skip without norm is supported")
    net = initialized(SuperResolutionNet(config.scale, config.width, config.blocks, config.upsampling, config.lowpass))
    nn.init.normal_((net.tail[0] if config.upsampling == "direct" else net.tail).weight, std=NEAR_ZERO)
    return net


def initialized(net: nn.Module) -> nn.Module:
    """Give convolutions Xavier's weights, transposed ones twice as large, and biases of 0."""
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.xavier_uniform_(layer.weight, gain=2.0 if isinstance(layer, nn.ConvTranspose2d) else 1.0)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return net


def load(net: nn.Module, arrays: Mapping[str, np.ndarray]) -> None:
    """Take over a Gluon network's parameters; its constants are not needed.

    Raises:
        UserError: They belong to another network.
    """
    own: dict[str, Any] = net.state_dict()
    wrong = [name for name in own if name not in arrays or arrays[name].shape != tuple(own[name].shape)]
    if wrong:
        raise UserError(f"these parameters are for another network: {wrong[0]} is missing or of another shape")
    net.load_state_dict({name: torch.tensor(np.asarray(arrays[name], np.float32)) for name in own})
