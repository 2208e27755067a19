"""Pictures repainted: tiles beside the whole, colors, files."""

import cv2
import numpy as np
import pytest
from cli import assert_one_line_error, run, write
from helpers import randomize_all, saved

from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.choices import Upsampling, of
from gluon_perceptual.errors import UserError
from gluon_perceptual.image.containers.metadata import Metadata
from gluon_perceptual.image.io import Picture, read_picture, read_rgb, to_image, to_tensor, write_picture
from gluon_perceptual.image.resize import resize_longest_side
from gluon_perceptual.inference import Stylizer
from gluon_perceptual.inference.layerwise import LayerwiseStyle, Statistics
from gluon_perceptual.inference.stylizer import SMALLEST_WINDOW
from gluon_perceptual.nets.style import BORDER_ARTIFACT_WIDTH, StyleNet


def photo(height, width, seed=0, dtype=np.uint8):
    """Smooth shapes with some grain."""
    rng = np.random.default_rng(seed)
    top = np.iinfo(dtype).max
    coarse = cv2.resize(rng.uniform(0, top, (6, 7, 3)), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(coarse + rng.normal(0, top / 30, coarse.shape), 0, top).astype(dtype)


@pytest.mark.parametrize("upsampling", of(Upsampling))
@pytest.mark.parametrize(("size", "lowpass"), [((150, 131), None), ((68, 203), 0.3), ((68, 67), [0.3, 0.2])])
def test_tiles_with_the_statistics_of_the_whole_equal_the_whole(size, lowpass, upsampling):
    net, image = randomize_all(StyleNet(width=4, upsampling=upsampling, lowpass=lowpass)), photo(*size)
    whole = Stylizer(net)(image).astype(int)
    tiled = Stylizer(net, tile=SMALLEST_WINDOW)(image)
    assert np.abs(whole - tiled).max() <= 1


@pytest.mark.parametrize("upsampling", of(Upsampling))
@pytest.mark.parametrize(("tile", "lowpass"), [("auto", None), ("auto", 0.3), (SMALLEST_WINDOW, 0.3)])
def test_the_border_is_as_in_the_middle(upsampling, tile, lowpass):
    net = randomize_all(StyleNet(width=4, norm="none", upsampling=upsampling, lowpass=lowpass))
    flat = np.full((61, 83, 3), 200, np.uint8)
    painted = Stylizer(net, tile=tile)(flat).astype(int)
    assert np.ptp(Stylizer(net)._through(flat)) > 3  # the network itself frays it
    for rows in range(4):  # outputs of transposed convolutions repeat by cells
        for columns in range(4):
            assert np.ptp(painted[rows::4, columns::4], axis=(0, 1)).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (3, 90), (41, 17)])
@pytest.mark.parametrize("tile", ["auto", SMALLEST_WINDOW])
def test_sizes_stay(size, tile):
    assert Stylizer(randomize_all(StyleNet(width=2)), tile=tile)(photo(*size)).shape == (*size, 3)


def test_result_does_not_depend_on_the_tiles_where_statistics_are_reduced():
    net, image = randomize_all(StyleNet(width=4)), photo(180, 200)
    results = [Stylizer(net, tile=tile, statistics="reduced")(image).astype(int) for tile in (SMALLEST_WINDOW, 120)]
    assert np.abs(results[0] - results[1]).max() <= 1


def test_a_small_picture_is_not_reduced():
    net, image = randomize_all(StyleNet(width=4)), photo(180, 200)
    whole, reduced = (Stylizer(net, tile=120, statistics=kind)(image) for kind in ("whole", "reduced"))
    assert np.abs(whole.astype(int) - reduced).max() <= 1


def test_reduced_statistics_are_those_of_the_reduced_picture():
    net, image = randomize_all(StyleNet(width=4)), photo(600, 560).astype(np.float32).transpose(2, 0, 1)
    reduced = resize_longest_side(image.transpose(1, 2, 0), 512).transpose(2, 0, 1)
    one, other = (LayerwiseStyle(net, tile, None) for tile in (1024, 200))
    one.settle(reduced)
    other.settle(reduced)
    np.testing.assert_allclose(one(image), other(image), atol=0.05)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_networks_without_instance_norms_need_no_statistics(norm):
    net, image = randomize_all(StyleNet(width=4, norm=norm)), photo(150, 131)
    border = BORDER_ARTIFACT_WIDTH
    framed = np.pad(image, [(border, border), (border, border), (0, 0)], "reflect")
    whole = to_image(net(mx.nd.array(to_tensor(framed))).asnumpy(), np.uint8)
    whole = whole[border:-border, border:-border].astype(int)
    for tile in ("auto", SMALLEST_WINDOW):
        assert np.abs(whole - Stylizer(net, tile=tile)(image)).max() <= 1


