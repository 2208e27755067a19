"""Histogram matching of a large RGB picture, by this package, by scikit-image, and by rio-hist's formula in NumPy."""

from __future__ import annotations

from functools import partial
from typing import Callable

import numpy as np

from .photo import make_photo


def _pair(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    source = make_photo(3000, 4000)
    reference = np.rint(source[::-1] ** 1.05 / 255**0.05).clip(0, 255).astype(np.uint8)
    if dtype == "uint16":
        fine = np.random.default_rng(1).integers(0, 256, source.shape, np.uint16)
        return source.astype(np.uint16) * 256 + fine, reference.astype(np.uint16) * 256 + fine
    return source, reference


def _matching(match: Callable[[np.ndarray, np.ndarray], object], dtype: str) -> Callable[[], None]:
    source, reference = _pair(dtype)

    def run() -> None:
        match(source, reference)

    return run


def ours(dtype: str) -> Callable[[], None]:
    """Return a function that matches by `gluon_perceptual.image.histogram.match_images`."""
    from gluon_perceptual.image.histogram import match_images

    return _matching(match_images, dtype)


def scikit_image(dtype: str) -> Callable[[], None]:
    """Return a function that matches by `skimage.exposure.match_histograms`."""
    from skimage.exposure import match_histograms

    return _matching(partial(match_histograms, channel_axis=2), dtype)


def rio_hist_formula(dtype: str) -> Callable[[], None]:
    """Return a function that matches each band by sorting all of its values."""
    return _matching(_by_sorting, dtype)


def _by_sorting(source: np.ndarray, reference: np.ndarray) -> np.ndarray:
    bands = [_match_band(source[..., i], reference[..., i]) for i in range(3)]
    return np.rint(np.stack(bands, axis=-1)).astype(source.dtype)


def _match_band(band: np.ndarray, other: np.ndarray) -> np.ndarray:
    _, picks, counts = np.unique(band.ravel(), return_inverse=True, return_counts=True)
    values, other_counts = np.unique(other.ravel(), return_counts=True)
    quantiles = np.cumsum(counts) / band.size
    other_quantiles = np.cumsum(other_counts) / other.size
    return np.interp(quantiles, other_quantiles, values)[picks].reshape(band.shape)
