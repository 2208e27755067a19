"""Arrays by name from files of any framework, recognized by their first bytes and never unpickled."""

from __future__ import annotations

import io
import math
import os
import struct
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, Mapping

import numpy as np

from ..errors import ParamsFormatError, UserError, require
from ..files import input_file
from ._params_layout import DTYPES, V1, V2, V3, native
from .hdf5 import KERAS_WEIGHTS, check_growth, read_hdf5
from .mxnet_params import read_params
from .torch_files import read_torch_pickles, read_torch_zip

STARTS = {"HDF5": b"\x89HDF\r\n\x1a\n", "zip": b"PK\x03\x04", "PyTorch": b"\x80\x02"}
NUMBERS = "fiub"  # kinds of NumPy's types
LARGEST_SHAPE = sys.maxsize // 16  # values; an empty array may claim to have more
SAFETENSORS_TYPES = ("F32", "F64", "F16", "U8", "I32", "I8", "I64", "BOOL", "I16", "U16", "U32", "U64", "BF16")
SAFETENSORS = dict(zip(SAFETENSORS_TYPES, DTYPES))


def read_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read every array of a file: MXNet's `.params`, PyTorch's `.pth`, safetensors, Keras's `.h5` and `.keras`, `.npz`.

    PyTorch's files are read without PyTorch, and nothing in them runs. bfloat16 is returned as float32, everything else
    as stored, in the framework's layout.

    Returns:
        The arrays by name; those in groups have names such as "block1/conv1/kernel:0".

    Raises:
        ParamsFormatError: It is of another kind.
        MissingDependencyError: safetensors or h5py is needed and not installed.
        UserError: It is damaged, or contains anything other than arrays.
        OSError: It cannot be read.
    """
    path = Path(path)
    arrays = READERS[_family(path)](path)
    for name, array in arrays.items():
        if array.dtype.kind not in NUMBERS or math.prod(side or 1 for side in array.shape) > LARGEST_SHAPE:
            raise UserError(f"{path}: {name} is {array.dtype} of shape {array.shape}; expected parameters")
    return arrays


def check_finite(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Raise UserError if values are infinite or NaN: a model may give plausible pictures in spite of them."""
    found = {name: array.size - int(np.isfinite(array).sum()) for name, array in arrays.items()}
    bad = [name for name, count in found.items() if count]
    if bad:
        others = f" and {len(bad) - 1} more arrays" if len(bad) > 1 else ""
        raise UserError(
            f"{os.fspath(path)}: {found[bad[0]]} of {arrays[bad[0]].size} values of {bad[0]}{others} are infinite or "
            "NaN: this model is damaged; use an earlier one"
        )


def format_of(path: Path) -> str:
    """Return the format of a file that `read_arrays` reads, such as "MXNet V2" or "safetensors".

    The first array tells MXNet's version: V0 before 0.9, V1 before 0.12, V2 since, V3 with NumPy's shapes.
    """
    family = _family(path)
    if family != "MXNet":
        return family
    versions = {V1: "V1", V2: "V2", V3: "V3"}
    with path.open("rb") as file:
        _, _, count, magic = struct.unpack("<QQQI", file.read(28).ljust(28, b"\0"))
    return f"MXNet {versions.get(magic, 'V0')}" if count else "MXNet, without arrays"


def safetensors_metadata(path: Path) -> dict[str, str]:
    """Return the metadata of a safetensors file; empty for any other file.

    Raises:
        MissingDependencyError, UserError, OSError: As `read_arrays`.
    """
    if _family(path) != "safetensors":
        return {}
    library = require("safetensors", "safetensors", path)
    with _as_user_error(path, "safetensors"), library.safe_open(path, framework="np") as file:
        return file.metadata() or {}


def _family(path: Path) -> str:
    """Return a file's format by its first bytes."""
    with input_file(path).open("rb") as file:
        start = file.read(9)
    if start[4:] == b"\0\0\0\0{":  # a length below 2³², then JSON
        return "safetensors"
    return next((name for name, bytes_ in STARTS.items() if start.startswith(bytes_)), "MXNet")


@contextmanager
def _as_user_error(path: Path, kind: str) -> Iterator[None]:
    """Turn any error of a reader into one line: the libraries' errors have no common class."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:
        lines = str(error).strip().splitlines()
        reason = lines[0][:300] if lines else repr(error)
        raise UserError(f"{path}: not a readable {kind} file: {reason}") from error


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    with _as_user_error(path, "PyTorch"):
        return read_torch_pickles(path.read_bytes())


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    library = require("safetensors", "safetensors", path)
    with _as_user_error(path, "safetensors"):
        stored = library.deserialize(path.read_bytes())
        return {name: _safetensor(name, **entry) for name, entry in stored}


def _safetensor(name: str, dtype: str, shape: list[int], data: bytes) -> np.ndarray:
    if dtype not in SAFETENSORS:
        raise ValueError(f"{name} is {dtype}; expected one of {', '.join(SAFETENSORS)}")
    return native(np.frombuffer(data, SAFETENSORS[dtype]).reshape(shape)).copy()


def _read_zip(path: Path) -> dict[str, np.ndarray]:
    with _as_user_error(path, "zip"), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        check_growth(sum(entry.file_size for entry in archive.infolist()), path)
        if KERAS_WEIGHTS in names:
            return _read_hdf5(path)
        if any(name.endswith("data.pkl") for name in names):
            with _as_user_error(path, "PyTorch"):
                return read_torch_zip(archive)
        if names and all(name.endswith(".npy") for name in names):
            with _as_user_error(path, ".npz"):
                return _read_npz(archive)
    raise ParamsFormatError(str(path), 0, "a zip archive of an unknown framework")


def _read_npz(archive: zipfile.ZipFile) -> dict[str, np.ndarray]:
    return {name[: -len(".npy")]: _read_npy(name, archive.read(name)) for name in archive.namelist()}


def _read_npy(name: str, content: bytes) -> np.ndarray:
    """Return the array of an `.npy` file, once its size is known to match its shape."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read(file)
    if dtype.kind not in NUMBERS:
        raise ValueError(f"{name} has values of type {dtype}; expected numbers")
    if math.prod(shape) * dtype.itemsize != len(content) - file.tell():
        raise ValueError(f"{name} of shape {shape} in {len(content) - file.tell()} bytes")
    return np.ndarray(shape, dtype, content, file.tell(), order="F" if by_columns else "C")


def _read_hdf5(path: Path) -> dict[str, np.ndarray]:
    with _as_user_error(path, "HDF5"), zipfile.ZipFile(io.BytesIO(read_hdf5(path))) as archive:
        return _read_npz(archive)


READERS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
    "HDF5": _read_hdf5,
    "zip": _read_zip,
    "PyTorch": _read_torch,
    "safetensors": _read_safetensors,
    "MXNet": read_params,
}
