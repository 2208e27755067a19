"""ST-LPIPS: how different two pictures look, by AlexNet's features, weighted by human judgments.

Ghildyal and Liu, "Shift-tolerant perceptual similarity metric", ECCV 2022. Unlike distances of VGG16's features, it is
not used as a loss here, so that no model is optimized for it. It runs in PyTorch, by the package stlpips-pytorch.
"""

from __future__ import annotations

import logging

import numpy as np

from ..errors import MissingDependencyError, require
from .metrics import check_same_shape

EXTRA = "perceptual"

log = logging.getLogger(__name__)


class ShiftTolerantLpips:
    """The metric, on AlexNet's features.

    Raises:
        MissingDependencyError: PyTorch or stlpips-pytorch is not installed.
    """

    def __init__(self) -> None:
        self._torch = require("torch", EXTRA, "ST-LPIPS")
        library = require("stlpips_pytorch.stlpips", EXTRA, "ST-LPIPS")
        self._metric = library.LPIPS(net="alex", variant="shift_tolerant", verbose=False)

    def __call__(self, picture: np.ndarray, truth: np.ndarray) -> float:
        """Return the distance of two (H, W, 3) uint8 RGB pictures: 0 if equal, 0.5 after bicubic enlargement by 8.

        Raises:
            UserError: The shapes differ.
        """
        check_same_shape(picture, truth)
        with self._torch.no_grad():
            return float(self._metric(self._tensor(picture), self._tensor(truth)))

    def _tensor(self, picture: np.ndarray) -> object:
        """(H, W, 3) uint8 -> (1, 3, H, W) in [-1, 1]."""
        values = np.ascontiguousarray(picture.transpose(2, 0, 1)[np.newaxis], np.float32)
        return self._torch.from_numpy(values / 127.5 - 1)


def st_lpips_if_installed() -> ShiftTolerantLpips | None:
    """Return the metric; or None, and log how to install it."""
    try:
        return ShiftTolerantLpips()
    except MissingDependencyError as error:
        log.warning("left out: %s", error)
        return None
