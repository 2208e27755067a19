"""Signals that lose no work: the current step or picture is finished first, half-written files are removed."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Callable, Iterator


class StopRequest:
    """Context in which the first SIGINT, SIGTERM or SIGHUP only sets `requested`; the next SIGINT ends the process.

    Further SIGTERM and SIGHUP are ignored: a process gets them twice if both its group and its parent forward them.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    MESSAGE = b"\nstopping after the current step or picture; press Ctrl-C again to end at once\n"

    def __init__(self) -> None:
        self.requested: int = 0
        self._noted = False

    def __enter__(self) -> StopRequest:
        self._before = {number: signal.signal(number, self._note) for number in self.SIGNALS if _is_heeded(number)}
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if not self._noted:
            self.requested, self._noted = number, True
            signal.signal(signal.SIGINT, self._before[signal.SIGINT])
            with suppress(OSError):  # stderr may be closed
                os.write(2, self.MESSAGE)  # not by sys.stderr, which may be in the middle of another message

    @property
    def exit_status(self) -> int:
        """What a shell expects of a program that ended by this signal: 130 for SIGINT, 143 for SIGTERM."""
        return 128 + self.requested


@contextmanager
def ended_by(end: Callable[[int], object]) -> Iterator[None]:
    """Have SIGTERM and SIGHUP call `end` with the exit status that a shell expects, while the body runs."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield
        return
    numbers = [number for number in (signal.SIGTERM, signal.SIGHUP) if _is_heeded(number)]
    before = {number: signal.signal(number, lambda received, frame: end(128 + received)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_heeded(number: int) -> bool:
    """Return whether to handle a signal: not if it is ignored, as SIGHUP is under nohup; SIGINT always."""
    return number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN
