"""Large pictures in tiles: cut with a halo, processed one by one, and put together without seams.

All windows of a plan have the same size, so that a network compiles once for pictures of one size. They stay inside
the picture: a window at the border is shifted inwards, not padded, so that the network sees the picture's own border
there.
"""

from __future__ import annotations

import math
from typing import Callable, Iterable, Iterator, NamedTuple

import numpy as np

from ..errors import UserError


class Span(NamedTuple):
    """A window along one axis: pixels [start, stop) are processed, of which [keep_start, keep_stop) are kept."""

    start: int
    stop: int
    keep_start: int
    keep_stop: int


class Tile(NamedTuple):
    """A window of a picture."""

    rows: Span
    columns: Span


def plan_axis(length: int, window: int, halo: int) -> list[Span]:
    """Return the fewest spans of at most `window` pixels with kept parts that cover [0, length) once.

    A kept pixel is at least `halo` away from the ends of its span, except at the ends of the picture. All spans have
    the same length, the smallest that suffices. A picture not longer than a window is one span.

    Raises:
        UserError: The window is not larger than its halo.
    """
    if length <= window:
        return [Span(0, length, 0, length)]
    if window <= 2 * halo:
        raise UserError(f"tiles of {window} pixels: expected more than {2 * halo}, twice the network's halo")
    inner = length - 2 * halo
    count = math.ceil(inner / (window - 2 * halo))
    side = math.ceil(inner / count) + 2 * halo
    spans, kept = [], 0
    while kept < length:
        start = min(max(kept - halo, 0), length - side)
        stop = start + side
        keep_stop = length if stop == length else stop - halo
        spans.append(Span(start, stop, kept, keep_stop))
        kept = keep_stop
    return spans


def plan(height: int, width: int, window: int, halo: int) -> list[Tile]:
    """Return the tiles that cover a picture, row by row; `window`, `halo` as in `plan_axis`."""
    columns = plan_axis(width, window, halo)
    return [Tile(row, column) for row in plan_axis(height, window, halo) for column in columns]


def map_tiles(
    image: np.ndarray, work: Callable[[np.ndarray], np.ndarray], scale: int, tiles: Iterable[Tile]
) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Yield (rows, columns, values) of the enlarged picture, tile by tile.

    Args:
        image: (H, W, C).
        work: (h, w, C) -> (scale·h, scale·w, C).
        scale: How many times larger the result is.
        tiles: From `plan`, for this picture.
    """
    for rows, columns in tiles:
        values = work(image[rows.start : rows.stop, columns.start : columns.stop])
        kept = tuple(
            _scaled(span.keep_start - span.start, span.keep_stop - span.start, scale) for span in (rows, columns)
        )
        target = tuple(_scaled(span.keep_start, span.keep_stop, scale) for span in (rows, columns))
        yield target[0], target[1], values[kept]


def _scaled(start: int, stop: int, scale: int) -> slice:
    return slice(start * scale, stop * scale)
