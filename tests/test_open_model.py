"""What is known of a model once it is open, whatever it was opened from."""

import numpy as np
import pytest
from graphs import doubler, restorer
from helpers import built, randomize, saved

from gluon_perceptual import cpu, weights
from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint.model import load_for_use, save_model
from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.errors import UserError
from gluon_perceptual.formats.arrays import READERS
from gluon_perceptual.inference import Stylizer, Upscaler, open_model
from gluon_perceptual.nets.folding import has_batch_norm
from gluon_perceptual.nets.plsr import PlsrNet
from gluon_perceptual.nets.style import BORDER_ARTIFACT_WIDTH, StyleNet
from gluon_perceptual.symbols.probing import UNBOUNDED
from gluon_perceptual.weights import checksum, models

PRECISIONS_HERE = ["float32", *(["bfloat16"] if cpu.bfloat16_support() != cpu.NONE else [])]
SUPER_RESOLUTION = ModelSpec("SuperResolutionNet", {"scale": 4, "width": 4, "blocks": 1})
BLOG = ModelSpec("PlsrNet", {"width": 4, "blocks": 1}, max_value=1.0, mean=(0.4, 0.5, 0.6))
STYLE = ModelSpec("StyleNet", {"width": 2})


def facts(model):
    return model.kinds, model.scale, model.halo, model.border_artifact_width, model.max_value


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (SUPER_RESOLUTION, (("super-resolution",), 4, 11, 0, 255)),
        (BLOG, (("super-resolution",), 2, 10, 0, 1)),
        (STYLE, (("style",), 1, UNBOUNDED, BORDER_ARTIFACT_WIDTH, 255)),
    ],
)
def test_of_a_checkpoint_and_of_its_network(spec, expected, tmp_path):
    model = open_model(saved(tmp_path / "model.params", spec))
    assert facts(model) == expected
    x = mx.nd.random.uniform(0, 255, shape=(1, 3, 8, 12))
    assert model(x).shape == (1, 3, 8 * expected[1], 12 * expected[1])
    assert facts(open_model(built(spec))) == expected


def test_of_a_bare_network():
    net = PlsrNet(width=4, blocks=1)
    randomize(net)
    assert facts(open_model(net)) == (("super-resolution",), 2, 10, 0, 1)


@pytest.mark.parametrize("kind", ["super-resolution", "style"])
def test_of_what_ships(kind):
    name = sorted(models(kind))[0]
    model = open_model(name)
    assert model.kinds == (kind,)
    assert model.scale == models(kind)[name].get("scale", 1)
    assert model.title.startswith(f"{name}: a ")


def test_of_a_symbol(tmp_path):
    assert facts(open_model(restorer(tmp_path))) == (("super-resolution", "style"), 1, 1, 0, 1)
    assert open_model(restorer(tmp_path), scale=3).scale == 3
    assert open_model(doubler(tmp_path)).kinds == ("super-resolution",)


def test_norms_are_folded_and_a_network_in_training_stays_as_it_is(tmp_path):
    assert not has_batch_norm(open_model(saved(tmp_path / "model.params", SUPER_RESOLUTION)).network)
    net = StyleNet(width=2, norm="batch")
    randomize(net)
    assert not has_batch_norm(open_model(net).layers)
    assert has_batch_norm(net)


def test_what_is_open_is_used_as_it_is():
    model = open_model("sr_x2_pixel")
    image = np.random.default_rng(0).integers(0, 256, (9, 8, 3), np.uint8)
    assert open_model(model) is Upscaler(model).model is model
    np.testing.assert_array_equal(Upscaler(model)(image), Upscaler("sr_x2_pixel")(image))
    with pytest.raises(UserError, match="sr_x2_pixel: a SuperResolutionNet enlarges pictures and has no style"):
        Stylizer(model)


@pytest.mark.parametrize("described", [True, False])
def test_a_file_is_read_once(described, tmp_path, monkeypatch):
    path = saved(tmp_path / "model.params", SUPER_RESOLUTION)
    if not described:
        path.with_suffix(".json").unlink()
    read = []
    reader = READERS["MXNet"]
    monkeypatch.setitem(READERS, "MXNet", lambda file: read.append(file) or reader(file))
    open_model(path)
    assert read == [path]


def test_a_checksum_is_taken_once_and_again_of_a_file_that_changed(tmp_path, monkeypatch):
    file, read, sha256 = tmp_path / "a.params", [], weights.sha256
    file.write_bytes(b"one")
    monkeypatch.setattr(weights, "sha256", lambda path: read.append(path) or sha256(path))
    first = checksum(file)
    assert checksum(file) == first
    assert read == [file]
    file.write_bytes(b"other")
    assert checksum(file) != first


@pytest.mark.parametrize(
    ("scale", "upsampling", "norm", "skip", "lowpass"),
    [
        (1, "transposed", "none", True, None),
        (2, "transposed", "batch", True, None),
        (2, "nearest", "batch", False, None),
        (2, "subpixel", "none", True, 0.3),
        (4, "direct", "batch", True, 0.3),
        (4, "nearest", "none", False, None),
    ],
)
@pytest.mark.parametrize("precision", PRECISIONS_HERE)
def test_convolutions_that_rectify_give_the_same(tmp_path, precision, scale, upsampling, norm, skip, lowpass):
    arguments = {"scale": scale, "width": 5, "blocks": 2, "norm": norm, "upsampling": upsampling}
    spec = ModelSpec("SuperResolutionNet", {**arguments, "skip": skip, "lowpass": lowpass})
    model = built(spec)
    save_model(tmp_path / "a.params", model, spec)
    opened = open_model(tmp_path / "a.params", precision=precision)
    if precision == "bfloat16":
        model = load_for_use(tmp_path / "a.params", None, precision)[0]
    tolerance = 1e-4 if precision == "float32" else 2**-8
    for size in ((7, 9), (1, 1), (7, 9)):
        x = mx.nd.array(np.random.default_rng(0).uniform(0, 255, (1, 3, *size)))
        plain, found = model(x).asnumpy(), opened(x).asnumpy()
        np.testing.assert_allclose(found, plain, rtol=tolerance, atol=tolerance * np.abs(plain).max())
