"""MXNet's `.params` files (lists of NDArrays, with or without names), read and written without MXNet."""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass
from io import FileIO
from typing import BinaryIO, Iterable, Mapping, Sequence, Union

import numpy as np

from ..errors import ParamsFormatError, UserError
from ..files import atomic_path, input_file
from ._params_layout import DENSE, DTYPES, LIST_MAGIC, V2, V3
from ._params_reader import Reader

CPU = (1, 0)
SMALL = 4 << 20  # bytes
WRITABLE = DTYPES[:-1]  # all but bfloat16


@dataclass(frozen=True)
class Pieces:
    """An array to write piece by piece: its shape and type, and its parts along the first axis."""

    shape: tuple[int, ...]
    dtype: np.dtype
    parts: Iterable[np.ndarray]


Writable = Union[np.ndarray, Pieces]


def read_params(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read every array of a `.params` file, whichever MXNet wrote it.

    Dense arrays are views of the file's bytes, which take no memory in large files until used; writing to one changes
    this process's copy, not the file. bfloat16 becomes float32, sparse arrays become dense, and what MXNet calls "none"
    becomes an empty array. Everything other than views may take twice the file's size and 48 MiB.

    Returns:
        The arrays by name, in the file's order; named "0", "1", … if the file has no names.

    Raises:
        ParamsFormatError: The file is something else, or damaged.
        OSError: The file cannot be read.
    """
    path = os.fspath(path)
    content = _bytes_of(path)
    try:
        return Reader(path, content).read()
    except ParamsFormatError as error:
        failure = ParamsFormatError(*error.args)  # without the traceback, which would keep the arrays read so far
    # A V2 array of 0 dimensions is "none", without a value, but MXNet 1.9.1 writes scalars in the same way, with a
    # value (and cannot read them back). Only the right reading ends at the end of the file.
    try:
        return Reader(path, content, v2_scalars=True).read()
    except ParamsFormatError:
        raise failure from None


def _bytes_of(path: str) -> memoryview:
    """Return a file's bytes, private and writable: mapped, or read if that is faster."""
    with FileIO(input_file(path)) as file:
        size = os.fstat(file.fileno()).st_size
        if size > SMALL:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
        content = np.empty(size, np.uint8).data  # a bytearray would fill it with zeros first
        content = content[: file.readinto(content)]
    if not content:
        raise ParamsFormatError(path, 0, "the file is empty")
    return content


def write_params(path: str | os.PathLike[str], arrays: Mapping[str, Writable] | Sequence[Writable]) -> None:
    """Write arrays exactly as `mx.nd.save` does, completely or not at all.

    Args:
        path: The file, which is replaced if it exists.
        arrays: By name, or in a list for a file without names. If one is a scalar, which V2 cannot hold, the file is
            V3, which MXNet loads only in NumPy semantics.

    Raises:
        UserError: An array has a type that the format lacks, such as complex64, or parts that do not match its shape.
        OSError: The file cannot be written.
    """
    names = list(arrays) if isinstance(arrays, Mapping) else []
    given = list(arrays.values() if isinstance(arrays, Mapping) else arrays)
    values = [array if isinstance(array, Pieces) else _whole(array) for array in given]
    for index, array in enumerate(values):
        if array.dtype.newbyteorder("<") not in WRITABLE:
            known, name = ", ".join(dtype.name for dtype in WRITABLE), names[index] if names else index
            raise UserError(f"{os.fspath(path)}: array {name} is {array.dtype.name}; expected one of {known}")
    magic = V3 if any(len(array.shape) == 0 for array in values) else V2
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(struct.pack("<QQQ", LIST_MAGIC, 0, len(values)))
        for array in values:
            _write_array(file, array, magic)
        file.write(struct.pack("<Q", len(names)))
        for name in names:
            encoded = name.encode()
            file.write(struct.pack("<Q", len(encoded)) + encoded)


def _whole(array: np.ndarray) -> Pieces:
    array = np.asarray(array)
    return Pieces(array.shape, array.dtype, [array])


def _write_array(file: BinaryIO, array: Pieces, magic: int) -> None:
    dtype = array.dtype.newbyteorder("<")
    file.write(struct.pack(f"<Iii{len(array.shape)}q", magic, DENSE, len(array.shape), *array.shape))
    file.write(struct.pack("<iii", *CPU, WRITABLE.index(dtype)))
    start = file.tell()
    for part in array.parts:
        file.write(np.asarray(part, dtype, order="C").data)
    expected = int(np.prod(array.shape, dtype=np.int64)) * dtype.itemsize
    if file.tell() - start != expected:
        raise UserError(f"an array of shape {array.shape} was given {file.tell() - start} bytes, not {expected}")
