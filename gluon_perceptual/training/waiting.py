"""Waiting for other processes, but not for ever."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, Callable, NoReturn

from ..errors import UserError


class WorkerLostError(UserError):
    """The other workers, or the servers, do not answer any more; this process can only save what it has and end."""


def call_with_timeout(seconds: float, action: Callable[[], Any]) -> Any:
    """Return what `action` returns, or raise what it raises, or WorkerLostError if that takes longer."""
    outcome: list[tuple[Any, BaseException | None]] = []

    def act() -> None:
        try:
            outcome.append((action(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise WorkerLostError(
            f"the other workers or the servers have not answered for {seconds:g} s: one of them has ended, or hangs"
        )
    value, error = outcome[0]
    if error is not None:
        raise error
    return value


def end_at_once() -> NoReturn:
    """End the process without MXNet's goodbyes, which would wait for workers that are gone."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(1)
