"""A run's folder: only one process at a time writes to it, logs grow in it, and links in it are not followed.

A folder from somebody else may contain links, through which the run would overwrite files elsewhere.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from ..errors import UserError
from ..files import TEMPORARY, naming

LOCK = ".lock"


def make_part(path: Path) -> Path:
    """Create a folder in a run's folder unless it exists, and return it.

    Raises:
        UserError: It is a link.
        OSError: It cannot be created.
    """
    if path.is_symlink():
        raise UserError(f"{path} is a link, which a run does not follow: replace it by a folder")
    path.mkdir(exist_ok=True)
    return path


def remove_temporary(folder: Path) -> None:
    """Remove the temporary files of killed processes from a folder that no process is writing to."""
    for path in folder.iterdir():
        if TEMPORARY.match(path.name):
            path.unlink()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder against other processes until the body or the process ends, in whatever way.

    Raises:
        UserError: Another process has locked it.
        OSError: The folder cannot be written to.
    """
    with os.fdopen(open_own(folder / LOCK, os.O_RDWR), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"{folder}: process {file.read(20) or '?'} is writing to it; wait for it to end") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def open_own(path: Path, flags: int) -> int:
    """Open a file that belongs to the run's folder alone, or create it, and return its descriptor.

    Raises:
        OSError: It is a link, has hard links, or is not a regular file.
    """
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            error.strerror = "a link, which a run does not follow"
        raise
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file of this folder alone", str(path))
    return descriptor


class GrowingFile:
    """A file to which pieces are appended; what a full disk refuses is kept and written before the next piece.

    Args:
        path: The file, created if it does not exist.

    Raises:
        OSError: It cannot be written to, or is a link.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._left = path, b""
        self._file = os.fdopen(open_own(path, os.O_WRONLY | os.O_APPEND), "ab", buffering=0)

    def append(self, piece: bytes) -> None:
        """Write a piece immediately.

        Raises:
            OSError: It could not be written completely; the rest is kept for the next time.
        """
        self._left += piece
        with naming(self._path):
            while self._left:
                self._left = self._left[self._file.write(self._left) :]

    def sync(self) -> None:
        """Flush everything to the disk; raises OSError."""
        self.append(b"")
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; raises OSError if the rest cannot be written."""
        try:
            self.sync()
        finally:
            self._file.close()
