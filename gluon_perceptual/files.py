"""Files that are whole or not there at all."""

from __future__ import annotations

import errno
import json
import os
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the body a new path to write to, beside `path` and with its suffix, and rename that file at the end.

    Whoever reads `path` sees the old file or the new one; where the body raises, the old one stays. The folder is made
    where it is missing. The new name is hidden and random: processes and threads do not meet.

    Raises:
        OSError: `path` is a folder, or the file cannot be renamed.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def parse_json(text: str | bytes) -> Any:
    """Return what a JSON text says.

    Raises:
        ValueError: It is none, or nests so deep that nobody means it.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it nests too deep") from None


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write a value as indented JSON, the whole file or nothing.

    Raises:
        ValueError: It holds what JSON has no word for, such as infinity.
        OSError: The file cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")
