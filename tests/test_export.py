"""Exports say the same as the model."""

import json

import numpy as np
import pytest
from cli import run
from helpers import saved

from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint.export import export_onnx
from gluon_perceptual.checkpoint.model import load_model
from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.errors import UserError

IMAGENET = (0.485, 0.456, 0.406)
SMALL = {"width": 4, "blocks": 1}
SPECS = {
    "x2": ModelSpec("SuperResolutionNet", {"scale": 2, "norm": "none", "upsampling": "nearest", "skip": True, **SMALL}),
    "x2, low-pass": ModelSpec(
        "SuperResolutionNet", {"scale": 2, "norm": "none", "skip": True, "lowpass": 0.3, **SMALL}
    ),
    "x2, low-pass of chroma": ModelSpec(
        "SuperResolutionNet", {"scale": 2, "norm": "none", "skip": True, "lowpass": [0.4, 0.3], **SMALL}
    ),
    "x4, direct": ModelSpec(
        "SuperResolutionNet", {"scale": 4, "norm": "none", "upsampling": "direct", "skip": True, **SMALL}
    ),
    "x4": ModelSpec("SuperResolutionNet", {"scale": 4, "norm": "batch", "upsampling": "transposed", **SMALL}),
    "x8": ModelSpec(
        "SuperResolutionNet", {"scale": 8, "norm": "batch", "upsampling": "subpixel", "skip": True, **SMALL}
    ),
    "blog": ModelSpec("PlsrNet", SMALL, 1.0, IMAGENET),
    "style": ModelSpec("StyleNet", {"width": 4, "norm": "instance", "upsampling": "transposed"}),
    "style, batch norm": ModelSpec("StyleNet", {"width": 4, "norm": "batch", "upsampling": "nearest"}),
    "style, low-pass": ModelSpec("StyleNet", {"width": 4, "output": "linear", "lowpass": 0.3}),
    "style, low-pass of chroma": ModelSpec("StyleNet", {"width": 4, "output": "linear", "lowpass": [0.3, 0.2]}),
    "fast": ModelSpec("FastNeuralStyleNet", {"width": 4, "norm": "instance"}),
}
SIZES = [(2, 20, 24), (1, 13, 31)]


def session(path):
    onnxruntime = pytest.importorskip("onnxruntime")
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", SPECS)
def test_onnx_runtime_gives_what_mxnet_gives(tmp_path, name):
    path = saved(tmp_path / "model.params", SPECS[name])
    status, out, _ = run("export-onnx", path, "-o", tmp_path / "x.onnx")
    assert (status, out.strip()) == (0, str(tmp_path / "x.onnx"))
    graph, model = session(tmp_path / "x.onnx"), load_model(path)
    assert [entry.name for entry in graph.get_inputs()] == ["input"]
    for n, height, width in SIZES:
        x = np.random.default_rng(0).uniform(0, 255, (n, 3, height, width)).astype(np.float32)
        (found,), expected = graph.run(["output"], {"input": x}), model(mx.nd.array(x)).asnumpy()
        np.testing.assert_allclose(found, expected, atol=1e-4 * 255)


@pytest.mark.parametrize("name", ["x2", "blog", "style"])
def test_pictures_in_and_out(tmp_path, name):
    path = saved(tmp_path / "model.params", SPECS[name])
    assert run("export-onnx", path, "-o", tmp_path / "x.onnx", "--pictures")[0] == 0
    graph, model = session(tmp_path / "x.onnx"), load_model(path)
    for n, height, width in SIZES:
        images = np.random.default_rng(0).integers(0, 256, (n, height, width, 3), np.uint8)
        (found,) = graph.run(["output"], {"input": images})
        values = model(mx.nd.array(images.transpose(0, 3, 1, 2).astype(np.float32))).asnumpy()
        expected = np.rint(values.clip(0, 255)).astype(np.uint8).transpose(0, 2, 3, 1)
        assert found.dtype == np.uint8
        assert found.shape == expected.shape
        assert np.abs(found.astype(int) - expected).max() <= 1  # a half may round either way


def test_the_recipe_is_in_the_graph(tmp_path):
    onnx = pytest.importorskip("onnx")
    run("export-onnx", saved(tmp_path / "model.params", SPECS["x2"]), "-o", tmp_path / "x.onnx")
    values = {entry.key: entry.value for entry in onnx.load(str(tmp_path / "x.onnx")).metadata_props}
    assert json.loads(values["recipe"])["arguments"]["scale"] == 2


@pytest.mark.parametrize("name", ["x4", "blog", "fast"])
def test_safetensors_are_models_like_others(tmp_path, name):
    pytest.importorskip("safetensors")
    path = saved(tmp_path / "model.params", SPECS[name])
    assert run("export-safetensors", path, "-o", tmp_path / "alone" / "x.safetensors")[0] == 0
    x = mx.nd.random.uniform(0, 255, (1, 3, 12, 12))
    again = load_model(tmp_path / "alone" / "x.safetensors")
    np.testing.assert_array_equal(again(x).asnumpy(), load_model(path)(x).asnumpy())


@pytest.mark.parametrize(("error", "raised"), [
    (NotImplementedError("no such layer"), UserError), (AttributeError("No conversion function for op"), UserError),
    (AttributeError("'NoneType' object has no attribute 'shape'"), AttributeError),
])  # fmt: skip
def test_only_what_the_converter_refuses_is_one_line(tmp_path, monkeypatch, error, raised):
    pytest.importorskip("onnx")

    def fail(*args, **options):
        raise error

    monkeypatch.setattr(mx.onnx, "export_model", fail)
    spec = SPECS["x2"]
    with pytest.raises(raised) as caught:
        export_onnx(tmp_path / "x.onnx", load_model(saved(tmp_path / "model.params", spec)), spec)
    assert type(caught.value) is raised
    assert raised is AttributeError or f"{caught.value}".startswith(f"{tmp_path / 'x.onnx'}: MXNet cannot convert")
    assert not (tmp_path / "x.onnx").exists()
