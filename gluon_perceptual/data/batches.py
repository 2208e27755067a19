"""Pairs -> batches, which threads prepare before they are needed."""

from __future__ import annotations

from typing import Iterable, Iterator, Protocol, Sequence, Tuple

import numpy as np

from .._mxnet import mx

WAIT_SECONDS = 3600  # a batch may take long on a network drive; Gluon's default is 120


Batch = Tuple[np.ndarray, np.ndarray]  # inputs and references


class Pairs(Protocol):
    """Pairs (input, reference), (C, H, W) each, by number, any k >= 0; `len` is one round of the photos."""

    @property
    def skipped(self) -> dict[str, str]:
        """Photos found unusable so far, by name, and why."""

    def __len__(self) -> int: ...

    def __getitem__(self, k: int) -> tuple[np.ndarray, np.ndarray]: ...


class ConsecutiveBatches:
    """Batch sampler: batch b of `size` holds the pairs b·size, b·size + 1, …; for b in [first, last).

    Each worker of a cluster has its own part of batch b: together the workers have the pairs that a single worker
    would have in batches `num_workers` times as large.
    """

    def __init__(self, size: int, first: int, last: int, rank: int = 0, num_workers: int = 1) -> None:
        self._size, self._range = size, range(first * num_workers + rank, last * num_workers + rank, num_workers)

    def __len__(self) -> int:
        return len(self._range)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._range:
            yield list(range(batch * self._size, (batch + 1) * self._size))


def stack(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays: the first members of `pairs`, and the second ones."""
    first, second = zip(*pairs)
    return np.stack(first), np.stack(second)


def batches(
    pairs: Pairs, size: int, first: int, last: int, threads: int = 2, rank: int = 0, num_workers: int = 1
) -> Iterable[Batch]:
    """Return an iterable over the batches [first, last) of `pairs`, each (inputs, references) as NumPy arrays.

    Threads suffice, since decoding and resizing release Python's lock, and forking while MXNet's threads run would not
    be safe. The contents of a batch do not depend on the number of threads.

    Args:
        pairs: By number.
        size: Pairs in a batch, of this worker of the cluster.
        first: Number of the first batch.
        last: One more than the number of the last batch.
        threads: Number of threads that prepare batches; 0: the caller's thread does.
        rank: This worker of the cluster, see `ConsecutiveBatches`.
        num_workers: Workers in the cluster.
    """
    return mx.gluon.data.DataLoader(
        pairs,
        batch_sampler=ConsecutiveBatches(size, first, last, rank, num_workers),
        batchify_fn=stack,
        num_workers=threads,
        thread_pool=True,
        timeout=WAIT_SECONDS,
    )
