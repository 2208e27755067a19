"""Files of arrays: MXNet's, NumPy's, PyTorch's, safetensors, Keras's. All are read by `read_arrays`."""

from __future__ import annotations

import io
import json
import struct
import tempfile
import zipfile
from importlib import import_module
from pathlib import Path
from random import Random

import numpy as np

from gluon_perceptual.errors import UserError
from gluon_perceptual.formats._params_layout import BFLOAT16, CSR, DENSE, DTYPES, LIST_MAGIC, ROW_SPARSE, V1, V2, V3
from gluon_perceptual.formats.arrays import read_arrays
from gluon_perceptual.formats.hdf5 import hdf5_arrays
from gluon_perceptual.formats.mxnet_params import write_params

from .damage import Kind, changed, damaged, damaged_zip

ARRAYS: dict[str, np.ndarray] = {
    "conv0_weight": np.ones((4, 3, 3, 3), np.float32),
    "arg:bias": np.zeros(4, np.float16),
    "steps": np.arange(3),
    "none": np.zeros((0, 3), np.uint8),
}
INT64 = DTYPES.index(np.dtype(np.int64))


def _words(*numbers: int, code: str = "i") -> bytes:
    return struct.pack(f"<{len(numbers)}{code}", *numbers)


def _shape(*sides: int) -> bytes:
    return _words(len(sides)) + _words(*sides, code="q")


def _odd_arrays() -> list[bytes]:
    """Return an array of each version, storage and shape that `write_params` does not write, as in a file."""
    single, bfloat = _words(1, 0, 0), _words(1, 0, DTYPES.index(BFLOAT16))  # the CPU, the type
    rows = _shape(2, 3) + _shape(6, 3) + single + _words(INT64) + _shape(2) + bytes(24) + _words(1, 4, code="q")
    starts, columns = _words(INT64) + _shape(4), _words(INT64) + _shape(3)
    csr = _shape(3) + _shape(3, 4) + single + starts + columns + bytes(12) + _words(0, 1, 1, 3, 0, 2, 1, code="q")
    return [
        _words(2, 1, 3, code="I") + single + bytes(12),  # V0
        _words(V1, code="I") + _shape(1, 3) + single + bytes(12),
        _words(V3, code="I") + _words(DENSE) + _shape() + single + bytes(4),
        _words(V2, code="I") + _words(DENSE) + _shape(2) + bfloat + bytes(4),
        _words(V2, code="I") + _words(ROW_SPARSE) + rows,
        _words(V2, code="I") + _words(CSR) + csr,
    ]


def _params() -> list[bytes]:
    with tempfile.NamedTemporaryFile() as file:
        write_params(file.name, ARRAYS)
        good = Path(file.name).read_bytes()
    odd = [_words(LIST_MAGIC, 0, 1, code="Q") + array + bytes(8) for array in _odd_arrays()]
    return [good, *odd]


def _npz() -> list[bytes]:
    buffer = io.BytesIO()
    np.savez(buffer, **ARRAYS)
    return [buffer.getvalue()]


def _torch(legacy: bool) -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        import_module("tests.torch_files").write_torch(path, ARRAYS, legacy)
        return [path.read_bytes()]


def _safetensors() -> list[bytes]:
    return [import_module("safetensors.numpy").save(ARRAYS)]


def _damaged_safetensors(content: bytes, rng: Random) -> bytes:
    """Return a file with its header's values changed, its length right; or any bytes."""
    try:
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
    except (ValueError, struct.error, OverflowError, RecursionError):
        return damaged(content, rng)
    if rng.random() < 0.5:
        return damaged(content, rng)
    text = json.dumps(changed(header, rng)).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


def _keras() -> list[bytes]:
    """Return HDF5 alone, and in an archive as since Keras 3."""
    buffer, archived = io.BytesIO(), io.BytesIO()
    with import_module("h5py").File(buffer, "w") as file:
        for name, array in ARRAYS.items():
            file[f"layer/{name}"] = array
    with zipfile.ZipFile(archived, "w") as archive:
        archive.writestr("model.weights.h5", buffer.getvalue())
    return [buffer.getvalue(), archived.getvalue()]


def _read_keras(path: Path) -> None:
    """Read HDF5 in this process, whose errors commands turn into one line."""
    try:
        hdf5_arrays(path)
    except (UserError, MemoryError):
        raise
    except Exception as error:
        raise UserError("HDF5") from error


KINDS = {
    "params": Kind(_params, damaged, read_arrays),
    "npz": Kind(_npz, damaged_zip, read_arrays),
    "torch": Kind(lambda: _torch(legacy=False), damaged_zip, read_arrays),
    "torch-legacy": Kind(lambda: _torch(legacy=True), damaged, read_arrays),
    "safetensors": Kind(_safetensors, _damaged_safetensors, read_arrays),
    "keras": Kind(_keras, damaged_zip, _read_keras),
}
