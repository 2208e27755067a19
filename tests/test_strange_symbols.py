"""Symbols from a stranger: what MXNet would write past its arrays' ends, divide by zero or take minutes over."""

import json
import os
import signal

import cv2
import numpy as np
import pytest
from cli import assert_one_line_error, run, write
from graphs import chain, layers, one_layer

from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint import write_params
from gluon_perceptual.errors import UserError
from gluon_perceptual.inference import Upscaler
from gluon_perceptual.symbols import loading, process
from gluon_perceptual.symbols.loading import load_here
from gluon_perceptual.symbols.process import load_symbol

NORM = ("g", "b", "m", "v")
LARGER = ("UpSampling", {"scale": "16", "sample_type": "nearest", "num_args": "1"})
KEEP = {"kernel": "(3, 3)", "pad": "(1, 1)", "num_filter": "3", "no_bias": "True"}
WIDE = {"kernel": "(255, 255)", "pad": "(127, 127)"}


def save(folder, graph, sizes=None):
    """Write a symbol and its parameters, of these shapes."""
    (folder / "x-symbol.json").write_text(json.dumps(graph))
    names = [node["name"] for node in graph["nodes"][1:] if node["op"] == "null"]
    arrays = {name: np.ones((sizes or {}).get(name, (3,)), np.float32) for name in names}
    write_params(folder / "x-0000.params", arrays or {"unused": np.zeros(1, np.float32)})
    return folder / "x-symbol.json"


REFUSED = {
    "Reshape to fewer values": (chain(LARGER, ("Reshape", {"shape": "(1,3,1,1)"})), "different number of values"),
    "Reshape of dimensions that are not there": (chain(("Reshape", {"shape": "(0,-3)"})), "different number of values"),
    "Reshape that drops one": (chain(("Reshape", {"shape": "(0,0,0)"})), "different number of values"),
    "reshape to more values": (chain(("reshape", {"shape": "(1,3,512,512)"})), ""),
    "BatchNorm of few parameters": (
        chain(LARGER, ("Reshape", {"shape": "(1,-1,1,1)"}), ("BatchNorm", {}, NORM), variables=NORM),
        "the file has (3,)",
    ),
    "BatchNorm along another axis": (chain(("BatchNorm", {"axis": "2"}, NORM), variables=NORM), "the file has (3,)"),
    "BatchNorm along no axis": (chain(("BatchNorm", {"axis": "9"}, NORM), variables=NORM), "x-symbol.json"),
    "InstanceNorm of few parameters": (
        chain(LARGER, ("Reshape", {"shape": "(1,-1,32,32)"}), ("InstanceNorm", {}, NORM[:2]), variables=NORM[:2]),
        "x-symbol.json",
    ),
    "slopes of another size": (
        chain(("Concat", {"num_args": "1"}), ("LeakyReLU", {"act_type": "prelu"}, ("two",)), variables=("two",)),
        "the file has (2,)",
    ),
    "integers": (chain(("Cast", {"dtype": "int32"}), ("_rpower_scalar", {"scalar": "0"})), "Cast to int32"),
    "bytes": (chain(("cast", {"dtype": "uint8"}), ("reciprocal", {})), "cast to uint8"),
    "booleans": (chain(("Cast", {"dtype": "bool"})), "Cast to bool"),
    "numbers of another type": (chain(("softmax", {"dtype": "int8"})), "softmax to int8"),
    "attributes in attributes": (
        chain(("Convolution", {**KEEP, "attr": {"num_group": "0"}}, ("w",)), variables=("w",)),
        "expected one number or text",
    ),
    "lengths in attributes": (chain(("softmax", {"attr": {"use_length": "None"}})), "expected one number or text"),
    "an attribute of a list": (chain(("clip", {"a_min": [0], "a_max": "1"})), "expected one number or text"),
    "a name in attributes": (chain(("relu", {"name": "other"})), "expected one number or text"),
    "no picture": (chain(("min", {})), "it returns (1,)"),
    "a picture without a side": (chain(("sum", {"axis": "-1"})), "it returns (1, 1, 64)"),
    "two channels": (chain(("slice_axis", {"axis": "1", "begin": "0", "end": "2"})), "it returns (1, 2, 64, 64)"),
    "smaller": (chain(("Pooling", {"kernel": "(2, 2)", "stride": "(2, 2)"})), "not a fixed scale"),
    "20 wide poolings": (chain(*20 * [("Pooling", {**WIDE, "pool_type": "avg"})]), "multiplications"),
    "wide convolutions": (chain(*9 * [("Convolution", {**KEEP, **WIDE}, ("w",))], variables=("w",)), "multiplications"),
    "doubled 40 times": (layers(40, "Concat", num_args="2", dim="2"), "multiplications"),
    "two thousand million pictures": (one_layer("broadcast_axis", axis="(0,)", size="(2000000000,)"), "values"),
    "nothing": (one_layer("slice", begin="(0, 0)", end="(0, 0)"), "returns (0, 0, 64, 64)"),
}
SIZES = {"w": (3, 3, 3, 3), "two": (2,)}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_before_it_runs(tmp_path, monkeypatch, kind):
    graph, reason = REFUSED[kind]
    sizes = {**SIZES, "w": (3, 3, 255, 255)} if kind == "wide convolutions" else SIZES
    path = save(tmp_path, graph, sizes)
    monkeypatch.setattr(loading.SymbolModel, "forward", lambda *_: pytest.fail("it ran"))
    with pytest.raises(UserError, match=r"x-symbol\.json") as caught:
        load_here(path)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "graph"),
    [
        ({"scale": 2, "padding": 8}, chain(("min", {}))),
        ({}, chain(("Reshape", {"shape": "(0,-3)"}))),
        ({"scale": 3}, chain(("relu", {}))),
    ],
)
def test_options_that_do_not_fit_the_symbol(tmp_path, options, graph):
    path = save(tmp_path, graph)
    (tmp_path / "x-model.json").write_text(json.dumps({"mean": [0.0], **options}))
    with pytest.raises(UserError, match=r"x-model\.json does not match .*x-symbol\.json"):
        load_here(path)


