"""Give a picture the histogram of another, as rio-hist does (github.com/mapbox/rio-hist, `match.py`).

The paper matches each super-resolved picture to its low-resolution input, which corrects the network's colors.
"""

from __future__ import annotations

from typing import Callable, Collection

import numpy as np

from ..errors import UserError
from .color import checked_space, from_space, to_space
from .distinct import TABLE_TYPES, distinct_colors, distinct_values, look_up, unmasked_pixels

BANDS = (1, 2, 3)

_OVERSHOOT = 0.5  # filters and networks exceed [0, 1] by less; pixels in [0, 255] are a mistake
_DECIMALS = 9  # digits of converted values: noise in their last bits would separate equal values


def histogram_match(source: np.ndarray, reference: np.ndarray, match_proportion: float = 1.0) -> np.ndarray:
    """Change the values of one band so that their distribution becomes the reference's.

    The quantile of a value is the share of the pixels that are not greater. The value is replaced by the reference's
    value at the same quantile, interpolated between those that occur; a constant band gets the reference's maximum.

    Args:
        source: Real numbers of any type and shape. Masked elements of a masked array are left out of the distribution
            and keep their value and mask.
        reference: Likewise; its type and shape may differ.
        match_proportion: From 0, no change, to 1, the full match.

    Returns:
        float64 of the source's shape; a masked array where the source is one.

    Raises:
        UserError: A proportion outside [0, 1], values that are not finite, or a reference without unmasked ones.
    """
    return _match_unmasked(source, reference, match_proportion)


def match_band(source: np.ndarray, reference: np.ndarray, match_proportion: float = 1.0) -> np.ndarray:
    """Match one band of pictures of uint8, uint16 or float in [0, 1]: as `histogram_match`, in the source's type.

    If the types differ, full scale is mapped to full scale. Values are clipped and rounded to the nearest; rio-hist
    truncates to uint8 without clipping, so that 1.02 wraps to 4.

    Raises:
        UserError: As `histogram_match`.
    """
    factor = _full_scale(source) / _full_scale(reference)
    return _match_unmasked(source, reference, match_proportion, factor, lambda values: _quantize(values, source.dtype))


def match_images(
    source: np.ndarray,
    reference: np.ndarray,
    color_space: str = "RGB",
    bands: Collection[int] = BANDS,
    match_proportion: float = 1.0,
) -> np.ndarray:
    """Match bands of a color picture in a color space.

    Args:
        source: (H, W, 3) sRGB, uint8, uint16 or float in [0, 1]. Masked values of a masked array are left out of the
            distribution and keep value and mask; except in RGB, one masked band masks the pixel.
        reference: Likewise; its type and size may differ.
        color_space: RGB, LAB, LCH, LUV or XYZ, in any case.
        bands: Which bands of the color space to match, of 1, 2 and 3.
        match_proportion: From 0, no change, to 1, the full match.

    Returns:
        (H, W, 3) sRGB of the source's type, clipped and rounded as in `match_band`; a masked array where the source
        is one.

    Raises:
        UserError: An unknown color space or band, a proportion outside [0, 1], or pictures other than described.
    """
    space = checked_space(color_space)
    if not bands or not set(bands) <= set(BANDS):
        raise UserError(f"bands {bands}: expected some of {', '.join(map(str, BANDS))}")
    _check_picture(source, "source")
    _check_picture(reference, "reference")
    matched, indices = source.copy(), {band - 1 for band in bands}
    if space == "RGB":
        for i in indices:
            matched[..., i] = match_band(source[..., i], reference[..., i], match_proportion)
    else:
        np.ma.getdata(matched)[unmasked_pixels(source)] = _match_colors(
            source, reference, space, indices, match_proportion
        )
    return matched


def _match_colors(
    source: np.ndarray, reference: np.ndarray, space: str, indices: Collection[int], proportion: float
) -> np.ndarray:
    """Return the unmasked pixels of `source`, (N, 3), matched in the space; each color is converted only once."""
    colors, counts, picks = distinct_colors(source)
    reference_colors, reference_counts, _ = distinct_colors(reference)
    values = to_space(colors / _full_scale(source), space).round(_DECIMALS)
    reference_values = to_space(reference_colors / _full_scale(reference), space).round(_DECIMALS)
    for i in indices:
        values[:, i] = _match(values[:, i], counts, reference_values[:, i], reference_counts, proportion)
    matched = _quantize(from_space(values, space) * _full_scale(source), source.dtype)
    return matched[picks]


def _match_unmasked(
    source: np.ndarray,
    reference: np.ndarray,
    proportion: float,
    factor: float = 1.0,
    finish: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> np.ndarray:
    """Return a band with its unmasked values matched to those of `reference` times a factor, then finished."""
    values, counts, picks = distinct_values(np.ma.compressed(source))
    reference_values, reference_counts, _ = distinct_values(np.ma.compressed(reference))
    matched = finish(_match(values, counts, reference_values, reference_counts, proportion, factor))
    if not isinstance(source, np.ma.MaskedArray):
        return look_up(matched, picks).reshape(source.shape)
    changed = source.astype(matched.dtype)
    np.ma.getdata(changed)[~np.ma.getmaskarray(source)] = look_up(matched, picks)
    return changed


def _match(
    values: np.ndarray,
    counts: np.ndarray,
    reference_values: np.ndarray,
    reference_counts: np.ndarray,
    proportion: float,
    factor: float = 1.0,
) -> np.ndarray:
    """Return the new value, float64, of each value of the source. Counts say how often values occur; all are 1-D."""
    if not 0 <= proportion <= 1:
        raise UserError(f"match proportion {proportion}: expected a number from 0 to 1")
    occurs = reference_counts > 0
    if not occurs.any():
        raise UserError("the reference has no unmasked pixel, and so no histogram to match")
    _, quantiles, picks = _quantiles(values, counts)
    reference_values, reference_quantiles, _ = _quantiles(reference_values[occurs], reference_counts[occurs])
    matched = np.interp(quantiles, reference_quantiles, reference_values * factor)[picks]
    return values - (values - matched) * proportion


def _quantiles(values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct values in ascending order, the quantile of each, and for each value its index among them."""
    if values.dtype.kind not in "biuf":
        raise UserError(f"values of type {values.dtype} cannot be matched: expected integers or floats")
    if not np.isfinite(values).all():
        raise UserError("NaN and infinity cannot be matched: mask these pixels")
    distinct, picks = np.unique(values, return_inverse=True)
    return distinct, np.cumsum(np.bincount(picks, counts)) / max(counts.sum(), 1), picks


def _full_scale(picture: np.ndarray) -> float:
    return float(np.iinfo(picture.dtype).max) if picture.dtype.kind == "u" else 1.0


def _quantize(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Clip to the type's full scale and, for integers, round to the nearest."""
    if dtype.kind == "f":
        return np.clip(values, 0, 1).astype(dtype)
    return np.rint(np.clip(values, 0, np.iinfo(dtype).max)).astype(dtype)


def _check_picture(picture: np.ndarray, name: str) -> None:
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        raise UserError(f"{name} of shape {picture.shape}: expected (H, W, 3)")
    if picture.dtype not in TABLE_TYPES and picture.dtype.kind != "f":
        raise UserError(f"{name} of type {picture.dtype}: expected uint8, uint16 or float in [0, 1]")
    if picture.dtype.kind == "f" and (picture.min() < -_OVERSHOOT or picture.max() > 1 + _OVERSHOOT):
        span = f"{picture.min():g} to {picture.max():g}"
        raise UserError(f"{name} with floats from {span}: expected [0, 1]; divide by the full scale")
