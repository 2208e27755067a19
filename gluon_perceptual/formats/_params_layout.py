"""The layout of MXNet's `.params` files, and the conversion of bfloat16 and sparse arrays.

The layout, all little-endian, as MXNet 1.9.1 writes it (`NDArray::Save` in its src/ndarray/ndarray.cc):

    uint64 0x112, uint64 reserved
    uint64 count, then that many arrays:
        uint32 magic, int32 storage type, [shape of the stored values, where sparse], shape
        int32 device type, int32 device number, int32 type flag, [type flag and shape of each index array]
        values, [index arrays]
    uint64 count, 0 or that of the arrays, then that many names: uint64 length, UTF-8

A shape is an int32 number of dimensions, then each as int64. Older files lack the storage type (V1); the oldest lack
the magic too, and their dimensions are uint32 (V0). V3 differs from V2 in NumPy's shapes: 0 dimensions are a scalar.
"""

from __future__ import annotations

import struct

import numpy as np

LIST_MAGIC = 0x112
V0, V1, V2, V3 = 0, 0xF993FAC8, 0xF993FAC9, 0xF993FACA
DENSE, ROW_SPARSE, CSR = 0, 1, 2  # the number is also that of the index arrays
MAX_DIMENSIONS = 32  # NumPy's limit

BFLOAT16 = np.dtype([("bfloat16", "<u2")])  # MXNet's substitute for the type, which NumPy lacks
DTYPES = [np.dtype(code) for code in ("<f4", "<f8", "<f2", "u1", "<i4", "i1", "<i8", "?", "<i2", "<u2", "<u4", "<u8")]
DTYPES.append(BFLOAT16)
LIST, KIND, TYPE, NUMBER, INTEGER = map(struct.Struct, ("<QQQ", "<Iii", "<iii", "<Q", "<i"))
SIZES, V0_SIZES = ([struct.Struct(f"<{ndim}{code}") for ndim in range(MAX_DIMENSIONS + 1)] for code in "qI")
INDEX_DTYPES = (np.dtype("<i4"), np.dtype("<i8"))


def native(array: np.ndarray) -> np.ndarray:
    """Return bfloat16, the upper half of float32's bits, as float32; anything else unchanged."""
    if array.dtype != BFLOAT16:
        return array
    bits = array["bfloat16"].astype(np.uint32)
    bits <<= np.uint32(16)  # in place, since an array of 0 dimensions would otherwise become a number
    return bits.view(np.float32)


def dense_rows(shape: tuple[int, ...], values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return (N, …) of `shape` with the rows `values` at the indices `rows` (K,); the rest is 0.

    Raises:
        ValueError: They contradict each other; the message is a few words.
    """
    if not shape or rows.ndim != 1 or values.shape != (*rows.shape, *shape[1:]):
        raise ValueError(f"values {values.shape} and rows {rows.shape}")
    dense = np.zeros(shape, values.dtype)
    dense[_checked(rows, shape[0])] = values
    return dense


def dense_csr(shape: tuple[int, ...], values: np.ndarray, starts: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return (N, M) of `shape`; row i has `values[starts[i]:starts[i + 1]]` in the same range of `columns`.

    Raises:
        ValueError: They contradict each other; the message is a few words.
    """
    if len(shape) != 2 or starts.shape != (shape[0] + 1,) or columns.shape != values.shape or values.ndim != 1:
        raise ValueError(f"values {values.shape}, row starts {starts.shape} and columns {columns.shape}")
    counts = np.diff(_checked(starts, len(values) + 1))
    if starts[0] != 0 or starts[-1] != len(values) or (counts < 0).any():
        raise ValueError("row starts that do not ascend from 0 to the number of values")
    dense = np.zeros(shape, values.dtype)
    dense[np.repeat(np.arange(shape[0]), counts), _checked(columns, shape[1])] = values
    return dense


def _checked(indices: np.ndarray, end: int) -> np.ndarray:
    if indices.dtype not in INDEX_DTYPES:
        raise ValueError(f"indices of type {indices.dtype}")
    if indices.size and not (indices.min() >= 0 and indices.max() < end):
        raise ValueError(f"indices outside 0 to {end - 1}")
    return indices.astype(np.int64)
