"""Files that are whole or not there at all, files that grow, and folders that one process at a time writes to."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, NoReturn

from .errors import UserError

TEMPORARY = re.compile(r"\.[0-9a-f]{32}(\.|$)")
LOCK = ".lock"
_unfinished: set[Path] = set()


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the body a new path to write to, beside `path` and with its suffix, and rename that file at the end.

    Whoever reads `path` sees the old file or the new one, also after the power went; where the body raises, the old one
    stays. The folder is made where it is missing. The new name is hidden and random: processes and threads do not meet.

    Raises:
        OSError: `path` is a folder, or the file cannot be renamed.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    _unfinished.add(temporary)
    try:
        with _naming(path, instead_of=temporary):
            yield temporary
            _flush(temporary)
            temporary.replace(path)
            _flush(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        _unfinished.discard(temporary)


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file, whole or not at all; raises OSError as of `atomic_path`, and where the disk is full."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def check_no_input(target: str | os.PathLike[str], *inputs: str | os.PathLike[str]) -> None:
    """Raise UserError if writing to `target` would overwrite one of the inputs."""
    for path in inputs:
        if Path(path).resolve() == Path(target).resolve():
            raise UserError(f"{os.fspath(target)} is an input, which the result would overwrite: choose another name")


def end_process(status: int) -> NoReturn:
    """End the process without waiting for its threads; what they are writing is removed."""
    for path in list(_unfinished):
        path.unlink(missing_ok=True)
    sys.stdout.flush()
    os._exit(status)


@contextmanager
def _naming(path: Path, instead_of: Path | None = None) -> Iterator[None]:
    """Have an OSError that names no file, as those of writing, or the file `instead_of`, name `path`."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and (error.filename is None or str(error.filename) == str(instead_of)):
            error.filename = str(path)
        raise


def _flush(path: Path) -> None:
    """Have the disk keep a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_temporary(folder: Path) -> None:
    """Remove what processes that were killed in `atomic_path` left in a folder that no process is writing to."""
    for path in folder.iterdir():
        if TEMPORARY.match(path.name):
            path.unlink()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a folder from other processes, until the body or the process ends, however it does.

    Raises:
        UserError: Another process has it.
        OSError: The folder cannot be written to.
    """
    with (folder / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise UserError(f"{folder}: process {file.read() or '?'} is writing to it; wait for its end") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


class GrowingFile:
    """A file to which pieces are appended; what a full disk did not take is kept, and written before the next piece.

    Args:
        path: The file, made if it is not there.

    Raises:
        OSError: It cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._left = path, b""
        self._file = path.open("ab", buffering=0)

    def append(self, piece: bytes) -> None:
        """Write a piece at once.

        Raises:
            OSError: It, or the end of it, could not be written, and will be the next time.
        """
        self._left += piece
        with _naming(self._path):
            while self._left:
                self._left = self._left[self._file.write(self._left) :]

    def sync(self) -> None:
        """Have the disk keep all that was appended; raises OSError."""
        self.append(b"")
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; raises OSError where something is left that cannot be written."""
        try:
            self.sync()
        finally:
            self._file.close()


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write a value as indented JSON, the whole file or nothing.

    Raises:
        ValueError: It holds what JSON has no word for, such as infinity.
        OSError: The file cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def parse_json(text: str | bytes) -> Any:
    """Return what a JSON text says.

    Raises:
        ValueError: It is none, or nests so deep that nobody means it.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it nests too deep") from None
