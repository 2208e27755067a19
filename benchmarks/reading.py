"""Reading `.params` files: by this package, by MXNet, and their bytes alone, all from the disk's cache."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Callable

import numpy as np

from gluon_perceptual import weights
from gluon_perceptual.checkpoint import read_params, write_params

TIMES = 20
FILES = {"blog": (47, (15, 15, 6, 6)), "few": (6, (64, 21)), "tiny": (70, (20,))}


def _file(name: str) -> str:
    """Return a file: half of VGG16, 47 arrays as in the blog's checkpoints, 6 as in SRCNN's, or 70 tiny ones."""
    if name == "vgg":
        return str(weights.vgg16_paths(4)[1])
    count, shape = FILES[name]
    path = Path(tempfile.mkdtemp(), f"{name}.params")
    write_params(path, {f"conv{k}_weight": np.ones(shape, np.float32) for k in range(count)})
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

    def read(path: str) -> bytes:
        with open(path, "rb") as opened:  # noqa: PTH123 (a Path takes another 3 microseconds)
            return opened.read()

    return _repeated(read, _file(file))
