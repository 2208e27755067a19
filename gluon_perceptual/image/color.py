"""RGB <-> YCbCr as in MATLAB, and RGB <-> the color spaces that histograms are matched in."""

from __future__ import annotations

import warnings
from typing import Any, Callable

import numpy as np

from ..errors import UserError

SPACES = ("RGB", "LAB", "LCH", "LUV", "XYZ")

# ITU-R BT.601, studio swing, of RGB in [0, 255]: the numbers of MATLAB's rgb2ycbcr.
_YCBCR = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255
LUMA = tuple(float(weight) for weight in _YCBCR[0])  # of red, green and blue in Y, 16 less
_OFFSET = np.array([16.0, 128.0, 128.0])

_BLOCK_PIXELS = 2**18


def luma(rgb: np.ndarray) -> np.ndarray:
    """Return Y of BT.601: (H, W, 3) RGB in [0, 255], uint8 or float -> (H, W) float64 in [16, 235], unrounded."""
    y: np.ndarray = np.asarray(rgb, np.float64) @ _YCBCR[0] + _OFFSET[0]
    return y


def rgb_to_ycbcr(rgb: np.ndarray) -> np.ndarray:
    """Return YCbCr of BT.601, unrounded: (..., 3) RGB in [0, 255], uint8 or float -> (..., 3) float64.

    Y is in [16, 235], Cb and Cr are in [16, 240].
    """
    ycbcr: np.ndarray = np.asarray(rgb, np.float64) @ _YCBCR.T + _OFFSET
    return ycbcr


def ycbcr_to_rgb(ycbcr: np.ndarray) -> np.ndarray:
    """Invert `rgb_to_ycbcr`: (..., 3) -> (..., 3) float64, unrounded; in [0, 255] where sRGB has the color."""
    rgb: np.ndarray = (np.asarray(ycbcr, np.float64) - _OFFSET) @ np.linalg.inv(_YCBCR).T
    return rgb


def to_space(rgb: np.ndarray, space: str) -> np.ndarray:
    """Convert (H, W, 3) or (N, 3) float sRGB in [0, 1] to float64 of one of `SPACES`, in scikit-image's units.

    LAB and LUV have L in [0, 100], LCH is LAB in polar coordinates with hue in radians, XYZ is near [0, 1].
    The name may be in any case.

    Raises:
        UserError: There is no such space.
    """
    return _by_rows(_conversions(space)[0], rgb)


def from_space(values: np.ndarray, space: str) -> np.ndarray:
    """Invert `to_space`; colors that sRGB lacks are clipped to [0, 1].

    Raises:
        UserError: There is no such space.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Conversion from CIE-LAB")  # that it clips negative Z, as it should
        return _by_rows(_conversions(space)[1], values)


def checked_space(space: str) -> str:
    """Return the name of the color space in capitals.

    Raises:
        UserError: There is no such space.
    """
    if space.upper() not in SPACES:
        raise UserError(f"color space {space}: expected one of {', '.join(SPACES)}")
    return space.upper()


def _by_rows(convert: Callable[[np.ndarray], np.ndarray], image: np.ndarray) -> np.ndarray:
    """Convert some rows at a time: scikit-image needs many times the memory of what it converts."""
    converted, height = np.empty(image.shape), max(1, _BLOCK_PIXELS // max(1, image.shape[1]))
    for top in range(0, len(image), height):
        converted[top : top + height] = convert(image[top : top + height].astype(np.float64))
    return converted


def _conversions(space: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the functions from sRGB to the space and back."""
    from skimage.color import colorconv as skimage

    return {
        "RGB": (np.array, lambda values: np.clip(values, 0, 1)),
        "LAB": (skimage.rgb2lab, skimage.lab2rgb),
        "LCH": (
            lambda rgb: skimage.lab2lch(skimage.rgb2lab(rgb)),
            lambda lch: skimage.lab2rgb(skimage.lch2lab(lch)),
        ),
        "LUV": (skimage.rgb2luv, skimage.luv2rgb),
        "XYZ": (skimage.rgb2xyz, skimage.xyz2rgb),
    }[checked_space(space)]
