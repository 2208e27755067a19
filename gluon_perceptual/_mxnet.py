"""The one door to MXNet: everything else in this package says `from gluon_perceptual._mxnet import mx`.

Before the import it mends what has broken since MXNet 1.9.1 (names that NumPy and SciPy removed,
Python 3.12's missing distutils), loads NVIDIA's libraries if this MXNet needs them, and has the processor's matrix unit
used; after it, it gives MXNet all the cores that this process may use, each thread its own.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import sys
import types
import warnings
from contextlib import contextmanager, nullcontext
from typing import Any, Iterator

import numpy as np

from . import cpu, cuda
from .errors import MissingDependencyError, UserError

_INSTALL = "install it with `pip install 'gluon-perceptual[cpu]'` (or `[cu112]` for NVIDIA GPUs)"
_MALLOPT = {  # of glibc's malloc.h: parameter -> value
    -1: 2**31 - 1,  # M_TRIM_THRESHOLD: free memory at the heap's end stays the process'
    -2: 64 * 2**20,  # M_TOP_PAD: so does that of the threads' heaps, which are as large
    -3: 32 * 2**20,  # M_MMAP_THRESHOLD, its greatest value: only larger blocks come from the system and go back
}
INFERENCE_PRECISIONS = ("auto", "float32", "bfloat16")
_REMOVED_FROM_NUMPY = {"bool": bool, "int": int, "float": float, "complex": complex, "object": object, "str": str}


def usable_cores() -> int:
    """Return the number of cores that this process may run on, by its affinity mask."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _restore_numpy_names() -> None:
    if int(np.__version__.split(".")[0]) >= 2:
        raise MissingDependencyError(
            f"MXNet 1.9.1 needs NumPy 1, but NumPy {np.__version__} is installed: run `pip install 'numpy<1.24'`"
        )
    for name, builtin in _REMOVED_FROM_NUMPY.items():
        if name not in vars(np):  # gone since NumPy 1.24
            setattr(np, name, builtin)


def _restore_scipy_names() -> None:
    scipy_csr = importlib.import_module("scipy.sparse.csr")  # deprecated, yet looked into by every mx.nd.array
    vars(scipy_csr)["csr_matrix"] = importlib.import_module("scipy.sparse").csr_matrix


def _restore_distutils() -> None:
    if sys.version_info >= (3, 12):
        importlib.import_module("setuptools")  # brings its own copy of distutils


@contextmanager
def _a_bound_thread_for_each_core() -> Iterator[None]:
    """Have the OpenMP library that is loaded meanwhile use all cores, its threads bound: moved about, they are slower.

    Binding binds this thread too. That is undone, and so are the settings, or processes started later would get them.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    settings = {"OMP_NUM_THREADS": str(len(cores))}  # else MXNet takes half of them
    if not {"OMP_PROC_BIND", "GOMP_CPU_AFFINITY"} & set(os.environ):
        settings["OMP_PROC_BIND"] = "true"
    os.environ.update(settings)
    try:
        yield
    finally:
        for name in settings:
            del os.environ[name]
        if "OMP_PROC_BIND" in settings:
            os.sched_setaffinity(0, cores)


def keep_freed_memory() -> None:
    """Have malloc keep what arrays of up to 32 MiB leave: of new memory, the system first has to clear each page.

    For trainings, whose steps are alike: for pictures of many sizes it would only take more memory.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:  # other C libraries have none
        for parameter, value in _MALLOPT.items():
            mallopt(parameter, value)


def _load() -> types.ModuleType:
    """Import MXNet, on all usable cores unless OMP_NUM_THREADS says otherwise."""
    threads_given = "OMP_NUM_THREADS" in os.environ
    if os.environ.get("DMLC_ROLE") in ("scheduler", "server"):  # the import below is all that they do
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # which is for the workers: when these have left, they end
    _restore_numpy_names()
    _restore_scipy_names()
    _restore_distutils()
    if cuda.is_installed():
        cuda.load_libraries()
    try:
        threads = nullcontext() if threads_given else _a_bound_thread_for_each_core()
        with warnings.catch_warnings(), threads, cpu.amx_dispatched():
            warnings.simplefilter("ignore")
            mxnet = importlib.import_module("mxnet")
            _compute_once(mxnet)
            importlib.import_module("mxnet.gluon.model_zoo.vision")
    except ImportError as error:
        reason = "is not installed" if error.name == "mxnet" else f"cannot be imported ({error})"
        raise MissingDependencyError(f"MXNet {reason}: {_INSTALL}") from error
    except OSError as error:
        raise MissingDependencyError(f"MXNet's library cannot be loaded ({error}): {_INSTALL}") from error
    if not threads_given:  # the user may have imported MXNet before us
        mxnet.base._LIB.MXSetNumOMPThreads(usable_cores())
    return mxnet


