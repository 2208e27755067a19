"""Running the commands in tests, and pictures for them."""

import inspect
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from click.testing import CliRunner

from gluon_perceptual.commands import main
from gluon_perceptual.training.jsonl import read_lines

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = [sys.executable, "-m", "gluon_perceptual"]


def run(*arguments):
    """Run in this process; (status, stdout, stderr). An exception that a user would see as a traceback is raised."""
    apart = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}  # click before 8.2
    result = CliRunner(**apart).invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def program(*arguments, **environment):
    """Run as a program; (status, stdout, stderr)."""
    return _ended([*PROGRAM, *map(str, arguments)], environment)


def python(code, *arguments, **environment):
    """Run code in a process of its own; (stdout, stderr)."""
    status, out, err = _ended([sys.executable, "-c", code, *map(str, arguments)], environment)
    assert status == 0, f"exit status {status}: {err[-2000:]}"
    return out.strip(), err


def _ended(command, environment):
    settings = {**os.environ, **environment}
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout, done.stderr


class Blank:
    """A figure, or its axes, on which nothing is drawn."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments, **options: None

    def subplots(self, rows, columns, **options):
        return np.full((rows, columns), self, object)


def draw_nothing(monkeypatch):
    """No figures, and small pictures where a run paints some for its figure."""
    monkeypatch.setattr("gluon_perceptual.commands._style_report.FIGURE_SIDE", 64)
    monkeypatch.setattr("gluon_perceptual.figures.new_figure", lambda width, height: Blank())


FORKS = multiprocessing.get_context("forkserver")
OURS = ("commands._train", "commands._sr_report", "commands.upscale", "symbols.worker")
FORKS.set_forkserver_preload([*(f"gluon_perceptual.{name}" for name in OURS), "matplotlib.figure", "skimage.metrics"])


def start(log, *arguments, file_size=None):
    """Run in a process of its own, forked from one that has imported the most; both its streams go to the file `log`.

    `file_size`: in bytes, what files may have; such a limit stands for a full disk.
    """
    log.touch()
    texts = [str(argument) for argument in arguments]
    process = FORKS.Process(target=_run_into, args=(str(log), texts, file_size), daemon=True)
    process.start()
    return process


def _run_into(log, arguments, file_size):
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    if file_size is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    main(arguments, prog_name="gluon-perceptual")


class ForkedWorker:
    """As `symbols.process.start_worker`: what that returns, of a process that does not have to import MXNet."""

    def __init__(self, end):
        self._process = FORKS.Process(target=_serve, args=(end,), daemon=True)
        self._process.start()
        self.pid, self.kill = self._process.pid, self._process.kill

    @property
    def returncode(self):
        return self._process.exitcode

    def wait(self, seconds=None):
        self._process.join(seconds)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("symbols.worker", seconds)
        return self.returncode


def _serve(end):
    from gluon_perceptual.symbols.worker import serve

    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    serve(end.detach())


def wait_until(happened, process, log, seconds=120):
    """Wait for what a process does; fail if it ends before that."""
    deadline = time.monotonic() + seconds
    while not happened():
        process.join(0.005)
        assert process.is_alive(), log.read_text()
        assert time.monotonic() < deadline, log.read_text()


def assert_one_line_error(result, *parts, status=1):
    code, _, stderr = result
    errors = [line for line in stderr.splitlines() if line.startswith("Error:")]
    assert code == status
    assert len(errors) == 1
    for part in parts:
        assert part in errors[0]
    assert "Traceback" not in stderr


def write(path, image=None, height=12, width=10):
    path.parent.mkdir(parents=True, exist_ok=True)
    if image is None:
        image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    assert cv2.imwrite(str(path), image)
    return path


def smooth_noise(height, width, seed=0):
    """Return what is more like a photo than noise is."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 1.5)


def write_photo(path, height=40, width=50, seed=0):
    return write(path, smooth_noise(height, width, seed))


def write_photos(folder, count, height, width):
    """Write photos `0.png`, `1.png` and so on; return the folder."""
    for seed in range(count):
        write_photo(folder / f"{seed}.png", height, width, seed)
    return folder


def logged(path):
    """The lines of a run's log without how long its steps took."""
    times = ("images_per_second", "seconds_waiting")
    return [{name: value for name, value in line.items() if name not in times} for line in read_lines(path)]
