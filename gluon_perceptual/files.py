"""Files that are whole or not there at all; what is read is a file, and no command writes over what it has read."""

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

Json = Any  # type: ignore[explicit-any]  # what JSON can say: numbers, texts, true, false, null, and lists and dicts of them
TEMPORARY = re.compile(r"\.[0-9a-f]{32}(\.|$)")
KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
SYSTEM = (("dev",), ("proc",))  # where names such as /dev/stdout may be links to files
_unfinished: set[Path] = set()
_inputs: set[int] | None = None  # what the command that runs has read, see `_identity`


@contextmanager
def keeping_inputs() -> Iterator[None]:
    """While the body runs, which is a command, nothing replaces a file that `input_file` was given."""
    global _inputs
    before, _inputs = _inputs, set()
    try:
        yield
    finally:
        _inputs = before


def input_file(path: str | os.PathLike[str]) -> Path:
    """Return the path of a file that a user gave to be read, and keep it, see `keeping_inputs`.

    Raises:
        UserError: As of `check_regular`.
    """
    path = check_regular(path)
    if _inputs is not None:
        _inputs.add(_identity(path))
    return path


def check_regular(path: str | os.PathLike[str]) -> Path:
    """Return a path that is about to be read; one that is not there is left to the reader.

    Raises:
        UserError: It is a named pipe, a device or a socket, which one might wait for without end.
    """
    path = Path(path)
    found = _look_at(path)
    if found and stat.S_IFMT(found.st_mode) in KINDS:
        raise UserError(f"{path} is {KINDS[stat.S_IFMT(found.st_mode)]}; expected a file")
    return path


def check_target(path: str | os.PathLike[str]) -> Path:
    """Return a path that is about to be written to: there is nothing, or a regular file or a link to one.

    It may be replaced, the link itself then.

    Raises:
        UserError: It was read by this command, see `keeping_inputs`.
        OSError: It is a folder, a device or the like, or its name is too long.
    """
    path = Path(path)
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):  # whoever makes the folder says so
        return path
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    kind = KINDS.get(stat.S_IFMT(found.st_mode)) or ("a device" if path.absolute().parts[1:2] in SYSTEM else None)
    if kind:
        raise OSError(errno.EINVAL, f"{kind}; expected a file or a new name", str(path))
    if _inputs is not None and _identity(path) in _inputs:
        raise UserError(f"{path} is an input, which the result would overwrite: choose another name")
    return path


def _look_at(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:  # whoever opens it says why
        return None


def _identity(path: Path) -> int:
    """Return the name that links lead to, as one number, since a training reads a million photos.

    Not the inode: that of an input that was removed may come again, as a result's.
    """
    return hash(os.path.realpath(path))


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the body a new path to write to, beside `path` and with its suffix, and rename that file at the end.

    Whoever reads `path` sees the old file or the new one, also after the power went; where the body raises, the old one
    stays. The folder is made where it is missing. The new name is hidden and random: processes and threads do not meet.

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


def end_process(status: int) -> NoReturn:
    """End the process without waiting for its threads; what they are writing is removed."""
    for path in list(_unfinished):
        with suppress(OSError):
            path.unlink()
    with suppress(OSError, ValueError, AttributeError, RuntimeError):  # it is closed, or not there, or was interrupted
        sys.stdout.flush()
    os._exit(status)


@contextmanager
def naming(path: Path, instead_of: Path | None = None) -> Iterator[None]:
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


def result_name(source: Path, label: str, suffix: str | None = None) -> str:
    """Return what the result of `photo.jpg` is called: `photo_LABEL.jpg`, or with another suffix."""
    return f"{source.stem}_{label}{suffix or source.suffix}"


def write_json(path: str | os.PathLike[str], value: Json) -> None:
    """Write a value as indented JSON, the whole file or nothing.

    Raises:
        ValueError: It holds what JSON has no word for, such as infinity.
        OSError: The file cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def parse_json(text: str | bytes) -> Json:
    """Return what a JSON text says.

    Raises:
        ValueError: It is none, or nests so deep that nobody means it.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it nests too deep") from None
