"""Reading `.params` files: by this package, by MXNet, and their bytes alone, all from the disk's cache."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Callable

import numpy as np

from gluon_perceptual import weights
from gluon_perceptual.checkpoint import read_params, write_params

TIMES = 20


def _file(name: str) -> str:
    """Return a file: the shipped half of VGG16, or one of 47 arrays like the blog's checkpoints."""
    if name == "vgg":
        return str(weights.vgg16_paths(4)[1])
    path = Path(tempfile.mkdtemp(), "blog.params")
    write_params(path, {f"conv{k}_weight": np.ones((15, 15, 6, 6), np.float32) for k in range(47)})
    return str(path)


def _repeated(read: Callable[[str], Any], path: str) -> Callable[[], None]:
    def work() -> None:
        for _ in range(TIMES):
            read(path)

    return work


def ours(file: str) -> Callable[[], None]:
    """Return a function that reads by `read_params`."""
    return _repeated(read_params, _file(file))


def mxnet(file: str) -> Callable[[], None]:
    """Return a function that reads by `mx.nd.load`."""
    from gluon_perceptual._mxnet import mx

    return _repeated(mx.nd.load, _file(file))


def bytes_alone(file: str) -> Callable[[], None]:
    """Return a function that reads the bytes and does nothing with them."""
    return _repeated(lambda path: Path(path).read_bytes(), _file(file))
