"""One axis of a picture, resampled by Keys' bicubic kernel."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

AT_ONCE = 2**22  # values resampled at a time
REACH = 2  # radius of the bicubic kernel, in pixels of the coarser grid


def cubic(x: np.ndarray) -> np.ndarray:
    """Return Keys' cubic convolution kernel with a = −0.5 at the distances `x`.

    Source: R. Keys, "Cubic convolution interpolation for digital image processing", 1981.
    """
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < REACH, far, 0.0))


def bicubic_phases(scale: int) -> np.ndarray:
    """Return the filters (scale², 5, 5) float32 that give the scale×scale enlarged pixels around an input pixel."""
    centers = (np.arange(scale) + 0.5) / scale - 0.5
    taps = cubic(centers[:, np.newaxis] - np.arange(-2, 3))
    return np.einsum("ik,jl->ijkl", taps, taps).reshape(scale**2, 5, 5).astype(np.float32)


def resampled(image: np.ndarray, axis: int, size: int, scale: float) -> np.ndarray:
    """Resize one axis, in blocks of the other: all at once, the sums would take ten times the memory of the picture."""
    dtype = working_type(image.dtype)
    lines = np.moveaxis(image, axis, 0)
    weights = _weights(len(lines), size, scale, dtype)
    made = np.empty((size, *lines.shape[1:]), image.dtype)
    step = max(1, AT_ONCE // lines[:, :1].size)
    for start in range(0, lines.shape[1], step):
        part: np.ndarray = lines[:, start : start + step].astype(dtype)
        values = (weights @ part.reshape(len(part), -1)).reshape(-1, *part.shape[1:])
        made[:, start : start + step] = rounded(values, image.dtype) if image.dtype.kind == "u" else values
    return np.moveaxis(made, 0, axis)


def working_type(kind: type | np.dtype) -> type:
    """Return the floating-point type in which pictures of a type are resampled."""
    return np.float32 if kind in (np.uint8, np.float32) else np.float64


@lru_cache(maxsize=64)
def _weights(size: int, new_size: int, scale: float, dtype: type) -> Any:  # type: ignore[explicit-any]
    """Return the sparse matrix (new_size, size) that resizes one axis; each of its rows sums to 1."""
    from scipy import sparse

    shrinking = min(scale, 1.0)
    centers = (np.arange(new_size) + 0.5) * (1 / scale) - 0.5  # in the old pixels; exact for 1/2, 1/3, …
    taps = np.floor(centers - REACH / shrinking)[:, np.newaxis] + np.arange(math.ceil(2 * REACH / shrinking) + 2)
    weights = cubic((centers[:, np.newaxis] - taps) * shrinking)
    weights /= weights.sum(axis=1, keepdims=True)
    rows = np.broadcast_to(np.arange(new_size)[:, np.newaxis], taps.shape)
    columns = np.clip(taps, 0, size - 1).astype(np.int64)
    matrix = sparse.csr_matrix((weights.ravel(), (rows.ravel(), columns.ravel())), shape=(new_size, size))
    matrix.eliminate_zeros()
    return matrix.astype(dtype)


def rounded(values: np.ndarray, dtype: type | np.dtype) -> np.ndarray:
    """Clip to the unsigned `dtype` and round halves up, as MATLAB does; NumPy would round them to even."""
    return np.floor(np.clip(values, 0, np.iinfo(dtype).max) + values.dtype.type(0.5)).astype(dtype)
