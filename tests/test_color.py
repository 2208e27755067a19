"""Color spaces against rio-color, scikit-image and closed-form values."""

from pathlib import Path

import numpy as np
import pytest
from helpers import ycbcr_to_rgb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage import color as skimage

from gluon_perceptual.choices import ColorSpace, of
from gluon_perceptual.errors import UserError
from gluon_perceptual.image.color import from_space, luma, rgb_to_ycbcr, to_space

LEVELS = np.arange(0, 256, 15)
CUBE = np.stack(np.meshgrid(LEVELS, LEVELS, LEVELS), -1).reshape(1, -1, 3).astype(np.uint8)
pixels = hnp.arrays(np.uint8, (2, 3, 3), elements=st.integers(0, 255))

GOLDEN = np.load(Path(__file__).with_name("golden") / "rio_hist.npz")  # by make_rio_hist.py, beside it


@pytest.mark.parametrize(
    ("rgb", "ycbcr"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (16 + 65.481, 128 - 37.797, 240)),
        ((0, 0, 255), (16 + 24.966, 240, 128 - 18.214)),
    ],
)
def test_ycbcr_of_pure_colors(rgb, ycbcr):
    np.testing.assert_allclose(rgb_to_ycbcr(np.array(rgb, np.uint8)), ycbcr, atol=1e-12)


def test_ycbcr_is_that_of_skimage():
    np.testing.assert_allclose(rgb_to_ycbcr(CUBE), skimage.rgb2ycbcr(CUBE), atol=1e-10)
    np.testing.assert_allclose(luma(CUBE), rgb_to_ycbcr(CUBE)[..., 0], atol=1e-12)


def test_luma_stays_unrounded_in_float64():
    y = luma(CUBE)
    assert y.dtype == np.float64
    assert y.shape == CUBE.shape[:2]
    assert (y.min(), y.max()) == (16, pytest.approx(235))
    assert not np.array_equal(y, np.rint(y))
    np.testing.assert_allclose(luma(CUBE.astype(np.float32)), y)


@settings(suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(pixels)
def test_ycbcr_comes_back(rgb):
    np.testing.assert_allclose(ycbcr_to_rgb(rgb_to_ycbcr(rgb)), rgb, atol=1e-10)


@pytest.mark.parametrize("space", of(ColorSpace))
def test_spaces_are_those_of_rio_color(space):
    values = to_space(GOLDEN["source"] / 255, space.lower())
    np.testing.assert_allclose(values, GOLDEN[f"source_{space}"], atol=1e-11)


def test_spaces_beside_those_of_skimage():
    rgb = CUBE / 255
    white = skimage.rgb2xyz(np.ones((1, 1, 3)))
    np.testing.assert_allclose(to_space(rgb, "XYZ"), skimage.rgb2xyz(rgb) / white, atol=2e-4)
    np.testing.assert_allclose(to_space(rgb, "LAB"), skimage.rgb2lab(rgb), atol=0.06)
    hue = skimage.lab2lch(to_space(rgb, "LAB"))[..., 2]
    np.testing.assert_allclose(np.exp(1j * to_space(rgb, "LCH")[..., 2]), np.exp(1j * hue), atol=1e-9)


@pytest.mark.parametrize("space", of(ColorSpace))
def test_spaces_come_back(space):
    values = to_space(CUBE / 255, space)
    assert values.dtype == np.float64
    np.testing.assert_allclose(from_space(values, space), CUBE / 255, atol=1e-7)


def test_conversion_in_blocks_is_that_of_the_whole():
    tall = np.random.default_rng(0).random((300, 1000, 3))
    rows = np.concatenate([to_space(row[None], "LAB") for row in tall])
    np.testing.assert_array_equal(to_space(tall, "LAB"), rows)


@pytest.mark.parametrize("space", of(ColorSpace))
def test_colors_that_srgb_lacks_are_clipped(space):
    corners = np.stack(np.meshgrid(*[[-300, -1, 0, 1e-9, 0.5, 1.02, 120]] * 3), -1).reshape(1, -1, 3)
    rgb = from_space(corners, space)
    assert np.isfinite(rgb).all()
    assert (rgb.min(), rgb.max()) == (0, 1)


def test_an_unknown_space_names_the_choices():
    with pytest.raises(UserError, match=r"CMYK.*RGB, LAB, LCH, LUV, XYZ"):
        to_space(CUBE / 255, "CMYK")
    with pytest.raises(UserError, match="HSV"):
        from_space(CUBE / 255, "HSV")
