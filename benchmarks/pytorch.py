"""Training step and inference of the same networks in PyTorch, as the alternative for users."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import torch

from gluon_perceptual.image.io import to_image, to_tensor
from gluon_perceptual.image.tiling import plan

from .photo import by_parts
from .pytorch_networks import build
from .pytorch_training.losses import VGG16, gram_matrix, squared_error

TV_WEIGHT = 1e-4
CONTENT_LAYER, STYLE_LAYERS = "relu2_2", ("relu1_2", "relu2_2", "relu3_3", "relu4_3")


def _total_variation(x: torch.Tensor) -> torch.Tensor:
    return (x[:, :, 1:] - x[:, :, :-1]).abs().mean() + (x[..., 1:] - x[..., :-1]).abs().mean()


def _layout(channels_last: bool) -> Any:
    return torch.channels_last if channels_last else torch.contiguous_format


def _autocast(precision: str) -> Any:
    """Return what users of PyTorch write for bfloat16 on a CPU."""
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")


def training_step(
    network: str, size: int | None = None, batch: int = 4, channels_last: bool = True, precision: str = "float32"
) -> Callable[[], None]:
    """As `gluon_perceptual.timing.workloads.training_step`."""
    torch.manual_seed(0)
    style = network.startswith("style")
    layout, size = _layout(channels_last), size or (256 if style else 144)
    low = size // {"sr4": 4, "sr2": 2, "blog2": 2}.get(network, 1)
    net = build(network).to(memory_format=layout)
    vgg = VGG16(STYLE_LAYERS if style else (CONTENT_LAYER,)).to(memory_format=layout)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    inputs = (torch.rand(batch, 3, low, low) * 255).to(memory_format=layout)
    references = inputs if style else (torch.rand(batch, 3, size, size) * 255).to(memory_format=layout)
    painting = vgg(torch.rand(1, 3, size, size) * 255) if style else {}
    grams = {layer: gram_matrix(maps) for layer, maps in painting.items()}

    def step() -> None:
        optimizer.zero_grad()
        with _autocast(precision):
            with torch.no_grad():
                target = vgg(references, CONTENT_LAYER)[CONTENT_LAYER]
            output = net(inputs).float()
            maps = vgg(output)
        loss = squared_error(maps[CONTENT_LAYER], target) + TV_WEIGHT * _total_variation(output)
        for layer, gram in grams.items():
            loss = loss + squared_error(gram_matrix(maps[layer]), gram)
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def inference(
    network: str,
    size: int = 256,
    batch: int = 1,
    channels_last: bool = True,
    precision: str = "float32",
    compiled: bool = False,
) -> Callable[[], None]:
    """As `gluon_perceptual.timing.workloads.inference`; `compiled`: by torch.compile, with frozen parameters."""
    net: Any = build(network).eval().to(memory_format=_layout(channels_last))
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
    network: str, height: int, width: int, tile: int, halo: int, parts: int, precision: str = "float32"
) -> Callable[[], None]:
    """As `benchmarks.photo.photo`, over the same tiles."""
    net = build(network).eval().to(memory_format=torch.channels_last)
    scale = 4 if network == "sr4" else 2

    @torch.inference_mode()
    def enlarge_window(window: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(to_tensor(window)).to(memory_format=torch.channels_last)
        with _autocast(precision):
            values = net(x).float()
        return to_image(values.numpy(), window.dtype)

    return by_parts(height, width, enlarge_window, scale, plan(height, width, tile, halo), parts)
