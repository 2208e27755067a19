"""Color spaces against scikit-image and closed-form values."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage import color as skimage

from gluon_perceptual.errors import UserError
from gluon_perceptual.image.color import SPACES, from_space, luma, rgb_to_ycbcr, to_space, ycbcr_to_rgb

LEVELS = np.arange(0, 256, 15)
CUBE = np.stack(np.meshgrid(LEVELS, LEVELS, LEVELS), -1).reshape(1, -1, 3).astype(np.uint8)
pixels = hnp.arrays(np.uint8, (2, 3, 3), elements=st.integers(0, 255))

FORWARD = {
    "LAB": skimage.rgb2lab,
    "LCH": lambda rgb: skimage.lab2lch(skimage.rgb2lab(rgb)),
    "LUV": skimage.rgb2luv,
    "XYZ": skimage.rgb2xyz,
}


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


@pytest.mark.parametrize("space", FORWARD)
def test_spaces_are_those_of_skimage(space):
    np.testing.assert_allclose(to_space(CUBE / 255, space.lower()), FORWARD[space](CUBE / 255), atol=1e-12)


@pytest.mark.parametrize("space", SPACES)
def test_spaces_come_back(space):
    values = to_space(CUBE / 255, space)
    assert values.dtype == np.float64
    np.testing.assert_allclose(from_space(values, space), CUBE / 255, atol=1e-10)


def test_conversion_in_blocks_is_that_of_the_whole():
    tall = np.random.default_rng(0).random((300, 1000, 3))
    np.testing.assert_allclose(to_space(tall, "LAB"), skimage.rgb2lab(tall), atol=1e-12)


@pytest.mark.parametrize("space", SPACES)
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
