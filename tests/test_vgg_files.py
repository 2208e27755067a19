import sys

import numpy as np
import pytest
from torch_files import write_torch

from gluon_perceptual import weights
from gluon_perceptual.errors import MissingDependencyError, UserError
from gluon_perceptual.formats.arrays import read_arrays
from gluon_perceptual.formats.matching import natural_order
from gluon_perceptual.formats.mxnet_params import read_params, write_params
from gluon_perceptual.nets.vgg_files import read_vgg_weights
from gluon_perceptual.training.super_resolution_config import BLOG_TV, SuperResolutionConfig

INDICES = (0, 2, 5, 7)  # of the convolutions in torchvision's `vgg16().features`


@pytest.fixture(scope="module")
def released():
    """The first two stages as released: names, (out, in, 3, 3), blue first."""
    return {name: np.array(array) for name, array in read_params(weights.vgg16_paths(2)[0]).items()}


@pytest.fixture(scope="module")
def expected(released):
    """For RGB, as `read_vgg_weights` gives them."""
    first, *others = released.values()
    return [first[:, ::-1], *others]


def as_torchvision(arrays):
    """Give [weight, bias, …] torchvision's names, a dense layer after them."""
    names = [f"features.{index}.{kind}" for index in INDICES for kind in ("weight", "bias")]
    dense = {"classifier.0.weight": np.zeros((2, 3), np.float32), "classifier.0.bias": np.zeros(2, np.float32)}
    return {**dict(zip(names, arrays)), **dense}


def write_npz(path, arrays):
    with path.open("wb") as file:
        np.savez(file, **arrays)


def write_safetensors(path, arrays):
    pytest.importorskip("safetensors.numpy").save_file(
        {name: np.ascontiguousarray(array) for name, array in arrays.items()}, path
    )


def test_bfloat16_of_safetensors_comes_as_float32(tmp_path):
    pytest.importorskip("safetensors")
    values = np.array([1.0, -2.5, 3.140625], np.float32)
    header = b'{"a":{"dtype":"BF16","shape":[3,1],"data_offsets":[0,6]}}'
    bits = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    (tmp_path / "x.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bits)
    (array,) = read_arrays(tmp_path / "x.safetensors").values()
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array[:, 0], values)


def as_keras(released):
    """Keras's names and layout: (3, 3, in, out), blue first."""
    arrays = {}
    for name, array in released.items():
        stage, conv, kind = name[len("conv")], name[len("conv1_")], name.rpartition("_")[2]
        layer = f"block{stage}_conv{conv}"
        key = f"{layer}/{layer}/{'kernel' if kind == 'weight' else 'bias'}:0"
        arrays[key] = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
    return arrays


def write_keras(path, arrays):
    with pytest.importorskip("h5py").File(path, "w") as file:
        for name, array in arrays.items():
            file[f"model_weights/{name}"] = array


def assert_read(path, expected, variant):
    arrays, found, depth = read_vgg_weights([path])
    assert (found, depth) == (variant, 16)
    assert len(arrays) == 8
    for array, wanted in zip(arrays, expected):
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, wanted)


@pytest.mark.parametrize("write", [write_torch, write_safetensors, write_params])
def test_torchvisions_own_weights(tmp_path, write, expected):
    trained = [0.5 * array for array in expected]
    write(tmp_path / "vgg16", as_torchvision(trained))
    assert_read(tmp_path / "vgg16", trained, "torchvision")


@pytest.mark.parametrize("blue_first", [True, False])
def test_the_released_weights_under_torchvisions_names(tmp_path, released, expected, blue_first):
    """As converted for PyTorch, for either order of channels."""
    arrays = list(released.values()) if blue_first else expected
    write_safetensors(tmp_path / "vgg16.safetensors", as_torchvision(arrays))
    assert_read(tmp_path / "vgg16.safetensors", expected, "original")


def test_the_blogs_total_variation_depends_on_the_variant_of_the_weights(tmp_path, expected):
    path = tmp_path / "torchvision.params"
    write_params(path, as_torchvision([0.5 * array for array in expected]))
    files = {"shipped": "original", "zoo": "torchvision", weights.vgg16_paths(2)[0]: "original", path: "torchvision"}
    for vgg, variant in files.items():
        assert SuperResolutionConfig.from_architecture("blog", vgg=str(vgg)).tv == BLOG_TV[variant]


def test_keras_files(tmp_path, released, expected):
    arrays = as_keras(released)
    write_keras(tmp_path / "vgg16_notop.h5", arrays)
    assert_read(tmp_path / "vgg16_notop.h5", expected, "original")
    np.savez(tmp_path / "vgg16.npz", **{name.replace("/", "."): array for name, array in arrays.items()})
    assert_read(tmp_path / "vgg16.npz", expected, "original")


def test_half_precision(tmp_path, released, expected):
    halves = {name: array.astype(np.float16) for name, array in released.items()}
    write_safetensors(tmp_path / "x", halves)
    assert_read(tmp_path / "x", [array.astype(np.float16) for array in expected], "original")


def test_layers_go_by_number():
    assert sorted(["conv10", "conv2", "conv1.b", "conv"], key=natural_order) == ["conv", "conv1.b", "conv2", "conv10"]


@pytest.mark.parametrize("write", [write_torch, write_safetensors, write_keras, write_npz])
def test_damaged_files_are_one_line(tmp_path, write):
    path = tmp_path / "x"
    write(path, {"a": np.arange(500, dtype=np.float32)})
    whole = path.read_bytes()
    for size in (3, 12, len(whole) // 2, len(whole) - 40):
        path.write_bytes(whole[:size])
        with pytest.raises(UserError) as caught:
            read_arrays(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_small_files_do_not_fill_the_memory(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", a=np.zeros(2**22))
    with pytest.raises(UserError, match="over 100 times"):
        read_arrays(tmp_path / "x.npz")
    with pytest.importorskip("h5py").File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("a", (2**36,), "f4", chunks=True)
    with pytest.raises(UserError, match="over 100 times"):
        read_arrays(tmp_path / "x.h5")


@pytest.mark.parametrize(("kind", "extra"), [("safetensors", "safetensors"), ("h5py", "keras")])
def test_a_missing_library_is_named(tmp_path, monkeypatch, kind, extra):
    starts = {"safetensors": b"\x08\0\0\0\0\0\0\0{", "h5py": b"\x89HDF\r\n\x1a\n"}
    (tmp_path / "x").write_bytes(starts[kind])
    for module in list(sys.modules):
        if module.partition(".")[0] == kind:
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, kind, None)
    with pytest.raises(MissingDependencyError, match=rf"needs {kind}: .*\[{extra}\]"):
        read_arrays(tmp_path / "x")
