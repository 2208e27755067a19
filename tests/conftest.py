import gc
import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# pytest-xdist's processes share the cores: more threads than cores would wait for each other. To be set before MXNet.
_processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
if _processes > 1:
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) // _processes)))

os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")  # the last Jupyter for Python 3.8 warns without it

settings.register_profile("suite", deadline=None)  # the machine may be busy
settings.load_profile("suite")

# A shell's jobs in the background ignore the one, those of nohup the other, and so does all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_finish() -> None:
    """MXNet's DataLoader collects garbage whenever one is made: not also among all that is there from the start."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.unfreeze()


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("no ../shared beside the repository")
    return folder


@pytest.fixture(autouse=True)
def symbols_are_forked(request, monkeypatch) -> None:
    """A process for a symbol is forked from one that has MXNet, unless `whole_process` marks the test."""
    if "whole_process" not in request.keywords:
        from cli import ForkedWorker

        from gluon_perceptual.symbols import process

        monkeypatch.setattr(process, "start_worker", ForkedWorker)


@pytest.fixture
def no_figures(monkeypatch) -> None:
    """Empty files for figures, where they are no part of the test: drawing takes longer than all else in it."""
    from cli import draw_nothing

    draw_nothing(monkeypatch)
