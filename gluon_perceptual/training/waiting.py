"""Waiting for other processes, but not forever."""

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
    """Other workers, or servers, no longer answer; this process can only save its state and end."""


def call_with_timeout(seconds: float, action: Callable[[], T], can_end: Callable[[], bool] = lambda: True) -> T:
    """Return the result of `action`, or raise its exception.

    Args:
        seconds: How long it may take.
        action: Called in a thread.
        can_end: Asked every 2 seconds whether the action can still end.

    Raises:
        WorkerLostError: It takes longer, or can no longer end.
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
        thread.join(min(LOOK, end - time.monotonic()))
        if not outcome and not can_end():
            thread.join(LOOK)  # it may just have ended
            if not outcome:
                raise WorkerLostError("the cluster's scheduler has ended")
    if not outcome:
        raise WorkerLostError(
            f"the other workers or the servers have not answered for {seconds:g} s: one of them has ended or hangs"
        )
    result = outcome[0]
    if isinstance(result, BaseException):
        raise result
    return result


def end_at_once() -> NoReturn:
    """End the process without MXNet's shutdown, which would wait for workers that are gone."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(1)
