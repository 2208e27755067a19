import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from gluon_perceptual.errors import ImageError, UserError
from gluon_perceptual.image.io import read_rgb
from gluon_perceptual.image.resize import (
    crop_to_multiple,
    degradation_margin,
    degrade,
    gaussian_blur,
    imresize,
    resize_to,
)

SCALES = [1 / 4, 1 / 3, 0.37, 1 / 2, 0.8, 1, 1.5, 2, 3, 4]


def noise(shape, dtype=np.uint8, seed=0):
    values = np.random.default_rng(seed).random(shape)
    return values.astype(dtype) if np.dtype(dtype).kind == "f" else (values * np.iinfo(dtype).max).astype(dtype)


def kernel(x):
    """Keys' kernel with a = −0.5, as in MATLAB's source."""
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0


def resized_line(line, new_size, scale):
    """One axis by MATLAB's definition, 1-based, one pixel at a time; indices clamped."""
    width = 4 / min(scale, 1)
    out = []
    for x in range(1, new_size + 1):
        u = x / scale + 0.5 * (1 - 1 / scale)
        taps = [math.floor(u - width / 2) + k for k in range(math.ceil(width) + 2)]
        weights = [kernel(min(scale, 1) * (u - tap)) for tap in taps]
        values = [line[min(max(tap, 1), len(line)) - 1] for tap in taps]
        out.append(sum(w * v for w, v in zip(weights, values)) / sum(weights))
    return np.array(out)


def brute_force(image, sizes, scales):
    image = image.astype(np.float64)
    for axis in (0, 1) if scales[0] <= scales[1] else (1, 0):
        image = np.apply_along_axis(resized_line, axis, image, sizes[axis], scales[axis])
    return image


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("shape", [(7, 11), (13, 5, 3), (1, 9), (3, 2, 1)])
def test_imresize_is_the_definition(scale, shape):
    image = noise(shape, np.float64)
    sizes = [math.ceil(scale * size) for size in shape[:2]]
    result = imresize(image, scale)
    assert result.shape == (*sizes, *shape[2:])
    np.testing.assert_allclose(result, brute_force(image, sizes, (scale, scale)), atol=1e-12)


@pytest.mark.parametrize("size", [(5, 20), (20, 5), (3, 4), (13, 11)])
def test_resize_to_has_a_scale_for_each_axis(size):
    image = noise((11, 13, 3), np.float64)
    scales = (size[0] / 11, size[1] / 13)
    np.testing.assert_allclose(resize_to(image, *size), brute_force(image, size, scales), atol=1e-12)


def test_the_axis_that_shrinks_more_comes_first():
    # rounding in between makes the order visible
    image = noise((40, 30))
    tall = resize_to(image, 30, 10)
    columns_first = resize_to(resize_to(image, 40, 10), 30, 10)
    rows_first = resize_to(resize_to(image, 30, 30), 30, 10)
    np.testing.assert_array_equal(tall, columns_first)
    assert (tall != rows_first).any()
    np.testing.assert_array_equal(imresize(image, 0.5), resize_to(resize_to(image, 20, 30), 20, 15))


def test_imresize_equals_matlab_on_set5(shared):
    files = sorted((shared / "data/benchmarks/Set5/HR").iterdir())
    assert len(files) == 5
    for file in files:
        np.testing.assert_array_equal(imresize(read_rgb(file), 1 / 4), read_rgb(file.parents[1] / "LR_x4" / file.name))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("scale", [0.3, 2])
def test_imresize_keeps_type_and_constants(dtype, scale):
    for value in (0, 1, 77, 255):
        image = np.full((10, 14, 3), value, dtype)
        result = imresize(image, scale)
        assert result.dtype == dtype
        np.testing.assert_allclose(result, value, rtol=1e-6)


