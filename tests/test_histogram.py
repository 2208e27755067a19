"""Histogram matching against rio-hist's formulas, written out plainly here."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.exposure import match_histograms

from gluon_perceptual.choices import ColorSpace, of
from gluon_perceptual.errors import UserError
from gluon_perceptual.image.color import from_space, to_space
from gluon_perceptual.image.histogram import histogram_match, match_band, match_images

PROPORTIONS = (0, 0.3, 1)


def rio_hist(source, reference, proportion):
    """What rio-hist computes for one band without a mask."""
    _, inverse, source_counts = np.unique(source.ravel(), return_inverse=True, return_counts=True)
    reference_values, reference_counts = np.unique(reference.ravel(), return_counts=True)
    source_quantiles = np.cumsum(source_counts) / source.size
    reference_quantiles = np.cumsum(reference_counts) / reference.size
    matched = np.interp(source_quantiles, reference_quantiles, reference_values)[inverse].reshape(source.shape)
    return source - (source - matched) * proportion


def random(dtype, shape, low=0.0, high=1.0, seed=0):
    values = np.random.default_rng(seed).uniform(low, high, shape) ** 2
    top = np.iinfo(dtype).max if np.dtype(dtype).kind in "ui" else 1
    return (values * top).astype(dtype)


@pytest.mark.parametrize("proportion", PROPORTIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int64, np.float32, np.float64, bool])
@pytest.mark.parametrize("shape", [(31,), (12, 17), (3, 4, 5, 6)])
def test_bands_of_any_type_and_shape(dtype, shape, proportion):
    source, reference = random(dtype, shape), random(dtype, (40, 9), 0.4, 0.9, seed=1)
    matched = histogram_match(source, reference, proportion)
    assert matched.dtype == np.float64
    np.testing.assert_array_equal(matched, rio_hist(source.astype(np.float64), reference, proportion))


integers = st.integers(0, 255)
bands = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=2, max_side=12), elements=integers)


@given(bands, bands, st.floats(0, 1))
def test_the_table_gives_what_sorting_gives(source, reference, proportion):
    by_sorting = histogram_match(source.astype(np.int64), reference.astype(np.int64), proportion)
    np.testing.assert_array_equal(histogram_match(source, reference, proportion), by_sorting)
    np.testing.assert_array_equal(
        histogram_match(source.astype(np.uint16), reference.astype(np.uint16), proportion), by_sorting
    )


@given(bands, bands)
def test_matching_keeps_order_and_stays_in_the_reference(source, reference):
    matched = histogram_match(source, reference)
    assert reference.min() <= matched.min()
    assert matched.max() == reference.max()
    order = np.argsort(source, axis=None)
    assert (np.diff(matched.ravel()[order]) >= 0).all()


@given(bands)
def test_a_band_matched_to_itself_does_not_change(band):
    np.testing.assert_allclose(histogram_match(band, band), band)


def test_counts_over_what_float32_holds_are_exact(monkeypatch):
    monkeypatch.setattr("gluon_perceptual.image.distinct._EXACT_COUNTS", 7)
    source, reference = random(np.uint8, (50,)), random(np.uint8, (60,), seed=1)
    np.testing.assert_array_equal(histogram_match(source, reference), rio_hist(source, reference, 1))


def test_one_band_is_that_of_skimage():
    source, reference = random(np.float64, (40, 40)), random(np.float64, (30, 50), seed=1)
    np.testing.assert_array_equal(histogram_match(source, reference), match_histograms(source, reference))


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_a_constant_band_takes_the_greatest_value(dtype):
    reference = np.array([0, 1, 1], dtype)
    np.testing.assert_array_equal(histogram_match(np.zeros((2, 2), dtype), reference), np.ones((2, 2)))
    np.testing.assert_array_equal(histogram_match(reference, np.zeros(3, dtype)), np.zeros(3))


@pytest.mark.parametrize("proportion", PROPORTIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_masked_pixels_do_not_count_and_do_not_change(dtype, proportion):
    rng = np.random.default_rng(2)
    source = np.ma.array(random(dtype, (20, 21)), mask=rng.random((20, 21)) < 0.3, fill_value=7)
    reference = np.ma.array(random(dtype, (15, 9), seed=1), mask=rng.random((15, 9)) < 0.3)
    matched = histogram_match(source, reference, proportion)
    np.testing.assert_array_equal(matched.mask, source.mask)
    np.testing.assert_array_equal(matched.data[source.mask], source.data[source.mask])
    expected = rio_hist(source.compressed().astype(np.float64), reference.compressed(), proportion)
    np.testing.assert_array_equal(matched.compressed(), expected)
    assert matched.dtype == np.float64
    assert matched.fill_value == 7


def test_nothing_to_match():
    some = np.arange(5.0)
    assert histogram_match(np.empty((0, 3), np.uint8), some).shape == (0, 3)
    assert histogram_match(np.empty(0), some).shape == (0,)
    hidden = np.ma.array(some, mask=True)
    np.testing.assert_array_equal(histogram_match(hidden, some).data, some)
    for reference in (np.empty(0), np.empty(0, np.uint8), hidden):
        with pytest.raises(UserError, match="no unmasked pixel"):
            histogram_match(some, reference)


@pytest.mark.parametrize("proportion", [-0.1, 1.1, np.nan, np.inf])
def test_proportions_outside_0_to_1(proportion):
    with pytest.raises(UserError, match="from 0 to 1"):
        histogram_match(np.arange(5), np.arange(5), proportion)
    with pytest.raises(UserError, match="from 0 to 1"):
        match_images(random(np.uint8, (4, 4, 3)), random(np.uint8, (4, 4, 3)), "LAB", match_proportion=proportion)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers(bad):
    fine, broken = np.arange(4.0), np.array([1.0, bad, 2.0])
    for source, reference in [(fine, broken), (broken, fine)]:
        with pytest.raises(UserError, match="mask these pixels"):
            histogram_match(source, reference)
    with pytest.raises(UserError, match="complex128"):
        histogram_match(fine.astype(complex), fine)
    masked = np.ma.masked_invalid(broken)
    assert histogram_match(masked, masked).compressed().tolist() == [1, 2]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_rgb_is_matched_band_by_band_and_rounded(dtype):
    source, reference = random(dtype, (30, 20, 3)), random(dtype, (25, 35, 3), 0.3, 1, seed=1)
    matched = match_images(source, reference, match_proportion=0.8)
    assert matched.dtype == dtype
    for band in range(3):
        expected = np.rint(histogram_match(source[..., band], reference[..., band], 0.8))
        np.testing.assert_array_equal(matched[..., band], expected)
    np.testing.assert_array_equal(source, random(dtype, (30, 20, 3)))  # the argument is not written to


@pytest.mark.parametrize("space", of(ColorSpace))
@pytest.mark.parametrize("bands", [(1,), (2, 3), (3, 1, 1)])
def test_only_the_named_bands_are_matched(space, bands):
    source, reference = random(np.uint8, (30, 20, 3)), random(np.uint8, (25, 35, 3), 0.3, 1, seed=1)
    values, wanted = (to_space(image / 255, space).round(9) for image in (source, reference))
    for band in {band - 1 for band in bands}:
        values[..., band] = rio_hist(values[..., band], wanted[..., band], 0.7)
    expected = from_space(values, space) * 255
    matched = match_images(source, reference, space.lower(), bands, 0.7)
    assert np.abs(matched - expected).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("space", of(ColorSpace))
def test_pictures_are_those_of_rio_hist(space):
    golden = np.load(Path(__file__).with_name("golden") / "rio_hist.npz")  # by make_rio_hist.py, beside it
    matched = match_images(golden["source"], golden["reference"], space, match_proportion=0.8)
    assert set(np.unique(matched.astype(int) - golden[f"matched_{space}"])) <= {0, 1}  # rounded here, truncated there


@pytest.mark.parametrize("space", of(ColorSpace))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
def test_types_and_sizes_may_differ(space, dtype):
    source, reference = random(dtype, (30, 20, 3)), random(np.uint8, (25, 35, 3), 0.5, 1, seed=1)
    matched = match_images(source, reference, space)
    assert (matched.dtype, matched.shape) == (dtype, source.shape)
    top = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    means = matched.mean(axis=(0, 1), dtype=np.float64) / top, reference.mean(axis=(0, 1)) / 255
    np.testing.assert_allclose(*means, atol=0.01 if space == "RGB" else 0.04)
    unchanged = match_images(source, reference, space, match_proportion=0)
    np.testing.assert_allclose(unchanged.astype(float), source.astype(float), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("space", of(ColorSpace))
@settings(max_examples=20)
@given(data=st.data())
def test_colors_that_srgb_lacks_do_not_wrap(space, data):
    """Matching each band alone asks for colors beyond white and black; none may come out at the other end."""
    pixels = hnp.arrays(np.uint8, (6, 6, 3), elements=st.sampled_from([0, 1, 254, 255]))
    source, reference = data.draw(pixels), data.draw(pixels)
    small = match_images(source, reference, space).astype(float)
    exact = match_images(source / 255, reference, space) * 255
    assert np.abs(small - exact).max() <= 0.5 + 1e-6


def test_overshoot_is_clipped_where_rio_hist_wraps():
    assert np.array([1.02 * 255]).astype(np.uint8).item() == 4  # what rio-hist would write
    source, reference = random(np.uint8, (8, 8, 3)), np.full((8, 8, 3), 1.02)
    assert (match_images(source, reference) == 255).all()
    assert (match_images(source, -0.02 * np.ones((8, 8, 3))) == 0).all()
    assert (match_images(source / 255, reference) == 1).all()


@pytest.mark.parametrize("space", of(ColorSpace))
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_masked_pixels_of_pictures(space, dtype):
    hidden = np.random.default_rng(3).random((20, 20)) < 0.4
    source = np.ma.array(random(dtype, (20, 20, 3)), mask=np.dstack([hidden] * 3))
    source.data[hidden] = 1
    reference = np.ma.array(random(dtype, (20, 20, 3), 0.4, 1, seed=1), mask=source.mask)
    matched = match_images(source, reference, space)
    np.testing.assert_array_equal(matched.mask, source.mask)
    assert (matched.data[hidden] == 1).all()
    seen = match_images(source.data[~hidden][None], reference.data[~hidden][None], space)
    np.testing.assert_array_equal(matched.data[~hidden], seen[0])


def test_one_masked_band_masks_the_pixel_outside_rgb():
    source, reference = random(np.uint8, (9, 9, 3)), random(np.uint8, (9, 9, 3), seed=1)
    mask = np.zeros(source.shape, bool)
    mask[0, 0, 1] = True
    masked = np.ma.array(source, mask=mask)
    np.testing.assert_array_equal(match_images(masked, reference, "LAB").data[0, 0], source[0, 0])
    in_rgb = match_images(masked, reference)
    np.testing.assert_array_equal(in_rgb.data[..., 0], match_images(source, reference)[..., 0])
    assert in_rgb.data[0, 0, 1] == source[0, 0, 1]


def test_a_flat_color_stays_flat():
    """Noise in the last bits of a conversion must not be taken for different values."""
    source, reference = np.full((120, 110, 3), (10, 77, 200), np.uint8), random(np.uint8, (30, 30, 3))
    for space in of(ColorSpace):
        for image in (source, source / 255):
            assert len(np.unique(match_images(image, reference, space).reshape(-1, 3), axis=0)) == 1


def test_match_band_rescales_between_types():
    source, reference = random(np.uint8, (20, 20)), random(np.uint16, (20, 20), 0.5, 1, seed=1)
    expected = np.rint(histogram_match(source, reference / 257))
    matched = match_band(source, reference)
    assert matched.dtype == np.uint8
    assert np.abs(matched - expected).max() == 0


BAD_PICTURES = [
    (np.zeros((4, 4), np.uint8), r"\(4, 4\)"),
    (np.zeros((4, 4, 4), np.uint8), "H, W, 3"),
    (np.zeros((0, 4, 3), np.uint8), "H, W, 3"),
    (np.zeros((4, 4, 3), np.int32), "int32"),
    (np.full((4, 4, 3), 255.0), r"\[0, 1\]"),
    (np.full((4, 4, 3), np.nan), "NaN"),
]


@pytest.mark.parametrize("space", ["RGB", "LUV"])
@pytest.mark.parametrize(("bad", "message"), BAD_PICTURES)
def test_bad_pictures(space, bad, message):
    good = random(np.uint8, (4, 4, 3))
    with pytest.raises(UserError, match=message):
        match_images(bad, good, space)
    with pytest.raises(UserError, match=message):
        match_images(good, bad, space)


def test_unknown_spaces_and_bands_name_the_choices():
    image = random(np.uint8, (4, 4, 3))
    with pytest.raises(UserError, match="RGB, LAB, LCH, LUV, XYZ"):
        match_images(image, image, "HSV")
    for bands in [(0,), (4,), (1, 2, 3, 4), (), "1,2"]:
        with pytest.raises(UserError, match="1, 2, 3"):
            match_images(image, image, "LAB", bands)
