"""Arrays of HDF5 files and of Keras's archives, read in a separate process: a damaged file may crash HDF5, or stall it.

That process writes the arrays to its output as an `.npz` archive, or says why it cannot.
"""

from __future__ import annotations

import io
import json
import resource
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import require

KERAS_WEIGHTS = "model.weights.h5"  # in a `.keras` archive
LARGEST_GROWTH = 100  # how many times larger than their file arrays may be
LONGEST, PER_SECOND = 10, 10 << 20  # seconds of a core, and a second more for so many bytes
START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from gluon_perceptual.formats.hdf5 import send; sys.exit(send(sys.argv[2], int(sys.argv[3])))"
)


def read_hdf5(path: Path) -> bytes:
    """Return the arrays of floats of an `.h5` or `.keras` file as an uncompressed `.npz` archive.

    Raises:
        MissingDependencyError: h5py is not installed.
        ValueError: It is damaged, or refers to other files; the message does not name it.
    """
    require("h5py", "keras", path)
    seconds = LONGEST + path.stat().st_size // PER_SECOND
    command = [sys.executable, "-I", "-c", START, json.dumps(sys.path), str(path), str(seconds)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode == -signal.SIGXCPU:
        raise ValueError(f"reading it takes over {seconds} s")
    if done.returncode < 0:
        raise ValueError(f"HDF5 ended while reading it ({signal.Signals(-done.returncode).name})")
    if done.returncode:
        raise ValueError((done.stderr.decode(errors="replace").strip().splitlines() or ["no reason"])[-1])
    return done.stdout


def send(path: str, seconds: int) -> int:
    """Write a file's arrays to stdout within so many seconds, or to stderr why not; returns the exit status."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    try:
        arrays = hdf5_arrays(Path(path))
    except Exception as error:  # HDF5's errors have no common class
        print(" ".join(str(error).split()) or repr(error), file=sys.stderr)
        return 1
    with zipfile.ZipFile(sys.stdout.buffer, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.save(member, array)
    return 0


def hdf5_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of floats by name, in this process; raises ValueError, and what h5py raises."""
    source: Path | BinaryIO = path
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            source = io.BytesIO(archive.read(KERAS_WEIGHTS))
    h5py = require("h5py", "keras", path)
    arrays: dict[str, np.ndarray] = {}
    total = 0

    def visit(name: str, item: object) -> None:
        nonlocal total
        if isinstance(item, h5py.Group):
            for child in item:
                if not isinstance(item.get(child, getlink=True), h5py.HardLink):
                    raise ValueError(f"{name}/{child} is a link, which is not followed")
        elif isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
            if item.external or item.is_virtual:
                raise ValueError(f"the values of {name} are in another file, which is not read")
            total += item.size * item.dtype.itemsize
            check_growth(total, path)
            arrays[name] = item[()]

    with h5py.File(source, "r") as file:
        visit("", file)
        file.visititems(visit)
    return arrays


def check_growth(size: int, path: Path) -> None:
    """Raise ValueError if a small file would fill the memory."""
    if size > LARGEST_GROWTH * path.stat().st_size:
        raise ValueError(f"its arrays take {size} bytes, over {LARGEST_GROWTH} times its size")
