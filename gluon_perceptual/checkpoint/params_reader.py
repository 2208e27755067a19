"""The bytes of MXNet's `.params` files, read with every length checked; `params_file` is the way in."""

from __future__ import annotations

import math
import mmap
import struct
import sys
from typing import Any, Union

import numpy as np

from ..errors import ParamsFormatError
from .params_layout import (
    CSR,
    DENSE,
    DTYPES,
    HEAD,
    LENGTH,
    LIST_MAGIC,
    MAX_DIMENSIONS,
    PLAIN,
    ROW_SPARSE,
    TAILS,
    V1,
    V2,
    V3,
    native,
)
from .params_sparse import dense_csr, dense_rows

SPARSE_ALLOWANCE = 32 << 20  # bytes that sparse arrays may take when dense, besides the file's own size

Bytes = Union[mmap.mmap, bytearray]


class Reader:
    """A cursor over a file's bytes, which believes no length before it has seen that the bytes are there.

    Args:
        path: The file's name, for errors.
        content: Its bytes; dense arrays become views of them.
        v2_scalars: Whether a V2 array of 0 dimensions is a scalar, as MXNet 1.9.1 writes it (and cannot read it
            back), or "none", after which nothing follows.
    """

    def __init__(self, path: str, content: Bytes, v2_scalars: bool = False) -> None:
        self.path, self.content, self.v2_scalars = path, content, v2_scalars
        self.offset = 0
        self.sparse_bytes_left = len(content) + SPARSE_ALLOWANCE

    def read(self) -> dict[str, np.ndarray]:
        """Return the arrays by name, or raise ParamsFormatError."""
        magic, _, count = self._numbers("QQQ", "a header")
        if magic != LIST_MAGIC:
            self.offset = 0
            raise self._error(f"{magic:#x} where {LIST_MAGIC:#x} is expected")
        arrays: list[np.ndarray] = []
        while len(arrays) < count:
            arrays += self._plain_arrays(count - len(arrays))
            if len(arrays) < count:
                arrays.append(native(self._array()))
        names = self._names(count)
        if self.offset < len(self.content):
            raise self._error(f"{len(self.content) - self.offset} bytes too many")
        return dict(zip(names, arrays))

    def _error(self, reason: str) -> ParamsFormatError:
        return ParamsFormatError(self.path, self.offset, reason)

    def _take(self, size: int, what: str) -> int:
        """Step over `size` bytes and return where they start."""
        start, left = self.offset, len(self.content) - self.offset
        if size > left:
            raise self._error(f"{what} of {size} bytes where {left} are left")
        self.offset += size
        return start

    def _numbers(self, layout: str, what: str) -> tuple[Any, ...]:
        layout = "<" + layout
        return struct.unpack_from(layout, self.content, self._take(struct.calcsize(layout), what))

    def _names(self, arrays: int) -> list[str]:
        (count,) = self._numbers("Q", "a count of names")
        if count == 0:
            return [str(index) for index in range(arrays)]
        if count != arrays:
            raise self._error(f"{count} names for {arrays} arrays")
        names: dict[str, None] = {}
        content, end = self.content, len(self.content)
        for _ in range(count):
            start = self.offset + LENGTH.size
            size = LENGTH.unpack_from(content, self.offset)[0] if start <= end else end
            if size > end - start:
                self._take(self._numbers("Q", "a name's length")[0], "a name")  # says what is wrong
            self.offset = start + size
            try:
                name = content[start : self.offset].decode()
            except UnicodeDecodeError:
                raise self._error("a name that is not UTF-8") from None
            if name in names:
                raise self._error(f"the name {name!r} a second time")
            names[name] = None
        return list(names)

    def _plain_arrays(self, count: int) -> list[np.ndarray]:
        """Return the next arrays, `count` at most, that are dense, not empty and whole, as most are, in few steps.

        Many small arrays are read in a third of the time that `_array` takes, which says what is wrong.
        """
        content, size, offset = self.content, len(self.content), self.offset
        arrays: list[np.ndarray] = []
        while len(arrays) < count and size - offset >= HEAD.size:
            magic, second, third = HEAD.unpack_from(content, offset)
            if magic == V2:
                storage, ndim, code, start = second, third, "q", offset + 12
            elif magic == V1:
                storage, ndim, code, start = DENSE, second, "q", offset + 8
            else:
                storage, ndim, code, start = DENSE, magic, "I", offset + 4
            tail = TAILS.get((code, ndim))
            if storage != DENSE or tail is None or size - start < tail.size:
                break
            *shape, _, _, flag = tail.unpack_from(content, start)
            if min(shape) < 1 or flag not in PLAIN:
                break
            dtype, itemsize = PLAIN[flag]
            start += tail.size
            end = start + math.prod(shape) * itemsize
            if end > size:
                break
            arrays.append(np.ndarray(shape, dtype, content, start))
            self.offset = offset = end
        return arrays

    def _array(self) -> np.ndarray:
        (magic,) = self._numbers("I", "an array")
        storage = self._numbers("i", "a storage type")[0] if magic in (V2, V3) else DENSE
        if storage not in (DENSE, ROW_SPARSE, CSR):
            raise self._error(f"storage type {storage}")
        stored = self._shape(V2) if storage else None
        shape = self._shape(magic)
        if shape is None:
            return np.zeros(0, np.float32)
        self._numbers("ii", "a device")  # where the array was: of no use here
        dtype = self._dtype()
        if not storage:
            return self._values(dtype, shape)
        layout = [(self._dtype(), self._shape(V2) or ()) for _ in range(storage)]
        values = self._values(dtype, stored or ())
        indices = [self._values(*entry) for entry in layout]
        return self._expand(shape, values, indices)

    def _shape(self, magic: int) -> tuple[int, ...] | None:
        """Return the shape that follows, or None for an array that is "none"."""
        if magic in (V1, V2, V3):
            ndim, code = self._numbers("i", "a number of dimensions")[0], "q"
        else:
            ndim, code = magic, "I"
        scalar = magic == V3 or (magic == V2 and self.v2_scalars)
        if ndim == 0 and not scalar:
            return None
        unknown = -1 if magic == V3 else None  # NumPy's shapes say so of a dimension or of their number
        if ndim == unknown:
            return None
        if not 0 <= ndim <= MAX_DIMENSIONS:
            raise self._error(f"{ndim} dimensions, or an array of an unknown kind")
        shape = self._numbers(f"{ndim}{code}", "a shape")
        if unknown in shape:
            return None
        if min(shape, default=0) < 0:
            raise self._error(f"shape {shape}")
        return shape

    def _dtype(self) -> np.dtype:
        (flag,) = self._numbers("i", "a type flag")
        if not 0 <= flag < len(DTYPES):
            raise self._error(f"type flag {flag}")
        return DTYPES[flag]

    def _values(self, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        if math.prod(size or 1 for size in shape) * dtype.itemsize > sys.maxsize:  # NumPy's limit for empty ones, too
            raise self._error(f"shape {shape}")
        start = self._take(math.prod(shape) * dtype.itemsize, f"an array of shape {shape}")
        return np.ndarray(shape, dtype, self.content, start)

    def _expand(self, shape: tuple[int, ...], values: np.ndarray, indices: list[np.ndarray]) -> np.ndarray:
        """Return the dense form of a row-sparse array (index: rows) or a CSR one (indices: row starts, columns)."""
        self.sparse_bytes_left -= math.prod(size or 1 for size in shape) * values.dtype.itemsize
        if self.sparse_bytes_left < 0:
            raise self._error(f"a sparse array of shape {shape}, far larger than the file")
        try:
            return dense_rows(shape, values, *indices) if len(indices) == 1 else dense_csr(shape, values, *indices)
        except ValueError as error:
            raise self._error(f"a sparse array of shape {shape} with {error}") from None
