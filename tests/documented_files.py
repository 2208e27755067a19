"""What the documentation's command lines name: photos/, painting.jpg, MODEL.params and so on, small, made anew."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Callable

import numpy as np
from PIL import Image

WEIGHTS = Path(__file__).resolve().parents[1] / "gluon_perceptual/weights"
SHIPPED = {r"STYLE": "wave", r"": "sr_x2_pixel"}  # what stands for a model, by its name
RESULTS = ("-o", "--out")  # options whose value a command makes


def photo(path: Path) -> None:
    """Write a picture with some structure."""
    small = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    Image.fromarray(small).resize((96, 72), Image.Resampling.BICUBIC).save(path)


def folder(path: Path) -> None:
    """Make a folder of photos."""
    path.mkdir()
    for number in range(4):
        photo(path / f"{number}.jpg")


def model(path: Path) -> None:
    """Copy a model that ships, and its sidecar."""
    shipped = next(name for pattern, name in SHIPPED.items() if re.search(pattern, path.name))
    shutil.copy(WEIGHTS / f"{shipped}.params", path)
    shutil.copy(WEIGHTS / f"{shipped}.json", path.with_suffix(".json"))


def clip(path: Path) -> None:
    """Write a video or an animated picture of a few frames."""
    import av

    frames = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), np.uint8)
    if path.suffix == ".gif":
        first, *rest = map(Image.fromarray, frames)
        first.save(path, save_all=True, append_images=rest)
        return
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = frames.shape[1:3]
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode(None))


def symbol(path: Path) -> None:
    """Write a network that enlarges 2 times, as symbol and parameters."""
    from gluon_perceptual._mxnet import mx

    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Conv2DTranspose(3, 4, 2, 1, in_channels=3, use_bias=False))
    net.initialize(mx.init.Bilinear())
    net.hybridize()
    net(mx.nd.zeros((1, 3, 8, 8)))
    net.export(str(path)[: -len("-symbol.json")])


def torch_style(path: Path) -> None:
    """Write a checkpoint as PyTorch's fast-neural-style does."""
    from test_fast_neural_style import checkpoint
    from torch_files import write_torch

    write_torch(path, checkpoint())


LAID: dict[str, Callable[[Path], None]] = {  # what a word of a line names, and what makes it
    r"(other_)?photos/?": folder,
    r"(photo|painting|SRC|REF)\.jpg|drawing\.png": photo,
    r"(clip|cat)\.(mp4|gif)": clip,
    r"(MODEL|STYLE)\.params|FILE|runs/\w+/checkpoints/[\w-]+\.params": model,
    r"candy\.pth": torch_style,
    r"X-symbol\.json": symbol,
}


def lay(words: list[str], where: Path) -> None:
    """Make what the words name and is not there yet."""
    for before, word in zip(["", *words], words):
        make = next((make for pattern, make in LAID.items() if re.fullmatch(pattern, word)), None)
        path = where / word
        if make and before not in RESULTS and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            make(path)
