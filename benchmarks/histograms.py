"""Histogram matching of a large RGB picture, by this package, by scikit-image, and by rio-hist's formula in NumPy."""

from __future__ import annotations

from typing import Callable

import numpy as np

from .photo import make_photo


def _pair(megapixels: float, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    height = int((megapixels * 1e6 * 3 / 4) ** 0.5)
    source = make_photo(height, height * 4 // 3)
    reference = np.rint(source[::-1] ** 1.05 / 255**0.05).clip(0, 255).astype(np.uint8)
    if dtype == "uint16":
        fine = np.random.default_rng(1).integers(0, 256, source.shape, np.uint16)
        return source.astype(np.uint16) * 256 + fine, reference.astype(np.uint16) * 256 + fine
    return source, reference


def ours(megapixels: float = 12, dtype: str = "uint8") -> Callable[[], None]:
    """Return a function that matches by `gluon_perceptual.image.histogram.match_images`."""
    from gluon_perceptual.image.histogram import match_images

    source, reference = _pair(megapixels, dtype)

    def match() -> None:
        match_images(source, reference)

    return match


def scikit_image(megapixels: float = 12, dtype: str = "uint8") -> Callable[[], None]:
    """Return a function that matches by `skimage.exposure.match_histograms`."""
    from skimage.exposure import match_histograms

    source, reference = _pair(megapixels, dtype)

    def match() -> None:
        match_histograms(source, reference, channel_axis=2)

    return match


def rio_hist_formula(megapixels: float = 12, dtype: str = "uint8") -> Callable[[], None]:
    """Return a function that matches each band by sorting all of its values."""
    source, reference = _pair(megapixels, dtype)

    def match_band(band: np.ndarray, other: np.ndarray) -> np.ndarray:
        _, picks, counts = np.unique(band.ravel(), return_inverse=True, return_counts=True)
        values, other_counts = np.unique(other.ravel(), return_counts=True)
        quantiles = np.cumsum(counts) / band.size
        other_quantiles = np.cumsum(other_counts) / other.size
        return np.interp(quantiles, other_quantiles, values)[picks].reshape(band.shape)

    def match() -> None:
        bands = [match_band(source[..., i], reference[..., i]) for i in range(3)]
        np.rint(np.stack(bands, axis=-1)).astype(source.dtype)

    return match
