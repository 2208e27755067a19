"""Files of arrays: MXNet's, NumPy's, PyTorch's, safetensors, Keras's. All are read by `read_arrays`."""

from __future__ import annotations

import io
import json
import struct
import tempfile
import zipfile
from importlib import import_module
from pathlib import Path

import numpy as np

from gluon_perceptual.formats.arrays import read_arrays
from gluon_perceptual.formats.mxnet_params import write_params

from .damage import Kind, Make, changed, damaged

ARRAYS: dict[str, np.ndarray] = {
    "conv0_weight": np.ones((4, 3, 3, 3), np.float32),
    "arg:bias": np.zeros(4, np.float16),
    "steps": np.arange(3),
    "none": np.zeros((0, 3), np.uint8),
}


def _params() -> Make:
    with tempfile.NamedTemporaryFile() as file:
        write_params(file.name, ARRAYS)
        good = Path(file.name).read_bytes()
    return lambda rng: damaged(good, rng)


def _npz() -> Make:
    def make(rng: np.random.Generator) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, array in ARRAYS.items():
                member = io.BytesIO()
                np.save(member, array)
                content = member.getvalue()
                archive.writestr(f"{name}.npy", damaged(content, rng) if rng.random() < 0.3 else content)
        return buffer.getvalue()

    return make


def _torch(legacy: bool) -> Make:
    by_hand = import_module("tests.torch_files")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        by_hand.write_torch(path, ARRAYS, legacy)
        good = path.read_bytes()
        pickled = b"" if legacy else zipfile.ZipFile(path).read("archive/data.pkl")[2:-1]
    storages = {str(k): array.tobytes() for k, array in enumerate(ARRAYS.values())}

    def make(rng: np.random.Generator) -> bytes:
        if legacy:
            return damaged(good, rng)
        buffer = io.BytesIO()
        by_hand.archive(buffer, damaged(pickled, rng), storages)
        return buffer.getvalue()

    return make


def _safetensors() -> Make:
    from safetensors.numpy import save

    good = save(ARRAYS)
    (length,) = struct.unpack("<Q", good[:8])
    header, rest = json.loads(good[8 : 8 + length]), good[8 + length :]

    def make(rng: np.random.Generator) -> bytes:
        if rng.random() < 0.5:
            return damaged(good, rng)
        text = json.dumps(changed(header, rng)).encode()
        return struct.pack("<Q", len(text)) + text + rest

    return make


def _keras() -> Make:
    h5py = import_module("h5py")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, array in ARRAYS.items():
            file[f"layer/{name}"] = array
    return lambda rng: damaged(buffer.getvalue(), rng)


KINDS: dict[str, Kind] = {
    "params": (_params, read_arrays),
    "npz": (_npz, read_arrays),
    "torch": (lambda: _torch(legacy=False), read_arrays),
    "torch-legacy": (lambda: _torch(legacy=True), read_arrays),
    "safetensors": (_safetensors, read_arrays),
    "keras": (_keras, read_arrays),
}