def test_statistics_of_parts_are_those_of_the_whole():
    values = np.random.default_rng(0).normal(1000, 3, (2, 40, 50)).astype(np.float32)
    statistics = Statistics()
    for part in (values[:, :7], values[:, 7:8], values[:, 8:]):
        statistics.add(part)
    np.testing.assert_allclose(statistics.mean, values.mean(axis=(1, 2), dtype=np.float64))
    variance = statistics.squares / statistics.count
    np.testing.assert_allclose(variance, values.var(axis=(1, 2), dtype=np.float64), rtol=1e-4)


def test_strength_mixes():
    net, image = randomize_all(StyleNet(width=2)), photo(30, 20)
    painted = Stylizer(net)(image).astype(float)
    np.testing.assert_array_equal(Stylizer(net, strength=0)(image), image)
    half = Stylizer(net, strength=0.5)(image)
    assert np.abs(half - (painted + image) / 2).max() <= 1


def test_colors_are_kept():
    net, image = randomize_all(StyleNet(width=2)), photo(60, 50)
    gray = np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    kept = Stylizer(net, preserve_color="luminance")(gray)
    assert (kept.max(axis=2) - kept.min(axis=2)).max() <= 1
    matched = Stylizer(net, preserve_color="histogram")(image)
    np.testing.assert_allclose(matched.mean(axis=(0, 1)), image.mean(axis=(0, 1)), atol=3)


def test_16_bits_and_alpha():
    stylizer = Stylizer(randomize_all(StyleNet(width=2)))
    deep = photo(21, 30, dtype=np.uint16)
    result = stylizer(deep)
    assert result.dtype == np.uint16
    assert np.abs(result / 257 - stylizer((deep / 257).round().astype(np.uint8))).max() < 6
    alpha = np.full((21, 30), 7, np.uint8)
    picture = stylizer.stylize(Picture(photo(21, 30), alpha))
    np.testing.assert_array_equal(picture.alpha, alpha)


def test_gray_becomes_colored_and_keeps_what_is_said_of_it():
    stylizer, image = Stylizer(randomize_all(StyleNet(width=2))), photo(21, 30)
    gray = stylizer.stylize(Picture(image[:, :, 0], metadata=Metadata(xmp=b"title")))
    assert gray.color.shape == (21, 30, 3)
    assert gray.metadata.xmp == b"title"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tile": 20}, "`tile` 20: expected at least"),
        ({"strength": 1.5}, "`strength` 1.5"),
        ({"statistics": "none"}, "expected one of whole, reduced"),
        ({"preserve_color": "hue"}, "luminance, histogram"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        Stylizer(randomize_all(StyleNet(width=2)), **arguments)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    spec = ModelSpec("StyleNet", {"width": 2, "norm": "instance", "upsampling": "transposed"})
    return saved(tmp_path_factory.mktemp("model") / "style.params", spec)


def test_files_and_folders(checkpoint, tmp_path):
    write(tmp_path / "in" / "a.png", height=1, width=1)
    write(tmp_path / "in" / "deep" / "b.jpg", height=30, width=45)
    status, stdout, _ = run("stylize", tmp_path / "in", "-o", tmp_path / "out", "--model", checkpoint)
    assert status == 0
    assert len(stdout.splitlines()) == 2
    assert read_rgb(tmp_path / "out" / "a.png").shape == (1, 1, 3)
    assert read_rgb(tmp_path / "out" / "deep" / "b.jpg").shape == (30, 45, 3)


def test_alpha_of_files_is_kept(checkpoint, tmp_path):
    alpha = np.arange(600, dtype=np.uint8).reshape(20, 30)
    write_picture(tmp_path / "in.png", Picture(photo(20, 30), alpha))
    assert run("stylize", tmp_path / "in.png", "-o", tmp_path / "out.png", "--model", checkpoint)[0] == 0
    np.testing.assert_array_equal(read_picture(tmp_path / "out.png").alpha, alpha)


def test_a_model_that_enlarges(tmp_path):
    path = saved(tmp_path / "sr.params", ModelSpec("PlsrNet", {"width": 4, "blocks": 1}, 1.0, (0.485, 0.456, 0.406)))
    result = run("stylize", write(tmp_path / "in.png"), "-o", tmp_path / "out.png", "--model", path)
    assert_one_line_error(result, "has no style; use upscale")


def test_a_model_that_does_not_enlarge(tmp_path):
    path, source = saved(tmp_path / "style.params", ModelSpec("StyleNet", {"width": 4})), write(tmp_path / "in.png")
    for command in (["upscale", source, "-o", tmp_path / "out.png"], ["evaluate", "--data", source, "--scale", 2]):
        assert_one_line_error(run(*command, "--model", path), "style.params: a StyleNet repaints pictures")
