"""`--compare`: the same crop by all models that ship and fit, in one figure."""

import shutil

import cv2
import numpy as np
import pytest
from cli import assert_one_line_error, run, write
from graphs import restorer

from gluon_perceptual.image.io import read_rgb
from gluon_perceptual.image.size import Size
from gluon_perceptual.inference import comparing, open_model
from gluon_perceptual.inference.comparing import StylizeComparison, UpscaleComparison, most_detailed
from gluon_perceptual.inference.progress import unseen
from gluon_perceptual.weights import RESTORER, model_path, models


def test_the_most_detailed_square_is_found():
    image = np.full((60, 80, 3), 100, np.uint8)
    image[30:46, 50:66] = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    np.testing.assert_array_equal(most_detailed(image, 18), image[29:47, 49:67])
    assert most_detailed(image, 70).shape == (60, 70, 3)
    assert most_detailed(image[:1], 5).shape == (1, 5, 3)
    assert most_detailed(image[:1, :1], 5).shape == (1, 1, 3)


@pytest.mark.parametrize(("size", "scale", "side"), [(None, 2, 40), (Size(3), 4, 60), (Size(width=100), 8, 100)])
def test_models_of_the_scale_that_is_needed(tmp_path, size, scale, side):
    source = write(tmp_path / "a.png", height=20, width=20)
    job = UpscaleComparison(None, [None], size=size, precision="float32")
    found = job.work(job.workers[0], job.read(source, tmp_path / "b.png"), unseen)
    shipped = sorted(name for name, entry in models("super-resolution").items() if entry["scale"] == scale)
    assert list(found) == ["bicubic", *shipped]
    assert {picture.shape for picture in found.values()} == {(side, side, 3)}


def test_at_the_same_size_the_picture_itself_is_compared(tmp_path):
    source = write(tmp_path / "a.png", height=20, width=20)
    job = UpscaleComparison(None, [None], size=Size(1))
    found = job.work(job.workers[0], job.read(source, tmp_path / "b.png"), unseen)
    assert next(iter(found)) == "input"
    assert {RESTORER, "sr_x2_web"} < set(found)
    np.testing.assert_array_equal(found["input"], read_rgb(source))


def test_one_more_model_comes_first(tmp_path):
    source = write(tmp_path / "a.png")
    job = UpscaleComparison("sr_x4_pixel", [None])
    found = job.work(job.workers[0], job.read(source, tmp_path / "b.png"), unseen)
    assert list(found)[:2] == ["bicubic", "sr_x4_pixel"]


def test_a_model_of_ones_own_that_is_called_like_one_that_ships(tmp_path):
    own = copy_of("sr_x2_pixel", tmp_path)
    job = UpscaleComparison(str(own), [None])
    found = job.work(job.workers[0], job.read(write(tmp_path / "a.png"), tmp_path / "b.png"), unseen)
    assert list(found)[:2] == ["bicubic", str(own)]
    assert "sr_x2_pixel" in found


@pytest.mark.parametrize(("size", "side"), [(None, 24), (Size(1.5), 18)])
def test_a_symbol_that_keeps_the_size_gets_the_bicubic_enlargement(tmp_path, size, side):
    source = write(tmp_path / "a.png", height=12, width=12)
    job = UpscaleComparison(str(restorer(tmp_path)), [None], size=size)
    found = job.work(job.workers[0], job.read(source, tmp_path / "b.png"), unseen)
    assert list(found)[:2] == ["bicubic", "net-symbol"]
    assert found["net-symbol"].shape == (side, side, 3)


def test_only_models_that_fit_are_opened(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(comparing, "open_model", lambda name, **others: opened.append(name) or open_model(name))
    job = UpscaleComparison(None, [None], size=Size(8))
    job.work(job.workers[0], job.read(write(tmp_path / "a.png"), tmp_path / "b.png"), unseen)
    assert opened == ["sr_x8_pixel"]


def test_nothing_is_compared_where_nothing_is_enlarged(tmp_path):
    source = write(tmp_path / "a.png", width=10)
    assert_one_line_error(run("upscale", source, "--width", 10, "--compare"), "a.png: nothing to compare")


def copy_of(name, folder):
    """A model that ships, as a file of one's own."""
    for file in model_path(name).parent.glob(f"{name}.*"):
        shutil.copy(file, folder)
    return folder / f"{name}.params"


def test_styles_beside_the_photo(tmp_path):
    source = write(tmp_path / "a.png", height=20, width=30)
    job = StylizeComparison(None, [None])
    found = job.work(job.workers[0], job.read(source, tmp_path / "b.png"), unseen)
    assert list(found) == ["photo", *sorted(models("style"))]
    assert {picture.shape for picture in found.values()} == {(20, 30, 3)}


@pytest.mark.parametrize("command", ["upscale", "stylize"])
def test_the_commands_write_a_figure(tmp_path, command):
    source = write(tmp_path / "a.jpg", height=30, width=30)
    status, out, _ = run(command, source, "--compare")
    assert (status, out.splitlines()) == (0, [str(tmp_path / "a_compare.png")])
    height, width, _ = cv2.imread(str(tmp_path / "a_compare.png")).shape
    assert width > 3 * height
    assert_one_line_error(run(command, source, "--compare", "-o", tmp_path / "b.xyz"), "figures cannot be")


@pytest.mark.parametrize("command", ["upscale", "stylize"])
def test_the_figure_is_a_picture_of_any_kind_and_quality(tmp_path, command):
    source, sizes = write(tmp_path / "a.png", height=20, width=20), []
    for number, quality in enumerate((10, 90)):
        out = tmp_path / str(number)
        assert run(command, source, "--compare", "--suffix", ".jpg", "--quality", quality, "-o", out)[0] == 0
        sizes.append((out / "a.jpg").stat().st_size)
    assert sizes[0] < sizes[1]
    assert run(command, source, "--compare", "--suffix", ".webp")[0] == 0
    webp, jpeg = (cv2.imread(str(path)).shape for path in (tmp_path / "a_compare.webp", tmp_path / "1" / "a.jpg"))
    assert webp == jpeg


@pytest.mark.parametrize("option", [("upscale", "--crf", 20), ("stylize", "--crf", 20), ("stylize", "--no-temporal")])
def test_options_for_videos_are_refused(tmp_path, option):
    name = option[1].replace("--no-", "--")
    result = run(option[0], write(tmp_path / "a.png"), "--compare", *option[1:])
    assert_one_line_error(result, f"{name} is for videos, not for --compare", status=2)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("compare", [[], ["--compare"]])
def test_a_suffix_that_contradicts_the_output(tmp_path, compare):
    result = run("upscale", write(tmp_path / "a.png"), *compare, "--suffix", ".webp", "-o", tmp_path / "b.jpg")
    assert_one_line_error(result, "--suffix .webp", "b.jpg has another suffix")


def test_a_style_or_compare_is_needed(tmp_path):
    assert_one_line_error(run("stylize", write(tmp_path / "a.png")), "--model", status=2)
