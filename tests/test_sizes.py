"""Results of any size: what the model makes, or more than that, reduced."""

import cv2
import numpy as np
import pytest
from cli import assert_one_line_error, run, write
from graphs import restorer
from helpers import built

from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.errors import UserError
from gluon_perceptual.evaluation.metrics import psnr
from gluon_perceptual.image import io
from gluon_perceptual.image.histogram import match_images
from gluon_perceptual.image.io import Picture
from gluon_perceptual.image.jpeg import compress
from gluon_perceptual.image.resize import imresize, resize_to
from gluon_perceptual.image.size import Size, fewest_passes, passes
from gluon_perceptual.inference import Upscaler, open_model
from gluon_perceptual.inference.choice import model_choices
from gluon_perceptual.weights import RESTORER


def network(scale):
    arguments = {"scale": scale, "width": 4, "blocks": 1, "norm": "none", "skip": True}
    return built(ModelSpec("SuperResolutionNet", arguments))


@pytest.fixture(scope="module")
def doubling():
    return open_model(network(2))


def picture(height=11, width=14, dtype=np.uint8):
    top = np.iinfo(dtype).max
    small = np.random.default_rng(0).integers(0, top, (height, width, 3), dtype, endpoint=True)
    return cv2.GaussianBlur(small, (0, 0), 1.0)


@pytest.mark.parametrize(
    ("size", "expected", "label"),
    [
        (Size(3), (33, 42), "x3"),
        (Size(1.5), (17, 21), "x1.5"),
        (Size(1.1), (12, 15), "x1.1"),
        (Size(1), (11, 14), "x1"),
        (Size(width=100), (79, 100), "w100"),
        (Size(height=100), (100, 127), "h100"),
        (Size(megapixels=0.01), (89, 113), "0.01mp"),
        (Size(width=1), (1, 1), "w1"),
    ],
)
def test_sizes_are_met(doubling, size, expected, label):
    assert size.of(11, 14) == expected
    assert size.label == label
    upscaler = Upscaler(doubling, scale=size)
    assert upscaler(picture()).shape == (*expected, 3)
    assert upscaler.result_size(11, 14) == expected


def test_halves_are_rounded_up():
    assert [Size(1.5).of(side, 1)[0] for side in (3, 5, 7, 9)] == [5, 8, 11, 14]


@pytest.mark.parametrize("wrong", [{}, {"scale": 2, "width": 3}, {"scale": 0}, {"width": -1}, {"scale": float("nan")}])
def test_a_size_is_one_positive_number(wrong):
    with pytest.raises(UserError, match="expected one positive number"):
        Size(**wrong)


