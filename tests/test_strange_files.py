"""Files of parameters from strangers: named as what they are, or refused; `test_torch_files` has PyTorch's."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from cli import assert_one_line_error, run, write

from gluon_perceptual import weights
from gluon_perceptual.checkpoint import read_params, write_params
from gluon_perceptual.checkpoint.model import load_model
from gluon_perceptual.checkpoint.parameters import expected_parameters
from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.errors import UserError
from gluon_perceptual.formats import hdf5
from gluon_perceptual.formats.arrays import read_arrays
from gluon_perceptual.formats.matching import natural_order
from gluon_perceptual.inference import Upscaler
from gluon_perceptual.symbols.loading import load_here

FOREIGN = {
    "a web page": b"<!DOCTYPE html>\n<html><head><title>Not found</title>",
    "a web page ": b"\n  <html lang=en>",
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "ONNX": b"\x08\x03\x12\x07pytorch\x1a\x030.4:\xc6",
    "ONNX ": b"\x08\x07\x12\x0cbackend-test:\x10\x0a\x05input",
    "a pickle": b"\x80\x04}.",
    "a compressed archive": b"\x1f\x8b\x08\0\0",
    "a tar archive": b"\0" * 257 + b"ustar" + b"\0" * 250,
    "a picture": b"\x89PNG\r\n\x1a\n\0\0",
    "JSON": b'{"nodes": []}',
    "a text": b"hello\n",
    "a text ": b"[net]\nbatch=1\n",
    "a text  ": b"bm, but no picture\n",
    "where 0x112 is expected": bytes(range(128, 256)),
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("name", ["x.pth", "x.params", "x"])
def test_other_files_are_named_as_what_they_are(tmp_path, kind, name):
    (tmp_path / name).write_bytes(FOREIGN[kind])
    assert_one_line_error(run("inspect-params", tmp_path / name), name, kind.strip())


def test_hdf5_reads_no_other_file(tmp_path):
    h5py = pytest.importorskip("h5py")
    np.arange(4, dtype=np.float32).tofile(tmp_path / "secret")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = np.ones(4, np.float32)

    def outside(file):
        file.create_dataset("a/b", (4,), "f4", external=[(str(tmp_path / "secret"), 0, 16)])

    def virtual(file):
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "a", (4,))
        file.create_virtual_dataset("a", layout)

    def link(file):
        file["a"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "a")

    def soft(file):
        file["group/a"] = h5py.SoftLink("/b")

    for make in (outside, virtual, link, soft):
        with h5py.File(tmp_path / "x.h5", "w") as file:
            make(file)
        with pytest.raises(UserError, match=r"x\.h5: not a readable HDF5 file: .*(another file|a link)"):
            read_arrays(tmp_path / "x.h5")


STALLS = "while True: pass"
CRASHES = "import os; os.kill(os.getpid(), 11)"


@pytest.mark.parametrize(("code", "reason"), [(STALLS, "reading it takes over 1 s"), (CRASHES, "HDF5 ended .*SIGSEGV")])
def test_hdf5_that_crashes_or_stalls_is_one_line(tmp_path, monkeypatch, code, reason):
    pytest.importorskip("h5py")
    limit = "import resource, sys; resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[3]), 9))"
    monkeypatch.setattr(hdf5, "START", f"{limit}\n{code}")
    monkeypatch.setattr(hdf5, "LONGEST", 1)
    (tmp_path / "x.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(UserError, match=rf"x\.h5: not a readable HDF5 file: {reason}"):
        read_arrays(tmp_path / "x.h5")


@pytest.mark.parametrize("path", sorted((Path(__file__).parent / "golden/fuzz").iterdir()), ids=lambda path: path.name)
def test_files_that_fuzzing_found_are_read_or_refused(path, monkeypatch):
    pytest.importorskip("h5py")
    monkeypatch.setattr(hdf5, "LONGEST", 1)
    try:
        arrays = read_arrays(path)
    except UserError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)
    else:
        assert all(isinstance(array, np.ndarray) for array in arrays.values())


@pytest.mark.parametrize("array", [np.array(["a"]), np.ones(2, complex), np.array([None]), np.zeros(1, "M8[s]")])
def test_npz_of_no_numbers(tmp_path, array):
    np.savez(tmp_path / "x.npz", a=array)
    assert_one_line_error(run("inspect-params", tmp_path / "x.npz"), "x.npz", "a.npy has values of type")


def test_npz_in_either_order_of_axes(tmp_path):
    array = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    np.savez(tmp_path / "x.npz", a=array, b=np.float64(3))
    found = read_arrays(tmp_path / "x.npz")
    np.testing.assert_array_equal(found["a"], array)
    assert found["b"] == 3


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8"])
def test_no_values_in_a_huge_shape(tmp_path, dtype):
    """Of which NumPy cannot make an array of another type."""
    shape = (0, sys.maxsize // np.dtype(dtype).itemsize)
    write_params(tmp_path / "x.params", {"a": np.zeros((0, 2), dtype)})
    content = (tmp_path / "x.params").read_bytes()
    (tmp_path / "x.params").write_bytes(content.replace(np.int64([0, 2]).tobytes(), np.int64(shape).tobytes()))
    assert_one_line_error(run("inspect-params", tmp_path / "x.params"), "x.params", "shape (0, ")


SPECS = [
    *(
        ModelSpec(
            "SuperResolutionNet", {"scale": scale, "width": 3, "blocks": 2, "norm": norm, "upsampling": kind, **more}
        )
        for scale, norm, kind, more in (
            (1, "batch", "transposed", {"skip": True}),
            (2, "none", "nearest", {"skip": True, "lowpass": 0.3}),
            (4, "batch", "subpixel", {"skip": False}),
            (8, "none", "transposed", {"skip": True}),
            (2, "batch", "direct", {"skip": False}),
            (8, "none", "direct", {"skip": True, "lowpass": 0.3}),
            (2, "none", "direct", {"skip": True, "lowpass": [0.4, 0.3]}),
        )
    ),
    *(ModelSpec("PlsrNet", {"width": 3, "blocks": 2, "norm": norm}) for norm in ("batch", "none")),
    *(
        ModelSpec("StyleNet", {"width": 2, "norm": norm, "upsampling": kind, "output": output, **lowpass})
        for norm, kind, output, lowpass in (
            ("instance", "transposed", "tanh", {}),
            ("batch", "nearest", "linear", {}),
            ("none", "subpixel", "tanh", {"lowpass": 0.3}),
            ("none", "nearest", "linear", {"lowpass": [0.3, 0.2]}),
        )
    ),
    *(ModelSpec("FastNeuralStyleNet", {"width": 2, "norm": norm}) for norm in ("instance", "none")),
]


def test_names_of_more_digits_than_python_converts(tmp_path):
    names = ["conv" + digit * 5000 + "_weight" for digit in "21"]
    write_params(tmp_path / "x.params", {name: np.ones((4, 3, 3, 3), np.float32) for name in names})
    assert run("inspect-params", tmp_path / "x.params")[0] == 0
    assert_one_line_error(run("upscale", write(tmp_path / "a.png"), "--model", tmp_path / "x.params"), "x.params")
    assert sorted(["a10", "a" + "9" * 5000, "a9"], key=natural_order) == ["a9", "a10", "a" + "9" * 5000]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_parameters_are_known_without_the_network(spec):
    parameters = spec.build().net._collect_params_with_prefix()
    assert expected_parameters(spec) == {name: p.shape for name, p in parameters.items()}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_command_takes_a_model_that_is_not_finite(tmp_path, value):
    for model, command in (("sr_x2_pixel", "upscale"), ("wave", "stylize")):
        path, file = tmp_path / "x.params", weights.shipped_path(f"{model}.params")
        arrays = {name: np.array(array, np.float32) for name, array in read_params(file).items()}
        name = next(iter(arrays))
        arrays[name].flat[:3] = value
        write_params(path, arrays)
        shutil.copy(file.with_suffix(".json"), tmp_path / "x.json")
        picture = write(tmp_path / "a.png")
        for arguments in (
            (command, picture, "-o", tmp_path / "b.png", "--model", path),
            ("export-onnx", path, "-o", tmp_path / "x.onnx"),
            ("export-safetensors", path, "-o", tmp_path / "x.safetensors"),
        ):
            assert_one_line_error(run(*arguments), f"x.params: 3 of {arrays[name].size} values of {name} are infinite")
        assert run("inspect-params", path)[0] == 0


def test_sidecars_of_what_ships_are_verified(tmp_path, monkeypatch):
    for name in ("manifest.json", "wave.params", "wave.json"):
        shutil.copy(weights.FOLDER / name, tmp_path / name)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    assert weights.model_path("wave") == tmp_path / "wave.params"
    (tmp_path / "wave").mkdir()
    monkeypatch.chdir(tmp_path)
    assert weights.model_path("wave") == tmp_path / "wave.params"  # not the folder
    sidecar = json.loads((tmp_path / "wave.json").read_text())
    (tmp_path / "wave.json").write_text(json.dumps({**sidecar, "peak": 1.0}))
    with pytest.raises(UserError, match=r"wave\.json is damaged"):
        weights.model_path("wave")
    (tmp_path / "wave.json").unlink()
    with pytest.raises(UserError, match=r"wave\.json is damaged"):
        weights.model_path("wave")


def test_every_sidecar_that_ships_is_in_the_manifest():
    shipped = {path.stem for path in weights.FOLDER.glob("*.json")} - {"manifest"}
    assert shipped == {name[:-7] for name, entry in weights.manifest().items() if "sidecar_sha256" in entry}


def test_the_blogs_network_is_the_same_from_params_and_symbol(shared, tmp_path, caplog):
    """Its data's mean, which no file has, is taken as ImageNet's, which is said; or it is given."""
    for name in ("save_parameters.params", "export-0003.params", "export-symbol.json"):
        shutil.copyfile(shared / f"params/blog_plsr.{name}", tmp_path / f"plsr.{name}")
    files = [tmp_path / "plsr.save_parameters.params", tmp_path / "plsr.export-symbol.json"]
    image = np.random.default_rng(0).integers(0, 256, (20, 16, 3), np.uint8)
    for file in files:
        caplog.clear()
        with caplog.at_level("INFO"):
            Upscaler(file)
        assert [
            record.message.count("mean of its training data is not in the file") for record in caplog.records
        ].count(1) == 1

    def pictures():
        return [Upscaler(file, precision=each)(image) for file, each in zip(files, ("float32", "auto"))]

    assumed = pictures()
    np.testing.assert_array_equal(*assumed)
    for file in [*files, *files]:  # the second time, there is a description to be replaced
        assert run("describe-symbol", file, "--mean", "0.1,0.2,0.3")[0] == 0
    given = pictures()
    np.testing.assert_array_equal(*given)
    assert (assumed[0] != given[0]).any()
    assert load_here(files[1]).options.mean == (0.1, 0.2, 0.3)
    np.testing.assert_allclose(load_model(files[0]).mean.value.asnumpy().ravel(), [0.1, 0.2, 0.3], rtol=1e-6)
    assert_one_line_error(run("describe-symbol", files[0], "--halo", 3), "a checkpoint takes only", status=2)
    assert_one_line_error(run("describe-symbol", "sr_x2_deep", "--peak", 1), "there is no such file", status=2)
