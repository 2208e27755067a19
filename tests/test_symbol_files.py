"""Models as symbol and parameters, with tiny ones made here and those of other people."""

import json

import cv2
import numpy as np
import pytest
from cli import assert_one_line_error, run, write
from graphs import changed, doubler, layers, one_layer, restorer, save, with_operator
from helpers import ycbcr_to_rgb

from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint import read_params, write_params
from gluon_perceptual.errors import UserError
from gluon_perceptual.image.color import rgb_to_ycbcr
from gluon_perceptual.image.resize import imresize
from gluon_perceptual.inference import Stylizer, Upscaler
from gluon_perceptual.symbols import graph
from gluon_perceptual.symbols.loading import load_here
from gluon_perceptual.symbols.probing import UNBOUNDED


def picture(height=14, width=11, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.GaussianBlur(small, (0, 0), 1.0)


def test_a_network_of_luma_that_keeps_the_size(tmp_path):
    path = restorer(tmp_path)
    options = load_here(path).options
    assert (options.color, options.scale, options.padding, options.max_value, options.halo) == ("y", 1, 0, 1.0, 1)
    image = picture()
    np.testing.assert_array_equal(Upscaler(path)(image), image)
    larger = Upscaler(path, scale=2)(image)
    expected = ycbcr_to_rgb(imresize(rgb_to_ycbcr(image), 2))
    np.testing.assert_allclose(larger, np.clip(expected, 0, 255), atol=0.51)


def test_the_network_gets_luma_and_chroma_is_bicubic(tmp_path):
    """A network that doubles Y by repeating pixels."""
    layer = {"kernel": (2, 2), "stride": (2, 2), "num_filter": 1, "no_bias": True}
    up = mx.sym.Deconvolution(mx.sym.var("data"), name="up", **layer)
    path, image = save(tmp_path, up, {"up_weight": np.ones((1, 1, 2, 2))}), picture()
    ycbcr = rgb_to_ycbcr(image)
    expected = imresize(ycbcr, 2)
    expected[..., 0] = ycbcr[..., 0].repeat(2, 0).repeat(2, 1)
    np.testing.assert_allclose(Upscaler(path)(image), np.clip(ycbcr_to_rgb(expected), 0, 255), atol=0.51)


def test_what_convolutions_cut_off_is_framed(tmp_path):
    path = restorer(tmp_path, pad=0)
    assert load_here(path).options.padding == 1
    np.testing.assert_array_equal(Upscaler(path)(picture()), picture())


@pytest.mark.parametrize("peak", [1.0, 255.0])
def test_the_range_is_found(tmp_path, peak):
    """Of [0, 1]: above 1 it clips. Of [0, 255]: below 20 it does."""
    if peak == 1:
        path = restorer(tmp_path)
    else:
        clipped = mx.sym.relu(mx.sym.broadcast_mul(mx.sym.var("data"), mx.sym.var("gain")) - 20) + 20
        path = save(tmp_path, clipped, {"gain": np.ones((1, 1, 1, 1))})
    assert load_here(path).options.max_value == peak


def test_rgb_and_tiles(tmp_path):
    path, image = doubler(tmp_path), picture(40, 33)
    options = load_here(path).options
    assert (options.color, options.scale) == ("rgb", 2)
    expected = image.repeat(2, 0).repeat(2, 1)
    for tile in ("auto", 16):
        np.testing.assert_array_equal(Upscaler(path, tile=tile)(image), expected)
    np.testing.assert_array_equal(Upscaler(path, scale=4)(image), image.repeat(4, 0).repeat(4, 1))


def test_a_network_that_sees_the_whole_picture_gets_it(tmp_path):
    data = mx.sym.var("data")
    mean = mx.sym.mean(data, axis=(2, 3), keepdims=True)
    away = mx.sym.broadcast_sub(data, mx.sym.broadcast_mul(mean, mx.sym.var("gain")))
    path = save(tmp_path, away, {"gain": np.ones((1, 1, 1, 1))})
    assert load_here(path).options.halo == UNBOUNDED
    Upscaler(path)(picture(30, 30))
    assert Stylizer(path, tile=64)(picture(70, 80)).shape == (70, 80, 3)


def test_options_are_remembered(tmp_path):
    path = restorer(tmp_path)
    status, out, _ = run("describe-symbol", path, "--enlarge", 4, "--padding", 2, "--mean", "0")
    assert status == 0
    assert json.loads(out) == json.loads((tmp_path / "net-model.json").read_text())
    options = load_here(path).options
    assert (options.enlarge, options.padding, options.crop, options.mean) == (4, 2, 2, (0.0,))
    assert load_here(path).scale == 4
    write(tmp_path / "a.png", picture())
    status, _, _ = run("upscale", tmp_path / "a.png", "-o", tmp_path / "b.png", "--model", path)
    assert status == 0
    assert cv2.imread(str(tmp_path / "b.png")).shape == (56, 44, 3)
    assert_one_line_error(run("describe-symbol", path, "--mean", "1,2,3"), "or y and 1 number")
    run("describe-symbol", path, "--padding", 1)
    assert load_here(path).options.crop == 1
    wrong = ['{"scale": 2, "color": "y", "mean": [0]}', '{"scale": 1.5, "mean": [0]}', '{"mean": ["a"]}']
    for text in (
        *wrong,
        '{"color": "cmyk"}',
        '{"color": "cmyk", "mean": [0]}',
        '{"scale": "2", "mean": [0]}',
        '{"enlarge": 1000000, "mean": [0]}',
        '{"padding": 1000000, "mean": [0]}',
        '{"peak": Infinity, "mean": [0]}',
        "[1]",
        "{",
    ):
        (tmp_path / "net-model.json").write_text(text)
        assert_one_line_error(run("describe-symbol", path), "net-model.json")


def test_gluons_export(tmp_path):
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Conv2D(4, 3, padding=1), mx.gluon.nn.BatchNorm(), mx.gluon.nn.Conv2D(3, 3, padding=1))
    net.initialize()
    net.hybridize()
    x = mx.nd.random.uniform(0, 1, (1, 3, 8, 9))
    expected = net(x).asnumpy()
    net.export(str(tmp_path / "net"), epoch=7)
    model = load_here(tmp_path / "net-symbol.json")
    np.testing.assert_allclose(model.net(x).asnumpy(), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "scale", "gain"),
    [
        ("module_codersadis_srcnn", 2, -15),  # its weights are not trained to the end
        ("srzoo_IRL_VDSR_4x", 4, 1),
        ("srzoo_linear_method_bicubic_2x", 2, -0.1),
        ("srzoo_waifu2x_waifu2x-caffe_lltcggie_upconv_7_photo_scale2.0x_model", 2, 1),
    ],
)
def test_other_peoples_networks_enlarge_a_photo(shared, name, scale, gain):
    """By at least so many dB more than bicubic enlargement."""
    from gluon_perceptual.evaluation.metrics import psnr

    photo = cv2.imread(str(shared / "data/benchmarks/Set5/HR/img_001.png"))[:160, :160, ::-1]
    low = imresize(np.ascontiguousarray(photo), 1 / scale)
    large = Upscaler(shared / f"params/{name}-symbol.json", scale=scale)(low)
    assert large.shape == photo.shape
    scores = [psnr(image, photo, data_range=255) for image in (large, imresize(low, scale))]
    assert scores[0] - scores[1] > gain


