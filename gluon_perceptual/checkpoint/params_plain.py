"""The arrays that nearly all of MXNet's `.params` files consist of, read in few steps."""

from __future__ import annotations

import math
import struct
from contextlib import suppress

import numpy as np

from .params_layout import DENSE, DTYPES, HEAD, V1, V2

# Shape, device and type flag, by the number of dimensions. The shape is unsigned: less than 0 is far too many.
TAILS, V0_TAILS = ({ndim: struct.Struct(f"<{ndim}{code}iii") for ndim in range(1, 6)} for code in "QI")
TYPES = {flag: (dtype, dtype.itemsize) for flag, dtype in enumerate(DTYPES[:-1])}  # all but bfloat16


def plain_arrays(content: memoryview, offset: int, count: int) -> tuple[list[np.ndarray], int]:
    """Return the arrays, `count` at most, that follow `offset`, up to the first of another kind, and where they end.

    Plain are those that are dense, whole, not empty, of V0, V1 or V2 and at most 5 dimensions; an array that is not,
    or is damaged, is left to the `Reader`, which takes three times as long. They are views of `content`.
    """
    arrays: list[np.ndarray] = []
    size, unpack_head, product, view = len(content), HEAD.unpack_from, math.prod, np.ndarray
    with suppress(struct.error):  # the content ends before an array's values
        for _ in range(count):
            magic, second, third = unpack_head(content, offset)
            if magic == V2 and second == DENSE:
                tail, start = TAILS.get(third), offset + 12
            elif magic == V1:
                tail, start = TAILS.get(second), offset + 8
            else:
                tail, start = V0_TAILS.get(magic), offset + 4
            if tail is None:
                break
            numbers = tail.unpack_from(content, start)
            shape, flag = numbers[:-3], numbers[-1]
            values = product(shape)
            if flag not in TYPES or not values:
                break
            dtype, itemsize = TYPES[flag]
            start += tail.size
            end = start + values * itemsize
            if end > size:
                break
            arrays.append(view(shape, dtype, content, start))
            offset = end
    return arrays, offset
