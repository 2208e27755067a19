"""Signals without losing work: the step, or the picture, is finished first; what is half written is removed."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Callable, Iterator


class StopRequest:
    """Context in which a first SIGINT, SIGTERM or SIGHUP only sets `requested`; then SIGINT ends the process as usual.

    The others go on to change nothing: a process gets them twice where both its group and its parent pass them on.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    MESSAGE = b"\nstopping: what is being worked on is finished first; Ctrl-C now ends at once\n"

    def __init__(self) -> None:
        self.requested: int = 0
        self._noted = False

    def __enter__(self) -> StopRequest:
        self._before = {number: signal.signal(number, self._note) for number in self.SIGNALS if _is_heeded(number)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if not self._noted:
            self.requested, self._noted = number, True
            signal.signal(signal.SIGINT, self._before[signal.SIGINT])
            with suppress(OSError):  # there may be no stderr any more
                os.write(2, self.MESSAGE)  # not by sys.stderr, which may be in the middle of another message

    @property
    def exit_status(self) -> int:
        """What a shell expects of a program that ended by this signal: 130 for SIGINT, 143 for SIGTERM."""
        return 128 + self.requested


@contextmanager
def ended_by(end: Callable[[int], object]) -> Iterator[None]:
    """Have SIGTERM and SIGHUP call `end` with the exit status that a shell expects, while the body runs."""
    if threading.current_thread() is not threading.main_thread():  # which alone may say so
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
    """Return whether the process is not to ignore a signal, as nohup wants of SIGHUP; Ctrl-C always is heeded."""
    return number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN
