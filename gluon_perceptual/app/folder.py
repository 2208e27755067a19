"""The page's private folder: files under names of our own, what users call them, and how many bytes they have."""

from __future__ import annotations

import re
import secrets
import threading
from pathlib import Path

from ..errors import UserError

MOST_STORED = 2**33  # bytes of all files that were given or are results


class RefusedError(UserError):
    """What the page asked for cannot be; `status` is HTTP's word for why."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Folder:
    """Files that nobody else knows of; beside each there may be copies to look at, `KEY…-SIDE.png`.

    Args:
        path: It is there; what else is in it is left alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._names: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        self._lock = threading.Lock()
        self._pattern = re.compile(re.escape(f"{path}/") + r"([0-9a-f]{16})(\.\w+)*(-\d+\.png)?")

    def new(self, name: str, suffix: str) -> Path:
        """Return a path for what the user calls `name`; raises RefusedError where there are too many bytes."""
        self.check_room()
        key = secrets.token_hex(8)
        self._names[key] = name
        return self.path / f"{key}{suffix}"

    def count(self, path: Path, size: int) -> None:
        """Note how many bytes a file has by now."""
        with self._lock:
            if path.stem in self._names:
                self._sizes[path.stem] = size

    def check_room(self) -> None:
        """Raise RefusedError where there are too many bytes."""
        with self._lock:
            stored = sum(self._sizes.values())
        if stored > MOST_STORED:
            raise RefusedError("there are too many bytes here: remove some pictures first", 507)

    def remove(self, path: Path) -> None:
        """Remove a file, then its copies: whoever makes one looks afterwards whether the file is still there."""
        path.unlink(missing_ok=True)
        for copy in self.path.glob(f"{path.stem}*"):
            copy.unlink(missing_ok=True)
        with self._lock:
            self._names.pop(path.stem, None)
            self._sizes.pop(path.stem, None)

    def keys_in(self, line: str) -> set[str]:
        """Return the stems of this folder's files that a line names."""
        return {match[1] for match in self._pattern.finditer(line)}

    def called(self, line: str) -> str:
        """Return a line in which files have the names that users gave them."""
        return self._pattern.sub(lambda match: self._names.get(match[1], "a removed picture"), line)
