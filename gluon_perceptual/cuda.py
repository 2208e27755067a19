"""NVIDIA's libraries for the wheel `mxnet-cu112`: found among the installed wheels and loaded before MXNet.

`python -m gluon_perceptual.cuda` reports, without MXNet, which of them are installed, and the GPUs.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Sequence

from .errors import MissingDependencyError, UserError

MXNET = "mxnet-cu112"
# In the order of their dependencies: a library that is loaded is not searched for again, so that an older CUDA on
# LD_LIBRARY_PATH is never mixed in. cuDNN would load its parts on first use; loading them here shows at once if what
# they need is missing.
LIBRARIES = {
    "libcudart.so.11.0": "nvidia-cuda-runtime-cu11",
    "libcublasLt.so.11": "nvidia-cublas-cu11",
    "libcublas.so.11": "nvidia-cublas-cu11",
    "libnvrtc.so.11.2": "nvidia-cuda-nvrtc-cu11",
    "libcudnn_ops_infer.so.8": "nvidia-cudnn-cu11",
    "libcudnn_ops_train.so.8": "nvidia-cudnn-cu11",
    "libcudnn_cnn_infer.so.8": "nvidia-cudnn-cu11",
    "libcudnn_cnn_train.so.8": "nvidia-cudnn-cu11",
    "libcudnn.so.8": "nvidia-cudnn-cu11",
    "libcufft.so.10": "nvidia-cufft-cu11",
    "libcurand.so.10": "nvidia-curand-cu11",
    "libcusolver.so.11": "nvidia-cusolver-cu11",
    "libnccl.so.2": "nvidia-nccl-cu11",
    "libnvToolsExt.so.1": "nvidia-nvtx-cu11",
}
DRIVER = "libcuda.so.1"
# The wheel has machine code for 5.0, 6.0, 7.0, 8.0 and 8.6, which also runs on later minor versions, but no PTX.
OLDEST, NEWEST = (5, 0), (8, 9)
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*


def is_installed() -> bool:
    """Return whether the MXNet to be imported is `mxnet-cu112`; `mxnet`, installed later, replaces its files."""
    try:
        wheel = metadata.distribution(MXNET)
    except metadata.PackageNotFoundError:
        return False
    recorded = re.search(r"^mxnet/libmxnet\.so,[^,]*,(\d+)\s*$", wheel.read_text("RECORD") or "", re.MULTILINE)
    library = Path(str(wheel.locate_file("mxnet/libmxnet.so")))
    return recorded is not None and library.is_file() and library.stat().st_size == int(recorded[1])


def load_library(name: str) -> str:
    """Load a library from NVIDIA's wheels, or else the system's, and return its path or name.

    Raises:
        MissingDependencyError: It is missing, or cannot be loaded.
    """
    found = (path for folder in sys.path for path in sorted(Path(folder, "nvidia").glob(f"*/lib/{name}")))
    path = str(next(found, name))
    try:
        ctypes.CDLL(path)
    except OSError as error:
        wanted = "NVIDIA's driver" if name == DRIVER else f"{name} of the wheel {LIBRARIES[name]}"
        raise MissingDependencyError(f"MXNet for NVIDIA GPUs needs {wanted} ({error}): {_advice(name)}") from error
    return path


def _advice(name: str) -> str:
    if name != DRIVER:
        return "install it with `pip install 'gluon-perceptual[cu112]'`"
    on_cpu = f"`pip uninstall {MXNET}` and `pip install --force-reinstall --no-deps mxnet==1.9.1`"
    return f"install the driver, or MXNet for the CPU with {on_cpu}"


def load_libraries() -> None:
    """Load all that `mxnet-cu112` needs; if anything is missing, even the driver, MXNet cannot be imported.

    Raises:
        MissingDependencyError: A library or the driver is missing.
    """
    for name in (*LIBRARIES, DRIVER):
        load_library(name)
    os.environ.setdefault("MXNET_CUDNN_LIB_CHECKING", "0")  # it warns about any cuDNN but its own version


def list_gpus() -> list[tuple[str, tuple[int, int]]]:
    """Return name and compute capability of the GPUs that the driver lists, in MXNet's order.

    Raises:
        MissingDependencyError: There is no driver.
    """
    driver, count = ctypes.CDLL(load_library(DRIVER)), ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return []
    gpus = []
    for number in range(count.value):
        device, major, minor, name = ctypes.c_int(), ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(256)
        driver.cuDeviceGet(ctypes.byref(device), number)
        driver.cuDeviceGetName(name, len(name), device)
        driver.cuDeviceGetAttribute(ctypes.byref(major), _MAJOR, device)
        driver.cuDeviceGetAttribute(ctypes.byref(minor), _MINOR, device)
        gpus.append((name.value.decode(errors="replace"), (major.value, minor.value)))
    return gpus


def check_gpus(numbers: Sequence[int]) -> None:
    """Check that `mxnet-cu112` has code for these GPUs.

    Raises:
        UserError: One of them is newer or older than that code.
    """
    for number, (name, capability) in enumerate(list_gpus()):
        if number in numbers and not _has_code(capability):
            raise UserError(
                f"`gpus` {number}: {name} has compute capability {_dotted(capability)}, but {MXNET} supports "
                f"only {_dotted(OLDEST)} to {_dotted(NEWEST)}: choose another GPU, or leave `gpus` out to use the CPU"
            )


def _has_code(capability: tuple[int, int]) -> bool:
    return OLDEST <= capability <= NEWEST


def _dotted(capability: tuple[int, int]) -> str:
    return "{}.{}".format(*capability)


def main() -> int:
    """Print where each library is, or why not, and the GPUs; return 1 if something is missing, else 0."""
    if not is_installed():
        print(f"{MXNET} is not installed: all runs on the CPU. For GPUs: `pip install 'gluon-perceptual[cu112]'`")
        return 1
    missing = False
    for name in (*LIBRARIES, DRIVER):
        try:
            print(f"{name:24} {load_library(name)}")
        except MissingDependencyError as error:
            print(f"{name:24} missing: {error}")
            missing = True
    for number, (name, capability) in enumerate([] if missing else list_gpus()):
        fit = "" if _has_code(capability) else f", which {MXNET} does not support"
        print(f"GPU {number}: {name}, compute capability {_dotted(capability)}{fit}")
    return int(missing)


if __name__ == "__main__":
    sys.exit(main())
