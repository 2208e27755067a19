import numpy as np
import pytest
from helpers import built

from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint.model import load_model, save_model
from gluon_perceptual.checkpoint.recognition import recognize
from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.errors import UserError
from gluon_perceptual.formats.arrays import read_arrays
from gluon_perceptual.image.containers.metadata import Metadata
from gluon_perceptual.image.histogram import match_images
from gluon_perceptual.image.io import Picture
from gluon_perceptual.inference import Upscaler
from gluon_perceptual.inference.upscaler import bleed

SPECS = {
    "skip": ModelSpec("SuperResolutionNet", {"scale": 2, "width": 4, "blocks": 1, "norm": "none",
                                          "upsampling": "transposed", "skip": True}),
    "paper": ModelSpec("SuperResolutionNet", {"scale": 4, "width": 4, "blocks": 2, "norm": "batch",
                                           "upsampling": "subpixel", "skip": False}),
    "nearest": ModelSpec("SuperResolutionNet", {"scale": 2, "width": 6, "blocks": 0, "norm": "none",
                                             "upsampling": "nearest", "skip": True}),
    "mend": ModelSpec("SuperResolutionNet", {"scale": 1, "width": 4, "blocks": 1, "norm": "none",
                                          "upsampling": "transposed", "skip": True}),
    "low-pass": ModelSpec("SuperResolutionNet", {"scale": 4, "width": 4, "blocks": 1, "norm": "none",
                                               "upsampling": "transposed", "skip": True, "lowpass": 0.3}),
    "direct": ModelSpec("SuperResolutionNet", {"scale": 8, "width": 4, "blocks": 1, "norm": "none",
                                             "upsampling": "direct", "skip": True}),
    "blog": ModelSpec("PlsrNet", {"width": 4, "blocks": 1}, 1.0, (0.485, 0.456, 0.406)),
}  # fmt: skip


def picture(height, width, seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, (height, width, 3), dtype, endpoint=True)


@pytest.mark.parametrize("name", SPECS)
def test_models_come_back_with_and_without_their_sidecar(name, tmp_path):
    spec, path = SPECS[name], tmp_path / "model.params"
    model = built(spec)
    save_model(path, model, spec)
    x = mx.nd.array(picture(9, 8).transpose(2, 0, 1)[np.newaxis])
    expected = model(x).asnumpy()
    np.testing.assert_array_equal(load_model(path)(x).asnumpy(), expected)
    path.with_suffix(".json").unlink()
    assert recognize(path, read_arrays(path)) == spec
    np.testing.assert_array_equal(load_model(path)(x).asnumpy(), expected)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("size", [(70, 41), (90, 61)])
def test_tiled_equals_whole(name, size):
    """In gray levels before rounding, to 1e-4 of the range."""
    model = built(SPECS[name])
    image = picture(*size)
    tiled, whole = Upscaler(model, tile=2 * model.halo + 9), Upscaler(model, tile=1000)
    rounded = np.abs(tiled(image).astype(int) - whole(image)).max()
    assert rounded <= 1  # where a half is rounded up or down
    exact = [run_unrounded(upscaler, image) for upscaler in (tiled, whole)]
    np.testing.assert_allclose(exact[0], exact[1], atol=1e-4 * 255)


def run_unrounded(upscaler, image):
    """As Upscaler does, but in float."""
    from gluon_perceptual.image.io import to_tensor
    from gluon_perceptual.image.tiling import map_tiles, plan

    def run(window):
        return upscaler.model(mx.nd.array(to_tensor(window))).asnumpy()[0].transpose(1, 2, 0)

    height, width, _ = image.shape
    scale = upscaler.scale
    large = np.zeros((scale * height, scale * width, 3))
    for rows, columns, values in map_tiles(image, run, scale, plan(height, width, upscaler.tile, upscaler.model.halo)):
        large[rows, columns] = values
    return large


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(1, 1), (3, 20)])
def test_small_pictures_and_both_depths(dtype, size):
    large = Upscaler(built(SPECS["skip"]))(picture(*size, dtype=dtype))
    assert large.dtype == dtype
    assert large.shape == (2 * size[0], 2 * size[1], 3)


