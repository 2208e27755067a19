"""The arrays that nearly all of MXNet's `.params` files consist of, read in few steps."""

from __future__ import annotations

import math
import struct
from contextlib import suppress
from typing import Callable, NamedTuple

import numpy as np

from .params_layout import DENSE, DTYPES, HEAD, V1, V2

TYPES = {flag: (dtype, dtype.itemsize) for flag, dtype in enumerate(DTYPES[:-1])}  # all but bfloat16


class Layout(NamedTuple):
    """What is before an array's values: words that say so, the shape, device and type flag."""

    words: tuple[int, ...]
    known: int  # how many these are
    unpack: Callable[..., tuple[int, ...]]
    size: int  # in bytes


def _layout(words: tuple[int, ...], dimension: str) -> Layout:
    # Dimensions are read as unsigned: those less than 0 are far too many.
    whole = struct.Struct(f"<I{'i' * (len(words) - 1)}{words[-1]}{dimension}iii")
    return Layout(words, len(words), whole.unpack_from, whole.size)


LAYOUTS = {
    words: _layout(words, dimension)
    for ndim in range(1, 6)
    for words, dimension in (((V2, DENSE, ndim), "Q"), ((V1, ndim), "Q"), ((ndim,), "I"))  # the last is V0
}


def _layout_at(content: memoryview, offset: int) -> Layout | None:
    words = HEAD.unpack_from(content, offset)
    return LAYOUTS.get(words) or LAYOUTS.get(words[:2]) or LAYOUTS.get(words[:1])


def plain_arrays(content: memoryview, offset: int, count: int) -> tuple[list[np.ndarray], int]:
    """Return the arrays, `count` at most, that follow `offset`, up to the first of another kind, and where they end.

    Plain are those that are dense, whole, not empty, of V0, V1 or V2 and at most 5 dimensions; an array that is not,
    or is damaged, is left to the `Reader`, which takes three times as long. They are views of `content`.
    """
    arrays: list[np.ndarray] = []
    size, product, view = len(content), math.prod, np.ndarray
    words, known, unpack, before = LAYOUTS[V2, DENSE, 1]  # mostly an array's layout is that of the one before
    with suppress(struct.error, KeyError):  # the content ends before an array's values; an unknown type flag
        for _ in range(count):
            numbers = unpack(content, offset)
            if numbers[:known] != words:
                layout = _layout_at(content, offset)
                if layout is None:
                    break
                words, known, unpack, before = layout
                numbers = unpack(content, offset)
            shape, (dtype, itemsize) = numbers[known:-3], TYPES[numbers[-1]]
            start = offset + before
            end = start + product(shape) * itemsize
            if not start < end <= size:
                break
            arrays.append(view(shape, dtype, content, start))
            offset = end
    return arrays, offset
