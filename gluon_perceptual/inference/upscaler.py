"""Enlarges pictures: whole or in tiles, also with alpha, gray or 16 bits, with optional histogram matching."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import cv2
import numpy as np

from .._mxnet import Block, Context, mx, mxnet_errors
from ..errors import ImageError, UserError
from ..image.histogram import match_band, match_images
from ..image.io import MOST_WRITTEN, Picture, check_rgb, to_image, to_tensor
from ..image.resize import resize_to
from ..image.size import Size
from ..image.tiling import Tile, map_tiles, plan
from .model import Model, open_model
from .progress import Progress, counted, part_of, unseen

Network = Callable[[np.ndarray], np.ndarray]
TILE_OUTPUT = 1024  # largest side of automatic tiles in output pixels: larger ones gain little and take more memory


class Upscaler:
    """Enlarges pictures by a model.

    Args:
        model: See `open_model`: a path, the name of a shipped model, a network, or a `Model`.
        ctx: Device; None for the CPU.
        tile: Largest side of the tiles in input pixels, or "auto". Tiles overlap by the model's receptive field, so the
            result is that of the whole picture.
        match_histogram: Color space in which each result's histogram is matched to its input's (paper, section
            4.2), or None.
        self_ensemble: Return the mean over the eight rotated and flipped pictures, which takes eight times as long.
        scale: Enlargement factor, any positive number, or a `Size`; None: the model's scale. The model runs as often as
            needed, and a larger result is reduced by `resize_to`; with 1 it runs once, to restore the picture. A symbol
            that keeps the size, such as SRCNN's, is run on the bicubic enlargement.
        precision: In which checkpoints are computed, "auto", "float32" or "bfloat16"; see `open_model`.

    Raises:
        UserError: The model cannot be opened, or is a style model, or the tiles are too small for it.
    """

    def __init__(
        self,
        model: str | Path | Model | Block,
        ctx: Context | None = None,
        tile: int | str = "auto",
        match_histogram: str | None = None,
        self_ensemble: bool = False,
        scale: float | Size | None = None,
        precision: str = "auto",
    ) -> None:
        self.size = scale if isinstance(scale, Size) or scale is None else Size(scale)
        self.model = open_model(model, ctx, precision, self.size.scale if self.size else None)
        self.model.check_kind("super-resolution")
        self.scale = self.model.scale
        automatic = max(TILE_OUTPUT // self.scale, 6 * self.model.halo)
        self.tile = automatic if tile == "auto" else int(tile)
        if self.tile <= 2 * self.model.halo:
            raise UserError(f"`tile` {self.tile}: this model needs more than {2 * self.model.halo} pixels")
        self.match_histogram, self.self_ensemble = match_histogram, self_ensemble

    def __call__(self, image: np.ndarray, progress: Progress = unseen) -> np.ndarray:
        """(H, W, 3) uint8 or uint16 RGB -> a larger one of the same type; `progress` is called for each tile."""
        check_rgb(image)
        return self._matched(image, progress)

    def _matched(self, image: np.ndarray, progress: Progress) -> np.ndarray:
        """(H, W, 3) or (H, W) -> the result, optionally with the image's histogram."""
        large = self._resized(image, self._enlarge, progress)
        if not self.match_histogram:
            return large
        return match_band(large, image) if image.ndim == 2 else match_images(large, image, self.match_histogram)

    def result_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width of the result for a picture of this size."""
        return self.size.of(height, width) if self.size else (self.scale * height, self.scale * width)

    def _resized(
        self, image: np.ndarray, enlarge: Callable[[np.ndarray, Progress], np.ndarray], progress: Progress
    ) -> np.ndarray:
        """Enlarge as often as needed, and reduce to the result's size; raises ImageError if it gets too large."""
        height, width = image.shape[:2]
        count = self.size.passes(self.scale, height, width) if self.size else 1
        if height * width * self.scale ** (2 * count) > MOST_WRITTEN:
            raise ImageError(f"{height}×{width} pixels enlarged {self.scale**count} times are over {MOST_WRITTEN:,}")
        shares = [self.scale ** (2 * k) for k in range(count)]  # of the work, which is proportional to the pixels
        target = self.result_size(height, width)
        for k in range(count):
            start, stop = (sum(shares[:end]) / sum(shares) for end in (k, k + 1))
            image = enlarge(image, part_of(progress, start, stop))
        return image if image.shape[:2] == target else resize_to(image, *target)

    def _enlarge(self, image: np.ndarray, progress: Progress) -> np.ndarray:
        height, width = image.shape[:2]
        large = np.empty((self.scale * height, self.scale * width, *image.shape[2:]), image.dtype)
        tiles = counted(self.plan(height, width), progress)
        for rows, columns, values in map_tiles(image, self.enlarge_window, self.scale, tiles):
            large[rows, columns] = values if image.ndim == 3 else _mean(values)
        return large

    def plan(self, height: int, width: int) -> list[Tile]:
        """Return the tiles in which a picture of this size is enlarged."""
        return plan(height, width, self.tile, self.model.halo)

    def enlarge_window(self, window: np.ndarray) -> np.ndarray:
        """(h, w, 3) or (h, w) -> (scale·h, scale·w, 3) of the same type, in one pass of the network."""
        with mxnet_errors("if memory ran out, use a smaller `tile`"):
            tensor = to_tensor(window)
            values = _mean_of_turns(self._run, tensor) if self.self_ensemble else self._run(tensor)
        return to_image(values, window.dtype)

    def _run(self, tensor: np.ndarray) -> np.ndarray:
        return self.model(mx.nd.array(tensor, ctx=self.model.ctx)).asnumpy()

    def enlarge(self, picture: Picture, progress: Progress = unseen) -> Picture:
        """Enlarge a picture as read from a file: gray stays gray; alpha is enlarged by the model, too.

        Colors of fully transparent pixels are meaningless, but would show at the edges; before enlarging they are
        replaced by those of the nearest visible pixels.
        """
        color, alpha = picture.color, picture.alpha
        if alpha is not None:
            color = bleed(color, alpha)
            alpha = self._resized(alpha, self._enlarge_alpha, part_of(progress, 0, 0.5))
            progress = part_of(progress, 0.5, 1)
        return replace(picture, color=self._matched(color, progress), alpha=alpha)

    def _enlarge_alpha(self, alpha: np.ndarray, progress: Progress) -> np.ndarray:
        """(H, W) -> (scale·H, scale·W), limited to the minimum and maximum of each pixel and its neighbors.

        So areas away from edges are unchanged, where networks and bicubic kernels leave ripples.
        """
        if alpha.min() == alpha.max():
            shape = (self.scale * alpha.shape[0], self.scale * alpha.shape[1])
            return np.full(shape, alpha.flat[0])
        large = self._enlarge(alpha, progress)
        neighbors = np.ones((3, 3), np.uint8)
        low, high = (
            bound(alpha, neighbors).repeat(self.scale, axis=0).repeat(self.scale, axis=1)
            for bound in (cv2.erode, cv2.dilate)
        )
        return np.clip(large, low, high, out=large)


def _mean_of_turns(network: Network, tensor: np.ndarray) -> np.ndarray:
    """Return the mean of a network's outputs (N, C, H, W) over rotations and flips of its input, undone.

    Timofte et al. 2016, "Seven ways to improve example-based single image super resolution", section 3.4.
    """
    total: Any = 0
    for turns in range(4):
        for flip in (1, -1):
            turned = np.rot90(tensor, turns, (2, 3))[..., ::flip]
            total = total + np.rot90(network(np.ascontiguousarray(turned))[..., ::flip], -turns, (2, 3))
    return total / 8


def _mean(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) -> (H, W): the mean of the channels, rounded."""
    total = image.sum(axis=2, dtype=np.uint32)
    return ((total + 1) // 3).astype(image.dtype)


def bleed(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return (H, W, 3) or (H, W) `color` with fully transparent pixels replaced by the nearest visible ones."""
    from scipy.ndimage import distance_transform_edt

    hidden = alpha == 0
    if not hidden.any() or hidden.all():
        return color
    rows, columns = distance_transform_edt(hidden, return_distances=False, return_indices=True)
    return color[rows, columns]
