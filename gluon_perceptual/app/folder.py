"""The page's private folder: files under random names, the users' names for them, and their sizes."""

from __future__ import annotations

import re
import secrets
import threading
from pathlib import Path

from ..errors import UserError

MOST_STORED = 2**33  # bytes of all uploads and results


class RefusedError(UserError):
    """A request that cannot be fulfilled; `status` is the HTTP status code."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Folder:
    """Files that only this program uses; beside each there may be copies for display, `KEY…-SIDE.png`.

    The folder exists; other files in it are left alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._names: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        self._lock = threading.Lock()
        self._pattern = re.compile(re.escape(f"{path}/") + r"([0-9a-f]{16})(\.\w+)*(-\d+\.png)?")

    def new(self, name: str, suffix: str) -> Path:
        """Return a new path for the file that the user calls `name`; raises RefusedError if the folder is full."""
        self.check_room()
        key = secrets.token_hex(8)
        self._names[key] = name
        return self.path / f"{key}{suffix}"

    def count(self, path: Path, size: int) -> None:
        """Record a file's current size in bytes."""
        with self._lock:
            if path.stem in self._names:
                self._sizes[path.stem] = size

    def check_room(self) -> None:
        """Raise RefusedError if the folder is full."""
        with self._lock:
            stored = sum(self._sizes.values())
        if stored > MOST_STORED:
            raise RefusedError("the storage is full: remove some pictures first", 507)

    def remove(self, path: Path) -> None:
        """Remove a file, then its copies: code that makes a copy checks afterwards whether the file still exists."""
        path.unlink(missing_ok=True)
        for copy in self.path.glob(f"{path.stem}*"):
            copy.unlink(missing_ok=True)
        with self._lock:
            self._names.pop(path.stem, None)
            self._sizes.pop(path.stem, None)

    def keys_in(self, line: str) -> set[str]:
        """Return the stems of this folder's files that are named in a line."""
        return {match[1] for match in self._pattern.finditer(line)}

    def called(self, line: str) -> str:
        """Return a line with this folder's paths replaced by the users' names."""
        return self._pattern.sub(lambda match: self._names.get(match[1], "a removed picture"), line)