def _compute_once(mxnet: Any) -> None:
    """Start MXNet's own threads, and have oneDNN read its settings."""
    one = mxnet.nd.ones((1, 1, 1, 1))
    mxnet.nd.Convolution(one, one, kernel=(1, 1), num_filter=1, no_bias=True).wait_to_read()


mx: Any = _load()


def devices(gpus: str | None = None, cpus: int = 1) -> list[Any]:
    """Return the contexts to run on.

    Args:
        gpus: Comma-separated GPU numbers such as "0,1"; None or "" for the CPU.
        cpus: Number of CPU contexts where no GPU is asked for; they share the cores.

    Raises:
        UserError: `gpus` is not a list of distinct numbers, or names a GPU that MXNet does not see or has no code for.
    """
    if not gpus:
        return [mx.cpu(i) for i in range(cpus)]
    try:
        numbers = [int(number) for number in gpus.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise UserError(f"--gpus {gpus}: expected distinct GPU numbers such as 0 or 0,1")
    seen = _count_gpus()
    missing = [str(number) for number in numbers if number >= seen]
    if missing:
        hint = "use `--gpus` with a smaller number" if seen else "leave `--gpus` away to run on the CPU"
        raise UserError(f"--gpus {gpus}: no GPU {', '.join(missing)}; MXNet {mx.__version__} sees {seen}; {hint}")
    if cuda.is_installed():
        cuda.check_gpus(numbers)
    return [mx.gpu(number) for number in numbers]


def inference_precision(precision: str, ctx: Any = None) -> str:
    """Return in which precision, "float32" or "bfloat16", a network is run where `precision` is asked for.

    "auto" is bfloat16 on a CPU with AMX; without AMX, oneDNN's bfloat16 is slower than its float32.

    Args:
        precision: "auto", "float32" or "bfloat16".
        ctx: Device; None for the CPU.

    Raises:
        UserError: It is none of these, or bfloat16 is asked for where there is none.
    """
    if precision not in INFERENCE_PRECISIONS:
        raise UserError(f"precision {precision!r}: expected one of {', '.join(INFERENCE_PRECISIONS)}")
    on_cpu = ctx is None or ctx.device_type != "gpu"
    if precision == "bfloat16":
        check_bfloat16(on_cpu)
    fastest = "bfloat16" if on_cpu and cpu.bfloat16_support() == cpu.AMX else "float32"
    return fastest if precision == "auto" else precision


def check_bfloat16(on_cpu: bool) -> None:
    """Raise UserError unless the device computes in bfloat16."""
    if not on_cpu:
        raise UserError("precision bfloat16: MXNet 1.9.1 has it on CPUs alone; use float32")
    if cpu.bfloat16_support() == cpu.NONE:
        raise UserError(
            "precision bfloat16: this processor has neither AVX512-BF16 nor AMX, or DNNL_MAX_CPU_ISA forbids them; "
            "use float32"
        )


@contextmanager
def mxnet_errors(hint: str) -> Iterator[None]:
    """Turn MXNet's errors, such as that of memory running out, into a UserError with `hint`."""
    try:
        yield
    except mx.MXNetError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise UserError(f"MXNet failed: {lines[-1] if lines else 'no reason given'}; {hint}") from error


def start_amp() -> None:
    """Have MXNet compute in float16 from now on where that is safe; parameters and losses stay float32."""
    importlib.import_module("mxnet.contrib.amp").init()


def _count_gpus() -> int:
    try:
        return int(mx.context.num_gpus())
    except mx.MXNetError:  # a wheel with CUDA on a machine without a driver
        return 0
