import cv2
import numpy as np
import pytest
from cli import write_photo

from gluon_perceptual._mxnet import mx
from gluon_perceptual.errors import UserError
from gluon_perceptual.evaluation import scores, super_resolution
from gluon_perceptual.image.io import read_rgb
from gluon_perceptual.image.resize import degrade
from gluon_perceptual.nets import LossNetwork


@pytest.fixture(scope="module")
def loss_network():
    return LossNetwork.pretrained(super_resolution.DISTANCE_LAYERS)


def test_the_truth_scores_perfectly(tmp_path, loss_network):
    truth = read_rgb(write_photo(tmp_path / "a.png", 80, 72))
    (row,) = super_resolution.evaluate({"truth": lambda low: truth}, tmp_path / "a.png", 2, loss_network)
    assert row.psnr == float("inf")
    assert row.ssim == pytest.approx(1)
    assert row.relu2_2 == row.relu4_3 == row.ciede2000 == 0
    assert row.worst_weave in (0, pytest.approx(float("nan"), nan_ok=True))


def test_faults_are_seen(tmp_path, loss_network):
    """Dots on the upsampling grid, a tint, blur: each shows in the score that is for it."""
    path = write_photo(tmp_path / "a.png", 160, 160)
    truth = read_rgb(path).astype(np.float64)
    dots, tint = truth.copy(), truth + np.array([6, 0, 6])
    dots[::2, ::2] += 6
    methods = {
        name: (lambda low, image=image: np.clip(np.rint(image), 0, 255).astype(np.uint8))
        for name, image in {
            "truth": truth,
            "dots": dots,
            "tint": tint,
            "blur": cv2.GaussianBlur(truth, (0, 0), 1),
        }.items()
    }
    rows = {row.method: row for row in super_resolution.evaluate(methods, path, 2, loss_network)}
    assert rows["dots"].grid > 2 * rows["truth"].grid
    assert rows["tint"].ciede2000 > 1.5
    assert rows["tint"].grid == pytest.approx(rows["truth"].grid, rel=0.2)
    assert rows["blur"].relu2_2 > rows["dots"].relu2_2 > 0


def test_the_distance_is_the_mean_squared_difference(loss_network):
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (2, 40, 33, 3), np.uint8)
    maps = [loss_network(mx.nd.array(image.transpose(2, 0, 1)[np.newaxis])) for image in (a, b)]
    expected = [float(np.mean((x.asnumpy() - y.asnumpy()) ** 2)) for x, y in zip(*maps)]
    same, distances = super_resolution.perceptual_distances(loss_network, [b, a], b)
    assert list(distances.values()) == pytest.approx(expected, rel=1e-4)
    assert list(same.values()) == [0, 0]


def test_large_pictures_are_seen_in_blocks(loss_network, monkeypatch):
    monkeypatch.setattr(super_resolution, "BLOCK", 32)
    a, b = np.random.default_rng(0).integers(0, 256, (2, 64, 40, 3), np.uint8)
    halves = [np.s_[i : i + 32, :32] for i in (0, 32)]
    blocks = [super_resolution.perceptual_distances(loss_network, [a[half]], b[half])[0] for half in halves]
    expected = np.mean([block["relu2_2"] for block in blocks])  # the sliver of 8 columns is left out
    (found,) = super_resolution.perceptual_distances(loss_network, [a], b)
    assert found["relu2_2"] == pytest.approx(expected, rel=1e-4)


def test_means_and_table():
    nan = float("nan")
    rows = [scores.Row("m", f"{i}.png", 30.0 + i, 0.5, 1, 2, 3, 4, 5, (nan, 7)[i // 2], nan, (i, nan)) for i in (0, 2)]
    (mean,) = scores.means(rows)
    assert mean.psnr == 31
    assert mean.worst_weave == 7  # of those that have one
    assert np.isnan(mean.st_lpips)
    assert scores.measured([mean]) == list(scores.SCORES[:-1])
    assert scores.as_json([mean])[0]["axial"] == [1, None]
    assert mean.photo == "mean of 2"
    lines = scores.table([*rows, mean]).splitlines()
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert lines[-1].split()[-3:] == ["5.00", "7.00", "-"]
    assert scores.as_json(rows)[1]["psnr"] == 32


def test_photos_too_small_are_refused(tmp_path, loss_network):
    with pytest.raises(UserError, match=r"a\.png: 16×16 is too small"):
        super_resolution.evaluate({}, write_photo(tmp_path / "a.png", 16, 16), 2, loss_network)


@pytest.mark.parametrize("degradation", ["bicubic", "decimate"])
def test_the_middle_of_a_photo_is_degraded_with_its_surroundings(degradation):
    image = np.random.default_rng(0).integers(0, 256, (61, 83, 3), np.uint8)
    low, truth = super_resolution.center_pair(image, 2, 32, 1.0, degradation)
    np.testing.assert_array_equal(truth, image[14:46, 24:56])
    np.testing.assert_array_equal(low, degrade(image, 2, 1.0, degradation)[7:23, 12:28])


def test_the_middle_of_a_small_photo_is_as_large_as_it_can_be():
    low, truth = super_resolution.center_pair(np.zeros((9, 21, 3), np.uint8), 4, 144)
    assert (low.shape, truth.shape) == ((2, 2, 3), (8, 8, 3))


def test_means_are_over_the_same_photos():
    """Where one method has no error, as on a flat photo, the photo counts for none, unless it is all there is."""
    rest = [0.5] * (len(scores.SCORES) - 1)
    values = {("a", "flat"): np.inf, ("b", "flat"): 58.0, ("a", "photo"): 30.0, ("b", "photo"): 31.0}
    rows = [scores.Row(method, photo, psnr, *rest) for (method, photo), psnr in values.items()]
    assert [mean.psnr for mean in scores.means(rows)] == [30, 31]
    assert [mean.ssim for mean in scores.means(rows)] == [0.5, 0.5]
    assert [mean.psnr for mean in scores.means(rows[:2])] == [np.inf, 58]
