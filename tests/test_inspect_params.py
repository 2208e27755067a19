import json

import numpy as np
from cli import assert_one_line_error, python, run

from gluon_perceptual import weights
from gluon_perceptual.checkpoint import write_params


def inspect(path):
    status, out, _ = run("inspect-params", path, "--json")
    assert status == 0
    return json.loads(out)


def test_statistics(tmp_path):
    arrays = {
        "half": np.float16([[1, 2], [3, 6]]),
        "odd": np.float32([np.nan, np.inf, -1, 0]),
        "none": np.zeros((0, 3), np.int64),
        "scalar": np.array(7, np.uint8),
    }
    write_params(tmp_path / "x.params", arrays)
    facts = inspect(tmp_path / "x.params")
    assert (facts["format"], facts["fits"]) == ("MXNet V3", None)
    assert facts["bytes"] == (tmp_path / "x.params").stat().st_size
    keys = ("name", "shape", "dtype", "bytes", "min", "max", "mean", "not_finite")
    assert [tuple(array[key] for key in keys) for array in facts["arrays"]] == [
        ("half", [2, 2], "float16", 8, 1, 6, 3, 0),
        ("odd", [4], "float32", 16, -1, 0, -0.5, 2),
        ("none", [0, 3], "int64", 0, None, None, None, 0),
        ("scalar", [], "uint8", 1, 7, 7, 7, 0),
    ]
    status, out, _ = run("inspect-params", tmp_path / "x.params")
    assert status == 0
    lines = out.splitlines()
    assert len(lines) == 1 + 4 + 2
    assert lines[1].split() == ["half", "2×2", "float16", "8", "1", "6", "3", "0"]
    assert "MXNet V3, 4 arrays, 9 values" in lines[-2]
    assert lines[-1] == "fits: no network of this package"


def test_whose_parameters_they_are(shared):
    fits = "PlsrNet(width=64, blocks=4), matched by "
    for kind, strategy in (("save_parameters", "names"), ("collect_params_save", "order"), ("export-0003", "order")):
        assert inspect(shared / f"params/blog_plsr.{kind}.params")["fits"] == fits + strategy
    assert inspect(shared / "params/module_codersadis_srcnn-0001.params")["fits"] is None
    assert inspect(shared / "weights/vgg16_caffe_bgr_relu4_3_fp32.npz")["format"] == "zip"


def test_the_shipped_vgg():
    facts = inspect(weights.vgg16_paths(2)[0])
    assert facts["fits"] == "LossNetwork: 4 convolutions of VGG16, original variant"
    assert facts["format"] == "MXNet V2"


def test_a_shipped_model_by_its_name():
    assert inspect("sr_x2_pixel")["fits"].startswith("SuperResolutionNet")


def test_a_style_checkpoint_of_pytorch(shared):
    facts = inspect(shared / "torch_style/candy_nc16_b1_e2_1e05_1e10.model")
    assert (facts["format"], facts["fits"]) == ("PyTorch", "FastNeuralStyleNet, once converted by convert_style")


def test_a_folder_is_one_line(tmp_path):
    assert_one_line_error(run("inspect-params", tmp_path), str(tmp_path))


def test_it_needs_no_mxnet():
    """Which takes seconds to import."""
    code = (
        "import sys; from gluon_perceptual.checkpoint.inspection import inspect_file; "
        "from gluon_perceptual.weights import model_path; "
        "print(*(inspect_file(model_path(name)).fits for name in ('sr_x4_feature', 'wave')), 'mxnet' in sys.modules)"
    )
    out, _ = python(code)
    assert out.startswith("SuperResolutionNet")
    assert "StyleNet" in out
    assert out.split()[-1] == "False"
