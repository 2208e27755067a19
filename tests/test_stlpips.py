import sys

import cv2
import numpy as np
import pytest

from gluon_perceptual.errors import UserError
from gluon_perceptual.evaluation import super_resolution
from gluon_perceptual.evaluation.stlpips import ShiftTolerantLpips, st_lpips_if_installed
from gluon_perceptual.nets import LossNetwork


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_blur_is_seen_and_a_small_shift_is_not():
    """By the metric itself, where it is installed."""
    pytest.importorskip("stlpips_pytorch.stlpips", reason="pip install 'gluon-perceptual[perceptual]'")
    from skimage.data import astronaut

    distance, photo = ShiftTolerantLpips(), np.ascontiguousarray(astronaut()[:129, 130:258])
    truth = photo[:128]
    assert distance(truth, truth) == 0
    assert distance(photo[1:], truth) < 0.1 < distance(cv2.GaussianBlur(truth, (0, 0), 3), truth)
    with pytest.raises(UserError, match="expected the same"):
        distance(photo, truth)


def test_what_is_missing_is_said_once(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert st_lpips_if_installed() is None
    assert "left out: ST-LPIPS needs torch: pip install 'gluon-perceptual[perceptual]'" in caplog.text


def test_it_is_one_of_the_scores(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    network = LossNetwork.pretrained(super_resolution.DISTANCE_LAYERS)
    given = ({"bicubic": super_resolution.bicubic(2)}, tmp_path / "a.png", 2, network)
    shapes = []

    def distance(output, truth):
        shapes.extend([output.shape, truth.shape])
        return 0.25

    (row,) = super_resolution.evaluate(*given, st_lpips=distance)
    assert row.st_lpips == 0.25
    assert shapes == 2 * [image.shape]
    assert np.isnan(super_resolution.evaluate(*given)[0].st_lpips)
