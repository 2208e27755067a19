"""Imports MXNet: repairs what has broken since 1.9.1, and lets it use the whole processor.

Names that NumPy and SciPy have removed, and distutils, which Python 3.12 lacks, are restored; NVIDIA's libraries are
loaded if this MXNet needs them; the processor's best units are enabled; and MXNet gets all cores that this process may
use, one for each thread.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
import types
import warnings
from contextlib import contextmanager, nullcontext
from typing import Any, Iterator

import numpy as np

from .. import cpu, cuda
from ..cluster import take_part
from ..errors import MissingDependencyError

_INSTALL = "install it with `pip install 'gluon-perceptual[cpu]'` (or `[cu112]` for NVIDIA GPUs)"
_MALLOPT = {  # of glibc's malloc.h: parameter -> value
    -1: 2**31 - 1,  # M_TRIM_THRESHOLD: free memory at the heap's end stays the process'
    -2: 64 * 2**20,  # M_TOP_PAD: so does that of the threads' heaps, which are as large
    -3: 32 * 2**20,  # M_MMAP_THRESHOLD, its greatest value: only larger blocks come from the system and go back
}
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
    scipy_csr = importlib.import_module("scipy.sparse.csr")  # deprecated, but used by every mx.nd.array
    vars(scipy_csr)["csr_matrix"] = importlib.import_module("scipy.sparse").csr_matrix


def _restore_distutils() -> None:
    if sys.version_info >= (3, 12):
        importlib.import_module("setuptools")  # brings its own copy of distutils


@contextmanager
def _a_bound_thread_for_each_core() -> Iterator[None]:
    """Let the OpenMP library that is loaded in this block use all cores, with bound threads, which are faster.

    Binding also binds this thread; that is undone, and so are the settings, which later processes would inherit.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    settings = {"OMP_NUM_THREADS": str(len(cores))}  # otherwise MXNet uses half of them
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
    """Make malloc keep the memory of freed arrays of up to 32 MiB: the system must clear each page of new memory.

    For training, where all steps need the same arrays; for pictures of many sizes it would only take more memory.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:  # other C libraries have none
        for parameter, value in _MALLOPT.items():
            mallopt(parameter, value)


def load_mxnet() -> types.ModuleType:
    """Import MXNet, on all usable cores unless OMP_NUM_THREADS says otherwise."""
    threads_given = "OMP_NUM_THREADS" in os.environ
    if "DMLC_ROLE" in os.environ:
        take_part(os.environ)
    _restore_numpy_names()
    _restore_scipy_names()
    _restore_distutils()
    if cuda.is_installed():
        cuda.load_libraries()
    try:
        threads = nullcontext() if threads_given else _a_bound_thread_for_each_core()
        with warnings.catch_warnings(), threads, cpu.best_kernels():
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
    """Start MXNet's threads, and make oneDNN read its settings."""
    one = mxnet.nd.ones((1, 1, 1, 1))
    mxnet.nd.Convolution(one, one, kernel=(1, 1), num_filter=1, no_bias=True).wait_to_read()
