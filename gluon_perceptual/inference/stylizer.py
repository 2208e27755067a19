"""Repaints pictures: whole or window by window, optionally in their own colors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from .._mxnet import Block, Context, NDArray, free_memory, mx, mxnet_errors
from ..choices import PreserveColor, Statistics, check_choice, of
from ..errors import UserError
from ..image.color import luma
from ..image.histogram import match_images
from ..image.io import Picture, check_rgb, to_image, to_tensor
from ..image.resize import resize_longest_side
from ..nets.instance_norm import for_single_pictures
from ..nets.style import CELL
from .layerwise import HALO_OUT, LayerwiseStyle
from .model import Model, open_model
from .progress import Progress, unseen
from .upscaler import bleed

WINDOW = 1024  # side of automatic windows in pixels, for pictures too large to process at once
SHARE = 0.25  # of the free memory: most that a picture processed at once may take
MAPS = 9  # number of first-layer-sized float32 maps in memory at a time
SMALLEST_WINDOW = 4 * HALO_OUT * CELL
REDUCED = 512  # longer side of the copy from which "reduced" takes statistics
STUDIO_SWING = 219 / 255  # of `luma`


class Stylizer:
    """Repaints pictures by a style model.

    A picture is processed at once if there is enough memory, which takes half the time; otherwise window by window,
    without seams and independent of the windows' size: instance norms use statistics of the whole picture or of a
    reduced copy.

    Args:
        model: See `open_model`: a path, the name of a shipped model, a network, or a `Model`. Symbols process every
            picture at once.
        ctx: Device; None for the CPU.
        tile: Side in pixels of the windows, and of pictures to process at once; "auto": as memory allows.
        statistics: "whole", as if the picture were processed at once, or "reduced": for pictures processed in windows
            about half the time, also without seams, but with other contrasts.
        preserve_color: None; "luminance" keeps the picture's own colors and uses only the new luminance (Gatys et al.
            2016, "Preserving color in neural artistic style transfer"); "histogram" gives the result the picture's
            colors by histogram matching.
        strength: From 0, the picture, to 1, the repainted one.
        precision: Of checkpoints: "auto", "float32" or "bfloat16"; see `open_model`.

    Raises:
        UserError: The model cannot be opened, or is not a style model, or an option has an invalid value.
    """

    def __init__(
        self,
        model: str | Path | Model | Block,
        ctx: Context | None = None,
        tile: int | str = "auto",
        statistics: Statistics = "whole",
        preserve_color: PreserveColor | None = None,
        strength: float = 1.0,
        precision: str = "auto",
    ) -> None:
        self.model = open_model(model, ctx, precision)
        self.model.check_kind("style")
        layers = self.model.layers
        self._at_once = self._run_whole if layers is None else for_single_pictures(layers, self.model.ctx)
        self.by_memory, self.tile = tile == "auto", WINDOW if tile == "auto" else int(tile)
        if self.tile < SMALLEST_WINDOW:
            raise UserError(f"`tile` {self.tile}: expected at least {SMALLEST_WINDOW} pixels")
        check_choice("statistics", statistics, of(Statistics))
        check_choice("preserve_color", preserve_color, (None, *of(PreserveColor)))
        if not 0 <= strength <= 1:
            raise UserError(f"`strength` {strength:g}: expected a number from 0 to 1")
        self.statistics, self.preserve_color, self.strength = statistics, preserve_color, strength
        self._layerwise: LayerwiseStyle | None = None

    def _run_whole(self, picture: NDArray, progress: Progress) -> NDArray:
        return self.model(picture)

    def __call__(self, image: np.ndarray, progress: Progress = unseen) -> np.ndarray:
        """(H, W, 3) uint8 or uint16 RGB -> the same shape and type; `progress` is called for each layer or window."""
        check_rgb(image)
        painted = to_image(self._paint(image, progress), image.dtype)
        if self.preserve_color == "luminance":
            painted = with_colors_of(painted, image)
        elif self.preserve_color == "histogram":
            painted = match_images(painted, image)
        if self.strength == 1:
            return painted
        mixed = self.strength * painted.astype(np.float32) + (1 - self.strength) * image
        return np.rint(mixed).astype(image.dtype)

    def _paint(self, image: np.ndarray, progress: Progress) -> np.ndarray:
        """(H, W, 3) -> (3, H, W) in [0, 255]; a mirrored border takes the network's artifacts, and is cropped."""
        height, width = image.shape[:2]
        border = self.model.border_artifact_width
        framed = cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_REFLECT_101)
        painted = self._through(framed, progress)
        return painted[:, border : border + height, border : border + width]

    def fits(self, height: int, width: int) -> bool:
        """Return whether a picture of this size is processed at once."""
        if max(height, width) <= self.tile or self.model.layers is None:
            return True
        needed = MAPS * 4 * self.model.layers.arguments["width"] * height * width
        return self.by_memory and needed <= SHARE * free_memory(self.model.ctx)

    def _through(self, image: np.ndarray, progress: Progress = unseen) -> np.ndarray:
        """(H, W, 3) -> the network's output, (3, H, W)."""
        if self.fits(*image.shape[:2]):
            with mxnet_errors("if memory ran out, use a smaller `tile`"):
                picture = mx.nd.array(to_tensor(image), ctx=self.model.ctx)
                whole: np.ndarray = self._at_once(picture, progress).asnumpy()[0]
            progress(1.0)
            return whole
        if self._layerwise is None:
            self._layerwise = LayerwiseStyle(self.model.layers, self.tile, self.model.ctx)
        if self.statistics == "whole":
            return self._layerwise.settle(to_tensor(image)[0], progress)
        self._layerwise.settle(to_tensor(resize_longest_side(image, min(REDUCED, max(image.shape[:2]))))[0])
        return self._layerwise(to_tensor(image)[0], progress)

    def stylize(self, picture: Picture, progress: Progress = unseen) -> Picture:
        """Repaint a picture as read from a file: alpha is kept, gray becomes color.

        Colors of fully transparent pixels, which would bleed into visible ones, are replaced by those of the nearest
        visible pixels.
        """
        color = picture.rgb if picture.alpha is None else bleed(picture.rgb, picture.alpha)
        return replace(picture, color=self(color, progress))


def with_colors_of(painted: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return the luminance of `painted` with the chroma of `image` in YIQ; all (H, W, 3) of one type.

    In YIQ, changing luminance and keeping chroma adds the same difference to red, green and blue.
    """
    difference = (luma(painted) - luma(image)) / STUDIO_SWING
    mixed = image + difference[:, :, np.newaxis]
    return np.rint(np.clip(mixed, 0, np.iinfo(image.dtype).max)).astype(image.dtype)
