"""Progress of the work on a picture: a function called with the share that is done, from 0 to 1."""

from __future__ import annotations

from typing import Callable, Iterator, Sequence, TypeVar

Progress = Callable[[float], object]
Item = TypeVar("Item")


def unseen(share: float) -> None:
    """Ignore progress."""


def part_of(progress: Progress, start: float, stop: float) -> Progress:
    """Return the progress function of a part of the work, from share `start` to share `stop`."""
    return lambda share: progress(start + (stop - start) * share)


def counted(items: Sequence[Item], progress: Progress) -> Iterator[Item]:
    """Yield the items, and report each when the next one is asked for."""
    for done, item in enumerate(items, 1):
        yield item
        progress(done / len(items))