def test_passes():
    assert [passes(2, ratio) for ratio in (0.5, 1, 1.01, 2, 2.01, 4, 5)] == [0, 0, 1, 1, 2, 2, 3]
    ratios = (1, 1.5, 2, 3, 4, 5, 8, 9, 16, 17, 64)
    assert [fewest_passes((2, 4, 8), ratio) for ratio in ratios] == [2, 2, 2, 4, 4, 8, 8, 4, 4, 8, 8]
    assert [passes(1, ratio) for ratio in (0.5, 1)] == [1, 1]
    with pytest.raises(UserError, match=r"keeps the size and cannot enlarge 1\.5 times"):
        passes(1, 1.5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_models_own_results_are_untouched(doubling, dtype):
    image, once = picture(dtype=dtype), Upscaler(doubling)
    np.testing.assert_array_equal(Upscaler(doubling, scale=2)(image), once(image))
    np.testing.assert_array_equal(Upscaler(doubling, scale=4)(image), once(once(image)))
    np.testing.assert_array_equal(Upscaler(doubling, scale=3)(image), resize_to(once(once(image)), 33, 42))
    np.testing.assert_array_equal(Upscaler(doubling, scale=Size(width=7))(image), resize_to(image, 6, 7))


def test_the_histogram_is_matched_at_the_end(doubling):
    image = picture()
    plain = Upscaler(doubling, scale=3)(image)
    matched = Upscaler(doubling, match_histogram="RGB", scale=3)(image)
    np.testing.assert_array_equal(matched, match_images(plain, image, "RGB"))


def test_gray_and_alpha_get_the_size(doubling):
    gray = Picture(picture()[:, :, 0], alpha=np.full((11, 14), 77, np.uint8))
    large = Upscaler(doubling, scale=3).enlarge(gray)
    assert large.color.shape == large.alpha.shape == (33, 42)
    assert (large.alpha == 77).all()
    alpha = np.where(np.arange(14) < 7, 0, 255).astype(np.uint8) * np.ones((11, 1), np.uint8)
    large = Upscaler(doubling, scale=1.5).enlarge(Picture(picture(), alpha)).alpha
    assert large.shape == (17, 21)
    assert (large[:, :7] == 0).all()
    assert (large[:, -7:] == 255).all()


def test_progress_is_that_of_all_passes(doubling):
    told = []
    Upscaler(doubling, scale=4)(picture(), told.append)
    assert told == [pytest.approx(0.2), pytest.approx(1)]


@pytest.mark.parametrize("quality", [40, 75, 90])
def test_at_the_same_size_jpeg_files_come_nearer_to_the_truth(quality):
    from skimage.data import astronaut, coffee

    restore = Upscaler(RESTORER, scale=1)
    for photo in (astronaut()[:256, 64:320], coffee()[:256, 128:384]):
        truth = imresize(np.ascontiguousarray(photo), 0.5)  # without the artifacts of the photo itself
        saved = compress(truth, quality)
        assert psnr(restore(saved), truth, data_range=255) > psnr(saved, truth, data_range=255) + 0.3


def test_a_picture_that_is_large_enough_already_stays_as_it_is(doubling):
    image = picture()
    np.testing.assert_array_equal(Upscaler(doubling, scale=Size(width=14))(image), image)
    assert not np.array_equal(Upscaler(doubling, scale=1)(image), image)


def test_a_restorer_keeps_the_size():
    upscaler = Upscaler(network(1), scale=Size(width=14))
    assert upscaler(picture()).shape == (11, 14, 3)
    with pytest.raises(UserError, match="keeps the size"):
        upscaler(picture(width=13))


def test_a_symbol_that_keeps_the_size_gets_the_bicubic_enlargement(tmp_path):
    path, image = restorer(tmp_path), picture()
    assert Upscaler(path, scale=3)(image).shape == (33, 42, 3)
    upscaler = Upscaler(path, scale=1.5)
    assert upscaler.scale == 2
    assert upscaler(image).shape == (17, 21, 3)


def test_what_would_be_too_large_on_the_way(doubling, monkeypatch):
    monkeypatch.setattr("gluon_perceptual.inference.upscaler.MOST_WRITTEN", 2000)
    with pytest.raises(UserError, match="11×14 pixels enlarged 4 times are over 2,000"):
        Upscaler(doubling, scale=3)(picture())


def test_models_are_chosen_by_size():
    for scale, chosen in ((1, 2), (1.5, 2), (3, 4), (5, 8), (16, 4)):
        assert list(model_choices(None, Size(scale))) == [chosen]
    assert list(model_choices(None, None)) == [2]
    assert list(model_choices(None, Size(width=99))) == [2, 4, 8]


@pytest.mark.parametrize(
    ("options", "shape", "name"),
    [
        (("--scale", 1), (8, 10), "a_x1.png"),
        (("--scale", 1.5), (12, 15), "a_x1.5.png"),
        (("--width", 25), (20, 25), "a_w25.png"),
        (("--height", 4), (4, 5), "a_h4.png"),
        (("--megapixels", 0.002), (40, 50), "a_0.002mp.png"),
    ],
)
def test_the_command_makes_files_of_the_size(tmp_path, options, shape, name):
    write(tmp_path / "a.png", height=8, width=10)
    status, out, _ = run("upscale", tmp_path / "a.png", *options)
    assert status == 0
    assert out.splitlines() == [str(tmp_path / name)]
    assert io.read_size(str(tmp_path / name)) == shape


def test_each_picture_of_a_folder_by_the_model_that_it_needs(tmp_path, monkeypatch):
    used = []
    enlarge = Upscaler.enlarge
    monkeypatch.setattr(Upscaler, "enlarge", lambda self, *rest: used.append(self.scale) or enlarge(self, *rest))
    for width in (4, 8, 15, 40):
        write(tmp_path / f"in/{width:02}.png", height=6, width=width)
    status, _, stderr = run("upscale", tmp_path / "in", "-o", tmp_path / "out", "--width", 30)
    assert status == 0, stderr
    assert sorted(used) == [2, 2, 4, 8]
    assert {io.read_size(str(path))[1] for path in (tmp_path / "out").iterdir()} == {30}


def test_a_result_that_is_too_large_is_one_line(tmp_path):
    result = run("upscale", write(tmp_path / "a.png", height=9, width=1), "--width", 90_000, "-o", tmp_path / "b.png")
    assert_one_line_error(result, "b.png: 810000×90000 pixels are more than")


def test_three_times_is_sharper_than_bicubic():
    from skimage.data import astronaut

    from gluon_perceptual.evaluation.metrics import luma_scores
    from gluon_perceptual.image.resize import degrade, imresize

    truth = np.ascontiguousarray(astronaut()[:192, 128:320])
    low = degrade(truth, 3, 0.0)
    scores = [luma_scores(large, truth, 3)[0] for large in (Upscaler("sr_x4_pixel", scale=3)(low), imresize(low, 3))]
    assert scores[0] > scores[1] + 1.5
