"""Messages about the work on a picture, with the user's names for files."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import Iterator

import gluon_perceptual

from ..errors import printable
from .entries import Entry
from .folder import Folder

log = logging.getLogger(__name__)


def failure_line(error: Exception, entry: Entry, folder: Folder) -> str:
    """Return the line that the command would have printed."""
    from ..inference.jobs import EXPECTED, failure

    if isinstance(error, EXPECTED):
        return folder.called(failure(error, entry.picture.path, entry.target))
    log.error("%s", entry.picture.name, exc_info=error)
    return printable(f"{entry.picture.name}: a bug in this program ({type(error).__name__}: {error}); please report it")


@contextmanager
def noted(entry: Entry, folder: Folder) -> Iterator[None]:
    """Keep the warnings that are logged while the body runs for the page, except those about other files."""
    logger, handler = logging.getLogger(gluon_perceptual.__name__), _Notes(entry, folder)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Notes(logging.Handler):
    def __init__(self, entry: Entry, folder: Folder) -> None:
        super().__init__(logging.WARNING)
        self._entry, self._folder = entry, folder

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message unless it is there already."""
        line, notes = printable(record.getMessage()), self._entry.notes
        if self._folder.keys_in(line) <= {self._entry.picture.id, self._entry.id}:
            notes.extend({self._folder.called(line)} - {*notes})
