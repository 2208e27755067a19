"""Pairs -> batches, made by threads ahead of the step that wants them."""

from __future__ import annotations

from typing import Any, Iterator, Sequence

import numpy as np

from .._mxnet import mx

WAIT_SECONDS = 3600  # a batch may take long on a network drive; Gluon's own limit is 120


class ConsecutiveBatches:
    """Batch sampler: batch b of `size` holds the pairs b·size, b·size + 1, …; for b in [first, last)."""

    def __init__(self, size: int, first: int, last: int) -> None:
        self._size, self._range = size, range(first, last)

    def __len__(self) -> int:
        return len(self._range)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._range:
            yield list(range(batch * self._size, (batch + 1) * self._size))


def stack(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the second members of `pairs` as an array each."""
    first, second = zip(*pairs)
    return np.stack(first), np.stack(second)


def batches(pairs: Any, size: int, first: int, last: int, workers: int = 2) -> Any:
    """Return an iterable over the batches [first, last) of `pairs`, each (inputs, references) as NumPy arrays.

    Threads suffice: decoding and resizing release Python's lock, and no process is forked beside MXNet's threads.
    """
    return mx.gluon.data.DataLoader(
        pairs,
        batch_sampler=ConsecutiveBatches(size, first, last),
        batchify_fn=stack,
        num_workers=workers,
        thread_pool=True,
        timeout=WAIT_SECONDS,
    )
