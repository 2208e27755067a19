"""dmlc_tracker, which starts a cluster's processes, made to work with current Python and to clean up after failures."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import threading
import time
import warnings
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, Sequence

import click

from ..cluster import LAUNCHER

LOOPBACK = "127.0.0.1"
PROCESSES = Path("/proc")


def submit(command: Sequence[str], workers: int, servers: int, hosts: str | None, interface: str | None) -> int:
    """Run a command in the processes of a cluster and return 0 once all have ended successfully.

    Otherwise this process exits: with 129, 130 or 143 if stopped by SIGHUP, SIGINT or SIGTERM, or else with 1.
    """
    opts, tracker, launcher = _dmlc_tracker("ssh" if hosts else "local")
    _choose_interface(tracker, hosts, interface)
    if not hosts:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) // workers)))
    words = ["exec", *(re.sub(r"([^\w@%+=:,./-])", r"\\\1", word) or '""' for word in command)]  # joined for a shell
    os.environ[LAUNCHER] = str(os.getpid())
    where = ["--cluster", "ssh", "--host-file", hosts] if hosts else ["--cluster", "local"]
    arguments = opts.get_opts([*where, "--num-workers", str(workers), "--num-servers", str(servers), *words])
    ending = Ending()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        launcher.submit(arguments)  # until the servers have ended
    ending.wait()  # the first worker has yet to show the result
    return 0


def _choose_interface(tracker: Any, hosts: str | None, interface: str | None) -> None:
    """Make the parameter server use a network interface, and a port that no other cluster will use."""
    if interface == "lo" or not (hosts or interface):
        os.environ.update({"DMLC_INTERFACE": "lo", "DMLC_NODE_HOST": LOOPBACK})
        tracker.get_host_ip = lambda host=None: LOOPBACK
    elif interface:
        os.environ["DMLC_INTERFACE"] = interface
    with socket.create_server(("", 0)) as server:
        tracker.PSTracker = partial(tracker.PSTracker, port=server.getsockname()[1], port_end=1 << 16)


def _dmlc_tracker(launcher: str) -> tuple[Any, Any, Any]:
    """Return dmlc_tracker's modules `opts`, `tracker` and the launcher's."""
    threading.Thread.isAlive = threading.Thread.is_alive  # type: ignore[attr-defined]  # gone since Python 3.9
    from dmlc_tracker import opts, tracker

    return opts, tracker, import_module(f"dmlc_tracker.{launcher}")


class Ending:
    """Ends a cluster: after a signal or a failure its workers end by themselves, then the rest is killed."""

    def __init__(self) -> None:
        self._signal = 0
        self._first = threading.Lock()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._pass_on)
        threading.excepthook = self._end

    def wait(self) -> None:
        """Wait for the threads that wait for the processes."""
        for thread in set(threading.enumerate()) - {threading.current_thread()}:
            thread.join()

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        """Make the workers stop after the same step; Ctrl-C in a terminal reaches them directly."""
        self._signal = number
        if number != signal.SIGINT:
            for process in _children():
                if _role(process) not in ("server", "scheduler"):
                    _send(signal.SIGTERM, process)

    def _end(self, failure: threading.ExceptHookArgs) -> None:
        """Let the other workers notice that one has failed and save their state; then kill the rest."""
        if not self._first.acquire(blocking=False):
            return
        if not self._signal:
            click.echo("a process of the cluster has failed; the others end once they notice", err=True)
        while any(_role(process) == "worker" and _state(process) not in "Tt" for process in _children()):
            time.sleep(0.2)
        for process in _children():
            _send(signal.SIGKILL, process)
        sys.stderr.flush()
        os._exit(128 + self._signal if self._signal else 1)


def _send(number: int, process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)


def _children() -> list[int]:
    """Return the processes that this one has started and that are still running."""
    lists = (_read(path).split() for path in PROCESSES.glob("self/task/*/children"))
    return [int(number) for numbers in lists for number in numbers if _state(int(number)) not in "ZX"]


def _state(process: int) -> str:
    return (_read(PROCESSES / str(process) / "stat").rpartition(")")[2].split() or ["X"])[0]


def _role(process: int) -> str:
    """Return a process's role in the cluster, or "" if it has ended or runs on another machine."""
    settings = _read(PROCESSES / str(process) / "environ").split("\0")
    return next((text[10:] for text in settings if text.startswith("DMLC_ROLE=")), "")


def _read(path: Path) -> str:
    """Return the text of a file in /proc, or "" if its process or thread has ended."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
