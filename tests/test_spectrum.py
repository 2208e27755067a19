import cv2
import numpy as np
import pytest

from gluon_perceptual.errors import UserError
from gluon_perceptual.evaluation.spectrum import AXIAL, BLOCK, DIAGONAL, directional_power, weave
from gluon_perceptual.image.resize import degrade
from gluon_perceptual.inference import Upscaler


def smooth_photo(size=128):
    """A slow shading with a little noise."""
    rng = np.random.default_rng(0)
    shading = cv2.GaussianBlur(rng.normal(0, 200, (size, size)), (0, 0), 12)
    return np.repeat((128 + shading + rng.normal(0, 1, (size, size)))[..., np.newaxis], 3, axis=2)


def waves(size, height, frequency, axes):
    places = np.arange(size)
    wave = height * np.sin(2 * np.pi * frequency * places)
    return sum({"x": wave[np.newaxis, :, np.newaxis], "y": wave[:, np.newaxis, np.newaxis]}[axis] for axis in axes)


def test_the_truth_has_no_weave():
    photo = smooth_photo()
    found = weave(photo, photo)
    assert (found.mean, found.worst) == (0, 0)
    np.testing.assert_array_equal([found.axial, found.diagonal], 0)


@pytest.mark.parametrize("height", [0.3, 2.0])
@pytest.mark.parametrize("frequency", [0.3125, 0.40625])
@pytest.mark.parametrize("axis", ["x", "y"])
def test_a_wave_is_found_with_its_height_and_frequency(height, frequency, axis):
    photo = smooth_photo()
    found = weave(photo + waves(128, height, frequency, axis), photo)
    assert found.mean == pytest.approx(height, rel=0.1, abs=0.05)
    assert found.worst == pytest.approx(height, rel=0.2, abs=0.15)
    assert abs(AXIAL[found.axial.argmax()] - frequency) <= 1 / BLOCK
    assert found.axial.max() > 10 * found.diagonal.max()


def test_a_wave_between_frequencies_is_found_too():
    photo = smooth_photo()
    found = weave(photo + waves(128, 1.0, 0.39, "xy"), photo)
    assert 1.0 < found.mean < 1.5  # of two directions


def test_a_wave_along_both_axes_is_diagonal():
    photo = smooth_photo()
    checks = waves(128, 1.0, 0.25, "x") * waves(128, 1.0, 0.25, "y")
    found = weave(photo + 4 * checks, photo)
    assert found.mean > 1
    assert DIAGONAL[found.diagonal.argmax()] == pytest.approx(0.35, abs=0.05)
    assert found.diagonal.max() > 10 * found.axial[BLOCK // 4 + 2 :].max()


def test_only_fine_waves_count_and_only_where_the_truth_is_smooth():
    photo = smooth_photo()
    assert weave(photo + waves(128, 2.0, 0.125, "x"), photo).worst < 0.4
    rough = photo + np.random.default_rng(1).normal(0, 30, photo.shape)
    found = weave(rough + waves(128, 9.0, 0.4, "x"), rough)
    assert np.isnan(found.mean)
    assert np.isnan(found.axial).all()


def test_blur_has_no_weave_and_rounding_next_to_none():
    photo = smooth_photo()
    assert weave(cv2.GaussianBlur(photo, (0, 0), 1.5), photo).worst < 0.1
    assert weave(np.rint(photo), photo).worst < 0.5


def test_white_noise_has_its_variance_at_all_frequencies():
    blocks = np.random.default_rng(0).normal(0, 3, (500, BLOCK, BLOCK))
    axial, diagonal = directional_power(blocks).mean(axis=1)
    np.testing.assert_allclose(axial[2:], 9, rtol=0.15)
    np.testing.assert_allclose(diagonal[2:], 9, rtol=0.15)


def test_other_shapes_and_small_pictures():
    with pytest.raises(UserError, match="expected the same"):
        weave(np.zeros((40, 40, 3)), np.zeros((40, 41, 3)))
    assert np.isnan(weave(np.zeros((31, 40, 3)), np.zeros((31, 40, 3))).worst)


def test_the_shipped_models_leave_none():
    """On a face: sr_x4_feature's own was 0.7 before it got its low-pass, sr_x2_feature's 0.27 before its last steps."""
    from skimage.data import astronaut

    truth = np.ascontiguousarray(astronaut()[20:212, 130:322])
    for name, scale in (("sr_x4_feature", 4), ("sr_x4_pixel", 4), ("sr_x2_feature", 2)):
        assert weave(Upscaler(name)(degrade(truth, scale, 0.0)), truth).worst < 0.25