def test_sixteen_bits_are_not_cut_to_eight():
    model = built(SPECS["skip"])
    model.net.tail.weight.set_data(mx.nd.zeros(model.net.tail.weight.shape))
    ramp = np.repeat(np.arange(0, 65536, 101, dtype=np.uint16)[np.newaxis, :, np.newaxis], 3, axis=2)
    assert len(np.unique(Upscaler(model)(ramp))) > 600


def test_histogram_matching_follows():
    model, image = built(SPECS["skip"]), picture(20, 20)
    plain = Upscaler(model)(image)
    matched = Upscaler(model, match_histogram="RGB")(image)
    np.testing.assert_array_equal(matched, match_images(plain, image, "RGB"))


@pytest.mark.parametrize("image", [np.zeros((4, 4)), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_picture_is_refused(image):
    with pytest.raises(UserError, match="expected"):
        Upscaler(built(SPECS["skip"]))(image)


def test_tiles_smaller_than_the_halo_are_refused():
    with pytest.raises(UserError, match="`tile` 8: this model needs"):
        Upscaler(built(SPECS["skip"]), tile=8)(picture(40, 40))


def test_the_blogs_network_runs_in_its_own_range():
    spec = SPECS["blog"]
    model = built(spec)
    image = picture(9, 9)
    np.testing.assert_array_equal(Upscaler(model.net)(image), Upscaler(model)(image))


def test_gray_stays_gray():
    upscaler = Upscaler(built(SPECS["skip"]))
    gray = picture(9, 7)[:, :, 0]
    large = upscaler.enlarge(Picture(gray, None, Metadata(icc_profile=b"profile")))
    assert large.color.shape == (18, 14)
    assert large.metadata.icc_profile == b"profile"
    three = upscaler(np.repeat(gray[:, :, np.newaxis], 3, axis=2)).astype(float)
    assert np.abs(large.color - three.mean(axis=2)).max() <= 0.5


def test_transparent_colors_do_not_shine_through():
    """The same red disc on hidden green or hidden red gives the same result."""
    model = built(SPECS["skip"])
    rows, columns = np.mgrid[:30, :30]
    alpha = np.where((rows - 15) ** 2 + (columns - 15) ** 2 < 80, 255, 0).astype(np.uint8)
    red = np.zeros((30, 30, 3), np.uint8)
    red[..., 0] = 200
    on_green = red.copy()
    on_green[alpha == 0] = (0, 255, 0)
    upscaler = Upscaler(model)
    plain, hidden = (upscaler.enlarge(Picture(color, alpha, None)) for color in (red, on_green))
    np.testing.assert_array_equal(plain.color, hidden.color)
    np.testing.assert_array_equal(plain.alpha, hidden.alpha)
    assert plain.alpha.shape == (60, 60)


def test_constant_alpha_stays_constant():
    upscaler = Upscaler(built(SPECS["skip"]))
    large = upscaler.enlarge(Picture(picture(6, 6), np.full((6, 6), 77, np.uint8), None))
    assert np.all(large.alpha == 77)


def test_bleeding_keeps_what_can_be_seen():
    color = picture(10, 10)
    alpha = np.zeros((10, 10), np.uint8)
    np.testing.assert_array_equal(bleed(color, alpha), color)
    alpha[2, 3] = 1
    assert np.all(bleed(color, alpha) == color[2, 3])


def test_a_checkpoint_for_another_network_is_named(tmp_path):
    path = tmp_path / "model.params"
    save_model(path, built(SPECS["paper"]), SPECS["skip"])
    with pytest.raises(UserError, match=r"model\.params"):
        Upscaler(path)
    path.with_suffix(".json").write_text('{"network": "Other"}')
    with pytest.raises(UserError, match="not a valid description of a model"):
        Upscaler(path)
    path.with_suffix(".json").unlink()
    mx.nd.save(str(path), {"w": mx.nd.zeros(3)})
    with pytest.raises(UserError, match="no known network matches"):
        Upscaler(path)