def test_what_is_no_such_network_is_one_line(shared, tmp_path):
    source = write(tmp_path / "a.png")
    for name, reason in (
        ("insightface_deploy_mtcnn-model_det1", "one output"),
        ("ldpe2g_test", "pictures of any size"),
    ):
        path = shared / f"params/module_{name}-symbol.json"
        assert_one_line_error(run("upscale", source, "-o", tmp_path / "b.png", "--model", path), reason)
    (tmp_path / "other-symbol.json").write_text('{"scale": 2}')
    write_params(tmp_path / "other-0000.params", {"arg:weight": np.ones(3, np.float32)})
    assert_one_line_error(run("describe-symbol", tmp_path / "other-symbol.json"), "no nodes and heads")
    params = shared / "params/srzoo_IRL_VDSR_4x-0000.params"
    result = run("upscale", source, "-o", tmp_path / "b.png", "--model", params)
    assert_one_line_error(result, "give srzoo_IRL_VDSR_4x-symbol.json as the model")
    assert_one_line_error(run("stylize", source, "-o", tmp_path / "b.png", "--model", doubler(tmp_path)), "use upscale")


DAMAGE = {
    "text": lambda graph: "no JSON",
    "list": lambda graph: [graph],
    "no nodes": lambda graph: {},
    "a node of numbers": lambda graph: changed(graph, nodes=[1, 2]),
    "a node without inputs": lambda graph: changed(graph, nodes=[{"op": "relu", "name": "a"}]),
    "inputs that are no entries": lambda graph: changed(graph, nodes=[{"op": "relu", "name": "a", "inputs": [0]}]),
    "attributes in a list": lambda graph: changed(graph, nodes=[{**graph["nodes"][0], "attrs": [1]}]),
    "a name of a number": lambda graph: changed(graph, nodes=[{**graph["nodes"][0], "name": 1}]),
    "an input after": lambda graph: changed(graph, nodes=[{"op": "relu", "name": "a", "inputs": [[7, 0, 0]]}]),
    "a head beyond": lambda graph: changed(graph, heads=[[99, 0, 0]]),
    "no head": lambda graph: changed(graph, heads=[]),
    "two heads": lambda graph: changed(graph, heads=2 * graph["heads"]),
    "an output beyond": lambda graph: changed(graph, heads=[[len(graph["nodes"]) - 1, 7, 0]]),
    "nested": lambda graph: "[" * 100_000,
    "no groups": lambda graph: with_operator(graph, "Deconvolution", num_group="0"),  # MXNet divides by it
    "no groups of channels": lambda graph: with_operator(graph, "GroupNorm", num_groups="0"),
    "a type that is none": lambda graph: one_layer("Cast", dtype="(None, None)"),
    "lengths that are none": lambda graph: one_layer("softmax", use_length="None"),
    "too many nodes": lambda graph: layers(20_000, "elemwise_add"),
    "too many parts": lambda graph: one_layer("SliceChannel", num_outputs="65536"),
    "a huge stride": lambda graph: with_operator(graph, "Deconvolution", stride="(1000000, 1000000)"),
    "a backward operator": lambda graph: with_operator(graph, "_backward_MakeLoss"),
    "an address": lambda graph: with_operator(graph, "_NDArray", info="4096"),
    "an unknown operator": lambda graph: changed(
        graph, nodes=[{**node, "op": "null" if node["op"] == "null" else "Nonsense"} for node in graph["nodes"]]
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_symbols_are_one_line(tmp_path, damage):
    path = doubler(tmp_path)
    broken = DAMAGE[damage](json.loads(path.read_text()))
    path.write_text(broken if isinstance(broken, str) else json.dumps(broken))
    with pytest.raises(UserError, match=r"net-symbol\.json") as caught:
        load_here(path)
    assert "\n" not in str(caught.value)


def test_faults_of_ours_are_not_taken_for_damage(tmp_path, monkeypatch):
    monkeypatch.setattr(graph, "check_operator", lambda *_: 1 + "")
    with pytest.raises(TypeError):
        load_here(doubler(tmp_path))


def test_parameters_that_are_missing_or_do_not_fit(tmp_path):
    path, file = doubler(tmp_path), tmp_path / "net-0003.params"
    arrays = read_params(file)
    for shape in ((2, 2), (0, 3), ()):
        write_params(file, {name: np.zeros(shape, np.float32) for name in arrays})
        with pytest.raises(UserError, match=r"net-symbol\.json"):
            load_here(path)
    file.write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"net-0003\.params"):
        load_here(path)
    file.unlink()
    source = write(tmp_path / "a.png")
    assert_one_line_error(run("upscale", source, "-o", tmp_path / "b.png", "--model", path), "net-0000.params")


def test_an_export_does_not_overwrite_the_parameters(tmp_path):
    path = doubler(tmp_path)
    parameters = tmp_path / "net-0003.params"
    before = parameters.read_bytes()
    assert_one_line_error(run("export-onnx", path, "-o", parameters), "is an input, which the result would overwrite")
    assert parameters.read_bytes() == before
