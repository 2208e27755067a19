"""The same networks and training step in PyTorch: what a user would take instead."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from gluon_perceptual.image.io import to_image, to_tensor
from gluon_perceptual.image.tiling import Tile, map_tiles, plan

from .photo import bands, make_photo

VGG_MEAN = (123.68, 116.779, 103.939)
TV_WEIGHT = 1e-4


def instance_norm(channels: int) -> nn.Module:
    """With scale and shift."""
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
    """Return the twin of one of `gluon_perceptual.timing.workloads.NETWORKS`."""
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
        """(N, 3, H, W) -> relu1_2, relu2_2, relu3_3 and relu4_3, as far as there are `stages`."""
        found, x = [], x - self.mean
        for stage in self.stages[:stages]:
            x = stage(x)
            found.append(x)
        return found


def gram_matrix(features: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) -> (N, C, C)."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat[0].numel()


def _total_variation(x: torch.Tensor) -> torch.Tensor:
    return (x[:, :, 1:] - x[:, :, :-1]).abs().mean() + (x[..., 1:] - x[..., :-1]).abs().mean()


def _layout(channels_last: bool) -> Any:
    return torch.channels_last if channels_last else torch.contiguous_format


def _autocast(precision: str) -> Any:
    """Return what a user of PyTorch writes for bfloat16 on a CPU."""
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")


def training_step(
    name: str, size: int | None = None, batch: int = 4, channels_last: bool = True, precision: str = "float32"
) -> Callable[[], None]:
    """As `gluon_perceptual.timing.workloads.training_step`."""
    torch.manual_seed(0)
    style = name.startswith("style")
    layout, size = _layout(channels_last), size or (256 if style else 144)
    low = size // {"sr4": 4, "sr2": 2, "blog2": 2}.get(name, 1)
    net, vgg = network(name).to(memory_format=layout), VGG16(4 if style else 2).to(memory_format=layout)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    inputs = (torch.rand(batch, 3, low, low) * 255).to(memory_format=layout)
    references = inputs if style else (torch.rand(batch, 3, size, size) * 255).to(memory_format=layout)
    grams = [gram_matrix(maps) for maps in vgg(torch.rand(1, 3, size, size) * 255)] if style else []

    def step() -> None:
        optimizer.zero_grad()
        with _autocast(precision):
            with torch.no_grad():
                target = vgg(references, stages=2)[1].float()
            output = net(inputs).float()
            maps = [each.float() for each in vgg(output)]
        loss = functional.mse_loss(maps[1], target) + TV_WEIGHT * _total_variation(output)
        for features, gram in zip(maps, grams):
            loss = loss + functional.mse_loss(gram_matrix(features), gram.expand(batch, -1, -1))
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def inference(
    name: str,
    size: int = 256,
    batch: int = 1,
    channels_last: bool = True,
    precision: str = "float32",
    compiled: bool = False,
) -> Callable[[], None]:
    """As `gluon_perceptual.timing.workloads.inference`; `compiled`: by torch.compile, with frozen parameters."""
    net: Any = network(name).eval().to(memory_format=_layout(channels_last))
    x = (torch.rand(batch, 3, size, size) * 255).to(memory_format=_layout(channels_last))
    if compiled:
        torch._inductor.config.freezing = True
        net = torch.compile(net)

    @torch.no_grad()
    def enlarge() -> None:
        with _autocast(precision):
            net(x)

    return enlarge


def photo(
    name: str, height: int, width: int, tile: int, halo: int, parts: int, precision: str = "float32"
) -> Callable[[], None]:
    """As `benchmarks.photo.photo`, over the same tiles."""
    net = network(name).eval().to(memory_format=torch.channels_last)
    scale = 4 if name == "sr4" else 2

    @torch.inference_mode()
    def enlarge_window(window: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(to_tensor(window)).to(memory_format=torch.channels_last)
        with _autocast(precision):
            values = net(x).float()
        return to_image(values.numpy(), window.dtype)

    image = make_photo(height, width)
    large = np.empty((scale * height, scale * width, 3), np.uint8)

    def enlarge(tiles: list[Tile]) -> None:
        for rows, columns, values in map_tiles(image, enlarge_window, scale, tiles):
            large[rows, columns] = values

    return bands(enlarge, plan(height, width, tile, halo), parts)