def test_what_fits_the_sizes_tried_is_checked_at_each_size(tmp_path):
    """128 is no size that is tried: reshaped to, every other size would be written past its end."""
    path = save(tmp_path, chain(("Reshape", {"shape": "(1,3,32,32)"})))
    (tmp_path / "x-model.json").write_text(json.dumps({"mean": [0.0]}))
    model = load_here(path)
    model(mx.nd.zeros((1, 3, 32, 32)))
    with pytest.raises(UserError, match="different number of values"):
        model(mx.nd.zeros((1, 3, 16, 16)))


def test_a_variable_that_is_a_weight_here_and_a_statistic_there(tmp_path):
    graph = chain(("BatchNorm", {}, NORM), variables=NORM)
    graph["nodes"][NORM.index("b") + 1]["name"] = "m"
    with pytest.raises(UserError, match=r"x-symbol\.json: "):
        load_here(save(tmp_path, graph))


def test_many_layers_are_looked_at_fast(tmp_path):
    assert load_here(save(tmp_path, chain(*2000 * [("relu", {})]))).scale == 1


def test_parameters_that_are_not_finite(tmp_path):
    path = save(tmp_path, chain(("Convolution", KEEP, ("w",)), variables=("w",)), SIZES)
    write_params(tmp_path / "x-0000.params", {"arg:w": np.full((3, 3, 3, 3), np.nan, np.float32)})
    with pytest.raises(UserError, match=r"x-0000\.params: 81 of 81 values of w are infinite or NaN"):
        load_here(path)


def test_the_command_ends_in_one_line(tmp_path):
    path, picture = save(tmp_path, REFUSED["Reshape to fewer values"][0]), write(tmp_path / "a.png")
    result = run("upscale", picture, "-o", tmp_path / "b.png", "--model", path, "--scale", 2)
    assert_one_line_error(result, "x-symbol.json", "layer1 cannot be run: Reshape returns (1, 3, 1, 1)")


@pytest.mark.whole_process
def test_a_process_that_ends_is_one_line(tmp_path):
    path = save(tmp_path, chain(("relu", {})))
    upscaler = Upscaler(path)
    image = np.random.default_rng(0).integers(0, 256, (9, 8, 3), np.uint8)
    np.testing.assert_array_equal(upscaler(image), image)
    os.kill(upscaler.model.network._process.pid, signal.SIGABRT)
    for _ in range(2):
        with pytest.raises(UserError, match=r"x-symbol\.json: MXNet ended while running it \(SIGABRT\)"):
            upscaler(image)


def test_a_process_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "LONGEST", 0)
    with pytest.raises(UserError, match="loading took over 0 s"):
        load_symbol(save(tmp_path, chain(("relu", {}))))


@pytest.mark.whole_process
def test_an_unused_process_ends(tmp_path):
    model = load_symbol(save(tmp_path, chain(("relu", {}))))
    child = model._process
    del model
    assert child.wait(10) == 0


def test_export_as_onnx(tmp_path):
    session = pytest.importorskip("onnxruntime").InferenceSession
    conv = ("Convolution", KEEP, ("w",))
    twice = ("UpSampling", {**LARGER[1], "scale": "2"})
    path = save(tmp_path, chain(twice, conv, ("tanh", {}), variables=("w",)), SIZES)
    assert run("describe-symbol", path, "--peak", 1, "--mean", "0.5,0.4,0.3")[0] == 0
    assert load_symbol(path).options.mean == (0.5, 0.4, 0.3)
    status, out, err = run("export-onnx", path, "-o", tmp_path / "x.onnx")
    assert (status, out.strip()) == (0, str(tmp_path / "x.onnx")), err
    x = np.random.default_rng(0).uniform(0, 255, (2, 3, 9, 7)).astype(np.float32)
    (found,) = session(str(tmp_path / "x.onnx")).run(None, {"input": x})
    np.testing.assert_allclose(found, load_here(path)(mx.nd.array(x)).asnumpy(), atol=0.02)


def test_export_of_luma_and_bicubic_enlargement(tmp_path):
    session = pytest.importorskip("onnxruntime").InferenceSession
    layer = ("Convolution", {**KEEP, "num_filter": "1", "pad": "(0, 0)"}, ("w",))
    path = save(tmp_path, chain(layer, variables=("w",)), {"w": (1, 1, 3, 3)})
    assert run("describe-symbol", path, "--enlarge", 2)[0] == 0
    assert load_symbol(path).options.enlarge == 2
    status, _, err = run("export-onnx", path, "-o", tmp_path / "x.onnx", "--pictures")
    assert status == 0, err
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8), (0, 0), 1)
    (found,) = session(str(tmp_path / "x.onnx")).run(None, {"input": image[np.newaxis]})
    np.testing.assert_allclose(found[0].astype(int), Upscaler(path)(image).astype(int), atol=1)
