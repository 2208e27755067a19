import hashlib
import json

import numpy as np
import pytest

from gluon_perceptual import weights
from gluon_perceptual._mxnet import mx
from gluon_perceptual.errors import UserError
from gluon_perceptual.formats.mxnet_params import read_params, write_params
from gluon_perceptual.nets.vgg import ACTIVATIONS, LossNetwork


def conv_relu(x, weight, bias):
    """3×3 convolution with zero padding, then ReLU, in NumPy: (C, H, W) float64."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    height, width = x.shape[1:]
    out = np.zeros((len(weight), height, width))
    for i in range(3):
        for j in range(3):
            out += np.einsum("oc,chw->ohw", weight[:, :, i, j], padded[:, i : i + height, j : j + width])
    return np.maximum(out + bias[:, None, None], 0)


def reference_features(picture, arrays, last):
    """(3, H, W) RGB in [0, 255] -> activations of the original release, in NumPy."""
    x = picture[::-1] - np.array([103.939, 116.779, 123.68]).reshape(3, 1, 1)
    found = {}
    for stage, convs in enumerate((2, 2, 3, 3), 1):
        if stage > 1:
            height, width = (size // 2 * 2 for size in x.shape[1:])
            x = x[:, :height, :width].reshape(len(x), height // 2, 2, width // 2, 2).max(axis=(2, 4))
        for conv in range(1, convs + 1):
            x = conv_relu(x, arrays[f"conv{stage}_{conv}_weight"], arrays[f"conv{stage}_{conv}_bias"])
            found[f"relu{stage}_{conv}"] = x
            if f"relu{stage}_{conv}" == last:
                return found
    return found


def shipped_arrays():
    arrays = {}
    for path in weights.vgg16_paths(4):
        arrays.update({name: np.asarray(array, np.float64) for name, array in read_params(path).items()})
    return arrays


def test_features_equal_a_numpy_convolution():
    layers = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    picture = np.random.default_rng(0).uniform(0, 255, (3, 19, 16))
    expected = reference_features(picture, shipped_arrays(), "relu4_3")
    outputs = LossNetwork.pretrained(layers)(mx.nd.array(picture[np.newaxis]))
    for layer, output in zip(layers, outputs):
        scale = np.abs(expected[layer]).max()
        np.testing.assert_allclose(output.asnumpy()[0] / scale, expected[layer] / scale, atol=1e-5)


def test_layers_are_the_model_zoos():
    assert {name: ACTIVATIONS[16][name] for name in ("relu1_2", "relu2_2", "relu3_3", "relu4_3")} == {
        "relu1_2": 3, "relu2_2": 8, "relu3_3": 15, "relu4_3": 22,
    }  # fmt: skip
    net = LossNetwork(("relu2_2",))
    assert len(net.features) == 9


def test_it_is_frozen_but_passes_gradients():
    net = LossNetwork.pretrained()
    assert all(p.grad_req == "null" for p in net.collect_params().values())
    x = mx.nd.random.uniform(0, 255, shape=(1, 3, 8, 8))
    x.attach_grad()
    with mx.autograd.record():
        y = net(x)[0].sum()
    y.backward()
    assert float(abs(x.grad).sum().asscalar()) > 0


def test_the_manifest_holds_the_released_arrays(shared):
    """The files that ship are the released weights: bit by bit to relu2_2, rounded to float16 after it."""
    released = json.loads((shared / "weights" / "sha256_of_raw_fp32_OIHW_bytes.json").read_text())
    exact, rounded = (read_params(path) for path in weights.vgg16_paths(4))
    for name, array in exact.items():
        assert hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest() == released[name]
    with np.load(shared / "weights" / "vgg16_caffe_bgr_relu4_3_fp32.npz") as arrays:
        assert set(arrays.files) == set(exact) | set(rounded)
        for name, array in rounded.items():
            np.testing.assert_array_equal(array, arrays[name].astype(np.float16))


def zoo_file(tmp_path, names):
    """A model-zoo VGG16 file: the shipped arrays, first layer in RGB, for [0, 1] with mean and deviation."""
    arrays = list(shipped_arrays().values())
    path = tmp_path / "vgg16.params"
    write_params(path, {name: array.astype(np.float32) for name, array in zip(names, arrays)})
    return path


def test_a_file_of_the_model_zoo_is_taken_for_torchvisions_variant(tmp_path):
    names = [f"vgg0_conv{i}_{part}" for i in range(10) for part in ("weight", "bias")]
    path = zoo_file(tmp_path, names)
    net = LossNetwork.pretrained(("relu2_2",), str(path))
    assert net.origin["variant"] == "torchvision"
    assert net.origin["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    arrays = shipped_arrays()
    picture = np.random.default_rng(1).uniform(0, 255, (3, 12, 12))
    mean, std = (np.array(v).reshape(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    expected = reference_features_rgb((picture / 255 - mean) / std, arrays)
    np.testing.assert_allclose(net(mx.nd.array(picture[np.newaxis]))[0].asnumpy()[0], expected, rtol=1e-3, atol=1e-3)


def reference_features_rgb(normalized, arrays):
    x = normalized
    for stage in (1, 2):
        if stage == 2:
            x = x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2).max(axis=(2, 4))
        for conv in (1, 2):
            x = conv_relu(x, arrays[f"conv{stage}_{conv}_weight"], arrays[f"conv{stage}_{conv}_bias"])
    return x


def test_wrong_weights_are_refused(tmp_path):
    path = tmp_path / "other.params"
    write_params(path, {"w": np.zeros((3, 3), np.float32)})
    with pytest.raises(UserError, match="not the convolutions of VGG16"):
        LossNetwork.pretrained(weights=str(path))
    with pytest.raises(UserError, match="expected some of relu1_1"):
        LossNetwork.pretrained(("conv",))
    convs = {"0.weight": (64, 3, 3, 3), "2.weight": (64, 64, 3, 3), "3.weight": (128, 64, 3, 3)}
    with_norm = {**convs, "0.bias": (64,), "1.gamma": (64,), "1.beta": (64,), "2.bias": (64,), "3.bias": (128,)}
    write_params(path, {name: np.zeros(shape, np.float32) for name, shape in with_norm.items()})
    with pytest.raises(UserError, match="batch norm is not supported"):
        LossNetwork.pretrained(("relu1_2",), str(path))
    with pytest.raises(UserError, match="needs 13"):
        LossNetwork.pretrained(("relu5_3",))
    with pytest.raises(UserError, match="expected some of relu1_1"):
        LossNetwork(("relu6_1",))
    with pytest.raises(OSError, match="nowhere"):
        LossNetwork.pretrained(weights=str(tmp_path / "nowhere.params"))


def test_a_dead_link_is_tried_once_and_said(tmp_path, monkeypatch):
    monkeypatch.setenv("MXNET_HOME", str(tmp_path))
    monkeypatch.setenv("MXNET_GLUON_REPO", "http://127.0.0.1:9/")
    with pytest.raises(UserError, match=r"http://127.0.0.1:9/.*vgg16"):
        LossNetwork.pretrained(weights="zoo")


def test_a_damaged_shipped_file_is_noticed(tmp_path, monkeypatch):
    (tmp_path / "manifest.json").write_text(json.dumps({"a.params": {"sha256": "0"}}))
    (tmp_path / "a.params").write_bytes(b"x")
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    with pytest.raises(UserError, match="damaged"):
        weights.shipped_path("a.params")
    with pytest.raises(UserError, match="does not ship"):
        weights.shipped_path("b.params")


def test_pooling_before_the_relu_changes_neither_features_nor_gradients():
    """relu2_2 alone pools conv1_2 first; with relu1_2 wanted too, its ReLU comes first."""
    nets = [LossNetwork.pretrained(layers) for layers in (("relu2_2",), ("relu1_2", "relu2_2"))]
    picture = mx.nd.random.uniform(0, 255, shape=(1, 3, 17, 18))
    results = []
    for net in nets:
        picture.attach_grad()
        with mx.autograd.record():
            features = net(picture)[-1]
        features.backward()
        results.append((features.asnumpy(), picture.grad.asnumpy()))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-4, atol=1e-4)
