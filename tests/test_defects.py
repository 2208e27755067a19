import numpy as np
import pytest
from skimage.data import astronaut

from gluon_perceptual.evaluation.metrics import psnr
from gluon_perceptual.image import defects
from gluon_perceptual.image.jpeg import SUBSAMPLINGS


@pytest.fixture(scope="module")
def photo():
    return np.ascontiguousarray(astronaut()[30:94, 180:260])


def test_a_fraction_stays_clean_and_the_rest_is_still_the_photo(photo):
    before = photo.copy()
    results = [defects.with_defects(photo, np.random.default_rng(seed)) for seed in range(300)]
    np.testing.assert_array_equal(photo, before)
    clean = [np.array_equal(result, photo) for result in results]
    assert np.mean(clean) == pytest.approx(defects.CLEAN, abs=0.07)
    for result in results:
        assert result.dtype == np.uint8
        assert psnr(result, photo, data_range=255) > 20


def test_it_is_reproducible(photo):
    one, two = (defects.with_defects(photo, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_all_are_compressed_some_noisy_or_blurred_in_any_order(photo, monkeypatch):
    orders = []
    for name in ("compressed", "noise", "blur"):
        monkeypatch.setattr(defects, name, lambda image, rng, name=name: orders[-1].append(name) or image)
    for seed in range(400):
        orders.append([])
        defects.with_defects(photo, np.random.default_rng(seed))
    dirty = [order for order in orders if order]
    assert all(sorted(set(order)) == sorted(order) and "compressed" in order for order in dirty)
    for name in ("noise", "blur"):
        assert np.mean([name in order for order in dirty]) == pytest.approx(defects.SOME, abs=0.08)
    assert {tuple(order) for order in dirty if len(order) == 2} == {
        ("compressed", "noise"), ("noise", "compressed"), ("compressed", "blur"), ("blur", "compressed"),
    }  # fmt: skip


def test_the_values_are_in_their_ranges(photo, monkeypatch):
    drawn = []
    monkeypatch.setattr(defects, "compress", lambda image, *options: drawn.append(options) or image)
    rng = np.random.default_rng(0)
    for _ in range(600):
        defects.compressed(photo, rng)
    assert {quality for quality, _ in drawn} == set(range(30, 96))
    assert {subsampling for _, subsampling in drawn} == set(SUBSAMPLINGS)
    gray = np.full((64, 64, 3), 128, np.uint8)
    deviations = [defects.noise(gray, rng).std() for _ in range(50)]
    assert defects.NOISE[0] < min(deviations) < max(deviations) < defects.NOISE[1] + 0.3  # and rounding
    np.testing.assert_array_equal(defects.blur(gray, rng), gray)
    assert defects.blur(photo, rng).std() < photo.std()
