"""The same networks and training step in PyTorch: what a user would take instead."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from gluon_perceptual.images import to_image, to_tensor
from gluon_perceptual.tiling import Tile, map_tiles, plan

from .photo import bands, make_photo

VGG_MEAN = (123.68, 116.779, 103.939)
TV_WEIGHT = 1e-4


class Residual(nn.Module):
    """The paper's residual block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return self.layers(x) + x


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


def network(name: str) -> nn.Module:
    """Return sr2, sr4 or blog2."""
    head, tail = nn.Conv2d(3, 64, 9, padding=4, bias=False), nn.Conv2d(64, 3, 9, padding=4, bias=name != "blog2")
    if name == "blog2":
        return nn.Sequential(head, *(BlogResidual(64) for _ in range(4)), _transposed(64), tail)
    stages = {"sr2": 1, "sr4": 2}[name]
    ups = [layer for _ in range(stages) for layer in (_transposed(64), nn.BatchNorm2d(64), nn.ReLU(True))]
    body = [Residual(64) for _ in range(4)]
    return nn.Sequential(head, nn.BatchNorm2d(64), nn.ReLU(True), *body, *ups, tail, ScaledTanh())


def vgg16_to_relu2_2() -> nn.Module:
    """Return the loss network; its weights matter to no timing, so they are random."""
    convs = [nn.Conv2d(i, o, 3, padding=1) for i, o in ((3, 64), (64, 64), (64, 128), (128, 128))]
    first, second, third, fourth = ((conv, nn.ReLU(True)) for conv in convs)
    vgg = nn.Sequential(*first, *second, nn.MaxPool2d(2), *third, *fourth)
    return vgg.requires_grad_(False)


def _total_variation(x: torch.Tensor) -> torch.Tensor:
    return (x[:, :, 1:] - x[:, :, :-1]).abs().mean() + (x[..., 1:] - x[..., :-1]).abs().mean()


def _layout(channels_last: bool) -> Any:
    return torch.channels_last if channels_last else torch.contiguous_format


def training_step(name: str, size: int = 144, batch: int = 4, channels_last: bool = True) -> Callable[[], None]:
    """As `gluon_perceptual.workloads.training_step`."""
    torch.manual_seed(0)
    layout, low = _layout(channels_last), size // (4 if name == "sr4" else 2)
    net, vgg = network(name).to(memory_format=layout), vgg16_to_relu2_2().to(memory_format=layout)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    inputs = (torch.rand(batch, 3, low, low) * 255).to(memory_format=layout)
    references = (torch.rand(batch, 3, size, size) * 255).to(memory_format=layout)
    mean = torch.tensor(VGG_MEAN).view(1, 3, 1, 1)

    def step() -> None:
        optimizer.zero_grad()
        with torch.no_grad():
            target = vgg(references - mean)
        output = net(inputs)
        loss = functional.mse_loss(vgg(output - mean), target) + TV_WEIGHT * _total_variation(output)
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def inference(name: str, size: int = 256, batch: int = 1, channels_last: bool = True) -> Callable[[], None]:
    """As `gluon_perceptual.workloads.inference`."""
    net = network(name).eval().to(memory_format=_layout(channels_last))
    x = (torch.rand(batch, 3, size, size) * 255).to(memory_format=_layout(channels_last))

    @torch.inference_mode()
    def enlarge() -> None:
        net(x)

    return enlarge


def photo(name: str, height: int, width: int, tile: int, halo: int, parts: int) -> Callable[[], None]:
    """As `benchmarks.photo.photo`, over the same tiles."""
    net = network(name).eval().to(memory_format=torch.channels_last)
    scale = 4 if name == "sr4" else 2

    @torch.inference_mode()
    def enlarge_window(window: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(to_tensor(window)).to(memory_format=torch.channels_last)
        return to_image(net(x).numpy(), window.dtype)

    image = make_photo(height, width)
    large = np.empty((scale * height, scale * width, 3), np.uint8)

    def enlarge(tiles: list[Tile]) -> None:
        for rows, columns, values in map_tiles(image, enlarge_window, scale, tiles):
            large[rows, columns] = values

    return bands(enlarge, plan(height, width, tile, halo), parts)
