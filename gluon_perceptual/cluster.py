"""A process's role in a cluster: the variables that set it, and the end of the process when its launcher has ended.

`DMLC_…` are the variables of MXNet's parameter server, which does not check them: a wrong one crashes the process or
leaves it waiting.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from typing import Mapping

from .errors import UserError

ROLES = ("worker", "server", "scheduler")
LARGEST = {"DMLC_PS_ROOT_PORT": 65535, "DMLC_NUM_WORKER": 10_000, "DMLC_NUM_SERVER": 10_000}
VARIABLES = ("DMLC_ROLE", "DMLC_PS_ROOT_URI", *LARGEST)
LAUNCHER = "GLUON_PERCEPTUAL_LAUNCHER"  # ID of the process that has started the cluster's on this machine
LOOK = 0.5  # seconds between checks that it is still running
GRACE = 30.0  # seconds that workers have to save their state before servers end


def check_variables(settings: Mapping[str, str]) -> None:
    """Raise UserError unless all variables of a cluster's process are set to valid values."""
    missing = [name for name in VARIABLES if not settings.get(name)]
    if missing:
        raise UserError(
            f"a process of a cluster without {', '.join(missing)}: start it with `gluon-perceptual cluster`"
        )
    if settings["DMLC_ROLE"] not in ROLES:
        raise UserError(f"DMLC_ROLE={settings['DMLC_ROLE']}: expected one of {', '.join(ROLES)}")
    for name, largest in LARGEST.items():
        text = settings[name]
        if not (text.isascii() and text.isdecimal() and len(text) < 9 and 0 < int(text) <= largest):
            raise UserError(f"{name}={text}: expected a number from 1 to {largest}")
    try:
        socket.getaddrinfo(settings["DMLC_PS_ROOT_URI"], None)
    except (OSError, UnicodeError) as error:
        raise UserError(f"DMLC_PS_ROOT_URI={settings['DMLC_PS_ROOT_URI']}: no such host ({error})") from error


def take_part(settings: Mapping[str, str]) -> None:
    """Prepare this process for its role, before MXNet is imported.

    Servers and the scheduler do nothing but import it; they end when the workers have left, and ignore signals that are
    meant for the workers. Workers check their variables when they join.

    Raises:
        UserError: As of `check_variables`.
    """
    serves = settings["DMLC_ROLE"] != "worker"
    if serves:
        check_variables(settings)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
    parent = os.getppid()
    if settings.get(LAUNCHER) == str(parent):
        threading.Thread(target=_end_after, args=(parent, serves), daemon=True).start()


def _end_after(parent: int, serves: bool) -> None:
    """Once the parent has ended, stop as on SIGTERM; servers and the scheduler wait a while first."""
    while os.getppid() == parent:
        time.sleep(LOOK)
    if not serves:
        os.kill(os.getpid(), signal.SIGTERM)
        return
    time.sleep(GRACE)
    os._exit(1)


def scheduler_answers(settings: Mapping[str, str]) -> bool:
    """Return whether a cluster's scheduler still accepts connections."""
    try:
        place = (settings["DMLC_PS_ROOT_URI"], int(settings["DMLC_PS_ROOT_PORT"]))
        socket.create_connection(place, timeout=LOOK * 10).close()
    except (OSError, KeyError, ValueError):
        return False
    return True
