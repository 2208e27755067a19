"""Waiting for other processes, but not for ever."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Callable, NoReturn, TypeVar

from ..errors import UserError

T = TypeVar("T")
LOOK = 2.0  # seconds


class WorkerLostError(UserError):
    """The other workers, or the servers, do not answer any more; this process can only save what it has and end."""


def call_with_timeout(
    seconds: float, action: Callable[[], T], goes_on: Callable[[], bool] = lambda: True, look: float = LOOK
) -> T:
    """Return what `action` returns, or raise what it raises.

    Args:
        seconds: How long it may take.
        action: To be called in a thread.
        goes_on: Asked every `look` seconds whether an end may still be hoped for.
        look: In seconds.

    Raises:
        WorkerLostError: It takes longer, or does not go on and does not end meanwhile.
    """
    outcome: list[T | BaseException] = []

    def act() -> None:
        try:
            outcome.append(action())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    end = time.monotonic() + seconds
    while not outcome and time.monotonic() < end:
        thread.join(min(look, end - time.monotonic()))
        if not outcome and not goes_on():
            thread.join(look)  # all may have ended well just now
            if not outcome:
                raise WorkerLostError("the cluster's scheduler has ended")
    if not outcome:
        raise WorkerLostError(
            f"the other workers or the servers have not answered for {seconds:g} s: one of them has ended, or hangs"
        )
    result = outcome[0]
    if isinstance(result, BaseException):
        raise result
    return result


def end_at_once() -> NoReturn:
    """End the process without MXNet's goodbyes, which would wait for workers that are gone."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(1)
