"""PyTorch's files without PyTorch: what `torch.save` writes is read, and nothing in a file runs or fills the memory."""

import struct
import zipfile

import numpy as np
import pytest
from torch_files import archive, mapping, name, number, parameter, tensor, text, whole, write_torch

from gluon_perceptual.errors import UserError
from gluon_perceptual.formats.arrays import read_arrays

RNG = np.random.default_rng(0)
ARRAYS = {
    "0.weight": RNG.standard_normal((4, 3, 3, 3)).astype(np.float32),
    "0.bias": RNG.standard_normal(4),
    "1.weight": RNG.standard_normal((2, 4)).astype(np.float16),
    "steps": np.array(7),
    "mask": np.array([True, False]),
    "none": np.zeros((0, 3), np.uint8),
}


def assert_read(path, expected=ARRAYS):
    found = read_arrays(path)
    assert list(found) == list(expected)
    for key, array in expected.items():
        assert found[key].dtype == array.dtype
        np.testing.assert_array_equal(found[key], array)


@pytest.mark.parametrize("legacy", [False, True])
def test_tensors_by_name(tmp_path, legacy):
    write_torch(tmp_path / "x.pth", ARRAYS, legacy)
    assert_read(tmp_path / "x.pth")


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("key", ["model_state_dict", "model", "params", "params_ema", "state_dict"])
def test_what_trainings_save(tmp_path, key, legacy):
    """With their epoch, optimizer, arguments of a class of theirs, and prefixes."""
    others = {
        "epoch": number(3),
        "optimizer": mapping(
            {"state": b"}" + number(0) + mapping({"exp_avg": tensor("m", "Double", 5, [5], [1])}) + b"s"}
        ),
        "args": name("argparse", "Namespace") + b")\x81" + mapping({"lr": number(1)}) + b"b",
    }
    prefixed = {f"module._orig_mod.{key}": array for key, array in ARRAYS.items()}
    moments = {"m": np.arange(5.0)}
    write_torch(tmp_path / "x.pth", prefixed, legacy, lambda tensors: mapping({**others, key: tensors}), moments)
    assert_read(tmp_path / "x.pth")


@pytest.mark.parametrize("legacy", [False, True])
def test_what_python_2_saved(tmp_path, legacy):
    """Its OrderedDict is made of pairs, not filled afterwards."""
    pair = b"](" + text("w") + tensor("0", "Float", 2, [2], [1]) + b"e"
    ordered = name("collections", "OrderedDict") + b"](" + pair + b"e\x85R"
    values = np.array([1, 2], np.float32)
    write_torch(tmp_path / "x.pth", {}, legacy, lambda _: ordered, {"0": values})
    np.testing.assert_array_equal(read_arrays(tmp_path / "x.pth")["w"], values)


def module():
    """What the format from before PyTorch 1.6 refers to for a module: its class, file and source."""
    return b"(" + text("module") + name("a", "Net") + text("net.py") + text("") + b"tQ)\x81}b"


def test_modules_beside_tensors_and_alone(tmp_path):
    write_torch(tmp_path / "x.pth", ARRAYS, True, lambda tensors: mapping({"loss": module(), "state_dict": tensors}))
    assert_read(tmp_path / "x.pth")
    write_torch(tmp_path / "y.pth", ARRAYS, True, lambda tensors: module())
    with pytest.raises(UserError, match="whole pickled model"):
        read_arrays(tmp_path / "y.pth")


def test_pairs_that_are_used_again_make_nothing_more(tmp_path):
    pairs = b"](](" + text("w") + tensor("0", "Float", 1, [1], [1]) + b"eeq\x00"
    ordered = name("collections", "OrderedDict")
    twice = ordered + pairs + b"\x85R0" + ordered + b"h\x00\x85R"
    archive(tmp_path / "x.pth", twice, {"0": np.float32(1).tobytes()})
    with pytest.raises(UserError, match="it has no tensors"):
        read_arrays(tmp_path / "x.pth")


def test_the_smoothed_parameters_are_taken(tmp_path):
    both = {"params": mapping({"w": tensor("0", "Float", 1, [1], [1])})}
    both["params_ema"] = mapping({"w": tensor("1", "Float", 1, [1], [1])})
    archive(tmp_path / "x.pth", mapping(both), {"0": np.float32(1).tobytes(), "1": np.float32(2).tobytes()})
    assert read_arrays(tmp_path / "x.pth")["w"] == 2


