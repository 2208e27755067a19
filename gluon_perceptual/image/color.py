"""RGB <-> YCbCr as in MATLAB, and RGB <-> the color spaces in which histograms are matched.

The latter are those of rio-color (github.com/mapbox/rio-color, `colorspace.pyx`), which rio-hist matches in. They
differ from scikit-image's: XYZ is divided by the white point, and LUV is computed from that XYZ, so that gray is not at
u = v = 0; hue runs from -pi to pi, so that it wraps at green, not at red.
"""

from __future__ import annotations

from typing import Callable

import numpy as np

from ..choices import ColorSpace, check_choice, of

# ITU-R BT.601, studio swing, of RGB in [0, 255]: the numbers of MATLAB's rgb2ycbcr.
_YCBCR = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255
LUMA = tuple(float(weight) for weight in _YCBCR[0])  # weights of red, green and blue in Y, less its offset of 16
_OFFSET = np.array([16.0, 128.0, 128.0])

# sRGB and its white, D65, as rio-color has them.
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_FROM_XYZ = np.linalg.inv(_TO_XYZ)  # rounded to 7 digits, as in rio-color
_WHITE = np.array([0.95047, 1.0, 1.08883])
_WHITE_UV = np.array([4 * _WHITE[0], 9 * _WHITE[1]]) / (_WHITE @ [1, 15, 3])
_DELTA, _KAPPA = 6 / 29, (29 / 3) ** 3

_BLOCK_PIXELS = 2**18

_Conversion = Callable[[np.ndarray], np.ndarray]


def luma(rgb: np.ndarray) -> np.ndarray:
    """Return Y of BT.601: (H, W, 3) RGB in [0, 255], uint8 or float -> (H, W) float64 in [16, 235], unrounded."""
    return np.asarray(rgb, np.float64) @ _YCBCR[0] + _OFFSET[0]


def rgb_to_ycbcr(rgb: np.ndarray) -> np.ndarray:
    """Return YCbCr of BT.601, unrounded: (..., 3) RGB in [0, 255], uint8 or float -> (..., 3) float64.

    Y is in [16, 235], Cb and Cr are in [16, 240].
    """
    return np.asarray(rgb, np.float64) @ _YCBCR.T + _OFFSET


def to_space(rgb: np.ndarray, space: str) -> np.ndarray:
    """Convert (H, W, 3) or (N, 3) float sRGB in [0, 1] to float64 of a `choices.ColorSpace`, in rio-color's units.

    XYZ is in [0, 1], white is (1, 1, 1). LAB and LUV have L in [0, 100]; LCH is LAB in polar coordinates, with hue in
    radians from -pi to pi. Black has u = v = 0, where rio-color has NaN. The name may be in any case.

    Raises:
        UserError: The color space is unknown.
    """
    return _by_rows(_CONVERSIONS[checked_space(space)][0], rgb)


def from_space(values: np.ndarray, space: str) -> np.ndarray:
    """Invert `to_space`; colors that sRGB lacks are clipped to [0, 1], NaN is 0.

    Raises:
        UserError: The color space is unknown.
    """
    return _by_rows(_CONVERSIONS[checked_space(space)][1], values)


def checked_space(space: str) -> str:
    """Return the name of the color space in capitals.

    Raises:
        UserError: The color space is unknown.
    """
    check_choice("color_space", space.upper(), of(ColorSpace))
    return space.upper()


def _by_rows(convert: _Conversion, image: np.ndarray) -> np.ndarray:
    """Convert some rows at a time: a conversion needs many times the memory of its input."""
    converted, height = np.empty(image.shape), max(1, _BLOCK_PIXELS // max(1, image.shape[1]))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for top in range(0, len(image), height):
            converted[top : top + height] = convert(image[top : top + height].astype(np.float64))
    return converted


def _clip(rgb: np.ndarray) -> np.ndarray:
    return np.nan_to_num(rgb, nan=0).clip(0, 1)


def _rgb_to_xyz(rgb: np.ndarray) -> np.ndarray:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ _TO_XYZ.T / _WHITE


def _xyz_to_rgb(xyz: np.ndarray) -> np.ndarray:
    linear = (xyz * _WHITE) @ _FROM_XYZ.T
    return _clip(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055))


def _rgb_to_lab(rgb: np.ndarray) -> np.ndarray:
    xyz = _rgb_to_xyz(rgb)
    x, y, z = np.moveaxis(np.where(xyz > _DELTA**3, np.cbrt(xyz), xyz / (3 * _DELTA**2) + 4 / 29), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def _lab_to_rgb(lab: np.ndarray) -> np.ndarray:
    y = (lab[..., 0] + 16) / 116
    roots = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], -1)
    return _xyz_to_rgb(np.where(roots > _DELTA, roots**3, 3 * _DELTA**2 * (roots - 4 / 29)))


def _rgb_to_lch(rgb: np.ndarray) -> np.ndarray:
    lightness, a, b = np.moveaxis(_rgb_to_lab(rgb), -1, 0)
    return np.stack([lightness, np.hypot(a, b), np.arctan2(b, a)], -1)


def _lch_to_rgb(lch: np.ndarray) -> np.ndarray:
    lightness, chroma, hue = np.moveaxis(lch, -1, 0)
    return _lab_to_rgb(np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], -1))


def _rgb_to_luv(rgb: np.ndarray) -> np.ndarray:
    xyz = _rgb_to_xyz(rgb)
    lightness = np.where(xyz[..., 1:2] <= _DELTA**3, _KAPPA * xyz[..., 1:2], 116 * np.cbrt(xyz[..., 1:2]) - 16)
    uv = xyz[..., :2] * [4, 9] / (xyz @ [1.0, 15, 3])[..., None]
    return np.concatenate([lightness, np.where(lightness == 0, 0, 13 * lightness * (uv - _WHITE_UV))], -1)


def _luv_to_rgb(luv: np.ndarray) -> np.ndarray:
    lightness = luv[..., :1]
    u, v = np.moveaxis(luv[..., 1:] / (13 * lightness) + _WHITE_UV, -1, 0)
    y = np.where(lightness <= 8, lightness / _KAPPA, ((lightness + 16) / 116) ** 3)
    of_y = np.stack([9 * u / (4 * v), np.ones_like(u), (12 - 3 * u - 20 * v) / (4 * v)], -1)
    return _xyz_to_rgb(np.where(lightness == 0, 0, y * of_y))


_CONVERSIONS: dict[str, tuple[_Conversion, _Conversion]] = {
    "RGB": (np.array, _clip),
    "LAB": (_rgb_to_lab, _lab_to_rgb),
    "LCH": (_rgb_to_lch, _lch_to_rgb),
    "LUV": (_rgb_to_luv, _luv_to_rgb),
    "XYZ": (_rgb_to_xyz, _xyz_to_rgb),
}
