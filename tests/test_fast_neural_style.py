"""PyTorch's fast-neural-style example: converted, and run by a network of its own."""

import numpy as np
import pytest
from cli import assert_one_line_error, run, write
from torch_files import write_torch

from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint.fast_neural_style import LAYERS, NORMS, convert_fast_neural_style
from gluon_perceptual.checkpoint.model import load_model
from gluon_perceptual.checkpoint.recognition import recognize
from gluon_perceptual.errors import UserError
from gluon_perceptual.formats.arrays import read_arrays
from gluon_perceptual.inference import Stylizer
from gluon_perceptual.nets.fast_neural_style import FastNeuralStyleNet

CANDY = "torch_style/candy_nc16_b1_e2_1e05_1e10.model"


def shape_of(layer, width):
    into, out, kernel = {
        "conv1": (3, width, 9), "conv2": (width, 2 * width, 3), "conv3": (2 * width, 4 * width, 3),
        "deconv1": (4 * width, 2 * width, 3), "deconv2": (2 * width, width, 3), "deconv3": (width, 3, 9),
    }.get(layer, (4 * width, 4 * width, 3))  # fmt: skip
    return out, into, kernel, kernel


def checkpoint(width=4, seed=0):
    """A checkpoint of the example, with random values and the stale statistics of old versions."""
    rng, arrays = np.random.default_rng(seed), {}
    for layer in [*LAYERS, "deconv3"]:
        shape = shape_of(layer, width)
        arrays[f"{layer}.conv2d.weight"] = rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape)
        arrays[f"{layer}.conv2d.bias"] = rng.normal(0, 1, shape[0])
    for norm in NORMS:
        channels = {"in1": 1, "in2": 2, "in4": 2, "in5": 1}.get(norm, 4) * width
        arrays[f"{norm}.weight"], arrays[f"{norm}.bias"] = rng.normal(1, 0.3, channels), rng.normal(0, 1, channels)
        arrays[f"{norm}.running_mean"] = np.zeros(channels)
        arrays[f"{norm}.running_var"] = np.ones(channels)
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def in_torch(arrays, x):
    """The example's `TransformerNet`, written down once more: (1, 3, H, W) -> the same."""
    torch = pytest.importorskip("torch")
    functional, arrays = torch.nn.functional, {name: torch.from_numpy(array) for name, array in arrays.items()}

    def conv(x, name, stride=1):
        weight = arrays[f"{name}.conv2d.weight"]
        x = functional.pad(x, [weight.shape[-1] // 2] * 4, mode="reflect")
        return functional.conv2d(x, weight, arrays[f"{name}.conv2d.bias"], stride)

    def norm(x, name):
        return functional.instance_norm(x, weight=arrays[f"{name}.weight"], bias=arrays[f"{name}.bias"])

    x = torch.from_numpy(x)
    for k, stride in ((1, 1), (2, 2), (3, 2)):
        x = norm(conv(x, f"conv{k}", stride), f"in{k}").relu()
    for k in range(1, 6):
        y = norm(conv(x, f"res{k}.conv1"), f"res{k}.in1").relu()
        x = norm(conv(y, f"res{k}.conv2"), f"res{k}.in2") + x
    for k in (1, 2):
        x = functional.interpolate(x, scale_factor=2, mode="nearest")
        x = norm(conv(x, f"deconv{k}"), f"in{k + 3}").relu()
    return conv(x, "deconv3").numpy()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A converted checkpoint: (its .params, what it was)."""
    folder, arrays = tmp_path_factory.mktemp("style"), checkpoint()
    write_torch(folder / "x.pth", arrays)
    status, out, _ = run("convert-style", folder / "x.pth", "-o", folder / "x.params")
    assert (status, out.strip()) == (0, str(folder / "x.params"))
    return folder / "x.params", arrays


def test_it_is_what_pytorch_computes(model):
    path, arrays = model
    x = np.random.default_rng(1).uniform(0, 255, (1, 3, 36, 24)).astype(np.float32)
    np.testing.assert_allclose(load_model(path)(mx.nd.array(x)).asnumpy(), in_torch(arrays, x), atol=1e-3)


def test_the_network_is_recognized(model, tmp_path):
    copy = tmp_path / "copy.params"
    copy.write_bytes(model[0].read_bytes())
    spec = recognize(copy, read_arrays(copy))
    assert (spec.network, spec.arguments) == ("FastNeuralStyleNet", {"width": 4, "norm": "instance"})
    load_model(copy)


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (9, 30)])
def test_any_size(size):
    net = FastNeuralStyleNet(2)
    net.initialize()
    assert net(mx.nd.ones((2, 3, *size))).shape == (2, 3, *size)


def test_windows_equal_the_whole(model):
    image = np.random.default_rng(2).integers(0, 256, (150, 131, 3), np.uint8)
    whole, windows = (Stylizer(model[0], tile=tile)(image).astype(int) for tile in (256, 64))
    assert np.abs(whole - windows).max() <= 1  # a half may round either way


def test_candy_equals_its_onnx_twin(shared):
    session = pytest.importorskip("onnxruntime").InferenceSession(
        str(shared / "torch_style/candy_nc16_256x256_onnxjs013.onnx")
    )
    import cv2

    photo = cv2.imread(str(shared / "data/content/amber_pytorch_examples.jpg"))[:256, :256, ::-1]
    x = np.ascontiguousarray(photo.transpose(2, 0, 1)[np.newaxis], np.float32)
    expected = session.run(None, {session.get_inputs()[0].name: x})[0]
    converted, _ = convert_fast_neural_style(shared / CANDY)
    np.testing.assert_allclose(converted(mx.nd.array(x)).asnumpy(), expected, atol=0.05)


def test_what_is_not_the_example_is_refused(model, tmp_path):
    path, arrays = model
    with pytest.raises(UserError, match="not a checkpoint of PyTorch's fast-neural-style"):
        convert_fast_neural_style(path)
    for name, message in (("conv2.conv2d.weight", "it lacks conv2"), ("in9.weight", "it has in9")):
        changed = {k: v for k, v in arrays.items() if k != name}
        if name not in arrays:
            changed[name] = np.zeros(1, np.float32)
        write_torch(tmp_path / "x.pth", changed)
        with pytest.raises(UserError, match=message):
            convert_fast_neural_style(tmp_path / "x.pth")
    write_torch(tmp_path / "x.pth", {**arrays, "conv2.conv2d.weight": np.zeros(1, np.float32)})
    assert_one_line_error(run("convert-style", tmp_path / "x.pth", "-o", tmp_path / "y.params"), "encode.1.1.weight")
    assert_one_line_error(run("convert-style", tmp_path / "x.pth", "-o", tmp_path / "y"), ".params", status=2)
    assert not (tmp_path / "y.params").exists()
    picture = write(tmp_path / "a.png")
    result = run("stylize", picture, "-o", tmp_path / "b.png", "--model", tmp_path / "x.pth")
    assert_one_line_error(result, "convert it with convert_style")
