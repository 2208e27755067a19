"""Reads the bytes of MXNet's `.params` files and checks every length; the public function is in `mxnet_params`."""

from __future__ import annotations

import math
import struct
import sys
from collections import Counter

import numpy as np

from ._cursor import Cursor
from ._params_layout import (
    BFLOAT16,
    CSR,
    DENSE,
    DTYPES,
    KIND,
    LIST,
    LIST_MAGIC,
    MAX_DIMENSIONS,
    NUMBER,
    ROW_SPARSE,
    SIZES,
    TYPE,
    V0,
    V0_SIZES,
    V1,
    V2,
    V3,
    dense_csr,
    dense_rows,
    native,
)
from .not_parameters import describe_other_file

RECORD = 256  # bytes of memory per array besides its values, in NumPy and in the dictionary
WIDEST = 16  # bytes per value, in the widest type
INDEX = 16  # bytes per index of a sparse array until it is dense
CHARACTERS = 5  # bytes of memory per byte of a name: its copy, and the 4 of a wide string


class Reader(Cursor):
    """Reads a file's arrays; dense ones become views of its bytes.

    Args:
        path: As for `Cursor`.
        content: As for `Cursor`.
        v2_scalars: Whether a V2 array of 0 dimensions is a scalar, as MXNet 1.9.1 writes it (but cannot read it), or
            "none", which has no values.
    """

    def __init__(self, path: str, content: memoryview, v2_scalars: bool = False) -> None:
        super().__init__(path, content)
        self.v2_scalars = v2_scalars

    def read(self) -> dict[str, np.ndarray]:
        """Return the arrays by name, or raise ParamsFormatError."""
        start = bytes(self.content[: LIST.size]).ljust(LIST.size, b"\0")
        magic, _, count = LIST.unpack(start)
        if magic != LIST_MAGIC:
            self.offset = 0
            kind = describe_other_file(bytes(self.content[:512]))
            raise self.error(kind or f"{magic:#x} where {LIST_MAGIC:#x} is expected")
        self.take(LIST.size, "a header")
        self.afford(count * RECORD, f"{count} arrays")
        arrays = [self._array() for _ in range(count)]
        names = self._names(count)
        if self.offset < len(self.content):
            raise self.error(f"{len(self.content) - self.offset} bytes too many")
        return dict(zip(names, arrays))

    def _native(self, array: np.ndarray) -> np.ndarray:
        if array.dtype == BFLOAT16:
            self.afford(2 * array.nbytes, f"bfloat16 values of shape {array.shape}")
        return native(array)

    def _names(self, arrays: int) -> list[str]:
        (count,) = NUMBER.unpack_from(self.content, self.take(NUMBER.size, "a count of names"))
        if count == 0:
            return [str(index) for index in range(arrays)]
        if count != arrays:
            raise self.error(f"{count} names for {arrays} arrays")
        left = len(self.content) - self.offset
        self.afford(CHARACTERS * left, f"names of {left} bytes")
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
            raise self.error("a name that is not UTF-8") from None
        if end > left:
            raise self.error(f"names of {end} bytes or more, but only {left} are left")
        self.offset += end
        if len(set(names)) < count:
            raise self.error(f"the name {Counter(names).most_common(1)[0][0][:80]!r} a second time")
        return names

    def _array(self) -> np.ndarray:
        """Return the next array; its first words are its version, storage type and number of dimensions."""
        magic, second, third = KIND.unpack_from(self.content, self.take(KIND.size, "an array"))
        if magic in (V2, V3):
            if second == DENSE:
                return self._dense(magic, third)
            self.offset -= 4
            return self._sparse(magic, second)
        if magic == V1:
            self.offset -= 4
            return self._dense(magic, second)
        self.offset -= 8
        return self._dense(V0, magic)

    def _dense(self, version: int, ndim: int) -> np.ndarray:
        """Return an array of `ndim` dimensions, whose sizes are next: a view, unless it is bfloat16."""
        shape = self._shape(version, ndim)
        if shape is None:
            return np.zeros(0, np.float32)
        array = self._values(self._dtype_after_device(), shape)
        return array if array.dtype.names is None else self._native(array)

    def _sparse(self, version: int, storage: int) -> np.ndarray:
        """Return the dense form of a row-sparse array (index: rows) or a CSR one (indices: row starts, columns)."""
        if storage not in (ROW_SPARSE, CSR):
            raise self.error(f"storage type {storage}")
        stored, shape = self._next_shape(V2), self._next_shape(version)
        if shape is None:
            return np.zeros(0, np.float32)
        dtype = self._dtype_after_device()
        layout = [(self._dtype(self.number("a type flag")), self._next_shape(V2) or ()) for _ in range(storage)]
        values = self._values(dtype, stored or ())
        indices = [self._values(*entry) for entry in layout]
        size = math.prod(side or 1 for side in shape) * dtype.itemsize
        self.afford(size + INDEX * sum(index.size for index in indices), f"sparse values of shape {shape}")
        try:
            dense = dense_rows(shape, values, *indices) if storage == ROW_SPARSE else dense_csr(shape, values, *indices)
        except ValueError as error:
            raise self.error(f"a sparse array of shape {shape} with {error}") from None
        return self._native(dense)

    def _next_shape(self, version: int) -> tuple[int, ...] | None:
        return self._shape(version, self.number("a number of dimensions"))

    def _shape(self, version: int, ndim: int) -> tuple[int, ...] | None:
        """Return the next `ndim` sizes, or None for an array that is "none"."""
        if ndim == 0 and not (version == V3 or (version == V2 and self.v2_scalars)):
            return None
        if ndim == -1 and version == V3:  # NumPy's shapes mark an unknown number or size so
            return None
        if not 0 <= ndim <= MAX_DIMENSIONS:
            raise self.error(f"{ndim} dimensions, or an array of an unknown kind")
        sizes = (V0_SIZES if version == V0 else SIZES)[ndim]
        shape = sizes.unpack_from(self.content, self.take(sizes.size, "a shape"))
        if shape and min(shape) < 0:
            if version == V3 and -1 in shape:
                return None
            raise self.error(f"shape {shape}")
        return shape

    def _dtype_after_device(self) -> np.dtype:
        """Return the type that follows a device, which is ignored."""
        return self._dtype(TYPE.unpack_from(self.content, self.take(TYPE.size, "a device and a type flag"))[2])

    def _dtype(self, flag: int) -> np.dtype:
        if 0 <= flag < len(DTYPES):
            return DTYPES[flag]
        raise self.error(f"type flag {flag}")

    def _values(self, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        size = math.prod(shape) * dtype.itemsize
        if not size and math.prod(side or 1 for side in shape) > sys.maxsize // WIDEST:  # NumPy's limit
            raise self.error(f"shape {shape}")
        return np.ndarray(shape, dtype, self.content, self.take(size, "an array"))
