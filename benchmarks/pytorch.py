"""Training step and inference of the same networks in PyTorch, as the alternative for users."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import torch
from torch.nn import functional

from gluon_perceptual.image.io import to_image, to_tensor
from gluon_perceptual.image.tiling import plan

from .photo import by_parts
from .pytorch_networks import VGG16, network

TV_WEIGHT = 1e-4


def gram_matrix(features: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) -> (N, C, C)."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat[0].numel()


def _total_variation(x: torch.Tensor) -> torch.Tensor:
    return (x[:, :, 1:] - x[:, :, :-1]).abs().mean() + (x[..., 1:] - x[..., :-1]).abs().mean()


def _layout(channels_last: bool) -> Any:
    return torch.channels_last if channels_last else torch.contiguous_format


def _autocast(precision: str) -> Any:
    """Return what users of PyTorch write for bfloat16 on a CPU."""
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

    return by_parts(height, width, enlarge_window, scale, plan(height, width, tile, halo), parts)
