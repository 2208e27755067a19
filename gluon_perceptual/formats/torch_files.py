"""Reads PyTorch's files without PyTorch: tensors by name; nothing in a file is looked up or run.

Since 1.6 a file is a zip archive of `data.pkl`, which describes the tensors, and `data/0`, `data/1`, …, the bytes of
their storages. Before, it was five pickles (a magic number, the format's version, the machine, the tensors, the names
of the storages) and the storages one after another, each preceded by its length as an int64.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
from typing import Callable

import numpy as np

from ._params_layout import BFLOAT16, MAX_DIMENSIONS, native
from ._pickle_machine import Made, Name, Reference, Value, read_pickle

MAGIC = 0x1950A86A20F9469CFC6C
STORAGES = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "ByteStorage": "u1", "IntStorage": "<i4",
    "CharStorage": "i1", "LongStorage": "<i8", "BoolStorage": "?", "ShortStorage": "<i2",
}  # fmt: skip
DTYPES = {**{name: np.dtype(code) for name, code in STORAGES.items()}, "BFloat16Storage": BFLOAT16}
TENSORS = [Name("torch._utils", name) for name in ("_rebuild_tensor", "_rebuild_tensor_v2")]
PARAMETERS = [Name("torch._utils", name) for name in ("_rebuild_parameter", "_rebuild_parameter_with_state")]
# Keys under which training programs keep parameters, averaged ones first.
WRAPPERS = ("params_ema", "state_dict", "model_state_dict", "params", "model")
PREFIX = re.compile(r"(module|model|_orig_mod)\.")
WHOLE = "it is a whole pickled model, not its parameters: load it where it was made and save model.state_dict()"
Storage = Callable[[str], "bytes | memoryview"]


def read_torch_zip(archive: zipfile.ZipFile) -> dict[str, np.ndarray]:
    """Return the tensors of an archive by name, also those inside `state_dict` or similar, without a common prefix.

    Raises:
        ValueError, KeyError, zipfile.BadZipFile: It is damaged, or not a file of tensors by name.
    """
    names = archive.namelist()
    found = [name for name in names if name.rpartition("/")[2] == "data.pkl" and name.count("/") <= 1]
    if len(found) != 1:
        raise ValueError(f"it has {len(found)} files data.pkl in its first folders, not one")
    folder = found[0][: -len("data.pkl")]
    if f"{folder}constants.pkl" in names or any(name.startswith(f"{folder}code/") for name in names):
        raise ValueError(WHOLE)
    order = archive.read(f"{folder}byteorder") if f"{folder}byteorder" in names else b"little"
    values = read_pickle(io.BytesIO(archive.read(found[0])))
    content: dict[str, bytes] = {}

    def storage(key: str) -> bytes:
        if key not in content:
            content[key] = archive.read(f"{folder}data/{key}")
        return content[key]

    return _arrays(values, storage, ">" if order == b"big" else "<")


def read_torch_pickles(content: bytes) -> dict[str, np.ndarray]:
    """Return the tensors of a file from before 1.6 by name, as `read_torch_zip`; raises ValueError."""
    file = io.BytesIO(content)
    if read_pickle(file) != MAGIC:
        raise ValueError("a pickle of something other than PyTorch's tensors")
    references: list[Reference] = []
    _, machine, values, keys = (read_pickle(file, references) for _ in range(4))
    order = ">" if isinstance(machine, dict) and machine.get("little_endian") is False else "<"
    stored = [each for each in references if isinstance(each.key, tuple) and each.key[:1] == ("storage",)]
    sizes = {key: dtype.itemsize for key, dtype in map(_storage_of, stored)}  # also of an optimizer's state
    found: dict[str, memoryview] = {}
    for key in keys if isinstance(keys, list) else ():
        (count,) = struct.unpack(f"{order}q", file.read(8).ljust(8, b"\0"))
        size = count * sizes.get(str(key), 0)
        start = file.tell()
        if not 0 <= size <= len(content) - start:
            raise ValueError(f"a storage of {size} bytes, but only {len(content) - start} are left")
        found[str(key)] = memoryview(content)[start : start + size]
        file.seek(size, io.SEEK_CUR)
    return _arrays(values, found.__getitem__, order)


def _arrays(values: Value, storage: Storage, order: str) -> dict[str, np.ndarray]:
    tensors = _tensors(values)
    names = list(tensors)
    while names and all(PREFIX.match(name) for name in names):
        names = [PREFIX.sub("", name, count=1) for name in names]
    if len(set(names)) < len(names):
        names = list(tensors)
    return {name: _array(key, made, storage, order) for name, (key, made) in zip(names, tensors.items())}


def _tensors(values: Value) -> dict[str, Made]:
    """Return the calls that make tensors, by name."""
    if isinstance(values, Made):
        raise ValueError("it holds one tensor without a name" if _as_tensor(values) else WHOLE)
    while isinstance(values, dict):
        inner = [values[key] for key in WRAPPERS if isinstance(values.get(key), (dict, Made))]
        tensors = {name: tensor for name, value in values.items() if (tensor := _as_tensor(value))}
        if not inner or (tensors and isinstance(inner[0], Made)):
            break
        values = inner[0]
        if isinstance(values, Made) and not _as_tensor(values):
            raise ValueError(WHOLE)
    else:
        raise ValueError(f"it holds a {type(values).__name__}, not tensors by name")
    if not tensors:
        keys = ", ".join(list(values)[:5])[:200] or "nothing"
        raise ValueError(f"it has no tensors, but {keys}; tensors may also be in {', '.join(WRAPPERS)}")
    return tensors


def _as_tensor(value: Value) -> Made | None:
    """Return the call that makes a tensor, possibly inside one that makes a parameter; None for anything else."""
    if isinstance(value, Made) and value.maker in PARAMETERS and isinstance(value.arguments, tuple) and value.arguments:
        value = value.arguments[0]
    return value if isinstance(value, Made) and value.maker in TENSORS else None


def _storage_of(reference: Value) -> tuple[str, np.dtype]:
    """Return the key and the type of a storage."""
    kind, storage, key, *_ = reference.key if isinstance(reference, Reference) else ("", "", "")
    name = storage.name if isinstance(storage, Name) else ""
    if kind != "storage" or name not in DTYPES:
        raise ValueError(f"values of type {name[:80] or 'unknown'}; expected one of {', '.join(DTYPES)}")
    return str(key), DTYPES[name]


def _array(name: str, made: Made, storage: Storage, order: str) -> np.ndarray:
    """Return a tensor as a view of its storage; bfloat16 as float32."""
    key, dtype = _storage_of(made.arguments[0])
    _, offset, shape, stride, *_ = made.arguments
    counts = (offset, *shape, *stride)
    if len(shape) != len(stride) or len(shape) > MAX_DIMENSIONS or not all(type(n) is int and n >= 0 for n in counts):
        raise ValueError(f"{name}: invalid offset, shape or stride")
    content = storage(key)
    held, size = len(content) // dtype.itemsize, math.prod(shape)
    last = offset + sum((side - 1) * step for side, step in zip(shape, stride))
    if size > held or (size and last >= held) or math.prod(side or 1 for side in shape) > held + (1 << 31):
        raise ValueError(f"{name} of shape {shape[:8]} and stride {stride[:8]}, but its storage has {held} values")
    if not size:
        return native(np.zeros(shape, dtype))
    stored = dtype.newbyteorder(">" if order == ">" else "<")
    values = np.frombuffer(content, stored, held).astype(dtype, copy=False)
    steps = [step * dtype.itemsize for step in stride]
    return native(np.lib.stride_tricks.as_strided(values[offset:], shape, steps))
