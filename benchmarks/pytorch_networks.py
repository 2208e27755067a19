"""The paper's and the blog's networks in PyTorch, and VGG16."""

from __future__ import annotations

from typing import Callable

import torch
from torch import nn
from torch.nn import functional

VGG_MEAN = (123.68, 116.779, 103.939)


def instance_norm(channels: int) -> nn.Module:
    """Instance normalization with scale and shift."""
    return nn.InstanceNorm2d(channels, affine=True)


class Residual(nn.Module):
    """The paper's residual block, for style networks without padding."""

    def __init__(self, channels: int, padding: int = 1, norm: Callable[[int], nn.Module] = nn.BatchNorm2d) -> None:
        super().__init__()
        self.crop = 2 * (1 - padding)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=padding, bias=False),
            norm(channels),
            nn.ReLU(True),
            nn.Conv2d(channels, channels, 3, padding=padding, bias=False),
            norm(channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, H, W), or cropped by 2 at each side."""
        rows, columns = (slice(self.crop, side - self.crop) for side in x.shape[2:])
        return self.layers(x) + x[:, :, rows, columns]


class BlogResidual(nn.Module):
    """The blog's residual unit."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*Residual(channels).layers, nn.ReLU(True))
        self.skip = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return functional.relu(self.layers(x) + self.skip(x))


class ScaledTanh(nn.Module):
    """To [0, 255]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Any shape."""
        return (torch.tanh(x) + 1) * 127.5


def _transposed(channels: int) -> nn.Module:
    return nn.ConvTranspose2d(channels, channels, 3, 2, 1, 1, bias=False)


def style_network(norm: Callable[[int], nn.Module]) -> nn.Module:
    """Return the paper's style network."""
    layers: list[nn.Module] = [nn.ReflectionPad2d(40)]
    for channels, out, kernel, stride in ((3, 32, 9, 1), (32, 64, 3, 2), (64, 128, 3, 2)):
        layers += [nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False), norm(out), nn.ReLU(True)]
    layers += [Residual(128, 0, norm) for _ in range(5)]
    for channels, out in ((128, 64), (64, 32)):
        layers += [nn.ConvTranspose2d(channels, out, 3, 2, 1, 1, bias=False), norm(out), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.Conv2d(32, 3, 9, padding=4), ScaledTanh())


def network(name: str) -> nn.Module:
    """Return the counterpart of one of `gluon_perceptual.timing.workloads.NETWORKS`."""
    if name.startswith("style"):
        return style_network(instance_norm if name == "style_instance" else nn.BatchNorm2d)
    head, tail = nn.Conv2d(3, 64, 9, padding=4, bias=False), nn.Conv2d(64, 3, 9, padding=4, bias=name != "blog2")
    if name == "blog2":
        return nn.Sequential(head, *(BlogResidual(64) for _ in range(4)), _transposed(64), tail)
    stages = {"sr2": 1, "sr4": 2}[name]
    ups = [layer for _ in range(stages) for layer in (_transposed(64), nn.BatchNorm2d(64), nn.ReLU(True))]
    body = [Residual(64) for _ in range(4)]
    return nn.Sequential(head, nn.BatchNorm2d(64), nn.ReLU(True), *body, *ups, tail, ScaledTanh())


class VGG16(nn.Module):
    """The loss network: the last activations of the first stages; random weights take the same time."""

    def __init__(self, stages: int) -> None:
        super().__init__()
        channels, self.stages = 3, nn.ModuleList()
        for stage, (convs, out) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512))[:stages]):
            layers: list[nn.Module] = [nn.MaxPool2d(2)] if stage else []
            for _ in range(convs):
                layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU(True)]
                channels = out
            self.stages.append(nn.Sequential(*layers))
        self.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(VGG_MEAN).view(1, 3, 1, 1))

    def forward(self, x: torch.Tensor, stages: int = 4) -> list[torch.Tensor]:
        """(N, 3, H, W) -> relu1_2, relu2_2, relu3_3 and relu4_3, only the first `stages` of them."""
        found, x = [], x - self.mean
        for stage in self.stages[:stages]:
            x = stage(x)
            found.append(x)
        return found
