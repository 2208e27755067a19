"""The bytes of MXNet's `.params` files, read with every length checked; `params_file` is the way in."""

from __future__ import annotations

import math
import struct
import sys
from collections import Counter
from typing import Any

import numpy as np

from ..errors import ParamsFormatError
from .params_layout import (
    BFLOAT16,
    CSR,
    DENSE,
    DTYPES,
    LIST,
    LIST_MAGIC,
    MAX_DIMENSIONS,
    NUMBER,
    ROW_SPARSE,
    V1,
    V2,
    V3,
    native,
)
from .params_plain import plain_arrays
from .params_sparse import dense_csr, dense_rows

ALLOWANCE = 48 << 20  # bytes that reading may take besides twice the file's own size
RECORD = 256  # bytes that an array takes besides its values, in NumPy and in the dictionary
INDEX = 16  # bytes that a sparse array's index takes until the array is dense
CHARACTERS = 5  # bytes of memory for one of a name: its copy, and the 4 of a wide string


class Reader:
    """A cursor over a file's bytes, which believes no length before it has seen that the bytes are there.

    Args:
        path: The file's name, for errors.
        content: Its bytes; dense arrays become views of them.
        v2_scalars: Whether a V2 array of 0 dimensions is a scalar, as MXNet 1.9.1 writes it (and cannot read it
            back), or "none", after which nothing follows.
    """

    def __init__(self, path: str, content: memoryview, v2_scalars: bool = False) -> None:
        self.path, self.content, self.v2_scalars = path, content, v2_scalars
        self.offset = 0
        self.memory_left = 2 * len(content) + ALLOWANCE

    def read(self) -> dict[str, np.ndarray]:
        """Return the arrays by name, or raise ParamsFormatError."""
        magic, _, count = LIST.unpack_from(self.content, self._take(LIST.size, "a header"))
        if magic != LIST_MAGIC:
            self.offset = 0
            raise self._error(f"{magic:#x} where {LIST_MAGIC:#x} is expected")
        self._afford(count * RECORD, f"{count} arrays")
        arrays = self._plain_arrays(count)
        while len(arrays) < count:
            arrays.append(self._native(self._array()))
            arrays += self._plain_arrays(count - len(arrays))
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

    def _afford(self, size: int, what: str) -> None:
        """Account for memory that is going to be taken."""
        self.memory_left -= size
        if self.memory_left < 0:
            raise self._error(f"{what}, which take far more memory than the file")

    def _native(self, array: np.ndarray) -> np.ndarray:
        if array.dtype == BFLOAT16:
            self._afford(2 * array.nbytes, f"bfloat16 values of shape {array.shape}")
        return native(array)

    def _names(self, arrays: int) -> list[str]:
        (count,) = NUMBER.unpack_from(self.content, self._take(NUMBER.size, "a count of names"))
        if count == 0:
            return [str(index) for index in range(arrays)]
        if count != arrays:
            raise self._error(f"{count} names for {arrays} arrays")
        left = len(self.content) - self.offset
        self._afford(CHARACTERS * left, f"names of {left} bytes")
        rest, end = bytes(self.content[self.offset :]), 0
        names, unpack, size = [], NUMBER.unpack_from, NUMBER.size
        try:
            for _ in range(count):
                start = end + size
                end = start + unpack(rest, end)[0]
                names.append(rest[start:end].decode())
        except (struct.error, OverflowError):
            end = max(end, left + 1)
        except UnicodeDecodeError:
            self.offset += start
            raise self._error("a name that is not UTF-8") from None
        if end > left:
            raise self._error(f"names of {end} bytes or more where {left} are left")
        self.offset += end
        if len(set(names)) < count:
            raise self._error(f"the name {Counter(names).most_common(1)[0][0][:80]!r} a second time")
        return names

    def _plain_arrays(self, count: int) -> list[np.ndarray]:
        arrays, self.offset = plain_arrays(self.content, self.offset, count)
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
        size = math.prod(size or 1 for size in shape) * values.dtype.itemsize
        self._afford(size + INDEX * sum(index.size for index in indices), f"sparse values of shape {shape}")
        try:
            return dense_rows(shape, values, *indices) if len(indices) == 1 else dense_csr(shape, values, *indices)
        except ValueError as error:
            raise self._error(f"a sparse array of shape {shape} with {error}") from None
