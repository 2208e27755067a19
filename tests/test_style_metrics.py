"""Measures of repainted pictures, on pictures whose measures are known."""

import numpy as np
import pytest

from benchmarks.styles import compared, measured
from gluon_perceptual._mxnet import mx
from gluon_perceptual.errors import UserError
from gluon_perceptual.evaluation.style_metrics import blob_area, clipped_share, color_noise, edge_correlation
from gluon_perceptual.losses import functional
from gluon_perceptual.training.style_config import StyleConfig


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(1, 255, (*shape, 3)).astype(np.uint8)


def test_clipped_share_counts_pixels_with_two_channels_at_an_end():
    picture = noise(10, 10)
    picture[0, :, 1] = 255
    assert clipped_share(picture) == 0
    picture[0, :4, 2], picture[1, 0] = 0, 0
    assert clipped_share(picture) == pytest.approx(0.05)
    beyond = picture.astype(np.float32)
    beyond[0, :, 1], beyond[0, :4, 2], beyond[0, 4, 0] = 300, -7, 0.4
    assert clipped_share(beyond) == pytest.approx(0.06)
    tensor = mx.nd.array(beyond.transpose(2, 0, 1)[np.newaxis])
    assert functional.clipped_share(mx.nd, tensor).asscalar() == pytest.approx(0.06)


def test_a_blob_is_where_only_the_photo_has_something():
    photo, picture = noise(60, 100), noise(60, 100, seed=1)
    assert blob_area(picture, photo) == 0
    picture[:, 40:] = 250
    inside = (100 - 40 - 8) / 100  # windows that see nothing else
    assert blob_area(picture, photo) == pytest.approx(inside)
    photo[:, 40:] = 200  # the sky
    assert blob_area(picture, photo) < 0.2


def test_color_noise_is_that_of_chroma_over_that_of_luma():
    gray = np.repeat(noise(40, 40)[:, :, :1], 3, axis=2)
    assert color_noise(gray) < 1e-6
    assert color_noise(np.full((20, 20, 3), 7, np.uint8)) < 1e-3
    weights = np.random.default_rng(0).standard_normal((200, 200, 1)) * (1.0, 1.0, 1.0)
    color = weights * 10 + np.random.default_rng(1).standard_normal((200, 200, 1)) * (20.0, -10.0, 0.0) + 128
    ycc = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255
    parts = [10 * ycc.sum(axis=1), ycc @ (20, -10, 0)]  # what both noises are in Y, Cb and Cr
    squares = parts[0] ** 2 + parts[1] ** 2
    assert color_noise(color) == pytest.approx(np.sqrt((squares[1] + squares[2]) / squares[0]), rel=0.02)


def test_edges_correlate_with_themselves_whatever_the_contrast():
    photo = noise(40, 50) // 2
    assert edge_correlation(photo, photo) == pytest.approx(1)
    assert edge_correlation(255 - photo, photo) == pytest.approx(1)
    assert edge_correlation(photo // 2, photo) == pytest.approx(1, abs=0.01)
    assert abs(edge_correlation(noise(200, 200), noise(200, 200, seed=1))) < 0.1
    assert edge_correlation(np.full_like(photo, 9), photo) == 0


def test_pictures_of_other_shapes():
    for measure in (blob_area, edge_correlation):
        with pytest.raises(UserError, match="expected the same"):
            measure(noise(20, 20), noise(20, 21))


def test_the_table_of_styles(tmp_path):
    photo = noise(40, 48)
    assert measured(lambda image: image, [photo, photo])[:2] == ["0.0 %", "0.0 %"]
    assert measured(lambda image: image, [photo])[3] == "1.00"
    given = (noise(40, 40, seed=3) // 4, tmp_path / "ours", 3)
    found = compared(lambda image: image, [photo], *given, style_weight=StyleConfig.style_weight, tv=1e-4)
    loss, both, content, style, filtered, *layers = map(float, found)
    assert loss > 1
    assert content == 0
    assert 0 < both < style  # only L-BFGS's picture has lost content
    assert abs(filtered - 1) > 0.1  # of the noise, the low-pass takes most
    assert sum(layers) == pytest.approx(1, abs=0.03)
    assert sorted(path.name for path in (tmp_path / "ours/01").iterdir()) == ["L-BFGS.png", "ours.png", "photo.png"]
