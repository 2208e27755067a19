"""The door to MXNet, tried in processes of their own."""

import sys
from importlib.machinery import PathFinder
from types import SimpleNamespace

import pytest
from cli import python

from gluon_perceptual._mxnet import devices, mx, usable_cores
from gluon_perceptual.errors import UserError
from gluon_perceptual.training import schedule


@pytest.fixture(autouse=True)
def any_number_of_threads(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


THREADS = "import os, gluon_perceptual._mxnet as door; print(door.mx.base._LIB.omp_get_max_threads())\n"


def test_the_affinity_mask_says_which_cores_are_used():
    assert python("import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n" + THREADS)[0] == "1"


def test_without_mxnet_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['mxnet'] = None\n"
        "try:\n    import gluon_perceptual._mxnet\n"
        "except ImportError as error:\n    print(type(error).__name__, error)"
    )
    out, _ = python(code)
    assert out.startswith("MissingDependencyError MXNet")
    assert "pip install 'gluon-perceptual[cpu]'" in out


def test_numpy_2_is_named():
    code = (
        "import numpy; numpy.__version__ = '2.1.0'\n"
        "try:\n    import gluon_perceptual._mxnet\n"
        "except ImportError as error:\n    print(error)"
    )
    assert "NumPy 2.1.0 is installed" in python(code)[0]


def test_names_that_numpy_removed_are_back_and_arrays_are_made_without_a_warning():
    code = (
        "import warnings; warnings.simplefilter('always')\n"
        "import numpy as np\n"
        "for name in ('bool', 'object', 'float'):\n    vars(np).pop(name, None)\n"
        "from gluon_perceptual._mxnet import mx\n"
        "print(mx.nd.array([[1, 2]]).sum().asscalar(), np.bool is bool)"
    )
    out, err = python(code)
    assert out == "3.0 True"
    assert "Warning" not in err


def test_devices():
    assert devices() == [mx.cpu(0)]
    assert devices("", 3) == [mx.cpu(0), mx.cpu(1), mx.cpu(2)]


@pytest.mark.parametrize("gpus", ["one", "0,0", "-1", "0,,1", "1.5"])
def test_wrong_gpu_numbers(gpus):
    with pytest.raises(UserError, match="expected distinct GPU numbers"):
        devices(gpus)


def test_gpus_that_are_there_and_not(monkeypatch):
    monkeypatch.setattr(mx.context, "num_gpus", lambda: 2)
    assert devices("1,0") == [mx.gpu(1), mx.gpu(0)]
    with pytest.raises(UserError, match=r"no GPU 2, 7; MXNet .* sees 2"):
        devices("0,2,7")


def test_a_wheel_with_cuda_but_no_driver_sees_no_gpu(monkeypatch):
    def fail():
        raise mx.MXNetError("CUDA: no driver")

    monkeypatch.setattr(mx.context, "num_gpus", fail)
    with pytest.raises(UserError, match=r"sees 0; leave `gpus` out"):
        devices("0")


def test_each_core_has_a_thread_bound_to_it_but_the_users_are_not_bound():
    """Nor are processes that are started later, and a number of threads that is given is kept."""
    code = THREADS + (
        "print(len(os.sched_getaffinity(0)), [os.environ.get(name) for name in ('OMP_NUM_THREADS', 'OMP_PROC_BIND')])\n"
        "bound = [len(os.sched_getaffinity(int(thread))) for thread in os.listdir('/proc/self/task')]\n"
        "print(min(bound))"
    )
    out, _ = python(code)
    assert out.splitlines() == [f"{usable_cores()}", f"{usable_cores()} [None, None]", "1"]
    out, _ = python(code, OMP_NUM_THREADS="3")
    threads, seen, _least = out.splitlines()
    assert (threads, seen) == ("3", f"{usable_cores()} ['3', None]")


def test_schedules_work_beside_any_pytorch(monkeypatch):
    """Beside its version 2 gluoncv as a whole cannot be imported."""
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(__version__="2.13.0"))
    monkeypatch.setitem(sys.modules, "gluoncv", None)
    monkeypatch.delitem(sys.modules, schedule.MODULE, raising=False)
    monkeypatch.setattr(schedule, "find_spec", PathFinder.find_spec)
    assert schedule.learning_rate_schedule("cosine", 1e-3, 100, 10)(50) > 0
    assert sys.modules["torch"].__version__ == "2.13.0"
