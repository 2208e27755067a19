"""dmlc_tracker, which starts a cluster's processes: mended for this Python, and a failure leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any, Callable, Sequence

import click

LOOPBACK = "127.0.0.1"
PROCESSES = Path("/proc")


def submit(command: Sequence[str], workers: int, servers: int, hosts: str | None, interface: str | None) -> int:
    """Run a command in the processes of a cluster and return the exit status: 0, or 1 if one of them failed.

    Ctrl-C in a terminal reaches all of them, and the workers stop after the same step.
    """
    opts, tracker, launcher = _dmlc_tracker("ssh" if hosts else "local")
    if interface == "lo" or not (hosts or interface):
        os.environ.update({"DMLC_INTERFACE": "lo", "DMLC_NODE_HOST": LOOPBACK})
        tracker.get_host_ip = lambda host=None: LOOPBACK
    elif interface:
        os.environ["DMLC_INTERFACE"] = interface
    words = [re.sub(r"([^\w@%+=:,./-])", r"\\\1", word) for word in command]  # the tracker joins them for a shell
    where = ["--cluster", "ssh", "--host-file", hosts] if hosts else ["--cluster", "local"]
    arguments = opts.get_opts([*where, "--num-workers", str(workers), "--num-servers", str(servers), *words])
    signal.signal(signal.SIGINT, lambda number, frame: None)
    threading.excepthook = _end_after_failure
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        launcher.submit(arguments)  # until the servers have ended
    _wait(_children)  # the first worker has the result to show
    return 0


def _dmlc_tracker(launcher: str) -> tuple[Any, Any, Any]:
    """Return dmlc_tracker's modules `opts`, `tracker` and the launcher's."""
    from importlib import import_module

    threading.Thread.isAlive = threading.Thread.is_alive  # type: ignore[attr-defined]  # gone since Python 3.9
    from dmlc_tracker import opts, tracker

    return opts, tracker, import_module(f"dmlc_tracker.{launcher}")


def _end_after_failure(failure: threading.ExceptHookArgs) -> None:
    """Let the other workers see for themselves that one has failed and save what they have; end what is left."""
    click.echo("a process of the cluster has failed or was stopped; the others end once they miss it", err=True)
    _wait(lambda: [process for process in _children() if _role(process) == "worker"])
    for process in _children():
        os.kill(process, signal.SIGKILL)
    sys.stderr.flush()
    os._exit(1)


def _wait(remaining: Callable[[], list[int]]) -> None:
    while remaining():
        time.sleep(0.2)


def _children() -> list[int]:
    """Return the processes that this one has started and that still run."""
    lists = (path.read_text().split() for path in PROCESSES.glob("self/task/*/children"))
    return [int(number) for numbers in lists for number in numbers if _state(int(number)) not in "ZX"]


def _state(process: int) -> str:
    try:
        return (PROCESSES / str(process) / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _role(process: int) -> str:
    """Return a process's part in the cluster, or "" if it has ended or runs on another machine."""
    try:
        settings = (PROCESSES / str(process) / "environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    return next((text[10:].decode() for text in settings if text.startswith(b"DMLC_ROLE=")), "")
