"""Files written completely or not at all; inputs are regular files, and no command overwrites its inputs."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import sys
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Iterator, NoReturn

from .errors import UserError

Json = Any  # type: ignore[explicit-any]  # what JSON can express: numbers, texts, true, false, null, and lists and dicts of them
TEMPORARY = re.compile(r"\.[0-9a-f]{32}(\.|$)")
KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket"}
SYSTEM = re.compile(r"/(dev(?!/shm/)|proc)/")  # where names such as /dev/stdout may link to files
_unfinished: set[Path] = set()
_inputs: set[int] | None = None  # what the running command has read, see `_identity`


@contextmanager
def keeping_inputs() -> Iterator[None]:
    """Protect files passed to `input_file` from being overwritten while the body, a command, runs."""
    global _inputs
    before, _inputs = _inputs, set()
    try:
        yield
    finally:
        _inputs = before


def input_file(path: str | os.PathLike[str]) -> Path:
    """Return the path of an input file, and protect it, see `keeping_inputs`.

    Raises:
        UserError: As of `check_regular`.
    """
    path = check_regular(path)
    if _inputs is not None:
        _inputs.add(_identity(path))
    return path


def check_regular(path: str | os.PathLike[str]) -> Path:
    """Return a path that is about to be read; the reader reports a missing file.

    Raises:
        UserError: It is a named pipe, a device or a socket, where reading might wait forever.
    """
    path, kind = Path(path), None
    with suppress(OSError):  # opening it reports why
        kind = KINDS.get(stat.S_IFMT(path.stat().st_mode))
    if kind:
        raise UserError(f"{path} is {kind}; expected a file")
    return path


def check_target(path: str | os.PathLike[str]) -> Path:
    """Return a path that is about to be written: nothing is there, or a regular file or a link to one.

    The file, or the link itself, may be replaced.

    Raises:
        UserError: It was read by this command, see `keeping_inputs`.
        OSError: It is a folder or a device, or its name is too long.
    """
    path = Path(path)
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):  # creating the folder reports it
        return path
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    kind = KINDS.get(stat.S_IFMT(found.st_mode)) or ("a device" if SYSTEM.match(str(path.absolute())) else None)
    if kind:
        raise OSError(errno.EINVAL, f"{kind}; expected a file or a new name", str(path))
    if _inputs is not None and _identity(path) in _inputs:
        raise UserError(f"{path} is an input, which the result would overwrite: choose another name")
    return path


def _identity(path: Path) -> int:
    """Return a hash of the path with links resolved: one number, since a training may read a million photos.

    Not the inode: a removed input's may be reused by a result.
    """
    return hash(os.path.realpath(path))


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the body a temporary path beside `path`, with its suffix, and rename that file to `path` at the end.

    Readers of `path` see the old file or the new one, even after a power failure; if the body raises, the old one
    stays. A missing folder is created. The temporary name is hidden and random, so that processes and threads do not
    collide.

    Raises:
        UserError, OSError: As of `check_target`, or the file cannot be renamed.
    """
    path = check_target(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    _unfinished.add(temporary)
    try:
        with naming(path, instead_of=temporary):
            yield temporary
            _flush(temporary)
            temporary.replace(check_target(path))
            with suppress(PermissionError):  # a folder that may be written but not read
                _flush(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        _unfinished.discard(temporary)


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file completely or not at all; raises as `atomic_path`, and OSError if the disk is full."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def end_process(status: int) -> NoReturn:
    """End the process without waiting for its threads; the files that they are writing are removed."""
    for path in list(_unfinished):
        with suppress(OSError):
            path.unlink()
    with suppress(OSError, ValueError, AttributeError, RuntimeError):  # it may be closed, missing or interrupted
        sys.stdout.flush()
    os._exit(status)


@contextmanager
def naming(path: Path, instead_of: Path | None = None) -> Iterator[None]:
    """Make an OSError name `path` if it names no file, as errors of writing, or the file `instead_of`."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and (error.filename is None or str(error.filename) == str(instead_of)):
            error.filename = str(path)
        raise


def _flush(path: Path) -> None:
    """Flush a file, or a folder's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def result_name(source: Path, label: str, suffix: str | None = None) -> str:
    """Return the name of the result of `photo.jpg`: `photo_LABEL.jpg`, or with another suffix."""
    return f"{source.stem}_{label}{suffix or source.suffix}"


def write_json(path: str | os.PathLike[str], value: Json) -> None:
    """Write a value as indented JSON, completely or not at all.

    Raises:
        ValueError: It holds what JSON cannot express, such as infinity.
        OSError: The file cannot be written.
    """
    write_bytes(path, f"{json.dumps(value, indent=2, allow_nan=False)}\n".encode())


def parse_json(text: str | bytes) -> Json:
    """Parse a JSON text.

    Raises:
        ValueError: It is not JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
