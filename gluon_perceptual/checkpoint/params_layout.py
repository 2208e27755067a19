"""What is where in MXNet's `.params` files.

The layout, all little-endian, as MXNet 1.9.1 writes it (`NDArray::Save` in its src/ndarray/ndarray.cc):

    uint64 0x112, uint64 reserved
    uint64 count, then so many arrays:
        uint32 magic, int32 storage type, [shape of the stored values, where sparse], shape
        int32 device type, int32 device number, int32 type flag, [type flag and shape of each index array]
        values, [index arrays]
    uint64 count, 0 or that of the arrays, then so many names: uint64 length, UTF-8

A shape is an int32 number of dimensions, then each as int64. Older files lack the storage type (V1); the oldest lack
the magic too, and their dimensions are uint32 (V0). V3 differs from V2 in NumPy's shapes: 0 dimensions are a scalar.
"""

from __future__ import annotations

import struct

import numpy as np

LIST_MAGIC = 0x112
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
DENSE, ROW_SPARSE, CSR = 0, 1, 2  # the number is also that of the index arrays
MAX_DIMENSIONS = 32  # NumPy's limit

BFLOAT16 = np.dtype([("bfloat16", "<u2")])  # MXNet's own stand-in for the type that NumPy lacks
DTYPES = [np.dtype(code) for code in ("<f4", "<f8", "<f2", "u1", "<i4", "i1", "<i8", "?", "<i2", "<u2", "<u4", "<u8")]
DTYPES.append(BFLOAT16)
LIST, HEAD, NUMBER = struct.Struct("<QQQ"), struct.Struct("<Iii"), struct.Struct("<Q")


def native(array: np.ndarray) -> np.ndarray:
    """Return bfloat16 as float32, the upper half of whose bits it is; anything else as it is."""
    if array.dtype != BFLOAT16:
        return array
    bits = array["bfloat16"].astype(np.uint32)
    bits <<= np.uint32(16)  # in place, as an array of 0 dimensions would else become a number
    return bits.view(np.float32)
