"""The style network: the paper's table, pictures of any size, norms folded for a picture."""

import numpy as np
import pytest
from helpers import built, randomize_all, saved

from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint.model import load_for_use, load_model, save_model
from gluon_perceptual.checkpoint.recognition import recognize
from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.choices import Norm, Output, Upsampling, of
from gluon_perceptual.errors import UserError
from gluon_perceptual.formats.arrays import read_arrays
from gluon_perceptual.inference import Stylizer
from gluon_perceptual.inference.layerwise import mirrored
from gluon_perceptual.nets.blocks import ReflectionPad
from gluon_perceptual.nets.style import CELL, MARGIN, StyleNet


def pictures(*shape, seed=0):
    return mx.nd.array(np.random.default_rng(seed).uniform(0, 255, shape), dtype="float32")


@pytest.mark.parametrize("upsampling", of(Upsampling))
def test_sizes_follow_the_papers_table(upsampling):
    net = randomize_all(StyleNet(upsampling=upsampling))
    sizes = []
    for block in (net.pad, *list(net.encode)[1:], *net.body, *list(net.decode)[:3]):
        block.register_forward_hook(lambda block, inputs, output: sizes.append(output.shape[1:]))
    assert net(pictures(1, 3, 256, 256)).shape == (1, 3, 256, 256)
    assert sizes == [
        (3, 336, 336), (32, 336, 336), (64, 168, 168), (128, 84, 84),
        (128, 80, 80), (128, 76, 76), (128, 72, 72), (128, 68, 68), (128, 64, 64),
        (64, 128, 128), (32, 256, 256), (3, 256, 256),
    ]  # fmt: skip


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_number_of_parameters(norm):
    learned = [p for p in randomize_all(StyleNet(norm=norm)).collect_params().values() if p.grad_req != "null"]
    kernels = 9 * 9 * 3 * 32 * 2 + 9 * (32 * 64 + 64 * 128) * 2 + 10 * 9 * 128 * 128
    norms = 2 * (32 + 64 + 128 + 10 * 128 + 64 + 32)
    assert sum(p.data().size for p in learned) == kernels + norms + 3  # 1.68 million


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 3), (40, 41), (41, 66), (83, 5)])
@pytest.mark.parametrize("hybrid", [False, True])
def test_output_has_the_size_and_range_of_the_input(size, hybrid):
    net = randomize_all(StyleNet(width=2))
    if hybrid:
        net.hybridize()
    y = net(pictures(2, 3, *size)).asnumpy()
    assert y.shape == (2, 3, *size)
    assert y.min() >= 0
    assert y.max() <= 255


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 4), (41, 40), (83, 50)])
def test_mirrored_frame(size):
    x = pictures(1, 2, *size)
    height, width = (-(-side // CELL) * CELL + 2 * MARGIN for side in size)
    framed = ReflectionPad(MARGIN, CELL)(x).asnumpy()
    assert framed.shape == (1, 2, height, width)
    expected = x.asnumpy()[:, :, mirrored(size[0], MARGIN, CELL)[:, np.newaxis], mirrored(size[1], MARGIN, CELL)]
    np.testing.assert_array_equal(framed, expected)
    if min(size) > MARGIN:
        ends = [(MARGIN, total - MARGIN - side) for total, side in zip((height, width), size)]
        reference = np.pad(x.asnumpy(), ((0, 0), (0, 0), *ends), mode="reflect")
        np.testing.assert_array_equal(framed, reference)


@pytest.mark.parametrize("norm", of(Norm))
@pytest.mark.parametrize("upsampling", of(Upsampling))
def test_checkpoints_are_recognized(norm, upsampling, tmp_path):
    output = "linear" if norm == "instance" else "tanh"
    spec = ModelSpec("StyleNet", {"width": 3, "norm": norm, "upsampling": upsampling, "output": output})
    model, path = built(spec), tmp_path / "style.params"
    save_model(path, model, spec)
    x = pictures(1, 3, 20, 17)
    expected = model(x).asnumpy()
    np.testing.assert_array_equal(load_model(path)(x).asnumpy(), expected)
    np.testing.assert_allclose(load_for_use(path)[0](x).asnumpy(), expected, atol=2e-3)
    path.with_suffix(".json").unlink()
    assert recognize(path, read_arrays(path)) == spec


def test_a_sidecar_without_an_output_means_tanh(tmp_path):
    spec = ModelSpec("StyleNet", {"width": 2, "norm": "none", "upsampling": "nearest"})
    path = saved(tmp_path / "style.params", spec)
    assert "output" not in path.with_suffix(".json").read_text()
    assert load_model(path).net.arguments["output"] == "tanh"


def test_the_linear_output_leaves_the_range_where_tanh_ends():
    nets = {output: randomize_all(StyleNet(width=2, output=output)) for output in of(Output)}
    for net in nets.values():
        net.decode[-2 if net is nets["linear"] else -3].bias.set_data(mx.nd.array([-20, 0, 20]))
    x = pictures(1, 3, 8, 8)
    linear, tanh = nets["linear"](x).asnumpy(), nets["tanh"](x).asnumpy()
    assert linear[0, 0].max() < 0 < linear[0, 1].min() < linear[0, 1].max() < 255 < linear[0, 2].min()
    assert tanh[0, 0].max() == 0
    assert tanh[0, 2].min() == 255
    assert Stylizer(nets["linear"])(np.zeros((8, 8, 3), np.uint8)).max() == 255


def test_unknown_arguments():
    with pytest.raises(UserError, match="`norm` 'layer': expected one of"):
        StyleNet(norm="layer")
    with pytest.raises(UserError, match="`upsampling` 'bilinear': expected one of"):
        StyleNet(upsampling="bilinear")
    with pytest.raises(UserError, match="`output` 'sigmoid': expected one of"):
        StyleNet(output="sigmoid")
