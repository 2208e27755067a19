"""Reading `.params` files: by this package, by MXNet, and only their bytes.

The suite reads from the page cache; `python -m benchmarks.reading FILE...` from both the cache and the disk.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, Callable, Sequence

import click
import numpy as np

from gluon_perceptual import weights
from gluon_perceptual.checkpoint import read_params, write_params

from .tables import markdown

TIMES = 20
MEASURED = ("from disk", "bytes alone", "ratio", "from cache", "bytes alone", "ratio")
FILES = {"blog": (47, (15, 15, 6, 6)), "few": (6, (64, 21)), "tiny": (70, (20,))}


def _file(name: str) -> str:
    """Write a file: half of VGG16, 47 arrays as in the blog's checkpoints, 6 as in SRCNN's, or 70 tiny ones."""
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
    """Return a function that only reads the bytes."""
    return _repeated(read_bytes, _file(file))


def read_bytes(path: str) -> bytes:
    """Return a file's bytes."""
    with open(path, "rb") as opened:  # noqa: PTH123 (a Path takes another 3 microseconds)
        return opened.read()


def microseconds(read: Callable[[str], Any], path: str, cached: bool) -> float:
    """Return the median time of reading a file, from the disk unless it is `cached`."""
    times = []
    for _ in range(101):
        if not cached:
            _drop_from_cache(path)
        start = time.perf_counter()
        read(path)
        times.append(time.perf_counter() - start)
    return median(times) * 1e6


def _drop_from_cache(path: str) -> None:
    file = os.open(path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def table(paths: Sequence[str]) -> str:
    """Return a table of how long reading takes, compared with reading only the bytes, in microseconds."""
    lines = []
    for path in paths:
        cells = [Path(path).name, str(len(read_params(path))), f"{Path(path).stat().st_size:,}"]
        for cached in (False, True):
            mine, alone = (microseconds(read, path, cached) for read in (read_params, read_bytes))
            cells += [f"{mine:,.0f}", f"{alone:,.0f}", f"{mine / alone:.2g}"]
        lines.append(cells)
    return markdown(("file", "arrays", "bytes", *MEASURED), lines)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True))
def main(files: Sequence[str]) -> None:
    """Print how long reading FILES takes."""
    click.echo(table(files))


if __name__ == "__main__":
    main()