def test_integers_are_clipped_and_halves_rounded_up():
    edge = np.repeat(np.array([[0, 0, 0, 255, 255, 255]], np.uint8), 6, axis=0)
    overshoot = imresize(edge.astype(np.float64), 3)
    assert overshoot.min() < -1
    assert overshoot.max() > 256
    np.testing.assert_array_equal(imresize(edge, 3), np.floor(np.clip(overshoot, 0, 255) + 0.5))
    # at the middle of two equal pairs the kernel gives their mean: 0.5 becomes 1, where NumPy's rounding gives 0
    pairs = np.array([[0, 0, 1, 1]], np.uint8)
    assert imresize(pairs.astype(np.float64), 0.25)[0, 0] == 0.5
    assert imresize(pairs, 0.25)[0, 0] == 1


def test_uint16_is_as_exact_as_uint8():
    image = noise((33, 21, 3), np.uint16)
    rows = np.floor(np.clip(brute_force(image, (11, 21), (1 / 3, 1)), 0, 65535) + 0.5)
    expected = np.floor(np.clip(brute_force(rows, (11, 7), (1, 1 / 3)), 0, 65535) + 0.5)
    np.testing.assert_array_equal(imresize(image, 1 / 3), expected)


@settings(max_examples=40)
@given(*[st.integers(1, 20)] * 4)
def test_resizing_turns_and_flips_with_the_image(height, width, new_height, new_width):
    image = noise((height, width), np.float64)
    result = resize_to(image, new_height, new_width)
    np.testing.assert_allclose(resize_to(image.T, new_width, new_height), result.T, atol=1e-9)
    np.testing.assert_allclose(resize_to(image[::-1], new_height, new_width), result[::-1], atol=1e-9)


def test_the_input_is_left_alone_and_the_result_is_contiguous():
    for image in (noise((8, 9, 3)), noise((8, 9, 3), np.float32)):
        before = image.copy()
        for result in (imresize(image, 1), imresize(image, 2), gaussian_blur(image, 0), degrade(image, 2)):
            assert result.flags.c_contiguous
            assert not np.shares_memory(result, image)
        np.testing.assert_array_equal(image, before)
    view = noise((16, 18, 3))[::2, ::-2]
    np.testing.assert_array_equal(imresize(view, 0.5), imresize(np.ascontiguousarray(view), 0.5))


@pytest.mark.parametrize("scale", [0, -1, math.nan, math.inf])
def test_a_scale_that_is_not_positive_is_refused(scale):
    with pytest.raises(UserError, match=r"scale .*: expected a positive number"):
        imresize(noise((4, 4)), scale)


@pytest.mark.parametrize(
    "image", [np.zeros((0, 4), np.uint8), np.zeros(4, np.uint8), np.zeros((4, 4), bool), np.zeros((4, 4), int)]
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ImageError, match="expected"):
        imresize(image, 2)
    with pytest.raises(UserError, match="size 0×3"):
        resize_to(noise((4, 4)), 0, 3)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("shape", [(24, 31, 3), (3, 2), (1, 9, 3), (5, 5, 1)])
def test_gaussian_blur_is_scipys(sigma, shape):
    image = noise(shape)
    sigmas = (sigma, sigma, *[0] * (len(shape) - 2))
    expected = ndimage.gaussian_filter(
        image.astype(np.float64), sigmas, mode="reflect", truncate=math.ceil(4 * sigma) / sigma
    )
    blurred = gaussian_blur(image, sigma)
    assert blurred.dtype == np.float32
    assert blurred.shape == shape
    np.testing.assert_allclose(blurred, expected, atol=1e-3)


def test_no_blur_changes_nothing_and_a_negative_one_is_refused():
    image = noise((5, 6, 3))
    np.testing.assert_array_equal(gaussian_blur(image, 0), image.astype(np.float32))
    for sigma in (-1, math.nan, math.inf):
        with pytest.raises(UserError, match=r"sigma .*: expected a number of pixels from 0"):
            gaussian_blur(image, sigma)


@pytest.mark.parametrize("method", ["bicubic", "decimate"])
@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
def test_degrading_crops_and_keeps_constants(method, scale):
    low = degrade(np.full((37, 50, 3), 201, np.uint8), scale, method=method)
    assert low.dtype == np.uint8
    assert low.shape == (37 // scale, 50 // scale, 3)
    assert (low == 201).all()


def test_degrading_is_blur_then_shrink_then_round():
    image = noise((32, 40, 3))
    blurred = gaussian_blur(image, 1.0)
    # the blur is not rounded before it is shrunk
    np.testing.assert_array_equal(degrade(image, 2), np.floor(np.clip(imresize(blurred, 0.5), 0, 255) + 0.5))
    np.testing.assert_array_equal(degrade(image, 4, method="decimate"), np.floor(blurred[::4, ::4] + 0.5))
    np.testing.assert_array_equal(degrade(image, 2, sigma=0, method="decimate"), image[::2, ::2])


@settings(max_examples=60)
@given(st.data())
def test_degrading_a_crop_with_its_margin_is_cropping_the_degraded(data):
    scale = data.draw(st.sampled_from([2, 3, 4, 8]))
    sigma = data.draw(st.sampled_from([0, 0.5, 1.0, 1.6, 3.0]))
    method = data.draw(st.sampled_from(["bicubic", "decimate"]))
    margin = degradation_margin(scale, sigma) // scale
    whole = noise((300, 320, 3), seed=data.draw(st.integers(0, 99)))
    low = degrade(whole, scale, sigma, method)
    top, height = data.draw(st.integers(0, low.shape[0] - 2 * margin - 1)), data.draw(st.integers(1, 12))
    left, width = data.draw(st.integers(0, low.shape[1] - 2 * margin - 1)), data.draw(st.integers(1, 12))
    rows, columns = slice(top, top + height + 2 * margin), slice(left, left + width + 2 * margin)
    crop = whole[rows.start * scale : rows.stop * scale, columns.start * scale : columns.stop * scale]
    inside = np.s_[margin:-margin, margin:-margin]
    np.testing.assert_array_equal(degrade(crop, scale, sigma, method)[inside], low[rows, columns][inside])


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("sigma", [0, 1.0, 3.0])
def test_a_smaller_margin_would_not_do(scale, sigma):
    margin = degradation_margin(scale, sigma)
    line = np.zeros((8 * margin, 1), np.float32)
    line[3 * margin + scale - 1] = 1e6  # outside of a margin smaller by `scale` around the pixel at 4 · margin
    assert imresize(gaussian_blur(line, sigma), 1 / scale)[4 * margin // scale, 0] != 0


def test_web_is_bicubic_with_defects_of_the_pictures_own_or_drawn():
    image = gaussian_blur(noise((64, 80, 3)), 2.0).astype(np.uint8)
    results = [degrade(image, 2, 0.0, "web", np.random.default_rng(seed)) for seed in range(12)]
    plain = degrade(image, 2, 0.0)
    assert {result.shape for result in results} == {plain.shape}
    assert max(np.abs(result.astype(int) - plain).mean() for result in results) < 8
    assert len({result.tobytes() for result in results}) > 6
    np.testing.assert_array_equal(results[3], degrade(image, 2, 0.0, "web", np.random.default_rng(3)))
    np.testing.assert_array_equal(degrade(image, 2, 0.0, "web"), degrade(image.copy(), 2, 0.0, "web"))
    assert degradation_margin(2, 0.0, "web") > degradation_margin(2, 0.0)


def test_degrade_refuses_what_it_cannot_do():
    image = noise((8, 8, 3))
    with pytest.raises(UserError, match="'nearest': expected one of bicubic, decimate, web"):
        degrade(image, 2, method="nearest")
    with pytest.raises(UserError, match="scale 0"):
        degrade(image, 0)
    with pytest.raises(ImageError, match="8×8 pixels cannot be made 9 times smaller"):
        degrade(image, 9)


def test_crop_to_multiple_keeps_the_top_left():
    image = noise((11, 14, 3))
    np.testing.assert_array_equal(crop_to_multiple(image, 4), image[:8, :12])
    np.testing.assert_array_equal(crop_to_multiple(image, 1), image)
