"""Sparse arrays as MXNet stores them, made dense."""

from __future__ import annotations

import numpy as np

INDEX_DTYPES = (np.dtype("<i4"), np.dtype("<i8"))


def dense_rows(shape: tuple[int, ...], values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return (N, …) of `shape` with the whole rows `values` where `rows` (K,) says; the rest is 0.

    Raises:
        ValueError: They contradict each other, in a word or two.
    """
    if not shape or rows.ndim != 1 or values.shape != (*rows.shape, *shape[1:]):
        raise ValueError(f"values {values.shape} and rows {rows.shape}")
    dense = np.zeros(shape, values.dtype)
    dense[_checked(rows, shape[0])] = values
    return dense


def dense_csr(shape: tuple[int, ...], values: np.ndarray, starts: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return (N, M) of `shape` whose row i has `values[starts[i]:starts[i + 1]]` in `columns` of these numbers.

    Raises:
        ValueError: They contradict each other, in a word or two.
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
