"""What is said of the work on a picture, whose files are called as the user does."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import Iterator

import gluon_perceptual

from ..errors import printable
from .entries import Entry

log = logging.getLogger(__name__)


def failure_line(error: Exception, entry: Entry) -> str:
    """Return the line that the command would have said."""
    from ..inference.jobs import EXPECTED, failure

    if isinstance(error, EXPECTED):
        return _renamed(failure(error, entry.picture.path, entry.target), entry)
    log.error("%s", entry.picture.name, exc_info=error)
    return printable(
        f"{entry.picture.name}: a fault of this program ({type(error).__name__}: {error}); please report it"
    )


@contextmanager
def noted(entry: Entry) -> Iterator[None]:
    """Keep, for the page, the warnings of what this thread does in the body."""
    logger, handler = logging.getLogger(gluon_perceptual.__name__), _Notes(entry)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Notes(logging.Handler):
    def __init__(self, entry: Entry) -> None:
        super().__init__(logging.WARNING)
        self._entry, self._thread = entry, threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        if record.thread == self._thread:
            self._entry.notes.append(_renamed(printable(record.getMessage()), self._entry))


def _renamed(line: str, entry: Entry) -> str:
    names = {entry.picture.path: entry.picture.name, entry.target: entry.name}
    for path, name in names.items():
        line = line.replace(str(path), printable(name))
    return line
