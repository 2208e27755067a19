"""Metrics against scikit-image, plain NumPy and published scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from gluon_perceptual.errors import UserError
from gluon_perceptual.evaluation.metrics import color_error, grid_energy, luma_scores, psnr, ssim
from gluon_perceptual.image.io import read_rgb
from gluon_perceptual.image.resize import crop_to_multiple, imresize

images = hnp.arrays(np.uint8, (13, 12, 3), elements=st.integers(0, 255))


def noise(shape=(40, 50, 3), seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


def near(image, spread=10, seed=1):
    moved = image + np.random.default_rng(seed).normal(0, spread, image.shape)
    return np.clip(moved, 0, 255).astype(image.dtype)


def plain_ssim(a, b, data_range):
    """Wang et al., 2004, by its formulas, over each whole 11×11 window."""
    offsets = np.arange(-5, 6)
    kernel = np.exp(-(offsets**2) / (2 * 1.5**2))
    kernel = np.outer(kernel, kernel) / kernel.sum() ** 2

    def mean(x):
        return (np.lib.stride_tricks.sliding_window_view(x, (11, 11)) * kernel).sum(axis=(-2, -1))

    a, b = a.astype(float), b.astype(float)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b, covariance = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2, mean(a * b) - mean_a * mean_b
    up = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return (up / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 3), (7,)])
def test_psnr_is_that_of_skimage(dtype, shape):
    a = noise(shape, dtype=dtype)
    b = near(a)
    for data_range in (1, 255.0):
        assert psnr(a, b, data_range=data_range) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=data_range))


def test_psnr_in_closed_form():
    assert psnr(np.zeros((4, 4)), np.full((4, 4), 0.1), data_range=1) == pytest.approx(20)
    assert psnr(np.uint8([[0]]), np.uint8([[255]]), data_range=255) == 0  # no wrap of uint8
    assert psnr(noise(), noise(), data_range=255) == np.inf


def test_ssim_is_wang_s():
    a = noise((24, 31))
    b = near(a, 30)
    assert ssim(a, b, data_range=255) == pytest.approx(plain_ssim(a, b, 255), abs=1e-12)


@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 3), (11, 11), (30, 40, 1)])
def test_ssim_is_that_of_skimage(shape):
    a = noise(shape)
    b = near(a, 30)
    expected = structural_similarity(
        a, b, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        channel_axis=-1 if len(shape) == 3 else None,
    )  # fmt: skip
    assert ssim(a, b, data_range=255) == pytest.approx(expected, abs=1e-12)


@given(images, images)
def test_scores_do_not_depend_on_the_order(a, b):
    assert psnr(a, b, data_range=255) == psnr(b, a, data_range=255)
    assert ssim(a, b, data_range=255) == pytest.approx(ssim(b, a, data_range=255))
    assert ssim(a, b, data_range=255) <= 1


def test_equal_images_are_perfect():
    a = noise()
    assert ssim(a, a, data_range=255) == pytest.approx(1)
    assert color_error(a, a) == 0
    assert luma_scores(a, a, 4) == (np.inf, pytest.approx(1))


def test_the_range_is_the_callers():
    with pytest.raises(TypeError, match="data_range"):
        psnr(noise(), noise())
    with pytest.raises(TypeError, match="data_range"):
        ssim(noise(), noise())
    for data_range in (0, -1, np.nan):
        with pytest.raises(UserError, match="positive"):
            psnr(noise(), noise(), data_range=data_range)


def test_images_that_cannot_be_compared():
    for metric in (psnr, ssim):
        with pytest.raises(UserError, match=r"\(4, 4\).*\(4, 5\)"):
            metric(np.zeros((4, 4)), np.zeros((4, 5)), data_range=1)
        with pytest.raises(UserError, match="empty"):
            metric(np.zeros((0, 4)), np.zeros((0, 4)), data_range=1)
    for shape in [(10, 40), (40, 10, 3), (40,), (2, 3, 40, 40)]:
        with pytest.raises(UserError, match="11×11"):
            ssim(np.zeros(shape), np.zeros(shape), data_range=1)
    with pytest.raises(UserError):
        color_error(noise((4, 4, 3)), noise((4, 5, 3)))
    for size in (4, 8, 12):  # nothing, or less than a window, is left inside the border
        with pytest.raises(UserError, match=r"SSIM needs|empty"):
            luma_scores(noise((size, size, 3)), noise((size, size, 3)), 4)


def test_luma_scores_shave_the_border_and_round():
    a = noise()
    b = near(a)
    y_a, y_b = (
        np.round(16 + (65.481 * x[..., 0] + 128.553 * x[..., 1] + 24.966 * x[..., 2]) / 255)[3:-3, 3:-3]
        for x in (a.astype(float), b.astype(float))
    )
    expected = 10 * np.log10(255**2 / np.mean((y_a - y_b) ** 2)), plain_ssim(y_a, y_b, 255)
    assert luma_scores(a, b, 3) == pytest.approx(expected)
    b[:3], b[:, -3:] = 0, 255
    assert luma_scores(a, b, 3) == pytest.approx(expected)


def test_bicubic_has_its_published_scores(shared):
    """Set5 ×4, PSNR 28.42 and SSIM 0.8104 (VDSR's table 2; 28.43 and 0.8114 in Johnson et al.)."""
    folder = shared / "data/benchmarks/Set5"
    scores = [
        luma_scores(imresize(read_rgb(folder / "LR_x4" / path.name), 4), crop_to_multiple(read_rgb(path), 4), 4)
        for path in sorted((folder / "HR").glob("*.png"))
    ]
    assert len(scores) == 5
    assert np.mean(scores, axis=0) == pytest.approx((28.42, 0.810), abs=0.005)


def test_color_error_is_ciede2000():
    a, b = noise((150, 20, 3)), noise((150, 20, 3), seed=1)
    assert color_error(a, b) == pytest.approx(deltaE_ciede2000(rgb2lab(a), rgb2lab(b)).mean())


def flat(height=100, width=130):
    return np.full((height, width, 3), 128, np.uint8)


def with_dots(image, period, levels):
    dotted = image.astype(int)
    dotted[::period, ::period] += levels
    return np.clip(dotted, 0, 255).astype(np.uint8)


def photos(shared):
    return [read_rgb(path) for path in sorted((shared / "data/benchmarks/BSD100/HR").glob("*.png"))[:12]]


@pytest.mark.parametrize("period", [2, 3, 4, 8, 16])
def test_no_grid_in_flat_areas_and_noise(period):
    assert grid_energy(flat(), period) == pytest.approx(1)
    assert grid_energy(noise((256, 256, 3)), period) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("period", [2, 4])
def test_photos_have_no_grid_and_dots_are_seen(shared, period):
    energies = np.array(
        [[grid_energy(with_dots(photo, period, levels), period) for levels in (0, 1, 2, 4)] for photo in photos(shared)]
    )
    assert (np.abs(energies[:, 0] - 1) < 0.35).all()
    assert (np.diff(energies) > 0).all()
    assert (energies.mean(axis=0) > (0.7, 1.2, 1.7, 3)).all()


@pytest.mark.parametrize("period", [2, 4])
def test_bicubic_leaves_no_grid(shared, period):
    energies = [
        grid_energy(imresize(imresize(crop_to_multiple(photo, period), 1 / period), period), period)
        for photo in photos(shared)
    ]
    assert np.mean(energies) < 1.05
    assert max(energies) < 1.5


def test_faint_dots_in_the_sky_alone_are_seen():
    photo = np.clip(np.random.default_rng(0).normal(128, 30, (256, 256, 3)), 0, 255).astype(np.uint8)
    photo[:64] = 200
    dotted = np.concatenate([with_dots(photo[:64], 2, 1), photo[64:]])
    assert grid_energy(dotted, 2) > 3 * grid_energy(photo, 2)


def test_a_pattern_of_another_period_does_not_count():
    stripes = flat(128, 128)
    stripes[:, (np.arange(128) % 3) == 0] += 20
    assert grid_energy(stripes, 2) == pytest.approx(1, abs=0.15)
    assert grid_energy(stripes, 3) > 5


def test_small_pictures_and_small_periods():
    assert grid_energy(flat(11, 20), 2) == pytest.approx(1)
    assert grid_energy(with_dots(flat(11, 20), 2, 4), 2) > 10
    for size, period in [((9, 40, 3), 2), ((39, 100, 3), 8), ((40, 40, 3), 1), ((40, 40, 3), 0)]:
        with pytest.raises(UserError, match="period"):
            grid_energy(np.zeros(size, np.uint8), period)