def test_views_parameters_bfloat16_and_the_other_order_of_bytes(tmp_path):
    values = np.arange(12, dtype=np.float32)
    tensors = {
        "turned": tensor("0", "Float", 12, [3, 2], [1, 6], offset=2),
        "parameter": parameter(tensor("0", "Float", 12, [12], [1])),
        "bfloat16": tensor("1", "BFloat16", 2, [2], [1]),
    }
    for order, code in ((b"little", "<"), (b"big", ">")):
        halves = (values[:2].view(np.uint32) >> 16).astype(f"{code}u2")
        archive(
            tmp_path / "x.pth",
            mapping(tensors),
            {"0": values.astype(f"{code}f4").tobytes(), "1": halves.tobytes()},
            order,
        )
        found = read_arrays(tmp_path / "x.pth")
        np.testing.assert_array_equal(found["turned"], [[2, 8], [3, 9], [4, 10]])
        np.testing.assert_array_equal(found["parameter"], values)
        np.testing.assert_array_equal(found["bfloat16"], values[:2])


WRONG = {
    "code": (name("builtins", "print") + b"(" + text("this must not be printed") + b"tR", "whole pickled model"),
    "a module": (name("torch.nn.modules.linear", "Linear") + b")\x81}b", "save model.state_dict()"),
    "a module inside": (mapping({"model": name("a", "Net") + b")\x81}b"}), "save model.state_dict()"),
    "a list": (b"]", "it holds a list"),
    "one tensor": (tensor("0", "Float", 1, [1], [1]), "one tensor without a name"),
    "an ordered text": (name("collections", "OrderedDict") + text("ab") + b"\x85R", "something other than pairs"),
    "others": (mapping({"epoch": number(1)}), "it has no tensors, but epoch"),
    "a stride of 0": (mapping({"w": tensor("0", "Float", 1, [36000, 36000], [0, 0])}), "its storage has 1 values"),
    "an offset beyond": (mapping({"w": tensor("0", "Float", 1, [1], [1], offset=1)}), "its storage has 1 values"),
    "a negative size": (mapping({"w": tensor("0", "Float", 1, [-1], [1])}), "invalid offset"),
    "a negative stride": (mapping({"w": tensor("0", "Float", 1, [1], [-1])}), "invalid offset"),
    "as many names as no shape": (mapping({"w": tensor("0", "Float", 1, [0, 2**62], [1, 1])}), "w of shape"),
    "another type": (mapping({"w": tensor("0", "Quantized", 1, [1], [1])}), "QuantizedStorage"),
    "no such storage": (mapping({"w": tensor("7", "Float", 1, [1], [1])}), "data/7"),
    "no argument": (mapping({"w": name("torch._utils", "_rebuild_tensor_v2") + b")R"}), "not a readable"),
    "a huge number": (b"\x8b" + struct.pack("<i", 5000) + b"\x7f" * 5000, "80 bits"),
    "a name of digits": (b"I" + b"9" * 5000 + b"\n", "not a readable"),
    "memory": (b"h\x07", "damaged"),
    "no stack": (b"R", "damaged"),
    "no mark": (b"t", "damaged"),
    "another instruction": (b"P0\n", "PERSID"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_holds_no_tensors_is_one_line(tmp_path, capfd, kind):
    instructions, reason = WRONG[kind]
    archive(tmp_path / "x.pth", instructions, {"0": b"\0\0\0\0"})
    with pytest.raises(UserError) as caught:
        read_arrays(tmp_path / "x.pth")
    assert reason in str(caught.value)
    assert "x.pth" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "printed" not in capfd.readouterr().out


def test_an_archive_has_one_description(tmp_path):
    write_torch(tmp_path / "x.pt", {"a": np.ones(2, np.float32)})
    with zipfile.ZipFile(tmp_path / "x.pt", "a") as file:
        file.writestr("other/data.pkl", b"")
    with pytest.raises(UserError, match="2 files"):
        read_arrays(tmp_path / "x.pt")


def test_a_script_and_another_pickle(tmp_path):
    write_torch(tmp_path / "x.pt", ARRAYS)
    with zipfile.ZipFile(tmp_path / "x.pt", "a") as file:
        file.writestr("archive/code/__torch__.py", "")
    with pytest.raises(UserError, match="whole pickled model"):
        read_arrays(tmp_path / "x.pt")
    (tmp_path / "x.pkl").write_bytes(whole(b"}"))
    with pytest.raises(UserError, match="something other than PyTorch"):
        read_arrays(tmp_path / "x.pkl")
