"""The paper's and the blog's networks in PyTorch."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.nn import functional

from .pytorch_training.networks import HALF_RANGE, MARGIN, Norm, ResidualBlock, conv_block, enlarging

instance_norm = partial(nn.InstanceNorm2d, affine=True)


class BlogResidual(nn.Module):
    """The blog's residual unit."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        block = ResidualBlock(channels, nn.BatchNorm2d)
        self.layers = nn.Sequential(block.conv, block.conv2, block.norm2, nn.ReLU(True))
        self.skip = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return functional.relu(self.layers(x) + self.skip(x))


class ScaledTanh(nn.Module):
    """To [0, 255]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Any shape."""
        return (torch.tanh(x) + 1) * HALF_RANGE


def style_network(norm: Norm) -> nn.Module:
    """Return the paper's style network."""
    convs = [conv_block(3, 32, 9, norm), conv_block(32, 64, 3, norm, 2), conv_block(64, 128, 3, norm, 2)]
    body = [ResidualBlock(128, norm, padding=False) for _ in range(5)]
    ups = [enlarging(64, "transposed", norm, 128), enlarging(32, "transposed", norm, 64)]
    tail = nn.Conv2d(32, 3, 9, padding=4)
    return nn.Sequential(nn.ReflectionPad2d(MARGIN), *convs, *body, *ups, tail, ScaledTanh())


def build(network: str) -> nn.Module:
    """Return the counterpart of one of `gluon_perceptual.timing.workloads.NETWORKS`."""
    if network.startswith("style"):
        return style_network(instance_norm if network == "style_instance" else nn.BatchNorm2d)
    tail = nn.Conv2d(64, 3, 9, padding=4, bias=network != "blog2")
    if network == "blog2":
        head, larger = nn.Conv2d(3, 64, 9, padding=4, bias=False), nn.ConvTranspose2d(64, 64, 3, 2, 1, 1, bias=False)
        return nn.Sequential(head, *(BlogResidual(64) for _ in range(4)), larger, tail)
    body = [ResidualBlock(64, nn.BatchNorm2d) for _ in range(4)]
    ups = [enlarging(64, "transposed", nn.BatchNorm2d, 64) for _ in range({"sr2": 1, "sr4": 2}[network])]
    return nn.Sequential(conv_block(3, 64, 9, nn.BatchNorm2d), *body, *ups, tail, ScaledTanh())
