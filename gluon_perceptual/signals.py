"""Ctrl-C without losing work: the step, or the picture, is finished first."""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType


class StopRequest:
    """Context in which a first SIGINT or SIGTERM only sets `requested`; after it SIGINT ends the process as usual.

    SIGTERM goes on to change nothing: a process gets it twice where both its group and its parent pass it on.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)
    MESSAGE = b"\nstopping: what is being worked on is finished first; Ctrl-C now ends at once\n"

    def __init__(self) -> None:
        self.requested: int = 0
        self._noted = False

    def __enter__(self) -> StopRequest:
        self._before = {number: signal.signal(number, self._note) for number in self.SIGNALS}
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
            os.write(2, self.MESSAGE)  # not by sys.stderr, which may be in the middle of another message

    @property
    def exit_status(self) -> int:
        """What a shell expects of a program that ended by this signal: 130 for SIGINT, 143 for SIGTERM."""
        return 128 + self.requested
