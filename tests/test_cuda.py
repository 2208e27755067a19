"""NVIDIA's libraries, tried without any: folders of empty files, a loader and a driver that pretend."""

import ctypes
import os
import re
import sys
from pathlib import Path

import pytest
from cli import ROOT, python

from gluon_perceptual import _mxnet, cuda
from gluon_perceptual.errors import MissingDependencyError, UserError


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """A folder on sys.path with an empty file for each library, laid out as NVIDIA's wheels are."""
    for name, wheel in cuda.LIBRARIES.items():
        folder = tmp_path / "nvidia" / wheel.split("-", 1)[1].rsplit("-", 1)[0].replace("-", "_") / "lib"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path / "nvidia"


class FakeDriver:
    """libcuda, as far as it is asked, with these GPUs."""

    def __init__(self, gpus, status=0):
        self.gpus, self.status = gpus, status

    def cuInit(self, flags):  # noqa: N802
        return self.status

    def cuDeviceGetCount(self, count):  # noqa: N802
        count._obj.value = len(self.gpus)

    def cuDeviceGet(self, device, number):  # noqa: N802
        device._obj.value = number

    def cuDeviceGetName(self, name, length, device):  # noqa: N802
        name.value = self.gpus[device.value][0].encode()

    def cuDeviceGetAttribute(self, value, attribute, device):  # noqa: N802
        value._obj.value = self.gpus[device.value][1][attribute - cuda._MAJOR]


@pytest.fixture
def loader(monkeypatch):
    """Stands for ctypes.CDLL: what it was asked for, what it doesn't find, and the driver."""

    class Loader:
        asked, absent, driver = [], [], FakeDriver([])

        def __call__(self, path):
            self.asked.append(path)
            if Path(path).name in self.absent:
                raise OSError(f"{path}: cannot open shared object file")
            return self.driver

    loader = Loader()
    loader.asked, loader.absent = [], []
    monkeypatch.setattr(ctypes, "CDLL", loader)
    return loader


def install(folder, monkeypatch, *, recorded, size):
    """Put an `mxnet-cu112` on sys.path whose library has `size` bytes, and had `recorded` when it was installed."""
    record = folder / "mxnet_cu112-1.9.1.dist-info" / "RECORD"
    record.parent.mkdir()
    record.write_text(f"mxnet/__init__.py,,0\nmxnet/libmxnet.so,sha256=abc_-1,{recorded}\nmxnet/model.py,,7\n")
    (record.parent / "METADATA").write_text("Metadata-Version: 2.1\nName: mxnet-cu112\nVersion: 1.9.1\n")
    if size is not None:
        (folder / "mxnet").mkdir()
        (folder / "mxnet" / "libmxnet.so").write_bytes(b"x" * size)
    monkeypatch.syspath_prepend(str(folder))


@pytest.mark.parametrize(("size", "installed"), [(12, True), (7, False), (None, False)])
def test_the_wheel_is_known_by_its_library(tmp_path, monkeypatch, size, installed):
    install(tmp_path, monkeypatch, recorded=12, size=size)
    assert cuda.is_installed() == installed


def test_each_library_is_loaded_from_its_wheel_before_those_that_need_it(wheels, loader, monkeypatch):
    monkeypatch.setenv("MXNET_CUDNN_LIB_CHECKING", "1")
    cuda.load_libraries()
    paths = [Path(path) for path in loader.asked]
    assert [path.name for path in paths] == [*cuda.LIBRARIES, cuda.DRIVER]
    assert all(path.parts[-2] == "lib" and path.is_file() and wheels in path.parents for path in paths[:-1])
    names = list(cuda.LIBRARIES)
    for first, then in [
        ("libcublasLt.so.11", "libcublas.so.11"),
        ("libcublas.so.11", "libcusolver.so.11"),
        ("libnvrtc.so.11.2", "libcudnn_ops_infer.so.8"),
        ("libcudnn_ops_infer.so.8", "libcudnn_cnn_infer.so.8"),
        ("libcudnn_ops_train.so.8", "libcudnn_cnn_train.so.8"),
    ]:
        assert names.index(first) < names.index(then)
    assert os.environ["MXNET_CUDNN_LIB_CHECKING"] == "1"  # what the user said


def test_without_wheels_the_systems_libraries_are_taken(loader, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    assert cuda.load_library("libnccl.so.2") == "libnccl.so.2"


@pytest.mark.parametrize("name", cuda.LIBRARIES)
def test_a_missing_library_is_told_with_its_wheel(wheels, loader, name):
    loader.absent.append(name)
    with pytest.raises(MissingDependencyError) as error:
        cuda.load_libraries()
    assert f"{name} of the wheel {cuda.LIBRARIES[name]}" in str(error.value)
    assert "pip install 'gluon-perceptual[cu112]'" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_driver_is_told(wheels, loader):
    loader.absent.append(cuda.DRIVER)
    with pytest.raises(MissingDependencyError, match=r"needs NVIDIA's driver .*: install the driver, or MXNet"):
        cuda.load_libraries()


def test_code_is_there_for_pascal_to_ada_but_not_for_newer_gpus(loader):
    gpus = [("Tesla P4", (6, 1)), ("L4", (8, 9)), ("H100", (9, 0)), ("Tesla K80", (3, 7))]
    loader.driver = FakeDriver(gpus)
    assert cuda.list_gpus() == gpus
    cuda.check_gpus([0, 1])
    with pytest.raises(
        UserError, match=r"^`gpus` 2: H100 has compute capability 9\.0, .* supports only 5\.0 to 8\.9: choose"
    ):
        cuda.check_gpus([1, 2])
    with pytest.raises(UserError, match=r"K80 has compute capability 3\.7"):
        cuda.check_gpus([3])


def test_a_driver_that_fails_shows_no_gpu(loader):
    loader.driver = FakeDriver([("L4", (8, 9))], status=999)
    assert cuda.list_gpus() == []


def test_gpus_are_checked_where_the_wheel_is_installed(loader, monkeypatch):
    monkeypatch.setattr(_mxnet.mx.context, "num_gpus", lambda: 2)
    monkeypatch.setattr(cuda, "is_installed", lambda: False)
    loader.driver = FakeDriver([("L4", (8, 9)), ("H100", (9, 0))])
    assert len(_mxnet.devices("0,1")) == 2  # another MXNet, such as one's own build
    monkeypatch.setattr(cuda, "is_installed", lambda: True)
    assert len(_mxnet.devices("0")) == 1
    with pytest.raises(UserError, match="H100"):
        _mxnet.devices("0,1")


def test_without_the_wheel_the_check_says_one_line(monkeypatch, capsys):
    monkeypatch.setattr(cuda, "is_installed", lambda: False)
    assert cuda.main() == 1
    assert capsys.readouterr().out.count("\n") == 1


def test_the_check_says_what_is_there(wheels, loader, monkeypatch, capsys):
    monkeypatch.setattr(cuda, "is_installed", lambda: True)
    loader.driver = FakeDriver([("L4", (8, 9)), ("H100", (9, 0))])
    assert cuda.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(cuda.LIBRARIES) + 3
    assert lines[-2:] == [
        "GPU 0: L4, compute capability 8.9",
        "GPU 1: H100, compute capability 9.0, which mxnet-cu112 does not support",
    ]
    loader.absent.append("libcufft.so.10")
    assert cuda.main() == 1
    assert "libcufft.so.10           missing: " in capsys.readouterr().out


def test_the_door_loads_the_libraries_and_says_what_is_wrong(tmp_path, wheels, monkeypatch):
    install(tmp_path, monkeypatch, recorded=3, size=3)
    code = (
        "try:\n    import gluon_perceptual._mxnet\nexcept ImportError as error:\n    print(type(error).__name__, error)"
    )
    out, _ = python(code, PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    assert out.startswith("MissingDependencyError MXNet for NVIDIA GPUs needs libcudart.so.11.0 of the wheel")
    assert "file too short" in out  # the empty file in `wheels`


def test_the_extra_requires_each_wheel():
    setup = (ROOT / "setup.py").read_text()
    assert set(re.findall(r'"(nvidia-[a-z-]+-cu11)>=', setup)) == set(cuda.LIBRARIES.values())
